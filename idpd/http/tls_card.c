/* TLS at the listeners that ask for the card: whose certificates browsers are asked for. Which of them is good is not decided here (core/eid.h). */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include "base/digest.h"
#include "base/log.h"
#include "http/internal.h"

/* A session keeps pointing at what it began with, so replaced ones stay until the end. They are few: a new authority is named some times a year. */
struct wanted {
	struct wanted *older;
	gnutls_certificate_credentials_t credentials;
	unsigned char digest[SHA256_LEN];	/* of the file */
};
static _Atomic(struct wanted *) current;

static struct wanted *wanted_free(struct wanted *w)
{
	struct wanted *older = w->older;
	if (w->credentials != NULL)
		gnutls_certificate_free_credentials(w->credentials);
	free(w);
	return older;
}

static void unload(gnutls_datum_t *d)
{
	gnutls_free(d->data);
}

/* Asked to reload, and nothing changed: nothing is done. */
int tls_load_authorities(const char *file)
{
	AUTO(unload) gnutls_datum_t pem = { NULL, 0 };
	struct wanted *old = atomic_load(&current);
	if (file == NULL || gnutls_load_file(file, &pem) != 0)
		return fail(E_INPUT, "%s: cannot be read", file != NULL ? file : "eid.authorities");
	struct wanted *w = calloc(1, sizeof *w);
	if (w == NULL)
		abort();
	sha256(slice_mem(pem.data, pem.size), w->digest);
	if (old != NULL && memcmp(old->digest, w->digest, sizeof w->digest) == 0) {
		wanted_free(w);
		return OK;
	}
	if (gnutls_certificate_allocate_credentials(&w->credentials) != 0 ||
	    gnutls_certificate_set_x509_trust_mem(w->credentials, &pem, GNUTLS_X509_FMT_PEM) <= 0) {
		wanted_free(w);
		return fail(E_INPUT, "%s: no certificates", file);
	}
	tls_serve(w->credentials);
	w->older = old;
	atomic_store(&current, w);
	return OK;
}

/* GnuTLS breaks off where a certificate's keyUsage lacks digitalSignature, and people who have chosen their card's other certificate, the one for
 * signing documents, would meet an error of their browser. GnuTLS looks the other way in its compatibility mode. Set once the signature is
 * about to be checked, that mode changes nothing else: all it also switches off (encrypt-then-MAC, the extended master secret) has been agreed on. */
static int let_through(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t *message)
{
	(void)type, (void)when, (void)message;
	if (incoming)
		gnutls_session_enable_compatibility_mode(session);
	return 0;
}

void tls_ask_card(struct MHD_Connection *c)
{
	gnutls_session_t session = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, atomic_load(&current)->credentials);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);	/* asked, and not required: without one there is a page, too */
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY, GNUTLS_HOOK_PRE, let_through);
}

/* The key of what is shown here has signed the handshake, or there would be no connection. */
struct slice tls_peer(struct arena *a, struct MHD_Connection *c)
{
	unsigned n = 0;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *list = info != NULL ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;
	return list != NULL && n > 0 ? arena_copy(a, slice_mem(list[0].data, list[0].size)) : S_NONE;
}

void tls_card_end(void)
{
	for (struct wanted *w = atomic_exchange(&current, NULL); w != NULL;)
		w = wanted_free(w);
}
