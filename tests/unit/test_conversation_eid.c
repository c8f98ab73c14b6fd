/* The eID in the conversation: what a card opens, what every bad card is told, and that nothing but a fresh proof counts. */
/* LINK: -Wl,--wrap=now -Wl,--wrap=partner_call */
#include "talk.c"
#undef fail
#include "eid_cards.h"
#include <ctype.h>
#include <openssl/evp.h>
#include "core/conversation_record.h"
#include "core/eid_host.h"
#include "core/eid_web.h"
#include "core/names.h"
#include "svc/sealed.h"

#define ORIGIN "https://csam.example"
#define NUMBER_OF_ALICE "85061501702"

static struct eid_conf conf;
static unsigned calls;
static const char *illness, *list_illness;	/* what setup/eid-pki is told; "down": no answer */

/* The responder of the PKI, reached without a network. */
int __wrap_partner_call(struct arena *to, const struct partner_call *call, struct partner_answer *out);
int __wrap_partner_call(struct arena *to, const struct partner_call *call, struct partner_answer *out)
{
	const char *ill = call->type != NULL ? illness : list_illness;
	calls++;
	assert_true(partner_allows(call->allow, call->url));
	*out = (struct partner_answer){ .body = S("") };
	if (strcmp(ill, "down") == 0)
		return E_DOWN;
	const char *ca = strrchr(call->url, '/') + 1;
	struct slice name = slice_of(ca), part;
	slice_cut(&name, '.', &part);
	out->body = arena_copy(to, call->type != NULL ? ocsp_says(ill, arena_str(eid_arena, part), call->body) : crl_says(ill, arena_str(eid_arena, part)));
	out->status = 200;
	return OK;
}

static struct key eid_key[2];

static int setup_eid(void **state)
{
	setup(state);
	fake_now = time(NULL);		/* certificates are of today */
	conf = eid_test_conf();
	conf.origin = ORIGIN;
	conf.web = true;
	conf.tls_origin = "https://card.csam.example:8444";
	if (eid_open(&conf) != OK)
		return -1;
	eid_forget();
	calls = 0;
	illness = list_illness = "";
	want.can |= ASK_SIGN | ASK_REDIRECT;
	want.level = 500;
	want.service = NULL;
	fake_person[ALICE].national_number = NUMBER_OF_ALICE;
	fake_person[BRUNO].national_number = "90010102497";
	eid_key[0] = (struct key){ .dn = "", .id = "eid", .kind = "eid", .state = "active" };
	eid_key[1] = eid_key[0];
	fake_person[ALICE].keys = &eid_key[0];
	fake_person[BRUNO].keys = &eid_key[1];
	fake_person[ALICE].nkeys = fake_person[BRUNO].nkeys = 1;
	return 0;
}

static bool is_rsa(const char *card)
{
	EVP_PKEY *key = card_key(card);
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	EVP_PKEY_free(key);
	return rsa;
}

/* RS256, or ES384 as r || s. */
static struct slice signed_by(const char *card, struct slice bytes)
{
	unsigned char sig[512], raw[96];
	size_t len = sizeof sig;
	EVP_PKEY *key = card_key(card);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(c, NULL, is_rsa(card) ? EVP_sha256() : EVP_sha384(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(c, sig, &len, (const unsigned char *)bytes.p, bytes.n), 1);
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	if (is_rsa(card))
		return arena_copy(a, slice_mem(sig, len));
	const unsigned char *p = sig;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)len);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 48);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 48, 48);
	ECDSA_SIG_free(s);
	return arena_copy(a, slice_mem(raw, 96));
}

/* What the card in the reader makes of a challenge. */
static struct slice token_of(const char *certificate, const char *key_of, const char *origin, const char *challenge)
{
	unsigned char hash[96];
	unsigned n;
	bool rsa = is_rsa(key_of);
	const EVP_MD *md = rsa ? EVP_sha256() : EVP_sha384();
	EVP_Digest(origin, strlen(origin), hash, &n, md, NULL);
	EVP_Digest(challenge, strlen(challenge), hash + n, &n, md, NULL);
	struct slice signature = signed_by(key_of, slice_mem(hash, 2 * n));
	struct buf b = buf_new(a);
	buf_printf(&b, "{\"format\":\"web-eid:1.0\",\"algorithm\":\"%s\",\"signature\":\"", rsa ? "RS256" : "ES384");
	buf_b64(&b, signature);
	buf_lit(&b, "\",\"unverifiedCertificate\":\"");
	buf_b64(&b, card_der(certificate));
	buf_lit(&b, "\"}");
	return buf_slice(&b);
}

static int insert(const char *card)
{
	return ANSWER(.proof = token_of(card, card, ORIGIN, turn.ask.challenge));
}

static void assert_card_asked(const char *note)
{
	assert_more(ASK_SIGN | ASK_REDIRECT, note);
	assert_string_equal(turn.ask.kind, "eid");
	assert_int_equal(strlen(turn.ask.challenge), 44);
}

static const char *serial_of(const char *card)
{
	struct slice der = card_der(card);
	const unsigned char *at = (const unsigned char *)der.p;
	X509 *x = d2i_X509(NULL, &at, (long)der.n);
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = BN_bn2hex(n);
	char *out = arena_strdup(a, hex);
	for (char *p = out; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	OPENSSL_free(hex);
	BN_free(n);
	X509_free(x);
	return out;
}

static void a_card_opens_level_500(void **state)
{
	(void)state;
	begin();
	assert_card_asked(NULL);
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);
	assert_int_equal(login.amr, AMR_SC | AMR_HWK | AMR_PIN | AMR_MFA);
	assert_string_equal(fake_last(EV_LOGIN_OK)->kind, "eid");
	assert_string_equal(fake_last(EV_LOGIN_OK)->key, "eid");
	assert_string_equal(fake_last(EV_LOGIN_OK)->card, serial_of("alice"));
	assert_int_equal(calls, 1);
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);
	assert_int_equal(calls, 1);		/* it was asked about just now */
	begin();
	assert_int_equal(insert("bruno"), OK);
	assert_allow(BRUNO, 500);
	assert_string_equal(fake_last(EV_LOGIN_OK)->card, serial_of("bruno"));
}

/* The trail tells which card was refused, and that none came; who comes without one again and again is sent away. */
static void the_trail_knows_the_card(void **state)
{
	(void)state;
	begin();
	assert_int_equal(insert("revoked"), OK);
	assert_string_equal(fake_last(EV_LOGIN_NO)->card, serial_of("revoked"));
	for (unsigned i = 2; i < limits_turns(); i++) {
		assert_int_equal(ANSWER(.without = true), OK);
		assert_card_asked("eid.no-card");
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, "card-missing");
		assert_string_equal(fake_last(EV_LOGIN_NO)->card, "");
	}
	assert_int_equal(ANSWER(.without = true), OK);
	assert_int_equal(turn.verdict, V_DENY);
	assert_string_equal(turn.why, "deny.too-many");
	want.level = 200;
	begin();
	assert_int_equal(ANSWER(.without = true), E_INPUT);
}

/* Each bad card: what is said, what is written, and that a right card still opens. */
static void every_bad_card_is_told_why(void **state)
{
	(void)state;
	static const char *const cards[][2] = {
		{ "expired", "card-expired" }, { "future", "card-not-yet" }, { "revoked", "card-revoked" }, { "signature", "card-signature-only" },
		{ "purpose", "card-purpose" }, { "other-ca", "card-other-ca" }, { "unlisted", "card-unknown" }, { "numberless", "card-number" },
	};
	begin();
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		const char *challenge = turn.ask.challenge;
		assert_int_equal(insert(cards[i][0]), OK);
		assert_card_asked(arena_printf(a, "eid.%s", cards[i][1]));
		assert_string_not_equal(turn.ask.challenge, challenge);
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, cards[i][1]);
		assert_string_equal(fake_last(EV_LOGIN_NO)->kind, "eid");
	}
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);
}

static void only_a_fresh_proof_counts(void **state)
{
	(void)state;
	begin();
	const char *old = turn.ask.challenge;
	struct slice earlier = token_of("alice", "alice", ORIGIN, old);
	assert_int_equal(ANSWER(.proof = token_of("alice", "alice", "https://evil.example", turn.ask.challenge)), OK);
	assert_card_asked("eid.card-proof");
	assert_int_equal(ANSWER(.proof = earlier), OK);		/* right, for the challenge before */
	assert_card_asked("eid.card-proof");
	assert_int_equal(ANSWER(.proof = token_of("bruno", "kids", ORIGIN, turn.ask.challenge)), OK);	/* a copied certificate */
	assert_card_asked("eid.card-proof");
	assert_int_equal(ANSWER(.proof = S("{}")), OK);
	assert_card_asked("eid.token-form");
	assert_int_equal(ANSWER(.proof = card_der("alice")), OK);	/* a certificate alone */
	assert_card_asked("eid.card-proof");
	assert_int_equal(calls, 0);				/* nobody was asked about any of them */
	assert_int_equal(ANSWER(.code = S("123456")), E_INPUT);
	begin();
	assert_int_equal(ANSWER(.proof = earlier), OK);		/* in another conversation */
	assert_card_asked("eid.card-proof");
}

/* What our listener for client certificates has seen comes sealed. */
static struct slice seen_by_listener(const char *card, const char *challenge, time_t until)
{
	struct slice sealed;
	assert_int_equal(sealed_make(a, eid_tls_purpose(a, challenge), card_der(card), until, &sealed), OK);
	return sealed;
}

static void a_client_certificate_opens_too(void **state)
{
	(void)state;
	begin();
	const char *href = arena_printf(a, "https://card.csam.example:8444/eid?c=%s&n=", turn.conversation);
	assert_memory_equal(turn.ask.href, href, strlen(href));
	const char *old = turn.ask.challenge;
	assert_int_equal(ANSWER(.proof = seen_by_listener("expired", old, fake_now + 60)), OK);
	assert_card_asked("eid.card-expired");
	assert_int_equal(ANSWER(.proof = seen_by_listener("alice", old, fake_now + 60)), OK);	/* sealed for the challenge before */
	assert_card_asked("eid.card-proof");
	assert_int_equal(ANSWER(.proof = seen_by_listener("alice", turn.ask.challenge, fake_now + 60)), OK);
	assert_allow(ALICE, 500);
}

static void somebody_unknown_gets_a_page(void **state)
{
	(void)state;
	begin();
	assert_int_equal(insert("stranger"), OK);
	assert_deny("deny.unknown-person");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "unknown-person");
}

static void may_register(void)
{
	want.can |= ASK_REGISTER;
	fake_terms = fake_carries[CHANNEL_MAIL] = true;
}

static void assert_waits_for_registration(void)
{
	assert_more(ASK_REGISTER, NULL);
	assert_string_equal(turn.ask.newcomer->national_number, "85073003328");
	assert_string_equal(turn.ask.newcomer->given_name, "Vera");
	assert_string_equal(turn.ask.newcomer->family_name, "Specimen");
	assert_string_equal(turn.ask.href, arena_printf(a, "/register?c=%s", turn.conversation));
}

static void somebody_unknown_may_register_and_then_comes_in(void **state)
{
	(void)state;
	may_register();
	begin();
	assert_int_equal(insert("stranger"), OK);
	assert_waits_for_registration();
	assert_string_equal(fake_last(EV_REGISTRATION_BEGUN)->card, serial_of("stranger"));
	assert_false(fake_state_holds(S("85073003328")));
	assert_int_equal(ANSWER(.again = false), OK);
	assert_waits_for_registration();		/* nobody is there yet */
	fake_person[BRUNO].national_number = "85073003328";
	const char *conversation = turn.conversation, *ticket = turn.ticket;
	assert_int_equal(conversation_answer(a, slice_of(ticket), stranger, peer, &(struct answer){ .again = false }, &turn), E_NOENT);
	assert_int_equal(conversation_show(a, slice_of(conversation), stranger, &turn), E_NOENT);
	assert_int_equal(answer_to(ticket, (struct answer){ .again = false }), OK);
	assert_allow(BRUNO, 500);
	assert_int_equal(answer_to(ticket, (struct answer){ .again = false }), OK);	/* a second click */
	assert_allow(BRUNO, 500);
}

static const char *longer;

static void note_longer(const char *back)
{
	longer = back;
}

static void what_waits_is_told_of_a_registration(void **state)
{
	(void)state;
	may_register();
	conversation_on_longer(note_longer);
	longer = NULL;
	begin();
	assert_int_equal(insert("expired"), OK);
	assert_null(longer);
	assert_int_equal(insert("stranger"), OK);
	assert_string_equal(longer, want.back);
	conversation_on_longer(NULL);
}

static void what_a_card_said_holds_for_a_quarter_of_an_hour(void **state)
{
	(void)state;
	may_register();
	begin();
	fake_now += CONV_LIFE_S - 60;			/* the card was long to find */
	assert_int_equal(insert("stranger"), OK);
	const char *conversation = turn.conversation, *ticket = turn.ticket;
	fake_now += CONV_LIFE_S - 1;
	assert_int_equal(conversation_show(a, slice_of(conversation), browser, &turn), OK);
	assert_waits_for_registration();
	fake_person[BRUNO].national_number = "85073003328";
	fake_now += 1;
	assert_int_equal(conversation_show(a, slice_of(conversation), browser, &turn), E_NOENT);
	assert_int_equal(answer_to(ticket, (struct answer){ .again = false }), E_NOENT);
}

static void nobody_registers_where_that_is_not_offered(void **state)
{
	(void)state;
	for (int lack = 0; lack < 4; lack++) {
		may_register();
		want.subject = lack == 0 ? fake_person[ALICE].subject : NULL;	/* it must be somebody who is there */
		want.can &= ~(lack == 1 ? ASK_REGISTER : 0u);
		fake_terms = lack != 2;
		fake_carries[CHANNEL_MAIL] = lack != 3;
		begin();
		assert_int_equal(insert("stranger"), OK);
		assert_deny("deny.unknown-person");
	}
}

static void who_is_suspended_or_closed_does_not_enter(void **state)
{
	(void)state;
	fake_person[ALICE].state = "suspended";
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_deny("deny.suspended");
	fake_person[ALICE].state = "active";
	eid_key[0].state = "revoked";
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_deny("deny.key-closed");
	eid_key[0].state = "active";
	fake_person[ALICE].identity_level = 400;
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_deny("deny.key-closed");
}

/* While nobody can say whether it was revoked nobody enters, and the same card opens when they can. */
static void an_outage_is_no_answer(void **state)
{
	(void)state;
	illness = list_illness = "down";
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	assert_int_equal(calls, 2);
	assert_null(fake_last(EV_LOGIN_NO));
	assert_int_equal(insert("alice"), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	assert_int_equal(calls, 2);		/* left alone for a while */
	fake_now += 11;
	list_illness = "";
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);		/* the list knows */
}

static void an_exception_is_written(void **state)
{
	(void)state;
	illness = list_illness = "down";
	conf.allow_unchecked = true;
	assert_int_equal(eid_open(&conf), OK);
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);
	assert_string_equal(fake_last(EV_LOGIN_UNCHECKED)->why, "revocation-unknown");
	assert_string_equal(fake_last(EV_LOGIN_UNCHECKED)->subject, fake_person[ALICE].subject);
	begin();
	assert_int_equal(insert("revoked"), OK);	/* the same person's other card, of another authority: unknown too, and written too */
	assert_int_equal(turn.verdict, V_ALLOW);
	fake_down = "audit";
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_int_equal(turn.verdict, V_DOWN);
}

/* A password, whoever's, is no eID: the card is asked, and must be that person's. */
static void step_up_asks_for_that_persons_card(void **state)
{
	(void)state;
	static struct key both[2];
	want.level = 0;
	want.service = "tax";
	both[0] = fake_key[ALICE][0];
	both[1] = eid_key[0];
	fake_person[ALICE].keys = both;
	fake_person[ALICE].nkeys = 2;
	begin();
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
	const char *sid = login.session->sid;
	want.session = turn.session;
	want.level = 500;
	begin();
	assert_card_asked("note.step-up");
	assert_int_equal(insert("bruno"), OK);
	assert_card_asked("note.other-person");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "other-person");
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);
	assert_string_equal(login.session->sid, sid);
}

static void the_chooser_shows_it_only_when_it_is_offered(void **state)
{
	(void)state;
	want.level = 0;
	begin();
	assert_more(ASK_CHOICE, NULL);
	assert_string_equal(turn.ask.choices[0].id, "eid");
	assert_int_equal(ANSWER(.choice = S("eid")), OK);
	assert_card_asked(NULL);
	assert_true(turn.ask.may_go_back);
	assert_int_equal(ANSWER(.back = true), OK);
	assert_more(ASK_CHOICE, NULL);
	conf.authorities = "";
	assert_int_equal(eid_open(&conf), OK);
	begin();
	for (size_t i = 0; i < turn.ask.nchoices; i++)
		assert_string_not_equal(turn.ask.choices[i].id, "eid");
	want.level = 500;
	begin();
	assert_deny("deny.level");		/* nothing weaker */
	want.can &= ~(unsigned)(ASK_SIGN | ASK_REDIRECT);
	conf = eid_test_conf();
	conf.web = true;
	assert_int_equal(eid_open(&conf), OK);
	begin();
	assert_deny("deny.level");		/* a door that cannot draw it */
}

static void wrong_tries_end_the_conversation_and_lock_nobody(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 1; i < limits_turns(); i++) {
		assert_int_equal(insert("expired"), OK);
		assert_card_asked("eid.card-expired");
	}
	assert_int_equal(insert("expired"), OK);
	assert_deny("deny.too-many");
	begin();
	assert_int_equal(insert("alice"), OK);
	assert_allow(ALICE, 500);
}

/* Whatever fails on the way, nobody is let in, and nothing is a no that is none. A notice that was lost is written down. */
static void faults_never_let_in(void **state)
{
	(void)state;
	int i = 0;
	for (; i < 60; i++) {
		teardown(state);
		setup_eid(state);
		begin();
		struct slice proof = token_of("alice", "alice", ORIGIN, turn.ask.challenge);
		fake_fault = i;
		fake_fault_hit = false;
		int rc = ANSWER(.proof = proof);
		bool hit = fake_fault_hit;
		fake_fault = -1;
		if (!hit)
			break;
		bool harmless = strstr("directory_key_used", fake_fault_name) != NULL || fake_last(EV_NOTICE_LOST) != NULL;
		assert_true(rc == E_DOWN || (rc == OK && turn.verdict == V_DOWN) || (rc == OK && turn.verdict == V_ALLOW && harmless));
		assert_null(fake_last(EV_LOGIN_NO));
	}
	assert_true(i >= 4 && i < 60);
}

/* --- the card in the reader of a host --- */

static int setup_host(void **state)
{
	setup_eid(state);
	want = (struct want){ .door = DOOR_HOST, .binding = want.binding, .service = "tax", .name = "alice", .via = "sudo", .back = "bond", .lang = "en", .level = 500,
		.can = ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_SIGN };
	return 0;
}

static struct slice answer_of(const char *certificate, const char *key_of, const char *text)
{
	struct buf b = buf_new(a);
	buf_printf(&b, "%s.", is_rsa(key_of) ? "RS256" : "ES384");
	buf_b64url(&b, card_der(certificate));
	buf_char(&b, '.');
	buf_b64url(&b, signed_by(key_of, slice_of(text)));
	return buf_slice(&b);
}

static int put_in(const char *card)
{
	return ANSWER(.proof = answer_of(card, card, turn.ask.challenge));
}

static void assert_pin_asked(const char *note)
{
	assert_more(ASK_SIGN, note);
	assert_string_equal(turn.ask.label_id, "ask.pin");
	assert_non_null(strstr(turn.ask.challenge, "CSAM host login 1\nissuer=https%3A%2F%2Fcsam.example\nhost=tax\nservice=sudo\nuser=alice\nnonce="));
}

static void assert_at_host(int who)
{
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	assert_ptr_equal(login.person, &fake_person[who]);
	assert_int_equal(login.level, 500);
	assert_int_equal(login.amr, AMR_SC | AMR_HWK | AMR_PIN | AMR_MFA);
}

static void a_card_in_a_hosts_reader_opens(void **state)
{
	(void)state;
	begin();
	assert_pin_asked(NULL);
	const char *text = turn.ask.challenge;
	assert_int_equal(put_in("alice"), OK);
	assert_at_host(ALICE);
	want.name = "bruno";
	begin();
	assert_string_not_equal(turn.ask.challenge, text);
	assert_non_null(strstr(turn.ask.challenge, "\nuser=bruno\n"));
	assert_int_equal(put_in("bruno"), OK);
	assert_at_host(BRUNO);
}

static void every_bad_card_at_a_host_is_told_why(void **state)
{
	(void)state;
	static const char *const cards[][2] = {
		{ "expired", "card-expired" }, { "revoked", "card-revoked" }, { "signature", "card-signature-only" }, { "other-ca", "card-other-ca" },
		{ "unlisted", "card-unknown" },
	};
	begin();
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		const char *text = turn.ask.challenge;
		assert_int_equal(put_in(cards[i][0]), OK);
		assert_pin_asked(arena_printf(a, "eid.%s", cards[i][1]));
		assert_string_not_equal(turn.ask.challenge, text);
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, cards[i][1]);
	}
	assert_int_equal(put_in("bruno"), OK);		/* a good one, of somebody else */
	assert_pin_asked("note.other-person");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "other-person");
	assert_int_equal(put_in("alice"), OK);
	assert_at_host(ALICE);
	begin();
	assert_int_equal(put_in("stranger"), OK);
	assert_deny("deny.unknown-person");
}

static void what_was_signed_for_another_place_counts_nowhere(void **state)
{
	(void)state;
	begin();
	struct slice earlier = answer_of("alice", "alice", turn.ask.challenge);
	const struct { const char *host, *program, *user; } places[] = { { "other", "sudo", "alice" }, { "tax", "login", "alice" }, { "tax", "sudo", "bruno" } };
	for (size_t i = 0; i < 3; i++) {
		const char *nonce = strstr(turn.ask.challenge, "nonce=") + 6;
		const char *text = arena_printf(a, "CSAM host login 1\nissuer=https%%3A%%2F%%2Fcsam.example\nhost=%s\nservice=%s\nuser=%s\nnonce=%s", places[i].host,
		    places[i].program, places[i].user, nonce);
		assert_int_equal(ANSWER(.proof = answer_of("alice", "alice", text)), OK);
		assert_pin_asked("eid.card-proof");
	}
	assert_int_equal(ANSWER(.proof = earlier), OK);				/* of the turn before */
	assert_pin_asked("eid.card-proof");
	begin();
	assert_int_equal(ANSWER(.proof = earlier), OK);				/* of another conversation */
	assert_pin_asked("eid.card-proof");
	assert_int_equal(ANSWER(.proof = answer_of("bruno", "kids", turn.ask.challenge)), OK);	/* a copied certificate */
	assert_pin_asked("eid.card-proof");
	assert_int_equal(ANSWER(.proof = token_of("alice", "alice", ORIGIN, turn.ask.challenge)), OK);	/* what a page would get */
	assert_pin_asked("eid.card-form");
	assert_int_equal(calls, 0);
	assert_int_equal(put_in("alice"), OK);
	assert_at_host(ALICE);
	earlier = arena_copy(eid_arena, earlier);
	teardown(state);
	setup_eid(state);
	begin();
	assert_int_equal(ANSWER(.proof = earlier), OK);				/* nor is it a token of Web eID, or what our listener seals */
	assert_card_asked("eid.card-proof");
}

static void a_host_offers_card_or_password_to_everybody(void **state)
{
	(void)state;
	want.level = 400;
	fake_person[ALICE].keys = fake_key[ALICE];
	begin();
	assert_more(ASK_CHOICE, NULL);
	assert_int_equal(turn.ask.nchoices, 2);
	assert_string_equal(turn.ask.choices[0].id, "eid");
	assert_string_equal(turn.ask.choices[1].id, "other");
	assert_int_equal(ANSWER(.choice = S("other")), OK);
	assert_more(ASK_SECRET, NULL);
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_CODE, NULL);
	begin();
	assert_int_equal(ANSWER(.choice = S("eid")), OK);
	assert_pin_asked(NULL);
	assert_int_equal(ANSWER(.back = true), OK);		/* there is no card: the password after all */
	assert_more(ASK_CHOICE, NULL);
	assert_int_equal(ANSWER(.choice = S("other")), OK);
	assert_more(ASK_SECRET, NULL);
	want.can &= ~(unsigned)ASK_SIGN;			/* a host without a reader asks as ever */
	begin();
	assert_more(ASK_SECRET, NULL);
}

static void without_a_card_nobody_enters_level_500(void **state)
{
	(void)state;
	begin();
	assert_int_equal(ANSWER(.back = true), OK);
	assert_deny("deny.no-card");
	want.level = 400;
	begin();
	for (unsigned i = 1; i < limits_turns(); i++) {
		assert_int_equal(ANSWER(.choice = S("eid")), OK);
		assert_int_equal(ANSWER(.back = true), OK);
		assert_more(ASK_CHOICE, NULL);
	}
	assert_int_equal(ANSWER(.choice = S("eid")), OK);
	assert_int_equal(ANSWER(.back = true), OK);
	assert_deny("deny.too-many");
	want.can = ASK_SIGN | ASK_SHOW;				/* a host that wants the card alone */
	begin();
	assert_pin_asked(NULL);
	fake_person[ALICE].name = want.name = "daemon";		/* names of the system are nobody's there */
	begin();
	assert_int_equal(put_in("alice"), OK);
	assert_int_equal(turn.verdict, V_MORE);
	assert_string_equal(turn.ask.note_id, "note.other-person");
}

#define H(f) cmocka_unit_test_setup_teardown(f, setup_host, teardown)
#define E(f) cmocka_unit_test_setup_teardown(f, setup_eid, teardown)

int main(void)
{
	log_open("test", (enum log_level)0);
	const struct CMUnitTest tests[] = {
		E(a_card_opens_level_500),
		E(the_trail_knows_the_card),
		E(every_bad_card_is_told_why),
		E(only_a_fresh_proof_counts),
		E(a_client_certificate_opens_too),
		E(somebody_unknown_gets_a_page),
		E(somebody_unknown_may_register_and_then_comes_in),
		E(what_waits_is_told_of_a_registration),
		E(what_a_card_said_holds_for_a_quarter_of_an_hour),
		E(nobody_registers_where_that_is_not_offered),
		E(who_is_suspended_or_closed_does_not_enter),
		E(an_outage_is_no_answer),
		E(an_exception_is_written),
		E(step_up_asks_for_that_persons_card),
		E(the_chooser_shows_it_only_when_it_is_offered),
		E(wrong_tries_end_the_conversation_and_lock_nobody),
		E(faults_never_let_in),
		H(a_card_in_a_hosts_reader_opens),
		H(every_bad_card_at_a_host_is_told_why),
		H(what_was_signed_for_another_place_counts_nowhere),
		H(a_host_offers_card_or_password_to_everybody),
		H(without_a_card_nobody_enters_level_500),
	};
	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
