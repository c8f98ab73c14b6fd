/* A keyring for tests of the audit trail, in the test's own process: it signs heads, and seals by XOR with nothing. */
/* LINK: -Wl,--wrap=keyring_audit_head,--wrap=keyring_audit_month,--wrap=keyring_audit_hour,--wrap=keyring_audit_notice,--wrap=keyring_audit_public */
#ifndef CSAM_AUDIT_FAKES_H
#define CSAM_AUDIT_FAKES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include "base/clock.h"
#include "base/codec.h"
#include "svc/audit.h"
#include "svc/audit_archive.h"
#include "svc/audit_keys.h"
#include "svc/audit_verify.h"
#include "svc/keyring_audit.h"

static EVP_PKEY *fake_key;
static const char *fake_kid = "kid-1";
static atomic_int fake_keyring_down, fake_heads;
static char fake_pem[512];
static const struct audit_public fake_public = { "kid-1", fake_pem };

static void fake_key_make(void)
{
	fake_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_PUBKEY(b, fake_key);
	memset(fake_pem, 0, sizeof fake_pem);
	BIO_read(b, fake_pem, sizeof fake_pem - 1);
	BIO_free(b);
}

int __wrap_keyring_audit_public(struct arena *a, struct slice *json);
int __wrap_keyring_audit_public(struct arena *a, struct slice *json)
{
	(void)a;
	*json = S("{\"keys\":[]}");
	return OK;
}

int __wrap_keyring_audit_head(struct arena *a, struct audit_head *head, struct slice *sig, const char **kid);
int __wrap_keyring_audit_head(struct arena *a, struct audit_head *head, struct slice *sig, const char **kid)
{
	if (fake_keyring_down)
		return E_DOWN;
	head->time = now();
	head->signatures = 7;
	struct slice text = audit_statement(a, head);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 128;
	unsigned char *raw = arena_alloc(a, n);
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, fake_key) != 1 ||
	    EVP_DigestSign(ctx, raw, &n, (const unsigned char *)text.p, text.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	*sig = slice_mem(raw, n);
	*kid = fake_kid;
	fake_heads++;
	return OK;
}

int __wrap_keyring_audit_month(struct arena *a, const char *class, const char *month, struct slice *sealed);
int __wrap_keyring_audit_month(struct arena *a, const char *class, const char *month, struct slice *sealed)
{
	*sealed = slice_of(arena_printf(a, "month %s %s", class, month));
	return fake_keyring_down ? E_DOWN : OK;
}

int __wrap_keyring_audit_hour(struct slice month, const char *class, const char *hour, unsigned char out[AEAD_KEY_LEN]);
int __wrap_keyring_audit_hour(struct slice month, const char *class, const char *hour, unsigned char out[AEAD_KEY_LEN])
{
	AUTO_ARENA a = arena_new();
	sha256(slice_of(arena_printf(a, "%.*s %s %s", (int)month.n, month.p, class, hour)), out);
	return fake_keyring_down ? E_DOWN : OK;
}

int __wrap_keyring_audit_notice(struct arena *a, uint64_t done, uint64_t *number, struct slice *json);
int __wrap_keyring_audit_notice(struct arena *a, uint64_t done, uint64_t *number, struct slice *json)
{
	(void)a, (void)done, (void)number, (void)json;
	return E_DOWN;
}

/* The personal fields of a line, opened with what the front itself would be given. */
static inline struct slice fake_open(struct arena *a, const char *dir, struct slice line)
{
	const char *class = arena_str(a, audit_member(line, "class")), *hour = arena_str(a, audit_member(line, "hour")), *why;
	struct slice month, raw, plain;
	unsigned char key[AEAD_KEY_LEN];
	char digest[CHAIN_HEX + 1];
	if (audit_month_read(a, dir, class, arena_str(a, slice_mem(hour, AUDIT_MONTH_LEN)), &month, &why) != OK ||
	    __wrap_keyring_audit_hour(month, class, hour, key) != OK || b64_decode(a, audit_member(line, "sealed"), &raw) != OK ||
	    aead_open(a, key, raw, audit_seal_ad(a, class, hour), &plain) != OK)
		return S_NONE;
	chain_digest(plain, digest);
	return slice_is(audit_member(line, "commit"), digest) ? plain : S_NONE;
}

/* Every line of the segments of a folder, one after the other. */
static inline struct slice fake_read(struct arena *a, const char *dir)
{
	struct audit_file *f;
	const char *why;
	size_t n;
	struct buf all = buf_new(a);
	struct slice line;
	if (audit_files(a, dir, &f, &n, &why) != OK)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct audit_reader *r = audit_reader_open(f[i].path, &why);
		while (audit_reader_line(r, &line) == OK)
			buf_raw(&all, line);
		audit_reader_close(r);
	}
	return buf_slice(&all);
}

#endif
