/* Keys on their way to another node or into a backup. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/openssl.h"
#include "keyring/envelope.h"

enum { NONCE = 12, TAG = 16, SALT = 16, ROUNDS = 600000, ROUNDS_MAX = 10000000, WRAPPED = ENVELOPE_KEY + 8, PARTS = 5, TEXT_MAX = 1024 * 1024 };
static const char by_node[] = "ECDH-ES", by_passphrase[] = "PBES2-HS512+A256KW";

static void must(bool ok)
{
	if (!ok)
		abort();	/* a broken library */
}

static EVP_PKEY *private_key(const unsigned char node[ENVELOPE_KEY])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, node, ENVELOPE_KEY);
	must(k != NULL);
	return k;
}

static const char *public_text(struct arena *a, const EVP_PKEY *k)
{
	unsigned char raw[ENVELOPE_KEY];
	size_t n = sizeof raw;
	struct buf b = buf_new(a);
	must(EVP_PKEY_get_raw_public_key(k, raw, &n) == 1);
	buf_b64url(&b, slice_mem(raw, n));
	return buf_cstr(&b);
}

struct slice envelope_address(struct arena *a, const unsigned char node[ENVELOPE_KEY])
{
	AUTO(pkey_free_p) EVP_PKEY *k = private_key(node);
	return slice_of(arena_printf(a, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"use\":\"enc\",\"alg\":\"%s\",\"x\":\"%s\"}", by_node, public_text(a, k)));
}

static EVP_PKEY *public_key(struct arena *a, const json_t *jwk)
{
	const char *kty = json_str(jwk, "kty"), *crv = json_str(jwk, "crv"), *x = json_str(jwk, "x");
	struct slice raw;
	if (kty == NULL || crv == NULL || x == NULL || strcmp(kty, "OKP") != 0 || strcmp(crv, "X25519") != 0 ||
	    b64url_decode(a, slice_of(x), &raw) != OK || raw.n != ENVELOPE_KEY)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, (const unsigned char *)raw.p, raw.n);
}

/* Concat KDF (RFC 7518 4.6.2) over the shared secret, for a key of 256 bits: "A256GCM", no PartyUInfo, no PartyVInfo, the length. OpenSSL refuses
 * a public key that gives the zero secret (RFC 7748 6.1). */
static int agree(EVP_PKEY *ours, EVP_PKEY *theirs, unsigned char cek[ENVELOPE_KEY])
{
	static const char info[] = "\0\0\0\7" "A256GCM" "\0\0\0\0" "\0\0\0\0" "\0\0\1\0";
	unsigned char z[ENVELOPE_KEY];
	size_t n = sizeof z;
	AUTO(pctx_free_p) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(ours, NULL);
	if (c == NULL || EVP_PKEY_derive_init(c) != 1 || EVP_PKEY_derive_set_peer(c, theirs) != 1 || EVP_PKEY_derive(c, z, &n) != 1)
		return E_INPUT;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z, n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, sizeof info - 1),
		OSSL_PARAM_construct_end(),
	};
	must(ctx != NULL && EVP_KDF_derive(ctx, cek, ENVELOPE_KEY, params) == 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	wipe(z, sizeof z);
	return OK;
}

/* RFC 7518 4.8.1.1: the salt is alg, a zero byte, and p2s. */
static void stretch(struct arena *a, struct slice passphrase, struct slice salt, int rounds, unsigned char kek[ENVELOPE_KEY])
{
	struct buf full = buf_new(a);
	buf_lit(&full, "PBES2-HS512+A256KW");
	buf_char(&full, '\0');
	buf_raw(&full, salt);
	must(PKCS5_PBKDF2_HMAC(passphrase.p, (int)passphrase.n, (const unsigned char *)full.p, (int)full.n, rounds, EVP_sha512(), ENVELOPE_KEY, kek) == 1);
}

/* AES key wrap (RFC 3394), there (enc 1) and back (enc 0). */
static int wrap(const unsigned char kek[ENVELOPE_KEY], int enc, struct slice in, unsigned char *out)
{
	int n = 0, last = 0;
	AUTO(cipher_free_p) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	must(c != NULL);
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	must(EVP_CipherInit_ex(c, EVP_aes_256_wrap(), NULL, kek, NULL, enc) == 1);
	if (EVP_CipherUpdate(c, out, &n, (const unsigned char *)in.p, (int)in.n) != 1 || EVP_CipherFinal_ex(c, out + n, &last) != 1)
		return E_INPUT;
	return OK;
}

/* header . encrypted key . iv . ciphertext . tag */
static struct slice compact(struct arena *a, const char *header, struct slice key, const unsigned char cek[ENVELOPE_KEY], struct slice plain)
{
	struct buf b = buf_new(a);
	struct slice sealed;
	buf_b64url(&b, slice_of(header));
	aead_seal(a, cek, plain, buf_slice(&b), &sealed);	/* RFC 7516 5.1 step 14: bound to the encoded header */
	const struct slice parts[] = { key, { sealed.p, NONCE }, { sealed.p + NONCE, sealed.n - NONCE - TAG }, { sealed.p + sealed.n - TAG, TAG } };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buf_char(&b, '.');
		buf_b64url(&b, parts[i]);
	}
	return buf_slice(&b);
}

int envelope_to_node(struct arena *a, struct slice jwk, struct slice plain, struct slice *out)
{
	unsigned char cek[ENVELOPE_KEY];
	json_t *to;
	if (json_parse(a, jwk, &to, NULL) != OK)
		return E_INPUT;
	AUTO(pkey_free_p) EVP_PKEY *theirs = public_key(a, to);
	AUTO(pkey_free_p) EVP_PKEY *once = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	must(once != NULL);
	if (theirs == NULL || agree(once, theirs, cek) != OK)
		return E_INPUT;
	const char *header = arena_printf(a, "{\"alg\":\"%s\",\"enc\":\"A256GCM\",\"typ\":\"csam-keyring\",\"kid\":\"%s\","
	    "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"%s\"}}", by_node, public_text(a, theirs), public_text(a, once));
	*out = compact(a, header, S(""), cek, plain);
	wipe(cek, sizeof cek);
	return OK;
}

int envelope_to_passphrase(struct arena *a, struct slice passphrase, struct slice plain, struct slice *out)
{
	unsigned char kek[ENVELOPE_KEY], cek[ENVELOPE_KEY], salt[SALT], wrapped[WRAPPED + 8];
	struct buf text = buf_new(a);
	if (passphrase.n < ENVELOPE_PASSPHRASE_MIN)
		return E_INPUT;
	random_bytes(salt, sizeof salt);
	random_bytes(cek, sizeof cek);
	buf_b64url(&text, slice_mem(salt, sizeof salt));
	stretch(a, passphrase, slice_mem(salt, sizeof salt), ROUNDS, kek);
	must(wrap(kek, 1, slice_mem(cek, sizeof cek), wrapped) == OK);
	const char *header = arena_printf(a, "{\"alg\":\"%s\",\"enc\":\"A256GCM\",\"typ\":\"csam-keyring\",\"p2s\":\"%s\",\"p2c\":%d}", by_passphrase,
	    buf_cstr(&text), ROUNDS);
	*out = compact(a, header, slice_mem(wrapped, WRAPPED), cek, plain);
	wipe(kek, sizeof kek);
	wipe(cek, sizeof cek);
	return OK;
}

static int cek_by_node(struct arena *a, const json_t *header, const unsigned char *node, unsigned char cek[ENVELOPE_KEY], const char **why)
{
	const char *kid = json_str(header, "kid");
	*why = "it is encrypted to a node, and needs that node's keyring";
	if (node == NULL)
		return E_INPUT;
	AUTO(pkey_free_p) EVP_PKEY *ours = private_key(node);
	AUTO(pkey_free_p) EVP_PKEY *once = public_key(a, json_object_get(header, "epk"));
	*why = "it is encrypted to another node (csamctl keyring address there and here tells)";
	if (kid == NULL || strcmp(kid, public_text(a, ours)) != 0)
		return E_INPUT;
	*why = "it is damaged";
	return once == NULL ? E_INPUT : agree(ours, once, cek);
}

static int cek_by_passphrase(struct arena *a, const json_t *header, struct slice key, struct slice passphrase, unsigned char cek[ENVELOPE_KEY],
    const char **why)
{
	unsigned char kek[ENVELOPE_KEY], plain[WRAPPED + 8];
	const char *p2s = json_str(header, "p2s");
	json_int_t rounds = json_integer_value(json_object_get(header, "p2c"));
	struct slice salt;
	*why = "it is protected by a passphrase, and none was given";
	if (passphrase.n == 0)
		return E_INPUT;
	*why = "it is damaged";
	if (p2s == NULL || b64url_decode(a, slice_of(p2s), &salt) != OK || salt.n < 8 || rounds < 1000 || rounds > ROUNDS_MAX || key.n != WRAPPED)
		return E_INPUT;
	stretch(a, passphrase, salt, (int)rounds, kek);
	*why = "the passphrase is wrong";
	int e = wrap(kek, 0, key, plain);
	memcpy(cek, plain, ENVELOPE_KEY);
	wipe(kek, sizeof kek);
	wipe(plain, sizeof plain);
	return e;
}

static int take_apart(struct arena *a, struct slice text, struct slice *encoded, struct slice part[PARTS])
{
	struct slice rest = slice_trim(text, " \r\n\t"), piece;
	size_t n = 0;
	if (rest.n > TEXT_MAX)
		return E_INPUT;
	for (; slice_cut(&rest, '.', &piece); n++) {
		if (n == 0)
			*encoded = piece;
		if (n == PARTS || b64url_decode(a, piece, &part[n]) != OK)
			return E_INPUT;
	}
	return n == PARTS && part[2].n == NONCE && part[4].n == TAG ? OK : E_INPUT;
}

int envelope_open(struct arena *a, struct slice text, const unsigned char *node, struct slice passphrase, struct slice *plain, const char **why)
{
	struct slice encoded, part[PARTS];
	unsigned char cek[ENVELOPE_KEY];
	struct buf sealed = buf_new(a);
	json_t *header;
	*why = "it is no exported keyring, or damaged";
	if (take_apart(a, text, &encoded, part) != OK || json_parse(a, part[0], &header, NULL) != OK)
		return E_INPUT;
	const char *alg = json_str(header, "alg"), *enc = json_str(header, "enc");
	/* RFC 7516 4.1.13: nobody who wants an extension understood is understood. */
	if (alg == NULL || enc == NULL || strcmp(enc, "A256GCM") != 0 || json_object_get(header, "crit") != NULL || json_object_get(header, "zip") != NULL)
		return E_INPUT;
	int e = E_INPUT;
	if (strcmp(alg, by_node) == 0 && part[1].n == 0)
		e = cek_by_node(a, header, node, cek, why);
	else if (strcmp(alg, by_passphrase) == 0)
		e = cek_by_passphrase(a, header, part[1], passphrase, cek, why);
	if (e != OK)
		return e;
	for (size_t i = 2; i < PARTS; i++)
		buf_raw(&sealed, part[i]);
	e = aead_open(a, cek, buf_slice(&sealed), encoded, plain);
	wipe(cek, sizeof cek);
	*why = "it is damaged";
	return e;
}
