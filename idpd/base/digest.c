/* The few primitives everything asks for, from OpenSSL (random bytes: from the kernel). A primitive that fails is a broken library: abort. */
#include <errno.h>
#include <malloc.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/openssl.h"

enum { NONCE = 12, TAG = 16 };

static void must(int ok)
{
	if (ok != 1)
		abort();
}

/* Fetched once: OpenSSL 3 otherwise looks the algorithm up by name, under a lock, at each use. */
static EVP_MD *sha256_md;
static EVP_CIPHER *aes_gcm;

static void fetch(void)
{
	sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
	aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	must(sha256_md != NULL && aes_gcm != NULL);
}

static void fetched(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, fetch);
}

void sha256(struct slice in, unsigned char out[SHA256_LEN])
{
	fetched();
	must(EVP_Digest(in.p, in.n, out, NULL, sha256_md, NULL));
}

void hmac_sha256(struct slice key, struct slice in, unsigned char out[SHA256_LEN])
{
	/* OpenSSL takes NULL for "no key yet" or "no data yet", not for empty. */
	const char *k = key.n > 0 ? key.p : "", *m = in.n > 0 ? in.p : "";
	must(HMAC(EVP_sha256(), k, (int)key.n, (const unsigned char *)m, in.n, out, NULL) != NULL);
}

void derive_key(struct slice key, const char *purpose, unsigned char *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key.p, key.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)purpose, strlen(purpose)),
		OSSL_PARAM_construct_end(),
	};
	must(ctx != NULL && EVP_KDF_derive(ctx, out, n, params) == 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

void aead_seal(struct arena *a, const unsigned char key[AEAD_KEY_LEN], struct slice plain, struct slice ad, struct slice *out)
{
	unsigned char *p = arena_alloc(a, NONCE + plain.n + TAG);
	int n;
	fetched();
	AUTO(cipher_free_p) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	must(c != NULL);
	random_bytes(p, NONCE);
	must(EVP_EncryptInit_ex2(c, aes_gcm, key, p, NULL));
	must(EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)ad.p, (int)ad.n));
	must(EVP_EncryptUpdate(c, p + NONCE, &n, (const unsigned char *)plain.p, (int)plain.n));
	must(EVP_EncryptFinal_ex(c, p + NONCE + n, &n));
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, p + NONCE + plain.n));
	*out = slice_mem(p, NONCE + plain.n + TAG);
}

int aead_open(struct arena *a, const unsigned char key[AEAD_KEY_LEN], struct slice sealed, struct slice ad, struct slice *out)
{
	if (sealed.n < AEAD_EXTRA)
		return E_INPUT;
	size_t len = sealed.n - AEAD_EXTRA;
	const unsigned char *in = (const unsigned char *)sealed.p;
	unsigned char *p = arena_alloc(a, len + 1);
	int n;
	fetched();
	AUTO(cipher_free_p) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	must(c != NULL);
	must(EVP_DecryptInit_ex2(c, aes_gcm, key, in, NULL));
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(in + NONCE + len)));
	must(EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)ad.p, (int)ad.n));
	must(EVP_DecryptUpdate(c, p, &n, in + NONCE, (int)len));
	if (EVP_DecryptFinal_ex(c, p + n, &n) != 1) {
		wipe(p, len);
		return E_INPUT;
	}
	*out = slice_mem(p, len);
	return OK;
}

void random_bytes(void *p, size_t n)
{
	/* Not RAND_bytes: it takes a lock that all threads share, keeps a generator for each of them, and costs more than the call. */
	for (ssize_t got; n > 0; p = (char *)p + got, n -= (size_t)got) {
		got = getrandom(p, n, 0);
		if (got < 0 && errno != EINTR)
			abort();
		got = got < 0 ? 0 : got;
	}
}

char *random_id(struct arena *a, size_t n)
{
	unsigned char raw[64];
	if (n > sizeof raw)
		abort();
	random_bytes(raw, n);
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(raw, n));
	wipe(raw, n);
	return b.p;
}

char *random_uuid(struct arena *a)
{
	unsigned char r[16];
	random_bytes(r, sizeof r);
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	return arena_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

void wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

void wipe_free(void *p)
{
	if (p != NULL)
		wipe(p, malloc_usable_size(p));
	free(p);
}
