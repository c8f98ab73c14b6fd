/* The keyring: a real process, a real client, and everything that must be refused. */
#include <fcntl.h>
#include <liboath/oath.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail		/* ours is another */
#include "base/card.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "base/wait.h"
#include "keyring/keyring.h"
#include "svc/keyring.h"
#include "svc/keyring_wire.h"

static char home[64], dir[80], front[80], control[80];
static int front_fd, control_fd;
static pid_t keyring_pid;

static pid_t spawn(const char *store_dir)
{
	struct keyring_conf conf = { .dir = store_dir, .front_fd = front_fd, .control_fd = control_fd,
		.front_uid = geteuid(), .uid = (uid_t)-1, .gid = (gid_t)-1 };
	pid_t self = getpid(), pid = fork();
	if (pid == 0) {
		process_die_with(self);		/* also when an assertion fails */
		int null = open("/dev/null", O_WRONLY);
		if (getenv("SHOW") == NULL)
			dup2(null, STDERR_FILENO);	/* refusals are expected here */
		_exit(keyring_main(&conf));
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(home, "/tmp/test_keyring.XXXXXX");
	if (mkdtemp(home) == NULL)
		return -1;
	snprintf(dir, sizeof dir, "%s/store", home);
	snprintf(front, sizeof front, "%s/front", home);
	snprintf(control, sizeof control, "%s/control", home);
	if ((front_fd = keyring_listen(front, (uid_t)-1)) < 0 || (control_fd = keyring_listen(control, (uid_t)-1)) < 0)
		return -1;
	keyring_open(front);
	keyring_pid = spawn(dir);
	AUTO_ARENA a = arena_new();
	struct slice jwks;
	for (int i = 0; i < 10; i++)		/* making RSA keys may take longer than one call waits */
		if (keyring_public(a, &jwks) == OK)
			return 0;
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	end(keyring_pid);
	char cmd[100];
	snprintf(cmd, sizeof cmd, "rm -rf %s", home);
	return system(cmd);
}

/* --- verification, independent of the code under test: from the published JWK --- */

static BIGNUM *number(struct arena *a, const json_t *jwk, const char *name)
{
	struct slice raw;
	assert_int_equal(b64url_decode(a, slice_of(json_str(jwk, name)), &raw), OK);
	return BN_bin2bn((const unsigned char *)raw.p, (int)raw.n, NULL);
}

static EVP_PKEY *from_jwk(struct arena *a, const json_t *jwk)
{
	const char *kty = json_str(jwk, "kty");
	struct slice x, y;
	EVP_PKEY *k = NULL;
	if (strcmp(kty, "OKP") == 0) {
		assert_int_equal(b64url_decode(a, slice_of(json_str(jwk, "x")), &x), OK);
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n);
	}
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	unsigned char point[65] = { 4 };
	if (strcmp(kty, "RSA") == 0) {
		n = number(a, jwk, "n");
		e = number(a, jwk, "e");
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	} else {
		assert_string_equal(json_str(jwk, "crv"), "P-256");
		assert_int_equal(b64url_decode(a, slice_of(json_str(jwk, "x")), &x), OK);
		assert_int_equal(b64url_decode(a, slice_of(json_str(jwk, "y")), &y), OK);
		assert_int_equal(x.n, 32);
		assert_int_equal(y.n, 32);
		memcpy(point + 1, x.p, 32);
		memcpy(point + 33, y.p, 32);
		OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
		OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
	}
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, strcmp(kty, "RSA") == 0 ? "RSA" : "EC", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params), OSSL_PARAM_BLD_free(b);
	BN_free(n), BN_free(e);
	return k;
}

static bool verifies(struct arena *a, const json_t *jwk, const char *alg, struct slice msg, struct slice sig)
{
	EVP_PKEY *k = from_jwk(a, jwk);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *params;
	unsigned char *der = NULL;
	assert_int_equal(EVP_DigestVerifyInit(c, &params, strcmp(alg, "EdDSA") ? EVP_sha256() : NULL, NULL, k), 1);
	if (strcmp(alg, "PS256") == 0) {
		EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(params, 32);
	}
	if (strcmp(alg, "ES256") == 0) {
		assert_int_equal(sig.n, 64);
		ECDSA_SIG *s = ECDSA_SIG_new();
		ECDSA_SIG_set0(s, BN_bin2bn((const unsigned char *)sig.p, 32, NULL), BN_bin2bn((const unsigned char *)sig.p + 32, 32, NULL));
		sig = slice_mem(NULL, (size_t)i2d_ECDSA_SIG(s, &der));
		sig.p = (const char *)der;
		ECDSA_SIG_free(s);
	}
	bool ok = EVP_DigestVerify(c, (const unsigned char *)sig.p, sig.n, (const unsigned char *)msg.p, msg.n) == 1;
	OPENSSL_free(der), EVP_MD_CTX_free(c), EVP_PKEY_free(k);
	return ok;
}

static const json_t *jwk_of(const json_t *set, const char *kid)
{
	const json_t *keys = json_object_get(set, "keys"), *found = NULL;
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (strcmp(json_str(json_array_get(keys, i), "kid"), kid) == 0) {
			assert_null(found);
			found = json_array_get(keys, i);
		}
	return found;
}

static void signs_every_algorithm(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	static const char *const algs[] = { "RS256", "PS256", "ES256", "EdDSA" };
	struct slice text, sig, big = slice_mem(arena_alloc(a, 60000), 60000);
	const char *kid;
	json_t *set;
	assert_int_equal(keyring_public(a, &text), OK);
	assert_int_equal(json_parse(a, text, &set, NULL), OK);
	assert_int_equal(json_array_size(json_object_get(set, "keys")), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(keyring_sign(a, algs[i], S("eyJhbGciOi.eyJzdWIi"), &sig, &kid), OK);
		const json_t *jwk = jwk_of(set, kid);
		assert_non_null(jwk);
		assert_string_equal(json_str(jwk, "alg"), algs[i]);
		assert_string_equal(json_str(jwk, "use"), "sig");
		assert_null(json_object_get(jwk, "d"));
		assert_true(verifies(a, jwk, algs[i], S("eyJhbGciOi.eyJzdWIi"), sig));
		assert_false(verifies(a, jwk, algs[i], S("eyJhbGciOi.eyJzdWIj"), sig));
		assert_int_equal(keyring_sign(a, algs[i], big, &sig, &kid), OK);
		assert_true(verifies(a, jwk, algs[i], big, sig));
		assert_int_equal(keyring_sign(a, algs[i], S_NONE, &sig, &kid), OK);
		assert_true(verifies(a, jwk, algs[i], S(""), sig));
	}
	assert_int_equal(keyring_sign(a, "HS256", S("x"), &sig, &kid), E_NOENT);
	assert_int_equal(keyring_sign(a, "none", S("x"), &sig, &kid), E_NOENT);
	assert_int_equal(keyring_sign(a, "", S("x"), &sig, &kid), E_NOENT);
	assert_int_equal(keyring_sign(a, "A256GCM", S("x"), &sig, &kid), E_NOENT);
	assert_int_equal(keyring_sign(a, "RS256", slice_mem(arena_alloc(a, 70000), 70000), &sig, &kid), E_INPUT);
	wait_forbid();			/* a keyring that hangs must not hold an event thread */
	assert_int_equal(keyring_sign(a, "ES256", S("x"), &sig, &kid), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(keyring_sign(a, "ES256", S("x"), &sig, &kid), OK);	/* and the connection still works */
}

/* RFC 6238 appendix B, SHA-1; its eight digits end in our six. */
static void matches_rfc6238(void **state)
{
	(void)state;
	static const struct { time_t when; const char *code; } t[] = {
		{ 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" },
		{ 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct otp o = { S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), S("x"), slice_of(t[i].code), t[i].when, .back = 0, .fwd = 0 };
		assert_int_equal(keyring_otp(&o), OK);
		assert_true(o.exposed);
		assert_int_equal(o.step, t[i].when / 30);
	}
}

/* RFC 4226 appendix D, and RFC 6238 appendix B with its longer hashes. */
static void matches_other_devices(void **state)
{
	(void)state;
	static const char *const hotp[] = { "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489" };
	const char *seed20 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
	const char *seed32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====";
	const char *seed64 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA=";
	for (size_t i = 0; i < sizeof hotp / sizeof *hotp; i++) {
		struct code c = { slice_of(seed20), S("x"), slice_of(hotp[i]), "sha1", 6, .first = 0, .last = 99 };
		assert_int_equal(keyring_code(&c), OK);
		assert_int_equal(c.number, i);
		c.first = i + 1;
		assert_int_equal(keyring_code(&c), E_NOENT);
	}
	const struct { const char *seed, *alg, *code; } totp[] = {
		{ seed20, "sha1", "94287082" }, { seed32, "sha256", "46119246" }, { seed64, "sha512", "90693936" },
	};
	for (size_t i = 0; i < sizeof totp / sizeof *totp; i++) {
		struct code c = { slice_of(totp[i].seed), S("x"), slice_of(totp[i].code), totp[i].alg, 8, .first = 0, .last = 2 };
		assert_int_equal(keyring_code(&c), OK);
		assert_int_equal(c.number, 1);
	}
}

/* A card: its codes are those of the numbers 1 to 24 of its seed, and nobody else's. */
static void makes_cards(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct slice sealed, codes, other, more;
	assert_int_equal(keyring_card(a, CARD_CODES, S("subject-1|card-1"), &sealed, &codes), OK);
	assert_int_equal(keyring_card(a, CARD_CODES, S("subject-1|card-1"), &other, &more), OK);
	assert_int_equal(codes.n, CARD_CODES * CARD_DIGITS);
	assert_false(slice_eq(codes, more));
	for (size_t i = 0; i < CARD_CODES; i++) {
		struct code c = { sealed, S("subject-1|card-1"), slice_mem(codes.p + i * CARD_DIGITS, CARD_DIGITS), "sha1", CARD_DIGITS, .first = 1, .last = CARD_CODES };
		assert_int_equal(keyring_code(&c), OK);
		assert_int_equal(c.number, i + 1);
		assert_false(c.exposed);
		c.ad = S("subject-1|card-2");
		assert_int_equal(keyring_code(&c), E_INPUT);
	}
	assert_int_equal(keyring_card(a, CARD_MAX, S("subject-1|card-1"), &sealed, &codes), OK);
	assert_int_equal(keyring_card(a, 0, S("subject-1|card-1"), &sealed, &codes), E_INPUT);
	assert_int_equal(keyring_card(a, CARD_MAX + 1, S("subject-1|card-1"), &sealed, &codes), E_INPUT);
}

static void no_such_device(void **state)
{
	(void)state;
	const struct code bad[] = {
		{ .alg = "md5", .digits = 6, .last = 1 }, { .alg = "", .digits = 6, .last = 1 }, { .alg = "sha1", .digits = 5, .last = 1 },
		{ .alg = "sha1", .digits = 9, .last = 1 }, { .alg = "sha1", .digits = 6, .first = 2, .last = 1 },
		{ .alg = "sha1", .digits = 6, .last = 256 }, { .alg = "sha1", .digits = 6, .first = UINT64_MAX - 1, .last = UINT64_MAX },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct code c = bad[i];
		c.secret = S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
		c.ad = S("x");
		c.code = S("755224");
		assert_int_equal(keyring_code(&c), E_INPUT);
		c.alg = "sha1";
		c.digits = 6;
		c.first = 0;
		c.last = 255;
		assert_int_equal(keyring_code(&c), OK);
	}
}

static void code_window(void **state)
{
	(void)state;
	/* 1111111109 lies in step 37037036; its code is 081804 */
	struct otp o = { S("gezd gnbv gy3t qojq GEZD GNBV GY3T QOJQ"), S("x"), S("081804"), 1111111109, .back = 1, .fwd = 1 };
	assert_int_equal(keyring_otp(&o), OK);
	o.when += 30;
	assert_int_equal(keyring_otp(&o), OK);
	assert_int_equal(o.step, 37037036);
	o.floor = 37037035;
	assert_int_equal(keyring_otp(&o), OK);
	o.floor = 37037036;
	assert_int_equal(keyring_otp(&o), E_NOENT);
	o.floor = 0;
	o.when += 30;
	assert_int_equal(keyring_otp(&o), E_NOENT);
	o.when -= 90;
	assert_int_equal(keyring_otp(&o), OK);
	o.fwd = 0;
	assert_int_equal(keyring_otp(&o), E_NOENT);
	o.fwd = 1;
	static const char *const bad[] = { "", "81804", "0081804", "08180a", "08180 ", "+81804", " 81804", "08\0" "804", "081805" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		o.code = slice_of(bad[i]);
		assert_int_equal(keyring_otp(&o), E_NOENT);
	}
	o.code = S("081804");
	o.back = 11;
	assert_int_equal(keyring_otp(&o), E_INPUT);
	o.back = 1;
	o.when = -1;
	assert_int_equal(keyring_otp(&o), E_INPUT);
}

static void bad_secrets(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "GEZDGNBVGY3TQOJQGEZDGNBV" /* 120 bits */, "not base32!!", "{SSHA}abcdefghijkl", "{CSAM}", "{CSAM}AA==",
		"{CSAM}AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "{CSAM}%%%" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct otp o = { slice_of(bad[i]), S("x"), S("000000"), 1, .back = 1, .fwd = 1 };
		assert_int_equal(keyring_otp(&o), E_INPUT);
	}
	struct otp o = { S("GEZDGNBVGY3TQOJQGEZDGNBVGY"), S("x"), S("abc"), 1, .back = 1, .fwd = 1 };	/* 128 bits are enough */
	assert_int_equal(keyring_otp(&o), E_NOENT);
}

static const char *code_of(time_t when)
{
	static char code[7];
	assert_int_equal(oath_totp_generate("12345678901234567890", 20, when, 30, 0, 6, code), OATH_OK);
	return code;
}

static void seals_for_one_entry(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct slice one, two;
	assert_int_equal(keyring_seal(a, S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), S("subject-1|app-1"), &one), OK);
	assert_int_equal(keyring_seal(a, S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), S("subject-1|app-1"), &two), OK);
	assert_true(slice_starts(one, S("{CSAM}")));
	assert_false(slice_eq(one, two));
	struct otp o = { one, S("subject-1|app-1"), slice_of(code_of(now())), now(), .exposed = true };
	assert_int_equal(keyring_otp(&o), OK);
	assert_false(o.exposed);
	assert_int_equal(o.step, o.when / 30);
	o.when -= 3600;
	o.code = slice_of(code_of(o.when));
	assert_int_equal(keyring_otp(&o), E_INPUT);	/* of another time: nobody may collect the codes of next year */
	o.when += 7200;
	o.code = slice_of(code_of(o.when));
	assert_int_equal(keyring_otp(&o), E_INPUT);
	o.when = now();
	o.code = slice_of(code_of(o.when));
	o.ad = S("subject-2|app-1");
	assert_int_equal(keyring_otp(&o), E_INPUT);
	o.ad = S("subject-1|app-1");
	for (size_t i = 6; i < one.n; i++) {		/* no character of it can be changed */
		struct slice copy = arena_copy(a, one);
		((char *)copy.p)[i] = copy.p[i] == 'A' ? 'B' : 'A';
		o.secret = copy;
		assert_int_equal(keyring_otp(&o), E_INPUT);
		o.secret = (struct slice){ one.p, i };
		assert_int_equal(keyring_otp(&o), E_INPUT);
	}
	assert_int_equal(keyring_seal(a, S(""), S("x"), &one), E_INPUT);
}

static void pairwise_subjects(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const char *s[4];
	assert_int_equal(keyring_subject(a, "tax.example", "11111111", &s[0]), OK);
	assert_int_equal(keyring_subject(a, "tax.example", "11111111", &s[1]), OK);
	assert_int_equal(keyring_subject(a, "tax.example1", "1111111", &s[2]), OK);
	assert_int_equal(keyring_subject(a, "other.example", "11111111", &s[3]), OK);
	assert_string_equal(s[0], s[1]);
	assert_string_not_equal(s[0], s[2]);
	assert_string_not_equal(s[0], s[3]);
	assert_int_equal(strlen(s[0]), 43);
	assert_int_equal(keyring_subject(a, "", "1", &s[0]), E_INPUT);
	assert_int_equal(keyring_subject(a, "x", "", &s[0]), E_INPUT);
}

static void keys_of_three_days(void **state)
{
	(void)state;
	unsigned char k[4][AEAD_KEY_LEN] = { { 0 } };
	uint64_t today = (uint64_t)now() / 86400;
	assert_int_equal(keyring_day_key(today - 1, k[0]), OK);
	assert_int_equal(keyring_day_key(today, k[1]), OK);
	assert_int_equal(keyring_day_key(today + 1, k[2]), OK);
	assert_int_equal(keyring_day_key(today, k[3]), OK);
	assert_memory_equal(k[1], k[3], AEAD_KEY_LEN);
	assert_memory_not_equal(k[0], k[1], AEAD_KEY_LEN);
	assert_memory_not_equal(k[1], k[2], AEAD_KEY_LEN);
	static const int64_t far[] = { -2, 2, 1000, -1000 };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(keyring_day_key(today + (uint64_t)far[i], k[0]), E_INPUT);
	assert_int_equal(keyring_day_key(UINT64_MAX, k[0]), E_INPUT);
	assert_int_equal(keyring_day_key(0, k[0]), E_INPUT);
}

static void control_socket_has_its_own_verbs(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct slice s, sig;
	const char *kid, *sub;
	unsigned char day[AEAD_KEY_LEN];
	assert_int_equal(keyring_status(a, &s), E_DOWN);	/* not on the front's */
	keyring_open(control);
	/* The refusal closed this thread's connection, so that the next call comes by the control socket. */
	assert_int_equal(keyring_status(a, &s), OK);
	json_t *v;
	assert_int_equal(json_parse(a, s, &v, NULL), OK);
	assert_int_equal(json_array_size(json_object_get(v, "keys")), 8);
	assert_null(strstr(s.p, "PRIVATE"));
	assert_null(strstr(s.p, "secret"));
	assert_int_equal(keyring_seal(a, S("x"), S("y"), &s), OK);
	assert_int_equal(keyring_public(a, &s), OK);
	assert_int_equal(keyring_sign(a, "ES256", S("x"), &sig, &kid), E_DOWN);
	assert_int_equal(keyring_subject(a, "x", "y", &sub), E_DOWN);
	assert_int_equal(keyring_day_key((uint64_t)now() / 86400, day), E_DOWN);
	struct otp o = { S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), S("x"), S("287082"), 59, .back = 0 };
	assert_int_equal(keyring_otp(&o), E_DOWN);
	keyring_open(front);
	assert_int_equal(keyring_otp(&o), OK);
}

/* --- the wire --- */

static int dial(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval t = { .tv_sec = 5 };
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void closes_on_malformed(void **state)
{
	(void)state;
	static const struct { const char *p; size_t n; } bad[] = {
		{ "\1", 1 }, { "\2\2", 2 }, { "\0\2", 2 }, { "\1\0", 2 }, { "\1\x08", 2 }, { "\1\xff", 2 },		/* version, verb */
		{ "\1\2\0", 3 }, { "\1\2\0\1", 4 }, { "\1\2\0\0\0", 5 }, { "\1\2\xff\xff" "a", 5 },		/* lengths */
		{ "\1\2\0\0", 4 }, { "\1\1", 2 }, { "\1\1\0\0", 4 }, { "\1\1\0\0\0\0\0\0", 8 },			/* number of fields */
		{ "\1\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
		{ "\1\7", 2 },		/* status is not the front's */
	};
	char reply[8];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int fd = dial(front);
		assert_int_equal(send(fd, bad[i].p, bad[i].n, 0), bad[i].n);
		assert_int_equal(recv(fd, reply, sizeof reply, 0), 0);
		close(fd);
	}
	static char big[WIRE_MAX + 10] = { 1, 2 };
	int fd = dial(front);
	assert_int_equal(send(fd, big, sizeof big, 0), sizeof big);
	assert_int_equal(recv(fd, reply, sizeof reply, 0), 0);
	close(fd);
	AUTO_ARENA a = arena_new();
	struct slice s;
	assert_int_equal(keyring_public(a, &s), OK);
}

/* --- the process --- */

static void survives_kill(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct slice before, after, sig;
	const char *kid, *s1, *s2;
	assert_int_equal(keyring_public(a, &before), OK);
	assert_int_equal(keyring_subject(a, "x", "y", &s1), OK);
	end(keyring_pid);
	keyring_pid = spawn(dir);
	uint64_t t = ticks_ms();
	assert_int_equal(keyring_sign(a, "ES256", S("x"), &sig, &kid), OK);
	assert_true(ticks_ms() - t < 1000);
	assert_int_equal(keyring_public(a, &after), OK);
	assert_int_equal(keyring_subject(a, "x", "y", &s2), OK);
	assert_true(slice_eq(before, after));
	assert_string_equal(s1, s2);
}

static void down_when_nobody_answers(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct slice s;
	log_open("test", LOG_LEVEL_ERR - 1);
	kill(keyring_pid, SIGSTOP);
	assert_int_equal(waitpid(keyring_pid, NULL, WUNTRACED), keyring_pid);
	uint64_t t = ticks_ms();
	assert_int_equal(keyring_public(a, &s), E_DOWN);
	t = ticks_ms() - t;
	assert_in_range(t, 1900, 3000);
	kill(keyring_pid, SIGCONT);
	assert_int_equal(keyring_public(a, &s), OK);	/* the late reply does not answer this question */
	struct otp o = { S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), S("x"), S("287082"), 59, .back = 0 };
	assert_int_equal(keyring_otp(&o), OK);
	log_open("test", LOG_LEVEL_ERR);
}

static void *signs_in_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		AUTO_ARENA a = arena_new();
		struct slice sig;
		const char *kid;
		if (keyring_sign(a, i % 2 ? "ES256" : "EdDSA", slice_mem(&i, sizeof i), &sig, &kid) != OK)
			return (void *)1;
	}
	return NULL;
}

static unsigned threads_of(pid_t pid)
{
	char path[64], line[128];
	unsigned n = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	while (fgets(line, sizeof line, f) != NULL)
		sscanf(line, "Threads: %u", &n);
	fclose(f);
	return n;
}

static void many_threads(void **state)
{
	(void)state;
	pthread_t t[8];
	void *bad;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, signs_in_thread, NULL), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	for (int i = 0; i < 200 && threads_of(keyring_pid) > 2; i++)
		usleep(10000);
	assert_in_range(threads_of(keyring_pid), 1, 2);	/* connections end with their threads: ours is left */
}

static void keeps_no_other_descriptors(void **state)
{
	(void)state;
	char cmd[100];
	int n = 0;
	if (geteuid() != 0)
		skip();		/* not readable: the process is not dumpable */
	snprintf(cmd, sizeof cmd, "ls -l /proc/%d/fd 2>/dev/null | grep -c -e '->'", (int)keyring_pid);
	FILE *f = popen(cmd, "r");
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	assert_int_equal(n, 3 + 2 + 1 + 1 + 1);	/* standard, listening, directory, trail, our connection */
}

int main(void)
{
	log_open("test", getenv("SHOW") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR - 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_every_algorithm), cmocka_unit_test(matches_rfc6238),
		cmocka_unit_test(matches_other_devices),
		cmocka_unit_test(makes_cards),
		cmocka_unit_test(no_such_device),
		cmocka_unit_test(code_window), cmocka_unit_test(bad_secrets), cmocka_unit_test(seals_for_one_entry),
		cmocka_unit_test(pairwise_subjects), cmocka_unit_test(keys_of_three_days),
		cmocka_unit_test(control_socket_has_its_own_verbs), cmocka_unit_test(closes_on_malformed),
		cmocka_unit_test(survives_kill), cmocka_unit_test(down_when_nobody_answers), cmocka_unit_test(many_threads),
		cmocka_unit_test(keeps_no_other_descriptors),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
