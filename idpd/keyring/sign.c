/* JWS signatures with a key of the keyring. */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include "base/log.h"
#include "base/openssl.h"
#include "keyring/key.h"

enum { ES256_HALF = 32, SIG_MAX = 1024 };

/* RFC 7518 3.4: r and s, 32 bytes each, instead of the DER that OpenSSL makes. */
static int raw_ecdsa(const unsigned char *der, size_t n, unsigned char out[2 * ES256_HALF])
{
	AUTO(ecdsa_free_p) ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
	if (s == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(s), out, ES256_HALF) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(s), out + ES256_HALF, ES256_HALF) < 0)
		return E_BUG;
	return OK;
}

int ring_key_sign(struct arena *a, const struct ring_key *key, struct slice msg, struct slice *sig)
{
	AUTO(md_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *raw = arena_alloc(a, SIG_MAX);
	size_t n = SIG_MAX;
	/* A copy costs 2 us less than a new context, and the original may be shared between threads. */
	if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, key->signer) != 1 ||
	    EVP_DigestSign(ctx, raw, &n, (const unsigned char *)msg.p, msg.n) != 1)
		return fail(E_BUG, "signing with %s: OpenSSL error %lx", key->kid, ERR_get_error());
	if (strcmp(key->kind->alg, "ES256") == 0) {
		unsigned char *both = arena_alloc(a, 2 * ES256_HALF);
		if (raw_ecdsa(raw, n, both) != OK)
			return fail(E_BUG, "signing with %s: no ECDSA signature", key->kid);
		raw = both;
		n = 2 * ES256_HALF;
	}
	*sig = slice_mem(raw, n);
	return OK;
}
