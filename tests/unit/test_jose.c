/* JSON Web Signatures: published vectors, what we sign, and the attacks. */
/* LINK: -Wl,--wrap=now */
#include "oidc_fakes.h"
#include "oidc/jose.h"

#define JOE "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A2_KEY "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}]}"
#define A2 "eyJhbGciOiJSUzI1NiJ9." JOE ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define A3_KEY "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"
#define A3 "eyJhbGciOiJFUzI1NiJ9." JOE ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define BILBO_KEY "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"e\":\"AQAB\",\"n\":\"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\"}]}"
#define BILBO "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"
#define ED_KEY "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
#define ED "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static json_t *parsed(const char *text)
{
	json_t *v = NULL;
	assert_int_equal(json_parse(arena, slice_of(text), &v, NULL), OK);
	return v;
}

/* "ok", or the word that says why not. */
static const char *verdict(struct slice token, const char *jwks)
{
	json_t *claims;
	const char *why = NULL;
	int e = jose_verify(arena, token, parsed(jwks), &claims, &why);
	assert_true(e == OK || e == E_INPUT);
	return e == OK ? "ok" : why;
}

static void published_vectors(void **state)
{
	(void)state;
	json_t *claims;
	assert_int_equal(jose_verify(arena, S(A2), parsed(A2_KEY), &claims, NULL), OK);	/* RFC 7515 A.2 */
	assert_string_equal(json_str(claims, "iss"), "joe");
	assert_string_equal(verdict(S(A3), A3_KEY), "ok");					/* RFC 7515 A.3 */
	/* these payloads are no JSON: that only the claims are refused shows that the signature was good */
	assert_string_equal(verdict(S(BILBO), BILBO_KEY), "claims");				/* RFC 7520 4.1 */
	assert_string_equal(verdict(S(ED), ED_KEY), "claims");					/* RFC 8037 A.4 */
	assert_string_equal(verdict(S(ED), A3_KEY), "key");
	assert_string_equal(verdict(S(BILBO), A2_KEY), "key");
}

static void every_changed_bit_is_seen(void **state)
{
	(void)state;
	static const struct { const char *token, *key; } both[] = { { A3, A3_KEY }, { ED, ED_KEY } };
	for (size_t t = 0; t < 2; t++) {
		size_t n = strlen(both[t].token);
		for (size_t i = 0; i < n; i++) {
			char *s = arena_strdup(arena, both[t].token);
			s[i] = s[i] == 'A' ? 'B' : s[i] == '.' ? '_' : 'A';
			assert_string_not_equal(verdict(slice_of(s), both[t].key), "ok");
			if (t == 1)
				assert_string_not_equal(verdict(slice_of(s), both[t].key), "claims");
		}
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(verdict(slice_mem(both[t].token, i), both[t].key), "ok");
	}
}

static void what_we_sign_verifies_with_what_we_publish(void **state)
{
	(void)state;
	struct slice token, jwks;
	for (size_t i = 0; jose_algs[i] != NULL; i++) {
		fake_kid = "k1";
		assert_int_equal(jose_sign(arena, jose_algs[i], "JWT", parsed("{\"a\":1}"), &token), OK);
		assert_int_equal(keyring_public(arena, &jwks), OK);
		assert_string_equal(verdict(token, jwks.p), "ok");
		fake_kid = "k2";		/* the keyring has changed keys: the old token is not verified by the new set, a new one is */
		assert_int_equal(keyring_public(arena, &jwks), OK);
		assert_string_equal(verdict(token, jwks.p), "key");
		assert_int_equal(jose_sign(arena, jose_algs[i], "JWT", parsed("{\"a\":1}"), &token), OK);
		assert_string_equal(verdict(token, jwks.p), "ok");
	}
	fake_kid = "k1";
	assert_int_equal(jose_sign(arena, "HS256", NULL, parsed("{}"), &token), E_NOENT);
	assert_int_equal(jose_sign(arena, "none", NULL, parsed("{}"), &token), E_NOENT);
}

static const char *set(const char *jwk)
{
	return arena_printf(arena, "{\"keys\":[%s]}", jwk);
}

static void headers_that_would_choose_the_key_or_the_rules(void **state)
{
	(void)state;
	const char *jwk = test_jwk(arena, K_EC, test_key[K_EC], ",\"kid\":\"a\"");
	const struct { const char *header, *verdict; } table[] = {
		{ "{\"alg\":\"ES256\"}", "ok" }, { "{\"alg\":\"ES256\",\"kid\":\"a\"}", "ok" },
		{ "{\"alg\":\"ES256\",\"kid\":\"a\",\"typ\":\"JWT\"}", "ok" },
		{ "{\"alg\":\"ES256\",\"kid\":\"b\"}", "key" }, { "{\"alg\":\"ES256\",\"kid\":\"\"}", "key" },
		{ "{\"alg\":\"ES256\",\"kid\":1}", "kid" }, { "{\"alg\":\"ES256\",\"kid\":null}", "kid" },
		{ "{\"alg\":\"none\"}", "alg" }, { "{\"alg\":\"None\"}", "alg" }, { "{\"alg\":\"es256\"}", "alg" },
		{ "{\"alg\":\"HS256\"}", "alg" }, { "{\"alg\":\"ES384\"}", "alg" }, { "{\"alg\":[\"ES256\"]}", "alg" }, { "{}", "alg" },
		{ "{\"alg\":\"RS256\"}", "key" }, { "{\"alg\":\"EdDSA\"}", "key" },
		{ "{\"alg\":\"ES256\",\"alg\":\"none\"}", "header" }, { "[]", "header" }, { "\"ES256\"", "header" }, { "", "header" },
		{ "{\"alg\":\"ES256\",\"crit\":[]}", "crit" }, { "{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", "crit" },
		{ "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", "crit" }, { "{\"alg\":\"ES256\",\"b64\":false}", "b64" },
		{ "{\"alg\":\"ES256\",\"zip\":\"DEF\"}", "zip" }, { "{\"alg\":\"ES256\",\"jku\":\"https://evil.example/\"}", "jku" },
		{ "{\"alg\":\"ES256\",\"x5u\":\"https://evil.example/\"}", "x5u" }, { "{\"alg\":\"ES256\",\"x5c\":[]}", "x5c" },
		{ "{\"alg\":\"ES256\",\"jwk\":{}}", "jwk" }, { "{\"alg\":\"ES256\",\"enc\":\"A128GCM\"}", "enc" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(verdict(token_of(arena, "ES256", test_key[K_EC], table[i].header, "{}"), set(jwk)), table[i].verdict);
}

/* The public key as the secret of an HMAC: the classic confusion. */
static void hmac_with_the_public_key(void **state)
{
	(void)state;
	struct buf b = buf_new(arena);
	unsigned char mac[SHA256_LEN];
	const char *jwk = test_jwk(arena, K_RSA, test_key[K_RSA], "");
	buf_b64url(&b, S("{\"alg\":\"HS256\"}"));
	buf_lit(&b, ".e30");
	hmac_sha256(slice_of(jwk), buf_slice(&b), mac);
	buf_char(&b, '.');
	buf_b64url(&b, slice_mem(mac, sizeof mac));
	assert_string_equal(verdict(buf_slice(&b), set(jwk)), "alg");
}

static void keys_that_do_not_fit(void **state)
{
	(void)state;
	struct slice es = token_of(arena, "ES256", test_key[K_EC], "{\"alg\":\"ES256\"}", "{}"),
	    rs = token_of(arena, "RS256", test_key[K_RSA], "{\"alg\":\"RS256\"}", "{}"),
	    ps = token_of(arena, "PS256", test_key[K_RSA], "{\"alg\":\"PS256\"}", "{}");
	const struct { struct slice token; int key; const char *extra, *verdict; } table[] = {
		{ es, K_EC, "", "ok" }, { es, K_EC, ",\"alg\":\"ES256\"", "ok" }, { es, K_EC, ",\"alg\":\"ES384\"", "key" },
		{ es, K_EC, ",\"alg\":1", "key" }, { es, K_EC, ",\"use\":\"enc\"", "key" }, { es, K_EC, ",\"use\":\"sig\"", "ok" },
		{ es, K_EC, ",\"key_ops\":[\"sign\"]", "key" }, { es, K_EC, ",\"key_ops\":[\"verify\"]", "ok" },
		{ es, K_EC, ",\"key_ops\":\"verify\"", "key" }, { es, K_RSA, "", "key" }, { es, K_ED, "", "key" },
		{ rs, K_RSA, "", "ok" }, { rs, K_RSA, ",\"alg\":\"PS256\"", "key" }, { ps, K_RSA, "", "ok" },
		{ ps, K_RSA, ",\"alg\":\"RS256\"", "key" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(verdict(table[i].token, set(test_jwk(arena, table[i].key, test_key[table[i].key], table[i].extra))),
		    table[i].verdict);
	/* a PS256 signature is no RS256 one */
	assert_string_equal(verdict(token_of(arena, "PS256", test_key[K_RSA], "{\"alg\":\"RS256\"}", "{}"),
	    set(test_jwk(arena, K_RSA, test_key[K_RSA], ""))), "key");
}

static void keys_that_are_none(void **state)
{
	(void)state;
	static const char *const sets[] = { "{}", "{\"keys\":[]}", "{\"keys\":{}}", "{\"keys\":[1,null,\"x\",{}]}", "[]",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"}]}", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
		/* not on the curve */
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}]}" };
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		assert_string_equal(verdict(S(A3), sets[i]), "key");
	EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	assert_string_equal(verdict(token_of(arena, "RS256", small, "{\"alg\":\"RS256\"}", "{}"), set(test_jwk(arena, K_RSA, small, ""))), "key");
	EVP_PKEY_free(small);
}

/* With the exponent one a signature is the padded hash itself: anybody can make it. */
static void the_exponent_one(void **state)
{
	(void)state;
	static const unsigned char info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	unsigned char sig[256];
	struct buf b = buf_new(arena);
	buf_b64url(&b, S("{\"alg\":\"RS256\"}"));
	buf_lit(&b, ".e30");
	memset(sig, 0xff, sizeof sig);
	sig[0] = 0;
	sig[1] = 1;
	sig[255 - 32 - sizeof info] = 0;
	memcpy(sig + 256 - 32 - sizeof info, info, sizeof info);
	sha256(buf_slice(&b), sig + 256 - 32);
	buf_char(&b, '.');
	buf_b64url(&b, slice_mem(sig, sizeof sig));
	const char *n = key_number(arena, test_key[K_RSA], OSSL_PKEY_PARAM_RSA_N, 0).p;
	assert_string_equal(verdict(buf_slice(&b), arena_printf(arena, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQ\"}]}", n)), "key");
}

static void texts_that_are_no_tokens(void **state)
{
	(void)state;
	static const char *const texts[] = { "", ".", "..", "...", "a.b", "a.b.c", "e30.e30.", "e30.e30.AA.AA", ".e30.AA",
		"eyJhbGciOiJFUzI1NiJ9..AA", "eyJhbGciOiJFUzI1NiJ9=.e30.AA", " eyJhbGciOiJFUzI1NiJ9.e30.AA" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_string_not_equal(verdict(slice_of(texts[i]), A3_KEY), "ok");
	char *huge = arena_alloc(arena, JOSE_MAX + 2);
	memset(huge, 'A', JOSE_MAX + 1);
	assert_string_equal(verdict(slice_of(huge), A3_KEY), "size");
	/* r and s of zero, and too large */
	struct slice zero = slice_of(arena_printf(arena, "eyJhbGciOiJFUzI1NiJ9.e30.%086d", 0));
	memset((char *)zero.p + zero.n - 86, 'A', 86);
	assert_string_equal(verdict(zero, A3_KEY), "key");
}

static void half_hashes(void **state)
{
	(void)state;
	/* OpenID Connect Core A.3: at_hash of this access token */
	assert_string_equal(jose_half_hash(arena, "RS256", S("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")), "77QmUPtjPfzWtF2AnpK9RQ");
	assert_int_equal(strlen(jose_half_hash(arena, "EdDSA", S("x"))), 43);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, oidc_setup, oidc_teardown)
		T(published_vectors), T(every_changed_bit_is_seen), T(what_we_sign_verifies_with_what_we_publish),
		T(headers_that_would_choose_the_key_or_the_rules), T(hmac_with_the_public_key), T(keys_that_do_not_fit),
		T(keys_that_are_none), T(the_exponent_one), T(texts_that_are_no_tokens), T(half_hashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
