/* PKCS#11 2.40 as far as a login needs it: find the authentication certificate, log in once, sign once. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include "card/token.h"

enum { MAX_SLOTS = 32, PIN_MIN = 4, PIN_MAX = 12 };

/* What a return value is to the person. */
static const char *word_of(CK_RV rv)
{
	switch (rv) {
	case CKR_PIN_INCORRECT:
		return "pin-wrong";
	case CKR_PIN_LOCKED:
		return "pin-locked";
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_INVALID:
		return "pin-form";
	case CKR_FUNCTION_CANCELED:
	case CKR_FUNCTION_REJECTED:
	case CKR_CANCEL:
		return "pin-cancelled";
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_OBJECT_HANDLE_INVALID:
		return "removed";
	default:
		return "broken";
	}
}

/* --- objects --- */

/* One attribute that must fit into `room`. A module may say any length, also after it was told how much room there is. */
static bool attribute(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *to, size_t room, size_t *n)
{
	CK_ATTRIBUTE a = { .type = type, .pValue = to, .ulValueLen = room };
	if (p11->C_GetAttributeValue(session, object, &a, 1) != CKR_OK || a.ulValueLen > room)
		return false;
	*n = a.ulValueLen;
	return true;
}

/* The first object like this; false: there is none. */
static bool object_like(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_ATTRIBUTE *like, CK_ULONG nlike, CK_OBJECT_HANDLE *out)
{
	CK_ULONG n = 0;
	if (p11->C_FindObjectsInit(session, like, nlike) != CKR_OK)
		return false;
	CK_RV rv = p11->C_FindObjects(session, out, 1, &n);
	p11->C_FindObjectsFinal(session);
	return rv == CKR_OK && n > 0;
}

/* Belgian cards name it so; the certificate beside it, for documents, is not looked at. */
static bool read_certificate(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, struct token *t)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	char label[] = "Authentication";
	CK_ATTRIBUTE like[] = { { CKA_CLASS, &class, sizeof class }, { CKA_LABEL, label, sizeof label - 1 } };
	CK_OBJECT_HANDLE object;
	return object_like(p11, session, like, 2, &object) &&
	    attribute(p11, session, object, CKA_VALUE, t->cert, sizeof t->cert, &t->ncert) && t->ncert > 0 &&
	    attribute(p11, session, object, CKA_ID, t->key_id, sizeof t->key_id, &t->nkey_id) && t->nkey_id > 0;
}

/* --- whose card it is --- */

static X509 *certificate_of(const struct token *t)
{
	const unsigned char *p = t->cert;
	return d2i_X509(NULL, &p, (long)t->ncert);
}

/* The common name, cut between characters; what is no text becomes a question mark. */
static void name_holder(X509 *cert, struct token *t)
{
	unsigned char *text = NULL;
	int at = X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_commonName, -1);
	X509_NAME_ENTRY *e = at >= 0 ? X509_NAME_get_entry(X509_get_subject_name(cert), at) : NULL;
	int n = e != NULL ? ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e)) : 0;
	size_t len = n > 0 ? (size_t)n : 0;
	for (len = len < TOKEN_LABEL_MAX ? len : TOKEN_LABEL_MAX; len > 0 && len < (size_t)n && (text[len] & 0xc0) == 0x80;)
		len--;
	for (size_t i = 0; i < len; i++)
		t->label[i] = text[i] < ' ' || text[i] == 0x7f ? '?' : (char)text[i];
	t->label[len] = '\0';
	if (len == 0)
		memcpy(t->label, "?", 2);
	OPENSSL_free(text);
}

static bool describe(struct token *t)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	X509 *cert = certificate_of(t);
	if (cert == NULL)
		return false;
	name_holder(cert, t);
	X509_free(cert);
	if (EVP_Digest(t->cert, t->ncert, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (size_t i = 0; i < TOKEN_ID / 2; i++)
		snprintf(t->id + 2 * i, 3, "%02x", hash[i]);
	return true;
}

/* --- which cards are there --- */

/* "ready", or what is wrong with this one. */
static const char *read_token(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, struct token *t)
{
	CK_TOKEN_INFO info = { .flags = 0 };
	CK_SESSION_HANDLE session;
	CK_RV rv = p11->C_GetTokenInfo(slot, &info);
	if (rv != CKR_OK)
		return rv == CKR_TOKEN_NOT_RECOGNIZED ? "no-certificate" : word_of(rv);
	if (!(info.flags & CKF_TOKEN_INITIALIZED))
		return "no-card";
	*t = (struct token){ .slot = slot, .flags = info.flags };
	rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return word_of(rv);
	bool has = read_certificate(p11, session, t);
	rv = p11->C_CloseSession(session);
	return !has ? "no-certificate" : rv != CKR_OK ? word_of(rv) : describe(t) ? "ready" : "broken";
}

const char *token_find(CK_FUNCTION_LIST *p11, struct tokens *out)
{
	CK_SLOT_ID slots[MAX_SLOTS] = { 0 };
	CK_ULONG n = MAX_SLOTS;
	const char *word = "no-card";
	out->n = 0;
	CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK || n > MAX_SLOTS)
		return rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL ? "broken" : word_of(rv);
	for (CK_ULONG i = 0; i < n && out->n < TOKEN_MAX; i++) {
		const char *one = read_token(p11, slots[i], &out->all[out->n]);
		if (strcmp(one, "ready") == 0)
			out->n++;
		else if (strcmp(one, "no-card") != 0)
			word = one;
	}
	if (out->n > 0)
		return "ready";
	if (strcmp(word, "no-card") != 0)
		return word;
	n = 0;
	return p11->C_GetSlotList(CK_FALSE, NULL, &n) == CKR_OK && n == 0 ? "no-reader" : "no-card";
}

/* --- one login, one signature --- */

struct method {
	const char *alg;
	CK_MECHANISM_TYPE mechanism;
	const EVP_MD *hash;		/* NULL: the card hashes */
	size_t n;			/* of the signature; 0: any */
};

/* By the key of the certificate: RSA hashed by the card, EC over our hash (RFC 7518 3.3, 3.4). */
static bool method_of(const struct token *t, struct method *out)
{
	X509 *cert = certificate_of(t);
	EVP_PKEY *key = cert != NULL ? X509_get0_pubkey(cert) : NULL;
	int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
	bool ec = key != NULL && EVP_PKEY_is_a(key, "EC"), known = true;
	if (key != NULL && EVP_PKEY_is_a(key, "RSA"))
		*out = (struct method){ "RS256", CKM_SHA256_RSA_PKCS, NULL, 0 };
	else if (ec && bits == 256)
		*out = (struct method){ "ES256", CKM_ECDSA, EVP_sha256(), 64 };
	else if (ec && bits == 384)
		*out = (struct method){ "ES384", CKM_ECDSA, EVP_sha384(), 96 };
	else if (ec && bits == 521)
		*out = (struct method){ "ES512", CKM_ECDSA, EVP_sha512(), 132 };
	else
		known = false;
	X509_free(cert);
	return known;
}

static const char *sign(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct token *t, const char *text, struct token_signature *out)
{
	unsigned char hash[EVP_MAX_MD_SIZE], id[TOKEN_KEY_ID_MAX];
	unsigned nhash = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	memcpy(id, t->key_id, t->nkey_id);
	CK_ATTRIBUTE like[] = { { CKA_CLASS, &class, sizeof class }, { CKA_ID, id, t->nkey_id } };
	CK_OBJECT_HANDLE key;
	CK_ULONG n = sizeof out->bytes;
	struct method m;
	if (!method_of(t, &m) || !object_like(p11, session, like, 2, &key))
		return "no-certificate";
	if (m.hash != NULL && EVP_Digest(text, strlen(text), hash, &nhash, m.hash, NULL) != 1)
		return "broken";
	CK_MECHANISM mechanism = { m.mechanism, NULL, 0 };
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);
	if (rv == CKR_OK)
		rv = m.hash != NULL ? p11->C_Sign(session, hash, nhash, out->bytes, &n) :
		    p11->C_Sign(session, (CK_BYTE *)(size_t)text, strlen(text), out->bytes, &n);
	if (rv != CKR_OK)
		return word_of(rv);
	if (n == 0 || n > sizeof out->bytes || (m.n != 0 && n != m.n))
		return "broken";
	out->alg = m.alg;
	out->n = n;
	return "signed";
}

/* What costs a try is not sent to the card: no PIN at all, or something that cannot be one. */
static bool is_pin(const char *pin)
{
	size_t n = strlen(pin);
	return n >= PIN_MIN && n <= PIN_MAX && strspn(pin, "0123456789") == n;
}

static const char *log_in(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct token *t, const char *pin, bool last_try)
{
	if (t->flags & CKF_USER_PIN_LOCKED)
		return "pin-locked";
	if ((t->flags & CKF_USER_PIN_FINAL_TRY) && !last_try)
		return "pin-final";
	if (pin == NULL ? !(t->flags & CKF_PROTECTED_AUTHENTICATION_PATH) : !is_pin(pin))
		return "pin-form";
	CK_RV rv = p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)(size_t)pin, pin != NULL ? strlen(pin) : 0);
	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		return "broken";		/* a login that proves no PIN is none */
	return rv == CKR_OK ? NULL : word_of(rv);
}

const char *token_sign(CK_FUNCTION_LIST *p11, const struct token *t, const char *pin, bool last_try, const char *text, struct token_signature *out)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = p11->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return word_of(rv);
	const char *no = log_in(p11, session, t, pin, last_try);
	return no != NULL ? no : sign(p11, session, t, text, out);
}
