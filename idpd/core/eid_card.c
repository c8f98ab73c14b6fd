/* One certificate: what it must be, whose it is, and whether its key signed. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/national.h"
#include "base/openssl.h"
#include "core/eid_parts.h"

enum { MAX_DER = 8 * 1024, NATIONAL_DIGITS = 11, RSA_LEAST = 2048, RSA_MOST = 8192, P521 = 66 };

/* --- what it must be --- */

static X509 *parse(struct arena *a, struct slice der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	if (der.n == 0 || der.n > MAX_DER)
		return NULL;
	X509 *cert = d2i_X509(NULL, &p, (long)der.n);
	ERR_clear_error();
	if (cert == NULL)
		return NULL;
	arena_defer(a, eid_free_x509, cert);
	/* All of it, and extensions that can be read (RFC 5280 4.2: none of them twice). */
	bool whole = p == (const unsigned char *)der.p + der.n && !(X509_get_extension_flags(cert) & EXFLAG_INVALID);
	ERR_clear_error();
	return whole ? cert : NULL;
}

static const char *usage(X509 *cert)
{
	uint32_t flags = X509_get_extension_flags(cert), use = X509_get_key_usage(cert);
	if (flags & EXFLAG_CA)
		return "card-purpose";
	if (!(flags & EXFLAG_KUSAGE) || !(use & KU_DIGITAL_SIGNATURE) || use & KU_NON_REPUDIATION)
		return "card-signature-only";
	/* Older cards have none; one that is there must be for this. */
	if (flags & EXFLAG_XKUSAGE && !(X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT))
		return "card-purpose";
	return NULL;
}

static bool listed(const ASN1_OBJECT *policy)
{
	char oid[128];
	int n = OBJ_obj2txt(oid, sizeof oid, policy, 1);
	for (const char *const *p = eid_conf.policies; n > 0 && *p != NULL; p++)
		if (strcmp(*p, oid) == 0)
			return true;
	return false;
}

static bool policy_fits(X509 *cert)
{
	if (eid_conf.policies == NULL || eid_conf.policies[0] == NULL)
		return true;
	CERTIFICATEPOLICIES *all = X509_get_ext_d2i(cert, NID_certificate_policies, NULL, NULL);
	bool found = false;
	for (int i = 0; all != NULL && i < sk_POLICYINFO_num(all) && !found; i++)
		found = listed(sk_POLICYINFO_value(all, i)->policyid);
	CERTIFICATEPOLICIES_free(all);
	return found;
}

/* RSA of 2048 bits and more, and the curves that Web eID knows: cards have RSA-2048 or P-384. */
static bool key_is_strong(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char curve[32];
	size_t n;
	if (key == NULL)
		return false;
	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_LEAST && EVP_PKEY_get_bits(key) <= RSA_MOST;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) == 1 &&
	    (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0 || strcmp(curve, "secp521r1") == 0);
}

static const char *dates(X509 *cert, time_t when)
{
	if (X509_cmp_time(X509_get0_notBefore(cert), &when) >= 0)	/* 0: an error */
		return "card-not-yet";
	return X509_cmp_time(X509_get0_notAfter(cert), &when) <= 0 ? "card-expired" : NULL;
}

/* --- whose it is --- */

static const char *number_of(struct arena *a, X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_serialNumber, at) >= 0)	/* two would be two persons */
		return NULL;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	struct slice digits = slice_mem(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	if (digits.n != NATIONAL_DIGITS || national_number_check(digits, eid_conf.testing) != OK)
		return NULL;
	return arena_str(a, digits);
}

enum { NAME_MOST = 128 };

/* NULL: not there once, or not a line that can be shown. */
static const char *name_of(struct arena *a, X509 *cert, int nid)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, nid, -1);
	unsigned char *utf8 = NULL;
	if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0)
		return NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	struct slice text = slice_mem(utf8, n > 0 ? (size_t)n : 0);
	const char *name = text.n > 0 && text.n <= NAME_MOST && slice_is_text(text, "") ? arena_str(a, text) : NULL;
	OPENSSL_free(utf8);
	return name;
}

static const char *serial_of(struct arena *a, X509 *cert)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(cert);
	struct buf b = buf_new(a);
	buf_hex(&b, slice_mem(ASN1_STRING_get0_data(n), (size_t)ASN1_STRING_length(n)));
	return buf_cstr(&b);
}

static const char *refused(struct arena *a, X509 *cert, const unsigned char *fingerprint, time_t when, struct eid_card *out)
{
	const char *why;
	if (cert == NULL)
		return "card-unreadable";
	if ((why = usage(cert)) != NULL)
		return why;
	if (!policy_fits(cert))
		return "card-policy";
	if ((why = dates(cert, when)) != NULL)
		return why;
	if ((out->issuer = eid_issuer_of(cert)) == NULL || !eid_verify_chain(out->issuer, cert, fingerprint, when))
		return "card-other-ca";
	if (!key_is_strong(cert))
		return "card-weak";
	out->national_number = number_of(a, cert);
	return out->national_number == NULL ? "card-number" : NULL;
}

enum verdict eid_card(struct arena *a, struct slice der, time_t when, struct eid_card *out, const char **why)
{
	unsigned char hash[SHA256_LEN];
	struct eid_card card = { .certificate = parse(a, der) };
	sha256(der, hash);
	*why = refused(a, card.certificate, hash, when, &card);
	ERR_clear_error();
	if (*why != NULL)
		return V_DENY;
	card.fingerprint = arena_copy(a, slice_mem(hash, sizeof hash));
	card.serial = serial_of(a, card.certificate);
	card.given_name = name_of(a, card.certificate, NID_givenName);
	card.family_name = name_of(a, card.certificate, NID_surname);
	*out = card;
	return V_ALLOW;
}

/* --- did its key sign? --- */

static const struct alg {
	const char *name, *type, *curve;
	const EVP_MD *(*md)(void);
	size_t half;			/* ECDSA: bytes of r and of s (RFC 7518 3.4) */
	bool pss;
} algs[] = {
	{ "ES256", "EC", "prime256v1", EVP_sha256, 32, false },
	{ "ES384", "EC", "secp384r1", EVP_sha384, 48, false },
	{ "ES512", "EC", "secp521r1", EVP_sha512, P521, false },
	{ "RS256", "RSA", NULL, EVP_sha256, 0, false },
	{ "RS384", "RSA", NULL, EVP_sha384, 0, false },
	{ "RS512", "RSA", NULL, EVP_sha512, 0, false },
	{ "PS256", "RSA", NULL, EVP_sha256, 0, true },
	{ "PS384", "RSA", NULL, EVP_sha384, 0, true },
	{ "PS512", "RSA", NULL, EVP_sha512, 0, true },
};

static const struct alg *alg_of(const char *name, EVP_PKEY *key)
{
	char curve[32] = "";
	size_t n;
	EVP_PKEY_get_group_name(key, curve, sizeof curve, &n);
	for (size_t i = 0; name != NULL && i < sizeof algs / sizeof *algs; i++)
		if (strcmp(algs[i].name, name) == 0)
			return EVP_PKEY_is_a(key, algs[i].type) && (algs[i].curve == NULL || strcmp(algs[i].curve, curve) == 0) ? &algs[i] : NULL;
	return NULL;
}

/* r || s as OpenSSL wants it: DER. Its length, 0 when it cannot be. */
static size_t ecdsa_der(struct slice sig, size_t half, unsigned char out[2 * P521 + 16])
{
	AUTO(ecdsa_free_p) ECDSA_SIG *s = ECDSA_SIG_new();
	if (sig.n != 2 * half || s == NULL)
		return 0;
	BIGNUM *r = BN_bin2bn((const unsigned char *)sig.p, (int)half, NULL);
	BIGNUM *t = BN_bin2bn((const unsigned char *)sig.p + half, (int)half, NULL);
	if (r == NULL || t == NULL || ECDSA_SIG_set0(s, r, t) != 1) {
		BN_free(r);
		BN_free(t);
		return 0;
	}
	int n = i2d_ECDSA_SIG(s, &out);
	return n > 0 ? (size_t)n : 0;
}

static bool verify(EVP_PKEY *key, const struct alg *alg, struct slice bytes, struct slice sig)
{
	unsigned char der[2 * P521 + 16];
	EVP_PKEY_CTX *pc = NULL;
	AUTO(md_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
	if (alg->half != 0)
		sig = slice_mem(der, ecdsa_der(sig, alg->half, der));
	if (sig.n == 0 || c == NULL || EVP_DigestVerifyInit(c, &pc, alg->md(), NULL, key) != 1)
		return false;
	if (alg->pss && (EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) != 1 ||	/* RFC 7518 3.5 */
	    EVP_PKEY_CTX_set_rsa_mgf1_md(pc, alg->md()) != 1 || EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST) != 1))
		return false;
	return EVP_DigestVerify(c, (const unsigned char *)sig.p, sig.n, (const unsigned char *)bytes.p, bytes.n) == 1;
}

bool eid_signed(const struct eid_card *card, const char *name, struct slice bytes, struct slice signature)
{
	EVP_PKEY *key = X509_get0_pubkey(card->certificate);
	const struct alg *alg = key != NULL ? alg_of(name, key) : NULL;
	bool ok = alg != NULL && verify(key, alg, bytes, signature);
	ERR_clear_error();
	return ok;
}
