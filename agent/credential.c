/* The host's private key, and what it signs. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/credential.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/openssl.h"

enum { FILE_MAX = 16 * 1024, P256 = 32, RSA_LEAST = 2048, SIG_MAX = 1024 };

struct credential {
	EVP_PKEY *key;
	const char *alg;
	char *client_id;
};

/* Everything is asked of the descriptor, so that nobody can swap the file in between. */
static int read_private(struct arena *a, const char *path, struct slice *out)
{
	struct stat st;
	AUTO(file_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		return fail(E_INPUT, "%s: cannot be read: %s", path, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return fail(E_INPUT, "%s: is no key file", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return fail(E_INPUT, "%s: must belong to root or to the user of csam-agent, with mode 0600 or 0640", path);
	return file_read_rest(a, fd, FILE_MAX, out) == OK ? OK : fail(E_INPUT, "%s: cannot be read: %s", path, strerror(errno));
}

static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf, (void)size, (void)writing, (void)ctx;
	return 0;
}

/* RFC 7518 3.3, 3.4: which algorithm goes with the key; NULL when none of ours does. */
static const char *alg_of(const EVP_PKEY *key)
{
	char group[32] = "";
	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_LEAST ? "RS256" : NULL;
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0)
		return "ES256";
	return NULL;
}

int credential_open(const char *key_file, const char *client_id, struct credential **out)
{
	AUTO_ARENA a = arena_new();
	struct slice text;
	int e = read_private(a, key_file, &text);
	if (e != OK)
		return e;
	AUTO(bio_free_p) BIO *b = BIO_new_mem_buf(text.p, (int)text.n);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
	const char *alg = key ? alg_of(key) : NULL;
	ERR_clear_error();
	if (alg == NULL) {
		EVP_PKEY_free(key);
		return fail(E_INPUT, "%s: expected a private key of P-256, or RSA of 2048 bits or more, in PEM without a passphrase", key_file);
	}
	struct credential *c = calloc(1, sizeof *c);
	if (c == NULL || (c->client_id = strdup(client_id)) == NULL)
		abort();
	c->key = key;
	c->alg = alg;
	*out = c;
	return OK;
}

struct credential *credential_free(struct credential *c)
{
	if (c == NULL)
		return NULL;
	EVP_PKEY_free(c->key);
	free(c->client_id);
	free(c);
	return NULL;
}

/* RFC 7518 3.4: r || s, where OpenSSL gives DER. */
static bool flatten(unsigned char *sig, size_t *n)
{
	const unsigned char *p = sig;
	AUTO(ecdsa_free_p) ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)*n);
	*n = 2 * P256;
	return s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, P256) == P256 && BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + P256, P256) == P256;
}

static bool sign(const struct credential *c, struct slice text, unsigned char *sig, size_t *n)
{
	AUTO(md_free_p) EVP_MD_CTX *md = EVP_MD_CTX_new();
	if (md == NULL || EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, c->key) != 1 ||
	    EVP_DigestSign(md, sig, n, (const unsigned char *)text.p, text.n) != 1)
		return false;
	return strcmp(c->alg, "RS256") == 0 || flatten(sig, n);
}

int credential_assert(struct arena *a, const struct credential *c, const char *audience, unsigned life_s, struct slice *out)
{
	unsigned char sig[SIG_MAX];
	size_t n = sizeof sig;
	struct buf b = buf_new(a);
	time_t t = now();
	json_t *v = json_own(a, json_pack("{ss ss ss sI sI}", "iss", c->client_id, "sub", c->client_id, "aud", audience,
	    "iat", (json_int_t)t, "exp", (json_int_t)t + (json_int_t)life_s));	/* RFC 7523 3 */
	buf_b64url(&b, slice_of(arena_printf(a, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", c->alg)));
	buf_char(&b, '.');
	buf_b64url(&b, json_text(a, v));
	if (!sign(c, buf_slice(&b), sig, &n))
		return fail(E_BUG, "the host's key does not sign");
	buf_char(&b, '.');
	buf_b64url(&b, slice_mem(sig, n));
	*out = buf_slice(&b);
	return OK;
}
