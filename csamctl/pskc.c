/* PSKC (RFC 6030) by libxml2 and OpenSSL: no document types, no entities, nothing from the network, and nothing decrypted before its MAC was right. */
#include <libxml/parser.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "csamctl/pskc.h"

enum { BLOCK = 16, ITERATIONS_MAX = 10 * 1000 * 1000, KEY_MAX = 32 };

#define PSKC_NS "urn:ietf:params:xml:ns:keyprov:pskc"

struct reader {
	struct arena *a;
	xmlDoc *doc;
	struct slice key, mac_key;
	const char *mac;		/* sha1, sha256 …; NULL: the container names none */
};

/* --- the tree --- */

static const xmlNode *child(const xmlNode *of, const char *name)
{
	for (const xmlNode *n = of != NULL ? of->children : NULL; n != NULL; n = n->next)
		if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
			return n;
	return NULL;
}

/* NULL when it is not there, empty, or no plain text. */
static const char *content(struct reader *r, const xmlNode *n)
{
	if (n == NULL || n->children == NULL || n->children->next != NULL || n->children->type != XML_TEXT_NODE)
		return NULL;
	struct slice text = slice_trim(slice_of((const char *)n->children->content), " \t\r\n");
	return text.n > 0 ? arena_str(r->a, text) : NULL;
}

static const char *attribute(struct reader *r, const xmlNode *n, const char *name)
{
	xmlChar *value = n != NULL ? xmlGetProp(n, (const xmlChar *)name) : NULL;
	const char *out = value != NULL ? arena_strdup(r->a, (const char *)value) : NULL;
	xmlFree(value);
	return out;
}

static bool bytes(struct reader *r, const xmlNode *n, struct slice *out)
{
	const char *text = content(r, n);
	struct buf b = buf_new(r->a);
	for (; text != NULL && *text != '\0'; text++)
		if (strchr(" \t\r\n", *text) == NULL)
			buf_char(&b, *text);
	return b.n > 0 && b64_decode(r->a, buf_slice(&b), out) == OK;
}

static const char *ends_with_one_of(const char *text, const char *const *words)
{
	size_t n = text != NULL ? strlen(text) : 0;
	for (; text != NULL && *words != NULL; words++)
		if (n >= strlen(*words) && strcmp(text + n - strlen(*words), *words) == 0)
			return *words;
	return NULL;
}

/* --- the cipher --- */

/* XML Encryption 5.2: the IV comes first; the last byte says how many of the last block do not count. */
static bool decrypt(struct reader *r, const xmlNode *encrypted, struct slice *sealed, struct slice *out)
{
	static const char *const ciphers[] = { "#aes128-cbc", "#aes192-cbc", "#aes256-cbc", NULL };
	const char *name = ends_with_one_of(attribute(r, child(encrypted, "EncryptionMethod"), "Algorithm"), ciphers);
	const EVP_CIPHER *cipher = r->key.n == 16 ? EVP_aes_128_cbc() : r->key.n == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
	if (name == NULL || r->key.n * 8 != strtoul(name + 4, NULL, 10))
		return false;
	if (!bytes(r, child(child(encrypted, "CipherData"), "CipherValue"), sealed) || sealed->n < 2 * BLOCK || sealed->n % BLOCK != 0 || sealed->n > 4096)
		return false;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char *plain = arena_alloc(r->a, sealed->n);
	int n = 0;
	bool ok = c != NULL && EVP_DecryptInit_ex(c, cipher, NULL, (const unsigned char *)r->key.p, (const unsigned char *)sealed->p) == 1 &&
	    EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
	    EVP_DecryptUpdate(c, plain, &n, (const unsigned char *)sealed->p + BLOCK, (int)(sealed->n - BLOCK)) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!ok || n < BLOCK || plain[n - 1] < 1 || plain[n - 1] > BLOCK)
		return false;
	*out = slice_mem(plain, (size_t)n - plain[n - 1]);
	return true;
}

static bool mac_is_right(struct reader *r, struct slice sealed, struct slice mac)
{
	unsigned char right[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const EVP_MD *md = r->mac != NULL ? EVP_get_digestbyname(r->mac) : NULL;
	return md != NULL && HMAC(md, r->mac_key.p, (int)r->mac_key.n, (const unsigned char *)sealed.p, sealed.n, right, &n) != NULL &&
	    slice_same_secret(slice_mem(right, n), mac);
}

/* A value of Data: plain, or encrypted with its MAC. */
static bool value(struct reader *r, const xmlNode *of, struct slice *out, const char **why)
{
	struct slice sealed, mac, plain;
	const xmlNode *encrypted = child(of, "EncryptedValue");
	*why = "its seed is not there";
	if (encrypted == NULL)
		return bytes(r, child(of, "PlainValue"), out);
	*why = r->key.n == 0 ? "its seed is encrypted: the key or passphrase is needed" : "its seed is encrypted in a way that we do not know";
	if (r->key.n == 0 || !bytes(r, child(of, "ValueMAC"), &mac))
		return false;
	bool ok = decrypt(r, encrypted, &sealed, &plain);
	*why = "its MAC is not right: another key or passphrase, or somebody has changed it";
	if (sealed.p == NULL || !mac_is_right(r, sealed, mac) || !ok)
		return false;
	*out = plain;
	return true;
}

/* RFC 6030 6.2, RFC 8018 5.2 */
static const char *derive(struct reader *r, const xmlNode *derived, struct slice passphrase)
{
	static const char *const prfs[] = { "hmac-sha1", "hmac-sha256", "hmac-sha512", NULL };
	const xmlNode *method = child(derived, "KeyDerivationMethod"), *params = child(method, "PBKDF2-params");
	const char *prf = attribute(r, child(params, "PRF"), "Algorithm"), *count = content(r, child(params, "IterationCount"));
	const char *length = content(r, child(params, "KeyLength"));
	unsigned long long rounds, n = 16;
	struct slice salt;
	if (params == NULL || !bytes(r, child(child(params, "Salt"), "Specified"), &salt))
		return "its key is derived in a way that we do not know (only PBKDF2)";
	if (slice_number(slice_of(count), ITERATIONS_MAX, &rounds) != OK || rounds == 0 || (length != NULL && slice_number(slice_of(length), KEY_MAX, &n) != OK) || n < 16)
		return "its PBKDF2-params are not within bounds";
	const char *name = prf == NULL ? prfs[0] : ends_with_one_of(prf, prfs);
	unsigned char *key = arena_alloc(r->a, KEY_MAX);
	if (name == NULL || PKCS5_PBKDF2_HMAC(passphrase.p, (int)passphrase.n, (const unsigned char *)salt.p, (int)salt.n, (int)rounds,
	    EVP_get_digestbyname(name + strlen("hmac-")), (int)n, key) != 1)
		return "its PBKDF2-params name a PRF that we do not know";
	r->key = slice_mem(key, (size_t)n);
	return NULL;
}

static const char *keys(struct reader *r, const xmlNode *root, struct slice passphrase)
{
	static const char *const macs[] = { "hmac-sha1", "hmac-sha256", "hmac-sha512", NULL };
	const xmlNode *derived = child(child(root, "EncryptionKey"), "DerivedKey"), *method = child(root, "MACMethod");
	struct slice sealed;
	const char *why = passphrase.n == 0 ? NULL : derived == NULL ? "no key of it is derived from a passphrase" : derive(r, derived, passphrase);
	const char *name = ends_with_one_of(attribute(r, method, "Algorithm"), macs);
	r->mac = name != NULL ? name + strlen("hmac-") : NULL;
	r->mac_key = r->key;		/* RFC 6030 6.1.1: without MACKey it is the same */
	if (why != NULL || r->key.n == 0 || child(method, "MACKey") == NULL)
		return why;
	return decrypt(r, child(method, "MACKey"), &sealed, &r->mac_key) ? NULL : "its MAC key cannot be decrypted: another key or passphrase";
}

/* --- one token --- */

static const char *plain_number(struct reader *r, const xmlNode *data, const char *name)
{
	return content(r, child(child(data, name), "PlainValue"));
}

static void token(struct reader *r, const xmlNode *package, struct pskc_token *t)
{
	static const char *const kinds[] = { ":hotp", ":totp", NULL }, *const suites[] = { "SHA1", "SHA256", "SHA512", NULL };
	static const char *const hashes[] = { "sha1", "sha256", "sha512" };
	const xmlNode *key = child(package, "Key"), *data = child(key, "Data"), *params = child(key, "AlgorithmParameters");
	const char *kind = ends_with_one_of(attribute(r, key, "Algorithm"), kinds), *suite = content(r, child(params, "Suite"));
	*t = (struct pskc_token){ .serial = content(r, child(child(package, "DeviceInfo"), "SerialNo")), .line = (unsigned long)xmlGetLineNo(package),
		.type = kind != NULL ? kind + 1 : NULL, .digits = attribute(r, child(params, "ResponseFormat"), "Length"),
		.counter = plain_number(r, data, "Counter"), .period = plain_number(r, data, "TimeInterval") };
	const char *encoding = attribute(r, child(params, "ResponseFormat"), "Encoding");
	for (size_t i = 0; suite != NULL && suites[i] != NULL; i++)
		if (strcmp(suite, suites[i]) == 0 || strcmp(suite, arena_printf(r->a, "HMAC-%s", suites[i])) == 0)
			t->hash = hashes[i];
	if (t->serial == NULL)
		t->why = "no SerialNo";
	else if (t->type == NULL)
		t->why = "its algorithm is neither HOTP nor TOTP";
	else if (suite != NULL && t->hash == NULL)
		t->why = "its Suite is not SHA1, SHA256 or SHA512";
	else if (encoding != NULL && strcmp(encoding, "DECIMAL") != 0)
		t->why = "its codes are not decimal digits";
	else if (!value(r, child(data, "Secret"), &t->seed, &t->why))
		return;
	else
		t->why = NULL;
	if (t->type != NULL && t->type[0] == 't')
		t->counter = NULL;
}

static int container(struct reader *r, struct slice passphrase, struct pskc_token **out, size_t *n, const char **why)
{
	const xmlNode *root = xmlDocGetRootElement(r->doc);
	size_t count = 0;
	*why = "no PSKC container (RFC 6030)";
	if (root == NULL || strcmp((const char *)root->name, "KeyContainer") != 0 || root->ns == NULL || strcmp((const char *)root->ns->href, PSKC_NS) != 0)
		return E_INPUT;
	*why = keys(r, root, passphrase);
	if (*why != NULL)
		return E_INPUT;
	for (const xmlNode *p = root->children; p != NULL; p = p->next)
		count += p->type == XML_ELEMENT_NODE && strcmp((const char *)p->name, "KeyPackage") == 0;
	*out = ARENA_ARRAY(r->a, struct pskc_token, count + 1);
	*n = 0;
	for (const xmlNode *p = root->children; p != NULL; p = p->next)
		if (p->type == XML_ELEMENT_NODE && strcmp((const char *)p->name, "KeyPackage") == 0)
			token(r, p, &(*out)[(*n)++]);
	return OK;
}

int pskc_read(struct arena *a, struct slice xml, struct slice key, struct slice passphrase, struct pskc_token **out, size_t *n, const char **why)
{
	struct reader r = { .a = a, .key = key };
	*why = "larger than 32 MiB";
	if (xml.n > PSKC_MAX)
		return E_INPUT;
	*why = "a document type has no place there";
	if (memmem(xml.p, xml.n, "<!DOCTYPE", 9) != NULL)
		return E_INPUT;
	*why = "no well-formed XML";
	r.doc = xmlReadMemory(xml.p, (int)xml.n, "pskc", NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
	if (r.doc == NULL)
		return E_INPUT;
	int rc = E_INPUT;
	if (r.doc->intSubset == NULL && r.doc->extSubset == NULL)	/* in another encoding */
		rc = container(&r, passphrase, out, n, why);
	xmlFreeDoc(r.doc);
	return rc;
}
