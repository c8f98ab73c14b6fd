/* The server's certificate and key: read from files, swapped while connections live. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include "base/digest.h"
#include "base/log.h"
#include "http/internal.h"

enum { MAX_CHAIN = 10 };

/* A session keeps pointing at the certificate it began with, so replaced ones stay until the end. They are few: one per renewal. */
struct certificate {
	struct certificate *older;
	gnutls_pcert_st chain[MAX_CHAIN];
	unsigned n;
	gnutls_privkey_t key;
	unsigned char digest[SHA256_LEN];	/* of the files */
};
static _Atomic(struct certificate *) current;

static struct certificate *certificate_free(struct certificate *c)
{
	for (unsigned i = 0; i < c->n; i++)
		gnutls_pcert_deinit(&c->chain[i]);
	if (c->key != NULL)
		gnutls_privkey_deinit(c->key);
	struct certificate *older = c->older;
	free(c);
	return older;
}

static void unload(gnutls_datum_t *d)
{
	if (d->data == NULL)
		return;
	wipe(d->data, d->size);
	gnutls_free(d->data);
}

static int read_file(const char *path, gnutls_datum_t *out)
{
	if (path == NULL)
		return E_INPUT;
	int rc = gnutls_load_file(path, out);
	if (rc == 0)
		return OK;
	log_err("%s: cannot be read", path);
	return E_INPUT;
}

/* One key identifier from the certificate, one from the key. */
static bool key_fits(struct certificate *c)
{
	unsigned char a[64], b[64];
	size_t an = sizeof a, bn = sizeof b;
	gnutls_pubkey_t pub = NULL;
	bool fits = gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_privkey(pub, c->key, 0, 0) == 0 &&
	            gnutls_pubkey_get_key_id(pub, 0, a, &an) == 0 &&
	            gnutls_pubkey_get_key_id(c->chain[0].pubkey, 0, b, &bn) == 0 &&
	            an == bn && memcmp(a, b, an) == 0;
	if (pub != NULL)
		gnutls_pubkey_deinit(pub);
	return fits;
}

static int import(struct certificate *c, const gnutls_datum_t *cert, const gnutls_datum_t *key, const char *const files[2])
{
	unsigned n = MAX_CHAIN;
	int rc = gnutls_pcert_list_import_x509_raw(c->chain, &n, cert, GNUTLS_X509_FMT_PEM, 0);
	if (rc < 0 || n == 0) {
		log_err("%s: no certificate: %s", files[0], gnutls_strerror(rc));
		return E_INPUT;
	}
	c->n = n;
	rc = gnutls_privkey_init(&c->key);
	if (rc == 0)
		rc = gnutls_privkey_import_x509_raw(c->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc < 0) {
		log_err("%s: no private key: %s", files[1], gnutls_strerror(rc));
		return E_INPUT;
	}
	if (!key_fits(c)) {
		log_err("%s: is not the key of %s", files[1], files[0]);
		return E_INPUT;
	}
	return OK;
}

static void digest(const gnutls_datum_t *cert, const gnutls_datum_t *key, unsigned char out[SHA256_LEN])
{
	hmac_sha256(slice_mem(key->data, key->size), slice_mem(cert->data, cert->size), out);
}

/* Asked to reload, and nothing changed: nothing is done. */
static int swap(const gnutls_datum_t *cert, const gnutls_datum_t *key, const char *const files[2])
{
	struct certificate *old = atomic_load(&current), *c = calloc(1, sizeof *c);
	if (c == NULL)
		abort();
	digest(cert, key, c->digest);
	if (old != NULL && memcmp(old->digest, c->digest, sizeof c->digest) == 0) {
		certificate_free(c);
		return OK;
	}
	int rc = import(c, cert, key, files);
	if (rc != OK) {
		certificate_free(c);
		return rc;
	}
	c->older = old;
	atomic_store(&current, c);
	log_info("%s: certificate in use", files[0]);
	return OK;
}

int tls_load(const char *cert_file, const char *key_file)
{
	AUTO(unload) gnutls_datum_t cert = { NULL, 0 }, key = { NULL, 0 };
	if (cert_file == NULL || key_file == NULL) {
		log_err("tls: a certificate file and a key file are needed");
		return E_INPUT;
	}
	if (read_file(cert_file, &cert) != OK || read_file(key_file, &key) != OK)
		return E_INPUT;
	return swap(&cert, &key, (const char *const[2]){ cert_file, key_file });
}

static int give(gnutls_session_t session, const gnutls_datum_t *names, int nnames, const gnutls_pk_algorithm_t *algos, int nalgos,
    gnutls_pcert_st **chain, unsigned *n, gnutls_privkey_t *key)
{
	(void)session, (void)names, (void)nnames, (void)algos, (void)nalgos;
	struct certificate *c = atomic_load(&current);
	if (c == NULL)
		return -1;
	*chain = c->chain;
	*n = c->n;
	*key = c->key;
	return 0;
}

void *tls_callback(void)
{
	gnutls_certificate_retrieve_function2 *fn = give;
	return (void *)fn;
}

void tls_serve(struct gnutls_certificate_credentials_st *credentials)
{
	gnutls_certificate_set_retrieve_function2(credentials, give);
}

void tls_end(void)
{
	for (struct certificate *c = atomic_exchange(&current, NULL); c != NULL;)
		c = certificate_free(c);
	tls_card_end();
}
