/* Verification of JSON Web Signatures over OpenSSL and jansson: compact form, public-key algorithms only. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/jws.h"
#include "base/openssl.h"

enum { MAX_KEYS = 32, P256 = 32, ED25519 = 32, RSA_LEAST = 2048, RSA_MOST = 8192 };

struct alg {
	const char *name, *kty, *crv;
	EVP_PKEY *(*key)(struct arena *a, const json_t *jwk);
	bool (*verify)(EVP_PKEY *key, struct slice msg, struct slice sig);
};

static EVP_PKEY *rsa_key(struct arena *a, const json_t *jwk);
static EVP_PKEY *ec_key(struct arena *a, const json_t *jwk);
static EVP_PKEY *ed_key(struct arena *a, const json_t *jwk);
static bool rs256(EVP_PKEY *key, struct slice msg, struct slice sig);
static bool ps256(EVP_PKEY *key, struct slice msg, struct slice sig);
static bool es256(EVP_PKEY *key, struct slice msg, struct slice sig);
static bool eddsa(EVP_PKEY *key, struct slice msg, struct slice sig);

static const struct alg algs[JWS_ALGS] = {
	{ "RS256", "RSA", NULL, rsa_key, rs256 },
	{ "PS256", "RSA", NULL, rsa_key, ps256 },
	{ "ES256", "EC", "P-256", ec_key, es256 },
	{ "EdDSA", "OKP", "Ed25519", ed_key, eddsa },
};
const char *const jws_algs[JWS_ALGS + 1] = { "RS256", "PS256", "ES256", "EdDSA", NULL };

static const struct alg *alg_of(const char *name)
{
	for (size_t i = 0; name != NULL && i < JWS_ALGS; i++)
		if (strcmp(algs[i].name, name) == 0)
			return &algs[i];
	return NULL;
}

/* --- keys --- */

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

static void free_bn(void *n)
{
	BN_free(n);
}

static bool member(struct arena *a, const json_t *jwk, const char *name, struct slice *out)
{
	const char *text = json_str(jwk, name);
	return text != NULL && b64url_decode(a, slice_of(text), out) == OK && out->n > 0;
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY *key = NULL;
	AUTO(params_free_p) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	AUTO(pctx_free_p) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (params == NULL || c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

static EVP_PKEY *rsa_key(struct arena *a, const json_t *jwk)
{
	struct slice n, e;
	if (!member(a, jwk, "n", &n) || !member(a, jwk, "e", &e) || n.n > RSA_MOST / 8 || e.n > 8)
		return NULL;
	BIGNUM *bn_n = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
	BIGNUM *bn_e = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
	arena_defer(a, free_bn, bn_n);
	arena_defer(a, free_bn, bn_e);
	AUTO(bld_free_p) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (bld == NULL || bn_n == NULL || bn_e == NULL || BN_num_bits(bn_n) < RSA_LEAST ||	/* RFC 7518 3.3 */
	    !BN_is_odd(bn_n) || !BN_is_odd(bn_e) || BN_is_one(bn_e) ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) || !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e))
		return NULL;
	return key_from("RSA", bld);
}

static EVP_PKEY *ec_key(struct arena *a, const json_t *jwk)
{
	struct slice x, y;
	unsigned char point[1 + 2 * P256] = { POINT_CONVERSION_UNCOMPRESSED };
	if (!member(a, jwk, "x", &x) || !member(a, jwk, "y", &y) || x.n != P256 || y.n != P256)	/* RFC 7518 6.2.1.2 */
		return NULL;
	memcpy(point + 1, x.p, P256);
	memcpy(point + 1 + P256, y.p, P256);
	AUTO(bld_free_p) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (bld == NULL || !OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
		return NULL;
	EVP_PKEY *key = key_from("EC", bld);
	AUTO(pctx_free_p) EVP_PKEY_CTX *c = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	if (c == NULL || EVP_PKEY_public_check(c) != 1) {	/* on the curve, not at infinity */
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static EVP_PKEY *ed_key(struct arena *a, const json_t *jwk)
{
	struct slice x;
	if (!member(a, jwk, "x", &x) || x.n != ED25519)		/* RFC 8037 2 */
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n);
}

/* --- signatures --- */

static bool digest_verify(EVP_PKEY *key, const EVP_MD *md, bool pss, struct slice msg, struct slice sig)
{
	EVP_PKEY_CTX *pc = NULL;
	AUTO(md_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
	if (c == NULL || EVP_DigestVerifyInit(c, &pc, md, NULL, key) != 1)
		return false;
	/* RFC 7518 3.5: MGF1 with SHA-256, salt as long as the hash */
	if (pss && (EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(pc, md) != 1 || EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST) != 1))
		return false;
	return EVP_DigestVerify(c, (const unsigned char *)sig.p, sig.n, (const unsigned char *)msg.p, msg.n) == 1;
}

static bool rs256(EVP_PKEY *key, struct slice msg, struct slice sig)
{
	return digest_verify(key, EVP_sha256(), false, msg, sig);
}

static bool ps256(EVP_PKEY *key, struct slice msg, struct slice sig)
{
	return digest_verify(key, EVP_sha256(), true, msg, sig);
}

static bool es256(EVP_PKEY *key, struct slice msg, struct slice sig)
{
	if (sig.n != 2 * P256)		/* RFC 7518 3.4: r || s */
		return false;
	unsigned char der[80], *end = der;
	AUTO(ecdsa_free_p) ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn((const unsigned char *)sig.p, P256, NULL);
	BIGNUM *t = BN_bin2bn((const unsigned char *)sig.p + P256, P256, NULL);
	if (s == NULL || r == NULL || t == NULL || ECDSA_SIG_set0(s, r, t) != 1) {
		BN_free(r);
		BN_free(t);
		return false;
	}
	int n = i2d_ECDSA_SIG(s, &end);
	return n > 0 && digest_verify(key, EVP_sha256(), false, msg, slice_mem(der, (size_t)n));
}

static bool eddsa(EVP_PKEY *key, struct slice msg, struct slice sig)
{
	return digest_verify(key, NULL, false, msg, sig);
}

/* --- verification --- */

static bool lists_verify(const json_t *ops)
{
	size_t i;
	json_t *op;
	json_array_foreach(ops, i, op)
		if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
			return true;
	return false;
}

/* A member that the key does not have does not speak against it; one that it has must be what we need. */
static bool member_fits(const json_t *jwk, const char *name, const char *wanted)
{
	const json_t *v = json_object_get(jwk, name);
	return v == NULL || (json_is_string(v) && strcmp(json_string_value(v), wanted) == 0);
}

static bool key_fits(const json_t *jwk, const struct alg *alg, const char *kid)
{
	const char *kty = json_str(jwk, "kty"), *crv = json_str(jwk, "crv"), *id = json_str(jwk, "kid");
	const json_t *ops = json_object_get(jwk, "key_ops");
	if (kty == NULL || strcmp(kty, alg->kty) != 0)
		return false;
	if (alg->crv != NULL && (crv == NULL || strcmp(crv, alg->crv) != 0))
		return false;
	if (!member_fits(jwk, "alg", alg->name) || !member_fits(jwk, "use", "sig") || (ops != NULL && !lists_verify(ops)))
		return false;
	return kid == NULL || (id != NULL && strcmp(id, kid) == 0);
}

/* RFC 7515 4.1: members that would change what is verified, or with which key, are refused unseen. */
static const char *header_fault(const json_t *h)
{
	static const char *const refused[] = { "crit", "jwk", "jku", "x5u", "x5c", "zip", "b64", "enc", NULL };
	if (!json_is_object(h))
		return "header";
	for (size_t i = 0; refused[i] != NULL; i++)
		if (json_object_get(h, refused[i]) != NULL)
			return refused[i];
	const json_t *kid = json_object_get(h, "kid");
	return kid != NULL && !json_is_string(kid) ? "kid" : NULL;
}

struct parts {
	struct slice signed_text, payload, sig;
	json_t *header;
};

static const char *split(struct arena *a, struct slice token, struct parts *out)
{
	struct slice rest = token, head, payload, sig, text;
	if (token.n == 0 || token.n > JWS_MAX)
		return "size";
	if (!slice_cut(&rest, '.', &head) || !slice_cut(&rest, '.', &payload) || !slice_cut(&rest, '.', &sig) || rest.p != NULL)
		return "form";
	out->signed_text = slice_mem(token.p, head.n + 1 + payload.n);
	if (b64url_decode(a, head, &text) != OK || json_parse(a, text, &out->header, NULL) != OK)
		return "header";
	if (b64url_decode(a, payload, &out->payload) != OK)
		return "payload";
	return b64url_decode(a, sig, &out->sig) != OK || out->sig.n == 0 ? "signature" : NULL;
}

/* --- keys that were read before --- */

/* Reading a key and checking that it lies on its curve costs more than the signature. By what the key is, not by where it came from: what displaces
 * another costs one more reading. */
enum { KEPT = 64 };
static struct { unsigned char of[SHA256_LEN]; EVP_PKEY *key; } kept[KEPT];
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void digest_key(struct arena *a, const struct alg *alg, const json_t *jwk, unsigned char out[SHA256_LEN])
{
	static const char *const members[] = { "x", "y", "n", "e", NULL };
	struct buf b = buf_new(a);
	buf_printf(&b, "%s", alg->kty);
	for (size_t i = 0; members[i] != NULL; i++)
		buf_printf(&b, "\n%s", json_str(jwk, members[i]) != NULL ? json_str(jwk, members[i]) : "");
	sha256(buf_slice(&b), out);
}

/* A new reference; NULL: it is none. */
static EVP_PKEY *key_of(struct arena *a, const struct alg *alg, const json_t *jwk)
{
	unsigned char of[SHA256_LEN];
	EVP_PKEY *key = NULL;
	digest_key(a, alg, jwk, of);
	size_t at = of[0] % KEPT;
	pthread_mutex_lock(&kept_lock);
	if (kept[at].key != NULL && memcmp(kept[at].of, of, sizeof of) == 0 && EVP_PKEY_up_ref(kept[at].key) == 1)
		key = kept[at].key;
	pthread_mutex_unlock(&kept_lock);
	if (key != NULL || (key = alg->key(a, jwk)) == NULL)
		return key;
	pthread_mutex_lock(&kept_lock);
	EVP_PKEY *old = kept[at].key;
	memcpy(kept[at].of, of, sizeof of);
	kept[at].key = EVP_PKEY_up_ref(key) == 1 ? key : NULL;
	pthread_mutex_unlock(&kept_lock);
	EVP_PKEY_free(old);
	return key;
}

static bool signed_by(struct arena *a, const struct alg *alg, const json_t *jwks, const struct parts *p)
{
	const json_t *keys = json_object_get(jwks, "keys");
	size_t n = json_array_size(keys);
	for (size_t i = 0; i < n && i < MAX_KEYS; i++) {
		const json_t *jwk = json_array_get(keys, i);
		if (!key_fits(jwk, alg, json_str(p->header, "kid")))
			continue;
		EVP_PKEY *key = key_of(a, alg, jwk);
		if (key == NULL)
			continue;
		arena_defer(a, free_key, key);
		if (alg->verify(key, p->signed_text, p->sig))
			return true;
	}
	ERR_clear_error();
	return false;
}

int jws_verify(struct arena *a, struct slice token, const json_t *jwks, json_t **claims, const char **why)
{
	struct parts p = { .header = NULL };
	const char *unused = NULL;
	why = why ? why : &unused;
	if ((*why = split(a, token, &p)) != NULL || (*why = header_fault(p.header)) != NULL)
		return E_INPUT;
	const struct alg *alg = alg_of(json_str(p.header, "alg"));
	if (alg == NULL) {
		*why = "alg";
		return E_INPUT;
	}
	if (!signed_by(a, alg, jwks, &p)) {
		*why = "key";
		return E_INPUT;
	}
	json_t *v;
	if (json_parse(a, p.payload, &v, NULL) != OK || !json_is_object(v)) {
		*why = "claims";
		return E_INPUT;
	}
	*claims = v;
	return OK;
}
