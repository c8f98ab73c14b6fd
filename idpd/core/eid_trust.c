/* The authorities whose cards are accepted: a list of our own, never the system's. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/openssl.h"
#include "core/eid_parts.h"

enum { MAX_AUTHORITIES = 256 };		/* Belgium adds a few a year, and each issues for years */

struct eid_conf eid_conf;

/* What one reading of the file has brought. Checks under way, and chains that were verified, point into it: replaced ones stay until the end. */
struct reading {
	struct reading *older;
	size_t count;
	struct eid_authority of[MAX_AUTHORITIES];
};
static _Atomic(struct reading *) current;

static struct reading *reading_free(struct reading *l)
{
	struct reading *older = l->older;
	for (size_t i = 0; i < l->count; i++) {
		X509_free(l->of[i].cert);
		X509_STORE_free(l->of[i].store);
	}
	free(l);
	return older;
}

static X509_STORE *store_with(X509 *cert)
{
	X509_STORE *s = X509_STORE_new();
	if (s == NULL || X509_STORE_add_cert(s, cert) != 1)
		abort();
	return s;
}

/* NULL: they were read. Else why not. */
static const char *read_all(struct arena *a, const char *file, struct reading *l)
{
	AUTO(bio_free_p) BIO *in = BIO_new_file(file, "r");
	if (in == NULL)
		return arena_printf(a, "%s cannot be read", file);
	for (X509 *cert; (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL;) {
		if (l->count == MAX_AUTHORITIES) {
			X509_free(cert);
			return arena_printf(a, "%s has more than %d certificates", file, MAX_AUTHORITIES);
		}
		/* X509_check_ca: 1 only for a version 3 certificate whose basicConstraints say so; with it, keyUsage must hold keyCertSign. */
		bool ca = X509_check_ca(cert) == 1 && X509_get_key_usage(cert) & KU_KEY_CERT_SIGN;
		bool root = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
		l->of[l->count++] = (struct eid_authority){ .cert = cert, .store = store_with(cert), .root = root };
		if (!ca || (root && X509_verify(cert, X509_get0_pubkey(cert)) != 1))
			return arena_printf(a, "certificate %zu in %s is no authority's", l->count, file);
	}
	unsigned long e = ERR_peek_last_error();
	bool end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
	return end && l->count > 0 ? NULL : arena_printf(a, "certificate %zu in %s cannot be read", l->count + 1, file);
}

static bool signed_by_a_root(const struct reading *l, X509 *cert)
{
	for (size_t r = 0; r < l->count; r++)
		if (l->of[r].root && X509_check_issued(l->of[r].cert, cert) == X509_V_OK && X509_verify(cert, X509_get0_pubkey(l->of[r].cert)) == 1)
			return true;
	return false;
}

/* Where roots are given, an authority that none of them signed is a mistake, or worse. Its dates are looked at with each card. */
static const char *check_roots(struct arena *a, const char *file, const struct reading *l)
{
	size_t roots = 0;
	for (size_t i = 0; i < l->count; i++)
		roots += l->of[i].root;
	if (roots == l->count)
		return arena_printf(a, "%s has roots alone; cards are issued by the authorities below them", file);
	for (size_t i = 0; roots > 0 && i < l->count; i++)
		if (!l->of[i].root && !signed_by_a_root(l, l->of[i].cert))
			return arena_printf(a, "certificate %zu in %s was signed by none of the roots there", i + 1, file);
	log_info("eID: %zu authorities", l->count - roots);
	return NULL;
}

static bool same(const struct reading *x, const struct reading *y)
{
	bool yes = x != NULL && x->count == y->count;
	for (size_t i = 0; yes && i < x->count; i++)
		yes = X509_cmp(x->of[i].cert, y->of[i].cert) == 0;
	return yes;
}

static const char *load(struct arena *a, const char *file)
{
	struct reading *l = calloc(1, sizeof *l), *old = atomic_load(&current);
	if (l == NULL)
		abort();
	const char *why = read_all(a, file, l);
	if (why == NULL && !same(old, l))
		why = check_roots(a, file, l);
	ERR_clear_error();
	if (why != NULL || same(old, l)) {
		reading_free(l);
		return why;
	}
	l->older = old;
	atomic_store(&current, l);
	return NULL;
}

static bool has_authorities(void)
{
	return eid_conf.authorities != NULL && *eid_conf.authorities != '\0';
}

int eid_open(const struct eid_conf *conf)
{
	AUTO_ARENA a = arena_new();
	eid_close();
	eid_conf = *conf;
	const char *why = has_authorities() ? load(a, eid_conf.authorities) : NULL;
	if (why != NULL)
		log_err("eid.authorities: %s", why);
	return why == NULL ? OK : E_INPUT;
}

int eid_reload(void)
{
	AUTO_ARENA a = arena_new();
	const char *why = has_authorities() ? load(a, eid_conf.authorities) : NULL;
	if (why != NULL)
		log_err("eid.authorities: %s; those read before stay in use", why);
	return why == NULL ? OK : E_INPUT;
}

void eid_close(void)
{
	eid_forget();
	for (struct reading *l = atomic_exchange(&current, NULL); l != NULL;)
		l = reading_free(l);
}

const char *eid_tls_purpose(struct arena *a, const char *nonce)
{
	return arena_printf(a, "eid-tls %s", nonce);
}

bool eid_offered(void)
{
	return atomic_load(&current) != NULL;
}

/* Many are called "Citizen CA": X509_check_issued compares the whole name, with its serialNumber, and the key identifiers where both have one. */
const struct eid_authority *eid_issuer_of(const X509 *cert)
{
	const struct reading *l = atomic_load(&current);
	for (size_t i = 0; l != NULL && i < l->count; i++)
		if (!l->of[i].root && X509_check_issued(l->of[i].cert, (X509 *)(uintptr_t)cert) == X509_V_OK)
			return &l->of[i];
	return NULL;
}

/* --- who signed it --- */

enum { CHAINS = 1024 };

/* Certificates that were verified. A place that another takes only makes us verify again. */
static struct {
	unsigned char fingerprint[SHA256_LEN];
	const struct eid_authority *issuer;
	time_t when;
} verified[CHAINS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t place_of(const unsigned char *fingerprint)
{
	return (fingerprint[0] * 256u + fingerprint[1]) % CHAINS;
}

static bool was_verified(const struct eid_authority *issuer, const unsigned char *fingerprint, time_t when)
{
	size_t at = place_of(fingerprint);
	pthread_mutex_lock(&lock);
	bool yes = verified[at].issuer == issuer && when >= verified[at].when && when - verified[at].when < (time_t)eid_conf.cache_s &&
	    memcmp(verified[at].fingerprint, fingerprint, SHA256_LEN) == 0;
	pthread_mutex_unlock(&lock);
	return yes;
}

static void note_verified(const struct eid_authority *issuer, const unsigned char *fingerprint, time_t when)
{
	size_t at = place_of(fingerprint);
	pthread_mutex_lock(&lock);
	memcpy(verified[at].fingerprint, fingerprint, SHA256_LEN);
	verified[at].issuer = issuer;
	verified[at].when = when;
	pthread_mutex_unlock(&lock);
}

void eid_chains_forget(void)
{
	pthread_mutex_lock(&lock);
	memset(verified, 0, sizeof verified);
	pthread_mutex_unlock(&lock);
}

static bool is_valid(const X509 *cert, time_t when)
{
	return X509_cmp_time(X509_get0_notBefore(cert), &when) < 0 && X509_cmp_time(X509_get0_notAfter(cert), &when) > 0;
}

/* RFC 5280 6.1 with the issuer as trust anchor: one signature, names, dates of both, constraints, critical extensions that nobody knows. */
static bool verify(const struct eid_authority *issuer, X509 *cert, time_t when)
{
	AUTO(store_ctx_free_p) X509_STORE_CTX *c = X509_STORE_CTX_new();
	if (c == NULL || X509_STORE_CTX_init(c, issuer->store, cert, NULL) != 1)
		return false;
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(c);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_time(p, when);
	X509_VERIFY_PARAM_set_auth_level(p, 1);		/* nothing below 80 bits of security, SHA-1 in signatures among it */
	bool ok = X509_verify_cert(c) == 1;
	ERR_clear_error();
	return ok;
}

bool eid_verify_chain(const struct eid_authority *issuer, X509 *cert, const unsigned char fingerprint[SHA256_LEN], time_t when)
{
	if (was_verified(issuer, fingerprint, when))
		return is_valid(issuer->cert, when) && is_valid(cert, when);
	if (!verify(issuer, cert, when))
		return false;
	note_verified(issuer, fingerprint, when);
	return true;
}
