/* One key of the keyring: how it is made, written and read. */
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/openssl.h"
#include "keyring/key.h"

enum { RSA_BITS = 2048 };

const struct ring_kind ring_kinds[] = {
	{ "sign", "RS256", "RSA" },
	{ "sign", "PS256", "RSA" },
	{ "sign", "ES256", "EC" },
	{ "sign", "EdDSA", "OKP" },
	{ "seal", "A256GCM", "oct" },
	{ "day", "HKDF-SHA256", "oct" },
	{ "subject", "HS256", "oct" },
	{ "node", "ECDH-ES", "oct" },	/* X25519: what is exported to this node is encrypted to it; never leaves the node */
	{ NULL, NULL, NULL }
};

const char *ring_state_name(enum ring_state state)
{
	static const char *const names[] = {
		[RING_GONE] = "gone", [RING_PUBLISHED] = "published", [RING_SIGNING] = "signing", [RING_LEAVING] = "leaving",
	};
	return names[state];
}

static void free_signer(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* One number of a public key, big endian, at least `width` bytes (RFC 7518 6.2.1.2: coordinates have the field's length). */
static int add_number(struct buf *b, const EVP_PKEY *k, const char *param, int width)
{
	AUTO(bn_free_p) BIGNUM *n = NULL;
	unsigned char raw[1024];
	if (EVP_PKEY_get_bn_param(k, param, &n) != 1 || BN_num_bytes(n) > (int)sizeof raw)
		return E_INPUT;
	int len = BN_num_bytes(n) > width ? BN_num_bytes(n) : width;
	BN_bn2binpad(n, raw, len);
	buf_b64url(b, slice_mem(raw, (size_t)len));
	return OK;
}

/* The required members in alphabetical order, without white space: what RFC 7638 3.2 (and RFC 8037 2 for OKP) hashes. */
static int canonical(struct buf *b, const EVP_PKEY *k, const char *kty)
{
	unsigned char raw[32];
	size_t n = sizeof raw;
	if (is(kty, "RSA")) {
		buf_lit(b, "{\"e\":\"");
		if (!EVP_PKEY_is_a(k, "RSA") || EVP_PKEY_get_bits(k) < RSA_BITS || add_number(b, k, OSSL_PKEY_PARAM_RSA_E, 0) != OK)
			return E_INPUT;
		buf_lit(b, "\",\"kty\":\"RSA\",\"n\":\"");
		if (add_number(b, k, OSSL_PKEY_PARAM_RSA_N, 0) != OK)
			return E_INPUT;
	} else if (is(kty, "EC")) {
		char group[32] = "";
		buf_lit(b, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
		if (!EVP_PKEY_is_a(k, "EC") || EVP_PKEY_get_group_name(k, group, sizeof group, &n) != 1 || !is(group, "prime256v1") ||
		    add_number(b, k, OSSL_PKEY_PARAM_EC_PUB_X, 32) != OK)
			return E_INPUT;
		buf_lit(b, "\",\"y\":\"");
		if (add_number(b, k, OSSL_PKEY_PARAM_EC_PUB_Y, 32) != OK)
			return E_INPUT;
	} else {
		buf_lit(b, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
		if (!EVP_PKEY_is_a(k, "ED25519") || EVP_PKEY_get_raw_public_key(k, raw, &n) != 1)
			return E_INPUT;
		buf_b64url(b, slice_mem(raw, n));
	}
	buf_lit(b, "\"}");
	return OK;
}

static const char *thumbprint(struct arena *a, struct slice members, unsigned char id[RING_ID])
{
	unsigned char hash[SHA256_LEN];
	struct buf kid = buf_new(a);
	sha256(members, hash);
	memcpy(id, hash, RING_ID);
	buf_b64url(&kid, slice_mem(hash, sizeof hash));
	return buf_cstr(&kid);
}

/* RFC 7638 3.2.1: a symmetric key's members are k and kty. Its hash tells nothing about 256 random bits (7). */
static const char *secret_thumbprint(struct arena *a, const unsigned char secret[RING_SECRET], unsigned char id[RING_ID])
{
	struct buf b = buf_new(a);
	buf_lit(&b, "{\"k\":\"");
	buf_b64url(&b, slice_mem(secret, RING_SECRET));
	buf_lit(&b, "\",\"kty\":\"oct\"}");
	return thumbprint(a, buf_slice(&b), id);
}

static EVP_PKEY *generate(const char *kty)
{
	if (is(kty, "RSA"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
	return is(kty, "EC") ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void put(json_t *record, const char *name, const char *value)
{
	json_object_set_new(record, name, json_string(value));
}

json_t *ring_key_make(struct arena *a, const struct ring_kind *kind, time_t from)
{
	unsigned char id[RING_ID];
	json_t *record = json_own(a, json_object());
	if (is(kind->kty, "oct")) {
		unsigned char *secret = arena_alloc(a, RING_SECRET);
		struct buf text = buf_new(a);
		random_bytes(secret, RING_SECRET);
		buf_b64(&text, slice_mem(secret, RING_SECRET));
		put(record, "kid", secret_thumbprint(a, secret, id));
		put(record, "secret", buf_cstr(&text));
	} else {
		AUTO(pkey_free_p) EVP_PKEY *k = generate(kind->kty);
		AUTO(bio_free_p) BIO *pem = BIO_new(BIO_s_secmem());
		struct buf members = buf_new(a);
		char *text;
		if (k == NULL || pem == NULL || PEM_write_bio_PKCS8PrivateKey(pem, k, NULL, NULL, 0, NULL, NULL) != 1 ||
		    canonical(&members, k, kind->kty) != OK)
			abort();	/* a broken library */
		put(record, "kid", thumbprint(a, buf_slice(&members), id));
		long n = BIO_get_mem_data(pem, &text);
		json_object_set_new(record, "private", json_stringn(text, (size_t)n));
	}
	put(record, "use", kind->use);
	put(record, "alg", kind->alg);
	json_object_set_new(record, "created", json_integer(now()));
	json_object_set_new(record, "from", json_integer(from));
	return record;
}

/* A context that only has to be copied and fed. */
static EVP_MD_CTX *signer_new(EVP_PKEY *k, const char *alg)
{
	EVP_PKEY_CTX *params;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = is(alg, "EdDSA") ? NULL : EVP_sha256();
	if (ctx == NULL || EVP_DigestSignInit(ctx, &params, md, NULL, k) != 1)
		abort();
	if (is(alg, "PS256") && (EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_DIGEST) != 1))	/* RFC 7518 3.5: as long as the hash, 32 bytes */
		abort();
	return ctx;
}

static int read_private(struct arena *a, struct ring_key *key, const char *text, const char **why)
{
	AUTO(bio_free_p) BIO *in = BIO_new_mem_buf(text, -1);
	AUTO(pkey_free_p) EVP_PKEY *k = in ? PEM_read_bio_PrivateKey_ex(in, NULL, NULL, (void *)"", NULL, NULL) : NULL;
	struct buf b = buf_new(a);
	*why = "the private key cannot be read, or is of another type than alg says";
	if (k == NULL || canonical(&b, k, key->kind->kty) != OK) {
		ERR_clear_error();
		return E_INPUT;
	}
	key->kid = thumbprint(a, buf_slice(&b), key->id);
	b.n--;		/* open the object again: RFC 7517 4.2, 4.4, 4.5 */
	buf_printf(&b, ",\"kid\":\"%s\",\"use\":\"sig\",\"alg\":\"%s\"}", key->kid, key->kind->alg);
	key->jwk = buf_slice(&b);
	key->signer = signer_new(k, key->kind->alg);
	arena_defer(a, free_signer, key->signer);
	return OK;
}

static int read_secret(struct arena *a, struct ring_key *key, const char *text, const char **why)
{
	struct slice raw;
	*why = "the secret is not the base64 of 32 bytes";
	if (b64_decode(a, slice_of(text), &raw) != OK || raw.n != RING_SECRET)
		return E_INPUT;
	memcpy(key->secret, raw.p, RING_SECRET);
	key->kid = secret_thumbprint(a, key->secret, key->id);
	return OK;
}

static const struct ring_kind *kind_of(const char *use, const char *alg)
{
	for (const struct ring_kind *k = ring_kinds; use != NULL && alg != NULL && k->use != NULL; k++)
		if (is(k->use, use) && is(k->alg, alg))
			return k;
	return NULL;
}

/* Format 1 knew no "from": its keys signed since they were made. */
static int read_times(const json_t *record, struct ring_key *key)
{
	const json_t *created = json_object_get(record, "created"), *from = json_object_get(record, "from");
	from = from != NULL ? from : created;
	if (!json_is_integer(created) || !json_is_integer(from))
		return E_INPUT;
	key->created = (time_t)json_integer_value(created);
	key->from = (time_t)json_integer_value(from);
	return OK;
}

int ring_key_read(struct arena *a, const json_t *record, struct ring_key *out, const char **why)
{
	struct ring_key key = { .kind = kind_of(json_str(record, "use"), json_str(record, "alg")) };
	const char *kid = json_str(record, "kid");
	*why = "use and alg name no kind of key";
	if (key.kind == NULL)
		return E_INPUT;
	*why = "created or from is missing or wrong";
	if (read_times(record, &key) != OK)
		return E_INPUT;
	bool secret = is(key.kind->kty, "oct");
	const char *text = json_str(record, secret ? "secret" : "private");
	*why = secret ? "secret is missing" : "private is missing";
	if (text == NULL)
		return E_INPUT;
	int e = secret ? read_secret(a, &key, text, why) : read_private(a, &key, text, why);
	if (e != OK)
		return e;
	*why = "kid is not the thumbprint of the key";
	if (kid == NULL || !is(kid, key.kid))
		return E_INPUT;
	*out = key;
	return OK;
}
