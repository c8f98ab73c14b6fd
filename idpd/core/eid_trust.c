/* The authorities whose cards are accepted: a list of our own, never the system's. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include "base/clock.h"
#include "base/log.h"
#include "core/eid_parts.h"

enum { MAX_AUTHORITIES = 256 };		/* Belgium adds a few a year, and each issues for years */

struct eid_conf eid_conf;
static struct eid_authority authorities[MAX_AUTHORITIES];
static size_t count;

static void free_bio(BIO **b)
{
	BIO_free(*b);
}

static X509_STORE *store_with(X509 *cert)
{
	X509_STORE *s = X509_STORE_new();
	if (s == NULL || X509_STORE_add_cert(s, cert) != 1)
		abort();
	return s;
}

static int read_all(const char *file)
{
	AUTO(free_bio) BIO *in = BIO_new_file(file, "r");
	if (in == NULL)
		return fail(E_INPUT, "eid.authorities: %s cannot be read", file);
	for (X509 *cert; (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL;) {
		if (count == MAX_AUTHORITIES) {
			X509_free(cert);
			return fail(E_INPUT, "eid.authorities: more than %d certificates", MAX_AUTHORITIES);
		}
		/* X509_check_ca: 1 only for a version 3 certificate whose basicConstraints say so; with it, keyUsage must hold keyCertSign. */
		bool ca = X509_check_ca(cert) == 1 && X509_get_key_usage(cert) & KU_KEY_CERT_SIGN;
		bool root = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
		authorities[count++] = (struct eid_authority){ .cert = cert, .store = store_with(cert), .root = root };
		if (!ca || (root && X509_verify(cert, X509_get0_pubkey(cert)) != 1))
			return fail(E_INPUT, "eid.authorities: certificate %zu in %s is no authority's", count, file);
	}
	unsigned long e = ERR_peek_last_error();
	bool end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	return end && count > 0 ? OK : fail(E_INPUT, "eid.authorities: certificate %zu in %s cannot be read", count + 1, file);
}

/* Where roots are given, an authority that none of them signed is a mistake, or worse. Its dates are looked at with each card. */
static int check_roots(const char *file)
{
	size_t roots = 0;
	for (size_t i = 0; i < count; i++)
		roots += authorities[i].root;
	if (roots == count)
		return fail(E_INPUT, "eid.authorities: %s has roots alone; cards are issued by the authorities below them", file);
	for (size_t i = 0; roots > 0 && i < count; i++) {
		bool known = authorities[i].root;
		for (size_t r = 0; r < count && !known; r++)
			known = authorities[r].root && X509_check_issued(authorities[r].cert, authorities[i].cert) == X509_V_OK &&
			    X509_verify(authorities[i].cert, X509_get0_pubkey(authorities[r].cert)) == 1;
		if (!known)
			return fail(E_INPUT, "eid.authorities: certificate %zu in %s was signed by none of the roots there", i + 1, file);
	}
	ERR_clear_error();
	log_info("eID: %zu authorities", count - roots);
	return OK;
}

int eid_open(const struct eid_conf *conf)
{
	eid_close();
	eid_conf = *conf;
	if (conf->authorities == NULL || *conf->authorities == '\0')
		return OK;
	int e = read_all(conf->authorities);
	return e == OK ? check_roots(conf->authorities) : e;
}

void eid_close(void)
{
	for (size_t i = 0; i < count; i++) {
		X509_free(authorities[i].cert);
		X509_STORE_free(authorities[i].store);
	}
	count = 0;
	eid_forget();
}

const char *eid_tls_purpose(struct arena *a, const char *nonce)
{
	return arena_printf(a, "eid-tls %s", nonce);
}

bool eid_offered(void)
{
	return count > 0;
}

/* Many are called "Citizen CA": X509_check_issued compares the whole name, with its serialNumber, and the key identifiers where both have one. */
const struct eid_authority *eid_issuer_of(const X509 *cert)
{
	for (size_t i = 0; i < count; i++)
		if (!authorities[i].root && X509_check_issued(authorities[i].cert, (X509 *)(uintptr_t)cert) == X509_V_OK)
			return &authorities[i];
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

static void free_ctx(X509_STORE_CTX **c)
{
	X509_STORE_CTX_free(*c);
}

/* RFC 5280 6.1 with the issuer as trust anchor: one signature, names, dates of both, constraints, critical extensions that nobody knows. */
static bool verify(const struct eid_authority *issuer, X509 *cert, time_t when)
{
	AUTO(free_ctx) X509_STORE_CTX *c = X509_STORE_CTX_new();
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
