/* The Web eID token: parsed, and verified against challenge and origin of our own. */
#include <openssl/evp.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/json.h"
#include "core/eid_web.h"

enum { NONCE = 32 };

const char *eid_web_nonce(struct arena *a)
{
	unsigned char bytes[NONCE];
	struct buf b = buf_new(a);
	random_bytes(bytes, sizeof bytes);
	buf_b64(&b, slice_mem(bytes, sizeof bytes));
	wipe(bytes, sizeof bytes);
	return buf_cstr(&b);
}

/* "web-eid:1" and whatever ".minor": the major version promises what is signed, and how. */
static bool is_version_1(const char *format)
{
	static const char prefix[] = "web-eid:1";
	if (strncmp(format, prefix, sizeof prefix - 1) != 0)
		return false;
	const char *rest = format + sizeof prefix - 1;
	return *rest == '\0' || (*rest == '.' && rest[1] != '\0' && strlen(rest) < 8 && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

/* The hash of the algorithm's name: ES384, RS256 ... */
static const EVP_MD *hash_of(const char *alg)
{
	if (strlen(alg) != 5)
		return NULL;
	return strcmp(alg + 2, "256") == 0 ? EVP_sha256() : strcmp(alg + 2, "384") == 0 ? EVP_sha384() :
	    strcmp(alg + 2, "512") == 0 ? EVP_sha512() : NULL;
}

static void add_hash(struct buf *b, const EVP_MD *md, const char *text)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n;
	if (EVP_Digest(text, strlen(text), hash, &n, md, NULL) != 1)
		abort();
	buf_raw(b, slice_mem(hash, n));
}

/* Hash of the origin, then hash of the challenge as the text it was sent as. Which origin: ours, from the configuration; the token names none. */
static struct slice signed_bytes(struct arena *a, const EVP_MD *md, const char *origin, const char *nonce)
{
	struct buf b = buf_new(a);
	add_hash(&b, md, origin);
	add_hash(&b, md, nonce);
	return buf_slice(&b);
}

enum verdict eid_web_token(struct arena *a, struct slice token, const char *origin, const char *nonce, time_t when, struct eid_card *out, const char **why)
{
	json_t *v;
	struct slice der, signature;
	*why = "token-form";
	if (token.n < WEB_EID_MIN || token.n > WEB_EID_MAX || json_parse(a, token, &v, NULL) != OK || !json_is_object(v))
		return V_DENY;
	/* Members that are not known are of a later minor version, or of the extension. */
	const char *format = json_str(v, "format"), *alg = json_str(v, "algorithm");
	const char *cert = json_str(v, "unverifiedCertificate"), *sig = json_str(v, "signature");
	if (format == NULL || alg == NULL || cert == NULL || sig == NULL)
		return V_DENY;
	if (!is_version_1(format)) {
		*why = "token-version";
		return V_DENY;
	}
	const EVP_MD *md = hash_of(alg);
	if (md == NULL || b64_decode(a, slice_of(cert), &der) != OK || b64_decode(a, slice_of(sig), &signature) != OK)
		return V_DENY;
	struct eid_card card;
	if (eid_card(a, der, when, &card, why) != V_ALLOW)
		return V_DENY;
	*why = "card-proof";
	if (!eid_signed(&card, alg, signed_bytes(a, md, origin, nonce), signature))
		return V_DENY;
	*why = NULL;
	*out = card;
	return V_ALLOW;
}
