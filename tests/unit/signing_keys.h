/* Keys of clients and providers that tests make: as JWK, and what they sign. */
#ifndef CSAM_TEST_SIGNING_KEYS_H
#define CSAM_TEST_SIGNING_KEYS_H

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include "base/buf.h"

/* no test needs all of it */
#pragma GCC diagnostic ignored "-Wunused-function"

enum { K_RSA, K_EC, K_ED, NTESTKEYS };
static EVP_PKEY *test_key[NTESTKEYS];

static void make_test_keys(void)
{
	if (test_key[0] != NULL)
		return;
	test_key[K_RSA] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	test_key[K_EC] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	test_key[K_ED] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static struct slice key_number(struct arena *a, EVP_PKEY *key, const char *name, size_t width)
{
	BIGNUM *n = NULL;
	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	size_t len = width ? width : (size_t)BN_num_bytes(n);
	unsigned char *p = arena_alloc(a, len);
	BN_bn2binpad(n, p, (int)len);
	BN_free(n);
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(p, len));
	return buf_slice(&b);
}

/* The public part as a JWK; extra is more members: ",\"kid\":\"x\"". */
static const char *test_jwk(struct arena *a, int which, EVP_PKEY *key, const char *extra)
{
	if (which == K_RSA)
		return arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", key_number(a, key, OSSL_PKEY_PARAM_RSA_N, 0).p,
		    key_number(a, key, OSSL_PKEY_PARAM_RSA_E, 0).p, extra);
	if (which == K_EC)
		return arena_printf(a, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
		    key_number(a, key, OSSL_PKEY_PARAM_EC_PUB_X, 32).p, key_number(a, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32).p, extra);
	unsigned char raw[32];
	size_t n = sizeof raw;
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(raw, n));
	return arena_printf(a, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}", b.p, extra);
}

static int which_key(const char *alg)
{
	return strcmp(alg, "ES256") == 0 ? K_EC : strcmp(alg, "EdDSA") == 0 ? K_ED : K_RSA;
}

static struct slice raw_ecdsa(struct arena *a, struct slice der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	unsigned char *raw = arena_alloc(a, 64);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
	ECDSA_SIG_free(s);
	return slice_mem(raw, 64);
}

static struct slice sign_with(struct arena *a, const char *alg, EVP_PKEY *key, struct slice msg)
{
	unsigned char *sig = arena_alloc(a, 1024);
	size_t n = 1024;
	EVP_PKEY_CTX *pc;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(c, &pc, strcmp(alg, "EdDSA") == 0 ? NULL : EVP_sha256(), NULL, key), 1);
	if (strcmp(alg, "PS256") == 0) {
		EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(c, sig, &n, (const unsigned char *)msg.p, msg.n), 1);
	EVP_MD_CTX_free(c);
	return strcmp(alg, "ES256") == 0 ? raw_ecdsa(a, slice_mem(sig, n)) : slice_mem(sig, n);
}

/* header and payload as given: for tokens that should not exist. */
static struct slice token_of(struct arena *a, const char *alg, EVP_PKEY *key, const char *header, const char *payload)
{
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_of(header));
	buf_char(&b, '.');
	buf_b64url(&b, slice_of(payload));
	struct slice sig = sign_with(a, alg, key, buf_slice(&b));
	buf_char(&b, '.');
	buf_b64url(&b, sig);
	return buf_slice(&b);
}

#endif
