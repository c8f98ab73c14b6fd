/* Requests and responses as handlers see them. The rest of http/ is the only home of libmicrohttpd. */
#ifndef CSAM_HTTP_H
#define CSAM_HTTP_H

#include <sys/types.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct request {
	struct arena *a;		/* everything of this request */
	const char *method;		/* GET (also for HEAD), POST */
	const char *path;
	const char *peer;		/* address of who asks: of the connection, or from a listed proxy's header */
	const char *origin;		/* ours at this listener, from the configuration: https://host[:port]; never from the Host header */
	const void *in;			/* http's own */
};

/* A parameter of the query (GET) or the form (POST), decoded; p NULL when absent. The router has already refused NUL, bad escapes and any
 * repetition that the endpoint's row does not allow. */
struct slice http_query(const struct request *r, const char *name);
struct slice http_form(const struct request *r, const char *name);
struct slice http_param(const struct request *r, const char *name);	/* the form's on POST, the query's on GET */
struct slice http_header(const struct request *r, const char *name);
struct slice http_cookie(const struct request *r, const char *name);
struct slice http_query_text(const struct request *r);			/* raw, as it came */

/* The client's certificate (DER): of the TLS connection, which has shown that the client holds its key (RFC 8446 4.4.3), or of a listed proxy's Client-Cert
 * (RFC 9440). Empty when there is none. Nobody has looked at what it says. */
struct slice http_client_certificate(const struct request *r);

struct response {
	unsigned status;		/* 0 is sent as 500 */
	struct slice body;
	const char *type;		/* Content-Type */
	struct header { const char *name, *value; struct header *next; } *headers;
	bool cacheable;			/* else: Cache-Control: no-store */
};

/* Header names are literals; a value with a control character aborts: build it from checked parts. */
void http_set(struct request *r, struct response *resp, const char *name, const char *value);
void http_set_cookie(struct request *r, struct response *resp, const char *name, struct slice value, long max_age_s); /* Secure, HttpOnly, SameSite=Lax, Path=/; max_age_s -1: of the browser session, 0: delete */
int http_redirect(struct request *r, struct response *resp, unsigned status, const char *location);
int http_json(struct request *r, struct response *resp, unsigned status, const json_t *v);

/* A handler fills *resp and returns OK, or returns an error, which the router turns into a page or an OAuth error (by the row's flags). */
typedef int http_handler(struct request *r, struct response *resp);

enum endpoint_flag {
	EP_PAGE = 1,		/* errors are pages for people */
	EP_API = 2,		/* errors are JSON {"error": ...} */
	EP_WAIT = 4,		/* begins on a worker: it always writes */
	EP_CORS = 16,		/* Access-Control-Allow-Origin: * (public documents, bearer-token endpoints) */
	EP_REPEAT = 32,		/* parameters resource and audience may repeat */
	EP_AWAY = 128,		/* begins on a worker of those that wait for others' servers, so that nobody else waits with it */
	EP_CARD = 256,		/* answered at the listeners that ask for a client certificate, and nowhere else */
	EP_BOTH = 512,		/* answered there too */
	EP_PUBLIC = 64,		/* cross-site POST is legal here (OAuth, SAML); else Origin/Sec-Fetch-Site must be ours */
};

struct http_conf {				/* its strings must live until http_stop() */
	const char *origin;			/* the issuer's origin */
	const char *const *listen;		/* "127.0.0.1:8443 tls", "127.0.0.1:8080", "unix:/path"; NULL-terminated */
	const char *cert_file, *key_file;
	const char *card_origin;		/* of listeners that ask browsers for a client certificate; NULL or "": there are none */
	const char *const *card_listen;
	const char *card_authorities;		/* PEM file: whose certificates browsers are asked for */
	const char *const *proxies;		/* addresses or networks (ADDR/BITS) whose X-Forwarded-For counts; NULL-terminated */
	unsigned threads, workers, hash_workers, away_workers, max_connections, deadline_s;	/* 0: one per core, 8, one per core, 8, 4096, 20 */
	/* how a page for an error is drawn: given by web/, as http knows no templates */
	int (*error_page)(struct request *r, struct response *resp, int error);	/* NULL: plain text */
	void (*metrics)(struct buf *b);		/* adds families to /metrics (OpenMetrics text); NULL: none */
	int (*ready)(void);			/* asked by /readyz: OK, E_DOWN, or E_WAIT to be asked on a worker; NULL: always */
};

/* Takes the addresses before rights are dropped and processes forked: whoever then calls http_start serves there, also the next one when the first
 * has died (connections queue meanwhile). Local sockets go to that user and group; -1: they stay ours. Errors as below. */
enum { HTTP_LISTEN_MAX = 16 };
int http_bind(const char *const *listen, const char *const *cards, uid_t uid, gid_t gid);	/* cards: those that ask for a client certificate, or NULL */
size_t http_bound(int fds[HTTP_LISTEN_MAX]);	/* the descriptors */
void http_unbind(void);				/* gives them up */

/* Takes conf->listen itself when nothing was bound before. E_INPUT: the configuration is wrong; E_DOWN: an address cannot be listened on. What and why is logged. */
int http_start(const struct http_conf *conf);
int http_reload_certificate(void);	/* new connections see the new one; when it cannot be read the old one stays */
int http_reload_authorities(void);	/* the same of those whose certificates browsers are asked for */
void http_stop(void);			/* no new connections, requests under way are answered, then everything ends */

#define ENDPOINT(method, path, fn, flags) http_handler fn;
#include "http/endpoints.def"
#undef ENDPOINT

#endif
