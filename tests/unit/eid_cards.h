/* For tests of the eID: cards of setup/eid-pki, made once for each program, and what its responder says. */
#ifndef CSAM_TEST_EID_CARDS_H
#define CSAM_TEST_EID_CARDS_H

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail		/* cmocka's: base/log.h has one too */
#include "base/log.h"
#undef fail
#define fail() _fail(__FILE__, __LINE__)
#include "base/buf.h"
#include "base/codec.h"
#include "core/eid.h"

#define OCSP_AT "http://ocsp.test.example/eid"
#define CRL_AT "http://crl.test.example/eid"

static char pki[] = "/tmp/csam-eid.XXXXXX";
static struct arena *eid_arena;

static struct slice file_bytes(const char *path)
{
	static char buf[256 * 1024];
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("%s cannot be read", path);
	size_t n = fread(buf, 1, sizeof buf, f);
	fclose(f);
	return arena_copy(eid_arena, slice_mem(buf, n));
}

static inline struct slice in_pki(const char *name)
{
	return file_bytes(arena_printf(eid_arena, "%s/%s", pki, name));
}

static inline struct slice der_of(const char *path)
{
	FILE *f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s cannot be read", path);
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	struct slice out = arena_copy(eid_arena, slice_mem(der, (size_t)n));
	OPENSSL_free(der);
	X509_free(x);
	return out;
}

static inline struct slice card_der(const char *name)
{
	return der_of(arena_printf(eid_arena, "%s/cards/%s.pem", pki, name));
}

static inline EVP_PKEY *card_key(const char *name)
{
	FILE *f = fopen(arena_printf(eid_arena, "%s/cards/%s.key", pki, name), "r");
	EVP_PKEY *key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (key == NULL)
		fail_msg("no key of %s", name);
	fclose(f);
	return key;
}

static inline void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* What the responder of that authority answers; `env` are settings of setup/eid-pki. */
static inline struct slice ocsp_says(const char *env, const char *ca, struct slice request)
{
	FILE *f = fopen(arena_printf(eid_arena, "%s/q", pki), "wb");
	fwrite(request.p, 1, request.n, f);
	fclose(f);
	shell(arena_printf(eid_arena, "%s setup/eid-pki ocsp %s %s < %s/q > %s/r", env, pki, ca, pki, pki));
	return in_pki("r");
}

static inline struct slice crl_says(const char *env, const char *ca)
{
	shell(arena_printf(eid_arena, "%s setup/eid-pki crl %s %s > %s/r", env, pki, ca, pki));
	return in_pki("r");
}

static inline int make_pki(void **state)
{
	(void)state;
	eid_arena = arena_new();
	if (mkdtemp(pki) == NULL)
		return -1;
	return system(arena_printf(eid_arena, "setup/eid-pki %s %s %s", pki, OCSP_AT, CRL_AT));
}

static inline int drop_pki(void **state)
{
	(void)state;
	int rc = system(arena_printf(eid_arena, "rm -rf %s", pki));
	eid_close();
	eid_arena = arena_free(eid_arena);
	return rc;
}

static const char *const eid_prefixes[] = { OCSP_AT, CRL_AT, NULL };

static inline struct eid_conf eid_test_conf(void)
{
	return (struct eid_conf){ .authorities = arena_printf(eid_arena, "%s/trust.pem", pki), .responders = eid_prefixes,
		.ocsp_age_s = 900, .cache_s = 300 };
}

#endif
