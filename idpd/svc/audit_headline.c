/* Lines that hold a signed head: what they say, and whether the signature is right. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/openssl.h"
#include "svc/audit_verify.h"

struct slice audit_member(struct slice line, const char *name)
{
	AUTO_ARENA a = arena_new();
	return slice_behind(line, arena_printf(a, "\"%s\":\"", name), '"');
}

/* 2026-11-22T14:05:06Z */
static int iso_time(const char *s, time_t *out)
{
	struct tm tm = { 0 };
	const char *end = s != NULL ? strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	if (end == NULL || *end != '\0')
		return E_INPUT;
	*out = timegm(&tm);
	return OK;
}

int audit_headline_read(struct arena *a, struct slice line, struct audit_headline *out)
{
	struct audit_headline h = { .kid = NULL };
	json_t *v;
	if (json_parse(a, line, &v, NULL) != OK)
		return E_INPUT;
	const json_t *of = json_object_get(v, "of"), *signatures = json_object_get(v, "signatures");
	const char *sig = json_str(v, "sig");
	h.head = (struct audit_head){ .node = json_str(v, "node"), .boot = json_str(v, "boot"), .chain = json_str(v, "head") };
	h.kid = json_str(v, "kid");
	if (!json_is_integer(of) || !json_is_integer(signatures) || h.head.node == NULL || h.head.boot == NULL || h.head.chain == NULL || h.kid == NULL ||
	    sig == NULL || iso_time(json_str(v, "at"), &h.head.time) != OK || b64_decode(a, slice_of(sig), &h.sig) != OK)
		return E_INPUT;
	h.head.seq = (uint64_t)json_integer_value(of);
	h.head.signatures = (uint64_t)json_integer_value(signatures);
	*out = h;
	return OK;
}

static const char *pem_of(const char *kid, const struct audit_public *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].kid, kid) == 0)
			return keys[i].pem;
	return NULL;
}

int audit_public_read(struct arena *a, struct slice *pems, struct audit_public *out)
{
	unsigned char hash[SHA256_LEN], *der = NULL;
	char *text = NULL;
	struct buf kid = buf_new(a);
	AUTO(bio_free_p) BIO *in = BIO_new_mem_buf(pems->p, (int)pems->n);
	AUTO(bio_free_p) BIO *pem = BIO_new(BIO_s_mem());
	AUTO(pkey_free_p) EVP_PKEY *k = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	int n = k != NULL ? i2d_PUBKEY(k, &der) : -1;
	ERR_clear_error();
	if (n <= 0 || pem == NULL || PEM_write_bio_PUBKEY(pem, k) != 1)
		return E_INPUT;
	sha256(slice_mem(der, (size_t)n), hash);
	OPENSSL_free(der);
	buf_hex(&kid, slice_mem(hash, sizeof hash));
	long len = BIO_get_mem_data(pem, &text);
	*out = (struct audit_public){ buf_cstr(&kid), arena_str(a, slice_mem(text, (size_t)len)) };
	size_t left = BIO_pending(in);
	*pems = slice_mem(pems->p + (pems->n - left), left);
	return OK;
}

int audit_headline_check(struct arena *a, const struct audit_headline *h, const struct audit_public *keys, size_t n)
{
	const char *pem = pem_of(h->kid, keys, n);
	struct slice text = audit_statement(a, &h->head);
	if (pem == NULL)
		return E_NOENT;
	AUTO(bio_free_p) BIO *in = BIO_new_mem_buf(pem, -1);
	AUTO(pkey_free_p) EVP_PKEY *k = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	AUTO(md_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool right = k != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k) == 1 &&
	    EVP_DigestVerify(ctx, (const unsigned char *)h->sig.p, h->sig.n, (const unsigned char *)text.p, text.n) == 1;
	ERR_clear_error();
	return right ? OK : E_INPUT;
}
