/* What the files of http/ share: an exchange (one request and its response), connections, the server itself. */
#ifndef CSAM_HTTP_INTERNAL_H
#define CSAM_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <stdatomic.h>
#include "http/address.h"
#include "http/http.h"
#include "http/params.h"
#include "http/pool.h"

enum { MAX_BODY = 64 * 1024, MAX_HEADERS = 64, IDLE_S = 30 };

struct endpoint {
	const char *method, *path;
	size_t path_n;
	http_handler *fn;
	unsigned flags;
};
extern const struct endpoint http_endpoints[];		/* endpoints.c, from endpoints.def; tests bring their own */
extern const size_t http_nendpoints;

/* One connection, from accept to close. */
struct conn {
	struct conn *next, *prev;
	int fd;
	_Atomic uint64_t due_ms;	/* it is cut when this passes */
	struct address addr;
	char peer[ADDRESS_TEXT];
	bool proxy;			/* a listed one: its X-Forwarded-For counts */
	const struct door *door;	/* it came in by */
};

enum stage { BEGINS, READS, AWAY };	/* AWAY: with a worker, or back from there */

/* One request and its response. Its memory is malloc's, not the arena's: the arena begins anew when the handler does. */
struct exchange {
	struct job job;			/* first: a job is an exchange */
	enum stage stage;
	struct request r;
	struct response resp;
	struct MHD_Connection *mhd;
	struct conn *conn;
	const struct endpoint *row;	/* NULL: no such path */
	unsigned refused;		/* status that answers without a handler; 0: none */
	bool hashes;			/* it wants to verify a password: for a worker that is there for that */
	bool form;			/* the body is of the one type we read */
	uint64_t began_us, due_ms;
	char *target, *body;
	size_t target_n, body_n, body_cap, received;
	char *path;
	struct slice query_text;
	struct param_list query, params;	/* of the target; of the form */
	char peer[ADDRESS_TEXT];
};

/* A listener. */
struct door {
	struct MHD_Daemon *daemon;
	int fd;
	bool tls, card;			/* card: it asks for a client certificate */
	char path[108];			/* of a local socket, to remove */
};

struct server {
	struct http_conf conf;
	struct range *proxies;
	size_t nproxies;
	struct pool *quick, *hash, *away;
	atomic_bool stopping;		/* answers close their connection */
	atomic_bool closed;		/* and no request goes to a worker any more */
	atomic_uint under_way;		/* exchanges that exist */
	atomic_uint connections;
};
extern struct server http_server;

/* exchange.c: libmicrohttpd's callbacks. */
void *exchange_open(void *cls, const char *uri, struct MHD_Connection *c);
enum MHD_Result exchange_step(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **ctx);
void exchange_close(void *cls, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode why);
void exchange_on_worker(struct job *j);

/* strict.c: OK, or the status that refuses the head of this request. Fills *head when OK. */
struct head {
	bool body;			/* one follows */
	uint64_t length;		/* its announced length, 0 when chunked */
	struct slice type;		/* Content-Type */
};
unsigned strict_head(struct MHD_Connection *c, const char *method, const char *version, size_t target_n, struct head *head);

/* router.c */
const struct endpoint *route(const char *method, const char *path, unsigned *status);	/* status 0, 404 or 405 */
char *route_allow(struct arena *a, const char *path);		/* "GET, HEAD, POST" */
bool route_cross_site(const struct exchange *x);

/* response.c */
unsigned error_status(int error);
bool error_draw(struct exchange *x, unsigned status, int error, bool may_wait);	/* false: it would have to wait */
void error_plain(struct exchange *x, unsigned status);
void preflight_draw(struct exchange *x);
enum MHD_Result response_send(struct exchange *x);

/* request.c */
struct slice header_of(struct MHD_Connection *c, const char *name);
bool header_joined(const struct exchange *x, const char *name, struct slice *out);	/* repeated lines joined by commas; false: absent */

/* conn.c */
void conn_notify(void *cls, struct MHD_Connection *c, void **ctx, enum MHD_ConnectionNotificationCode what);
struct conn *conn_of(struct MHD_Connection *c);
int sweep_start(void);
void sweep_stop(void);

/* tls.c */
struct gnutls_certificate_credentials_st;
int tls_load(const char *cert_file, const char *key_file);
void *tls_callback(void);			/* for MHD_OPTION_HTTPS_CERT_CALLBACK */
void tls_serve(struct gnutls_certificate_credentials_st *credentials);	/* with the same certificate */
void tls_end(void);

/* tls_card.c */
int tls_load_authorities(const char *file);	/* whose certificates clients are asked for; again: new connections see the new ones */
void tls_ask_card(struct MHD_Connection *c);	/* before its handshake: asks for a certificate, requires none and accepts any */
struct slice tls_peer(struct arena *a, struct MHD_Connection *c);	/* certificate of the client, or empty */
void tls_card_end(void);

/* status.c */
uint64_t ticks_us(void);
void metrics_count(const struct endpoint *row, unsigned status, uint64_t us);

#endif
