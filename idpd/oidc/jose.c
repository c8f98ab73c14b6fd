/* Signing of JSON Web Signatures with the keyring's keys. */
#include <openssl/evp.h>
#include <pthread.h>
#include "base/buf.h"
#include "base/digest.h"
#include "oidc/jose.h"
#include "oidc/oidc.h"
#include "svc/keyring.h"

enum { KID_MAX = 128 };

/* The header names the key, and only the keyring knows which key it will take: we suppose the one it took last. */
static struct { pthread_mutex_t lock; char kid[JWS_ALGS][KID_MAX]; } last = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *supposed(struct arena *a, size_t alg)
{
	pthread_mutex_lock(&last.lock);
	const char *kid = arena_strdup(a, last.kid[alg]);
	pthread_mutex_unlock(&last.lock);
	return kid;
}

static void learn(size_t alg, const char *kid)	/* shorter than KID_MAX */
{
	pthread_mutex_lock(&last.lock);
	memcpy(last.kid[alg], kid, strlen(kid) + 1);
	pthread_mutex_unlock(&last.lock);
}

static void put_header(struct buf *b, const char *alg, const char *typ, const char *kid)
{
	struct buf h = buf_new(b->a);
	buf_printf(&h, "{\"alg\":\"%s\"", alg);
	if (typ != NULL)
		buf_printf(&h, ",\"typ\":\"%s\"", typ);
	buf_lit(&h, ",\"kid\":\"");
	buf_json(&h, slice_of(kid));
	buf_lit(&h, "\"}");
	buf_b64url(b, buf_slice(&h));
}

int jose_sign(struct arena *a, const char *alg, const char *typ, const json_t *claims, struct slice *out)
{
	size_t index = 0;
	while (index < JWS_ALGS && strcmp(jws_algs[index], alg) != 0)
		index++;
	if (index == JWS_ALGS)
		return E_NOENT;
	struct slice payload = json_text(a, claims), sig;
	const char *kid = supposed(a, index), *used;
	for (int tries = 0; tries < 3; tries++) {
		struct buf b = buf_new(a);
		put_header(&b, alg, typ, kid);
		buf_char(&b, '.');
		buf_b64url(&b, payload);
		int e = keyring_sign(a, alg, buf_slice(&b), &sig, &used);
		if (e != OK)
			return e;
		if (strlen(used) >= KID_MAX)
			return E_BUG;
		if (strcmp(used, kid) == 0) {
			buf_char(&b, '.');
			buf_b64url(&b, sig);
			*out = buf_slice(&b);
			return OK;
		}
		learn(index, used);
		oidc_published_changed();	/* who sees this signature will ask for its key */
		kid = used;
	}
	return E_DOWN;		/* the keyring changes keys faster than we can sign */
}

const char *jose_half_hash(struct arena *a, const char *alg, struct slice text)
{
	unsigned char h[64];
	size_t n = 32;
	if (strcmp(alg, "EdDSA") == 0) {	/* Ed25519 hashes with SHA-512 */
		n = 64;
		EVP_Digest(text.p, text.n, h, NULL, EVP_sha512(), NULL);
	} else {
		sha256(text, h);
	}
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(h, n / 2));
	return buf_cstr(&b);
}
