/* The eID's certificate and the Web eID token: the published Belgian test cards, cards of every profile, and forgeries. */
#include "eid_cards.h"
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/json.h"
#include "core/eid_parts.h"
#include "core/eid_web.h"

#define ORIGIN "https://47f0-46-131-86-189.ngrok-free.app"
#define NONCE_EC "iMeEwP2cgUINY2XoO/lqEpOUn7z/ysHRqGXkGKC4VXE="
#define NONCE_RSA "YPVgYc7Qds0qmK/RilPLffnsIg7IIovM4BAWqGZWwiY="
enum { DAY_2024_12_24 = 1735041600 };

static const char *why;
static struct eid_card card;

static void belgian(void)
{
	struct eid_conf conf = { .authorities = "tests/vectors/eID_TEST_EC_Citizen_CA.pem", .testing = true };
	assert_int_equal(eid_open(&conf), OK);
}

static void ours(void)
{
	struct eid_conf conf = eid_test_conf();
	assert_int_equal(eid_open(&conf), OK);
}

static enum verdict token(const char *file, const char *origin, const char *nonce, time_t when)
{
	why = NULL;
	return eid_web_token(eid_arena, file_bytes(file), origin, nonce, when, &card, &why);
}

#define refused(verdict, word) do { assert_int_equal((verdict), V_DENY); assert_string_equal(why, word); } while (0)

/* --- published --- */

static void published_tokens_verify(void **state)
{
	(void)state;
	belgian();
	assert_int_equal(token("tests/vectors/web-eid-belgian-ec.json", ORIGIN, NONCE_EC, DAY_2024_12_24), V_ALLOW);
	assert_string_equal(card.national_number, "01050399864");
	assert_string_equal(card.serial, "100000000000f1ebf1fe000000018a61");
	assert_int_equal(token("tests/vectors/web-eid-belgian-rsa.json", ORIGIN, NONCE_RSA, DAY_2024_12_24), V_ALLOW);
	assert_string_equal(card.national_number, "01050399864");
}

static void published_tokens_hold_for_one_challenge_origin_and_time(void **state)
{
	(void)state;
	static const char *const files[] = { "tests/vectors/web-eid-belgian-ec.json", "tests/vectors/web-eid-belgian-rsa.json" };
	static const char *const nonces[] = { NONCE_EC, NONCE_RSA };
	belgian();
	for (int i = 0; i < 2; i++) {
		refused(token(files[i], ORIGIN, nonces[1 - i], DAY_2024_12_24), "card-proof");
		refused(token(files[i], ORIGIN "/", nonces[i], DAY_2024_12_24), "card-proof");
		refused(token(files[i], "https://evil.example", nonces[i], DAY_2024_12_24), "card-proof");
		refused(token(files[i], ORIGIN, nonces[i], DAY_2024_12_24 + 10 * 365 * 86400l), "card-expired");
		refused(token(files[i], ORIGIN, nonces[i], DAY_2024_12_24 - 5 * 365 * 86400l), "card-not-yet");
	}
	ours();
	refused(token(files[0], ORIGIN, NONCE_EC, DAY_2024_12_24), "card-other-ca");
}

static void real_authorities_are_taken(void **state)
{
	(void)state;
	char file[] = "/tmp/csam-eid-ca.XXXXXX";
	assert_int_not_equal(mkstemp(file), -1);
	shell(arena_printf(eid_arena, "cat tests/vectors/BRCA6.pem tests/vectors/CitizenCA202002.pem tests/vectors/ForeignerCA202001.pem > %s", file));
	struct eid_conf conf = { .authorities = file };
	assert_int_equal(eid_open(&conf), OK);
	assert_true(eid_offered());
	shell(arena_printf(eid_arena, "cat tests/vectors/eID_TEST_EC_Citizen_CA.pem >> %s", file));
	assert_int_equal(eid_open(&conf), E_INPUT);	/* none of the roots there signed it */
	shell(arena_printf(eid_arena, "cp tests/vectors/BRCA6.pem %s", file));
	assert_int_equal(eid_open(&conf), E_INPUT);	/* a root alone */
	shell(arena_printf(eid_arena, "cp %s/cards/alice.pem %s", pki, file));
	assert_int_equal(eid_open(&conf), E_INPUT);	/* a person's */
	/* names and key identifiers of ours, signed by a stranger */
	shell(arena_printf(eid_arena, "cat %s/ca/root.pem %s/ca/citizen.pem > %s", pki, pki, file));
	assert_int_equal(eid_open(&conf), OK);
	shell(arena_printf(eid_arena, "cat %s/ca/root.pem %s/ca/other.pem > %s", pki, pki, file));
	assert_int_equal(eid_open(&conf), E_INPUT);
	unlink(file);
	assert_int_equal(eid_open(&conf), E_INPUT);
	assert_false(eid_offered());
}

/* --- cards of every profile --- */

static enum verdict read_card(const char *name)
{
	why = NULL;
	return eid_card(eid_arena, card_der(name), time(NULL), &card, &why);
}

static char authorities[64];

static void authorities_in(const char *names)
{
	snprintf(authorities, sizeof authorities, "%s/authorities.pem", pki);
	shell(arena_printf(eid_arena, "cd %s/ca && cat %s > %s", pki, names, authorities));
}

static void authorities_are_read_again(void **state)
{
	(void)state;
	authorities_in("root.pem citizen.pem");
	struct eid_conf conf = { .authorities = authorities, .cache_s = 300 };
	assert_int_equal(eid_open(&conf), OK);
	assert_int_equal(read_card("bruno"), V_ALLOW);
	refused(read_card("alice"), "card-other-ca");
	authorities_in("root.pem citizen.pem citizen-rsa.pem");
	refused(read_card("alice"), "card-other-ca");		/* nobody was told */
	assert_int_equal(eid_reload(), OK);
	assert_int_equal(eid_reload(), OK);
	assert_int_equal(read_card("alice"), V_ALLOW);
	assert_int_equal(read_card("bruno"), V_ALLOW);
	static const char *const bad[] = { "/dev/null", "root.pem", "../cards/bruno.pem", "root.pem citizen.pem other.pem", "root.pem citizen.pem ../cards/bruno.pem" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		authorities_in(bad[i]);
		assert_int_equal(eid_reload(), E_INPUT);
		assert_int_equal(read_card("alice"), V_ALLOW);
	}
	unlink(authorities);
	assert_int_equal(eid_reload(), E_INPUT);
	assert_int_equal(read_card("alice"), V_ALLOW);
	authorities_in("root.pem citizen-rsa.pem");		/* one is gone, and with it what was verified under it */
	assert_int_equal(eid_reload(), OK);
	refused(read_card("bruno"), "card-other-ca");
	assert_int_equal(read_card("alice"), V_ALLOW);
}

static atomic_bool all_read;

static void *read_cards(void *arg)
{
	struct slice der = *(const struct slice *)arg;
	uintptr_t wrong = 0;
	while (!atomic_load(&all_read)) {
		AUTO_ARENA a = arena_new();
		struct eid_card c;
		const char *no;
		wrong += eid_card(a, der, time(NULL), &c, &no) != V_ALLOW;
	}
	return (void *)wrong;
}

static void cards_are_read_meanwhile(void **state)
{
	(void)state;
	pthread_t readers[2];
	void *wrong;
	struct slice der = card_der("alice");
	authorities_in("root.pem citizen.pem citizen-rsa.pem");
	struct eid_conf conf = { .authorities = authorities, .cache_s = 300 };
	assert_int_equal(eid_open(&conf), OK);
	atomic_store(&all_read, false);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_cards, &der), 0);
	for (int i = 0; i < 20; i++) {
		authorities_in(i % 2 ? "root.pem citizen.pem citizen-rsa.pem" : "root.pem citizen-rsa.pem");
		assert_int_equal(eid_reload(), OK);
	}
	atomic_store(&all_read, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_int_equal((uintptr_t)wrong, 0);
	}
}

static void good_cards(void **state)
{
	(void)state;
	static const char *const cards[][2] = { { "alice", "85061501702" }, { "bruno", "90010102497" }, { "chloe", "04022912406" },
		{ "kids", "17073003384" }, { "stranger", "85073003328" }, { "no-eku", "85061501702" } };
	ours();
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		if (read_card(cards[i][0]) != V_ALLOW)
			fail_msg("%s: %s", cards[i][0], why);
		assert_string_equal(card.national_number, cards[i][1]);
	}
}

static void bad_cards(void **state)
{
	(void)state;
	ours();
	refused(read_card("expired"), "card-expired");
	refused(read_card("future"), "card-not-yet");
	refused(read_card("signature"), "card-signature-only");
	refused(read_card("purpose"), "card-purpose");
	refused(read_card("other-ca"), "card-other-ca");
	refused(read_card("numberless"), "card-number");
}

static void an_authoritys_certificate_is_no_card(void **state)
{
	(void)state;
	ours();
	why = NULL;
	refused(eid_card(eid_arena, der_of(arena_printf(eid_arena, "%s/ca/citizen.pem", pki)), time(NULL), &card, &why), "card-purpose");
	refused(eid_card(eid_arena, der_of(arena_printf(eid_arena, "%s/ca/citizen.ocsp.pem", pki)), time(NULL), &card, &why), "card-purpose");
}

static void policies_are_configuration(void **state)
{
	(void)state;
	static const char *const citizens[] = { "2.16.56.10.1.1.2.2", "2.16.56.12.1.1.2.2", NULL };
	struct eid_conf conf = eid_test_conf();
	ours();
	assert_int_equal(read_card("policy"), V_ALLOW);
	conf.policies = citizens;
	assert_int_equal(eid_open(&conf), OK);
	assert_int_equal(read_card("bruno"), V_ALLOW);
	refused(read_card("policy"), "card-policy");
}

static void test_numbers_need_a_switch(void **state)
{
	(void)state;
	struct eid_conf conf = eid_test_conf();
	ours();
	refused(read_card("specimen"), "card-number");
	conf.testing = true;
	assert_int_equal(eid_open(&conf), OK);
	assert_int_equal(read_card("specimen"), V_ALLOW);
	refused(read_card("numberless"), "card-number");
}

/* Every byte of a certificate is signed or framing: none can be another. */
static void changed_bytes_are_refused(void **state)
{
	(void)state;
	struct slice der = card_der("bruno");
	char *copy = arena_str(eid_arena, S(""));
	ours();
	for (size_t i = 0; i < der.n; i += 7) {
		copy = memcpy(arena_alloc(eid_arena, der.n), der.p, der.n);
		copy[i] ^= 0x10;
		if (eid_card(eid_arena, slice_mem(copy, der.n), time(NULL), &card, &why) != V_DENY)
			fail_msg("taken with byte %zu changed", i);
	}
	for (size_t n = 0; n < der.n; n += 5)
		assert_int_equal(eid_card(eid_arena, slice_mem(der.p, n), time(NULL), &card, &why), V_DENY);
	copy = memcpy(arena_alloc(eid_arena, der.n + 1), der.p, der.n);
	refused(eid_card(eid_arena, slice_mem(copy, der.n + 1), time(NULL), &card, &why), "card-unreadable");
}

static time_t end_of(struct slice der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	struct tm tm;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm), 1);
	X509_free(x);
	return timegm(&tm);
}

/* What was verified a moment ago is not verified again; dates and bytes are looked at all the same. */
static void known_chains_hold_for_their_bytes_and_dates(void **state)
{
	(void)state;
	struct slice der = card_der("bruno");
	time_t end = end_of(der);
	ours();
	assert_int_equal(eid_card(eid_arena, der, end - 60, &card, &why), V_ALLOW);
	refused(eid_card(eid_arena, der, end + 60, &card, &why), "card-expired");
	assert_int_equal(eid_card(eid_arena, der, end - 59, &card, &why), V_ALLOW);
	char *copy = memcpy(arena_alloc(eid_arena, der.n), der.p, der.n);
	copy[der.n - 1] ^= 1;		/* of the authority's signature */
	refused(eid_card(eid_arena, slice_mem(copy, der.n), end - 59, &card, &why), "card-other-ca");
	/* Whatever it is asked about, by whomever it was signed: an authority that is over vouches for nobody. */
	unsigned char fingerprint[SHA256_LEN];
	X509 *ca = card.issuer->cert;
	sha256(der, fingerprint);
	X509 *eternal = X509_dup(card.certificate);
	X509_gmtime_adj(X509_getm_notAfter(eternal), 100L * 365 * 86400);
	time_t over;
	struct tm tm;
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(ca), &tm), 1);
	over = timegm(&tm);
	eid_conf.cache_s = 1 << 30;
	assert_true(eid_verify_chain(card.issuer, eternal, fingerprint, end - 58));
	assert_true(eid_verify_chain(card.issuer, eternal, fingerprint, over - 1));
	assert_false(eid_verify_chain(card.issuer, eternal, fingerprint, over + 1));
	X509_free(eternal);
	ours();
}

/* --- tokens of our own cards --- */

static const EVP_MD *md_of(const char *alg)
{
	return strcmp(alg + 2, "256") == 0 ? EVP_sha256() : strcmp(alg + 2, "384") == 0 ? EVP_sha384() : EVP_sha512();
}

static struct slice sign(EVP_PKEY *key, const char *alg, struct slice bytes)
{
	unsigned char sig[512], raw[96] = { 0 };
	size_t n = sizeof sig;
	EVP_PKEY_CTX *pc = NULL;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(c, &pc, md_of(alg), NULL, key), 1);
	if (alg[0] == 'P') {
		EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(c, sig, &n, (const unsigned char *)bytes.p, bytes.n), 1);
	EVP_MD_CTX_free(c);
	if (alg[0] != 'E')
		return arena_copy(eid_arena, slice_mem(sig, n));
	const unsigned char *p = sig;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 48);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 48, 48);
	ECDSA_SIG_free(s);
	return arena_copy(eid_arena, slice_mem(raw, 96));
}

struct forged {
	const char *certificate_of, *key_of, *alg, *said_alg, *format, *origin, *nonce, *more;
};

static enum verdict present(struct forged f)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n;
	struct buf bytes = buf_new(eid_arena), b = buf_new(eid_arena);
	const char *const parts[] = { f.origin, f.nonce };
	for (int i = 0; i < 2; i++) {
		EVP_Digest(parts[i], strlen(parts[i]), hash, &n, md_of(f.alg), NULL);
		buf_raw(&bytes, slice_mem(hash, n));
	}
	EVP_PKEY *key = card_key(f.key_of);
	struct slice sig = sign(key, f.alg, buf_slice(&bytes));
	EVP_PKEY_free(key);
	buf_printf(&b, "{\"algorithm\":\"%s\",\"format\":\"%s\",\"appVersion\":\"x\"%s,\"signature\":\"", f.said_alg ? f.said_alg : f.alg,
	    f.format ? f.format : "web-eid:1.0", f.more ? f.more : "");
	buf_b64(&b, sig);
	buf_lit(&b, "\",\"unverifiedCertificate\":\"");
	buf_b64(&b, card_der(f.certificate_of));
	buf_lit(&b, "\"}");
	why = NULL;
	return eid_web_token(eid_arena, buf_slice(&b), "https://csam.example", "challenge of 44 characters", time(NULL), &card, &why);
}
#define GOOD .origin = "https://csam.example", .nonce = "challenge of 44 characters"

static void our_tokens_verify(void **state)
{
	(void)state;
	static const char *const rsa[] = { "RS256", "RS384", "RS512", "PS256", "PS384", "PS512" };
	ours();
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(present((struct forged){ "alice", "alice", rsa[i], GOOD }), V_ALLOW);
	assert_int_equal(present((struct forged){ "bruno", "bruno", "ES384", GOOD }), V_ALLOW);
	assert_string_equal(card.national_number, "90010102497");
	assert_int_equal(present((struct forged){ "bruno", "bruno", "ES384", .format = "web-eid:1", GOOD }), V_ALLOW);
	assert_int_equal(present((struct forged){ "bruno", "bruno", "ES384", .format = "web-eid:1.12", .more = ",\"unverifiedSigningCertificates\":[{}],\"action\":\"x\"", GOOD }), V_ALLOW);
}

static void forgeries_fail(void **state)
{
	(void)state;
	ours();
	/* a copied certificate, another key (failures of this kind took the certificate for the person) */
	refused(present((struct forged){ "alice", "purpose", "ES384", .said_alg = "RS256", GOOD }), "card-proof");
	refused(present((struct forged){ "bruno", "kids", "ES384", GOOD }), "card-proof");
	/* algorithms that do not fit the key, or that nobody offers */
	refused(present((struct forged){ "alice", "alice", "RS256", .said_alg = "PS256", GOOD }), "card-proof");
	refused(present((struct forged){ "alice", "alice", "RS256", .said_alg = "ES256", GOOD }), "card-proof");
	refused(present((struct forged){ "bruno", "bruno", "ES384", .said_alg = "ES256", GOOD }), "card-proof");
	refused(present((struct forged){ "bruno", "bruno", "ES384", .said_alg = "HS384", GOOD }), "card-proof");
	refused(present((struct forged){ "bruno", "bruno", "ES384", .said_alg = "none", GOOD }), "token-form");
	/* another challenge, another page */
	refused(present((struct forged){ "bruno", "bruno", "ES384", .origin = "https://csam.example", .nonce = "another" }), "card-proof");
	refused(present((struct forged){ "bruno", "bruno", "ES384", .origin = "https://csam.example.evil", .nonce = "challenge of 44 characters" }), "card-proof");
	/* versions that promise something else */
	static const char *const formats[] = { "web-eid:2", "web-eid:10", "web-eid:1.", "web-eid:1.x", "web-eid:1.0.0", "Web-eid:1", "" };
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		refused(present((struct forged){ "bruno", "bruno", "ES384", .format = formats[i], GOOD }), "token-version");
	/* each bad card, with a right proof */
	refused(present((struct forged){ "signature", "signature", "ES384", GOOD }), "card-signature-only");
	refused(present((struct forged){ "other-ca", "other-ca", "ES384", GOOD }), "card-other-ca");
	refused(present((struct forged){ "expired", "expired", "ES384", GOOD }), "card-expired");
}

/* r || s has one length. */
static void a_signature_has_its_length(void **state)
{
	(void)state;
	struct slice bytes = S("what is signed");
	ours();
	assert_int_equal(read_card("bruno"), V_ALLOW);
	EVP_PKEY *key = card_key("bruno");
	struct slice sig = sign(key, "ES384", bytes);
	EVP_PKEY_free(key);
	assert_true(eid_signed(&card, "ES384", bytes, sig));
	for (size_t n = 0; n < sig.n; n += 5) {
		char *cut = memcpy(malloc(n + 1), sig.p, n);	/* its end is watched */
		assert_false(eid_signed(&card, "ES384", bytes, slice_mem(cut, n)));
		free(cut);
	}
	char *longer = memcpy(arena_alloc(eid_arena, sig.n + 1), sig.p, sig.n);
	assert_false(eid_signed(&card, "ES384", bytes, slice_mem(longer, sig.n + 1)));
	assert_false(eid_signed(&card, "ES384", bytes, slice_mem(arena_alloc(eid_arena, 96), 96)));
}

static void misshapen_tokens(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "{}", "null", "[]", "{\"format\":\"web-eid:1\"}" };
	char *big = arena_alloc(eid_arena, 12000);
	ours();
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		refused(eid_web_token(eid_arena, slice_of(texts[i]), "o", "n", time(NULL), &card, &why), "token-form");
	struct slice good = file_bytes("tests/vectors/web-eid-belgian-ec.json");
	memset(big, ' ', 12000);
	memcpy(big, good.p, good.n);
	refused(eid_web_token(eid_arena, slice_mem(big, 12000), "o", "n", time(NULL), &card, &why), "token-form");
	for (size_t n = 0; n < good.n; n += 11)
		refused(eid_web_token(eid_arena, slice_mem(good.p, n), "o", "n", time(NULL), &card, &why), "token-form");
}

static void challenges_are_fresh(void **state)
{
	(void)state;
	const char *a = eid_web_nonce(eid_arena), *b = eid_web_nonce(eid_arena);
	assert_int_equal(strlen(a), 44);
	assert_string_not_equal(a, b);
}

int main(void)
{
	log_open("test", (enum log_level)0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_tokens_verify),
		cmocka_unit_test(published_tokens_hold_for_one_challenge_origin_and_time),
		cmocka_unit_test(real_authorities_are_taken),
		cmocka_unit_test(authorities_are_read_again),
		cmocka_unit_test(cards_are_read_meanwhile),
		cmocka_unit_test(good_cards),
		cmocka_unit_test(bad_cards),
		cmocka_unit_test(an_authoritys_certificate_is_no_card),
		cmocka_unit_test(policies_are_configuration),
		cmocka_unit_test(test_numbers_need_a_switch),
		cmocka_unit_test(changed_bytes_are_refused),
		cmocka_unit_test(known_chains_hold_for_their_bytes_and_dates),
		cmocka_unit_test(our_tokens_verify),
		cmocka_unit_test(forgeries_fail),
		cmocka_unit_test(a_signature_has_its_length),
		cmocka_unit_test(misshapen_tokens),
		cmocka_unit_test(challenges_are_fresh),
	};
	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
