/* HTTP and HTTPS to others: SMS gateways, OCSP responders, clients' keys, logout endpoints, partner identity providers.
 *
 * Nothing is called that the caller's own list does not allow, nothing is followed that it does not allow either, and nothing
 * waits longer or grows larger than said. TLS is verified always. Proxies of the environment are ignored. Connections are kept.
 *
 * E_WAIT on a thread that may not wait; E_INPUT: the address is not allowed (logged); E_DOWN: no answer in time, or too long a one (logged). */
#ifndef CSAM_PARTNER_H
#define CSAM_PARTNER_H

#include <time.h>
#include "base/arena.h"
#include "base/err.h"

struct partner_conf {
	const char *proxy;		/* http://host:port; NULL or "": none */
	const char *ca_file;		/* where a call names none; NULL or "": the system's authorities */
};
void partner_open(const struct partner_conf *c);	/* once, before the first call; the strings stay the caller's */
void partner_end_soon(unsigned ms);			/* calls under way end after so long, as E_DOWN; later ones are E_DOWN */
void partner_close(void);

struct partner_call {
	const char *url;
	const char *const *allow;	/* prefixes, NULL-terminated: partner_allows() */
	bool plain_http;		/* http: too. For what is signed by itself: OCSP, CRL */
	unsigned redirects;		/* how many may be followed (GET only); each must be allowed too */
	const char *type;		/* content type of the body; NULL: GET */
	struct slice body;
	const char *accept;		/* NULL: anything */
	const char *const *headers;	/* more of them, "Name: value", NULL-terminated; or NULL */
	const char *method;		/* NULL: GET or POST */
	const char *ca_file;		/* its authorities instead of partner_conf's */
	size_t max;			/* bytes of the answer; 0: 64 KiB */
	unsigned timeout_ms;		/* for all of it; 0: 3000 */
	bool quiet;			/* failures are the caller's to log (*why) */
};

struct partner_answer {
	long status;
	const char *type;		/* "" when it says none */
	struct slice body;
	const char *why;		/* also after E_DOWN: what went wrong */
};

/* OK: somebody answered, whatever the status. The arena owns the answer. */
int partner_call(struct arena *a, const struct partner_call *call, struct partner_answer *out);

/* Does a prefix cover the URL? Same scheme, host and port; the path begins with the prefix's and goes on, if at all, after a '/' or a '?'.
 * "https://sms.example/v1" covers https://sms.example/v1, …/v1/send and …/v1?x, not …/v10, sms.example.evil or …/v1/../admin.
 * A URL with a user, a fragment, "..", a backslash, a control character or more than 2048 bytes is covered by nothing. */
bool partner_allows(const char *const *allow, const char *url);

/* Once more after an error? True for a moment's trouble: 408, 429, 5xx. */
static inline bool partner_may_retry(long status)
{
	return status == 408 || status == 429 || status >= 500;
}

#endif
