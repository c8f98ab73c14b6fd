/* An exchange: one request from its first line to its answer, on the event thread or by way of a worker. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wait.h"
#include "http/internal.h"

static const char *const repeatable[] = { "resource", "audience", NULL };

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void discard(char *p, size_t n)
{
	if (p != NULL)
		wipe(p, n);
	free(p);
}

/* libmicrohttpd calls this with the raw target, before it takes it apart in place. The query is ours to read and is hidden from it:
 * when its memory ends within the parameters it queues an error, forgets so, and waits until the deadline (0.9.75). */
void *exchange_open(void *cls, const char *uri, struct MHD_Connection *c)
{
	(void)cls;
	char *query = uri != NULL ? strchr((char *)(uintptr_t)uri, '?') : NULL;
	struct exchange *x = must(calloc(1, sizeof *x));
	x->mhd = c;
	x->conn = conn_of(c);
	x->began_us = ticks_us();
	x->due_ms = x->began_us / 1000 + http_server.conf.deadline_s * 1000ull;
	atomic_store_explicit(&x->conn->due_ms, x->due_ms, memory_order_relaxed);
	x->target = must(strdup(uri != NULL ? uri : ""));
	x->target_n = strlen(x->target);
	if (query != NULL)
		query[1] = '\0';
	atomic_fetch_add(&http_server.under_way, 1);
	return x;
}

void exchange_close(void *cls, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode why)
{
	(void)cls, (void)c, (void)why;
	struct exchange *x = *ctx;
	if (x == NULL)
		return;
	*ctx = NULL;
	atomic_store_explicit(&x->conn->due_ms, ticks_ms() + IDLE_S * 1000, memory_order_relaxed);
	arena_free(x->r.a);
	discard(x->body, x->body_cap);
	discard(x->target, x->target_n);
	free(x->path);
	free(x);
	atomic_fetch_sub(&http_server.under_way, 1);
}

/* A fresh arena and response, parameters parsed into it: the handler begins as if it never had begun. */
static void prepare(struct exchange *x)
{
	struct request *r = &x->r;
	arena_free(r->a);
	r->a = arena_new();
	x->resp = (struct response){ 0 };
	x->query = x->params = (struct param_list){ 0 };
	if (x->query_text.n > 0 && params_parse(r->a, x->query_text, MAX_PARAMS, &x->query) != OK && x->refused == 0)
		x->refused = 400;
	if (x->refused != 0 || (x->body_n == 0 && x->query.n == 0))
		return;
	if (x->body_n > 0 && !x->form)
		x->refused = 415;
	else if (params_parse(r->a, slice_mem(x->body, x->body_n), MAX_PARAMS - x->query.n, &x->params) != OK ||
	    params_repeat(&x->query, &x->params, x->row->flags & EP_REPEAT ? repeatable : NULL))
		x->refused = 400;
}

static int refused_error(unsigned status)
{
	return status == 404 ? E_NOENT : status == 429 ? E_LIMIT : status == 503 ? E_DOWN : E_INPUT;
}

/* Fills the response. False: it must run again, on a worker or (x->hashes) on one for hashes. */
static bool run(struct exchange *x, bool may_wait)
{
	if (x->refused == 204) {
		preflight_draw(x);
		return true;
	}
	if (x->refused != 0)
		return error_draw(x, x->refused, refused_error(x->refused), may_wait);
	if (!may_wait)
		wait_forbid();
	else if (!x->hashes)
		hash_forbid();
	int rc = x->row->fn(&x->r, &x->resp);
	bool hash = hash_was_wanted(), wait = !may_wait && wait_was_wanted();
	x->hashes = x->hashes || hash;
	if (hash || wait)
		return false;
	return rc == OK || error_draw(x, error_status(rc), rc, may_wait);
}

/* Too much to do: said at once, from this thread. */
static void run_refused(struct exchange *x, int error)
{
	x->refused = error_status(error);
	prepare(x);
	if (!run(x, false))
		error_plain(x, x->refused);
}

void exchange_on_worker(struct job *j)
{
	struct exchange *x = (struct exchange *)j;
	int rc = OK;
	if (ticks_ms() >= x->due_ms) {
		run_refused(x, E_DOWN);
	} else if (!run(x, true)) {
		prepare(x);
		rc = pool_put(http_server.hash, &x->job);
		if (rc == OK)
			return;		/* it is no longer ours */
		run_refused(x, rc);
	}
	MHD_resume_connection(x->mhd);
}

/* Suspended first: the worker may be done before pool_put returns. Once the server is closed nothing is suspended any more, as
 * libmicrohttpd cannot stop with a suspended connection. */
static enum MHD_Result send_away(struct exchange *x)
{
	bool away = x->row != NULL && x->refused == 0 && (x->row->flags & EP_AWAY);
	if (atomic_load(&http_server.closed)) {		/* before the pools are looked at: they go */
		run_refused(x, E_DOWN);
		return response_send(x);
	}
	struct pool *pool = x->hashes && x->refused == 0 ? http_server.hash : away ? http_server.away : http_server.quick;
	x->stage = AWAY;
	MHD_suspend_connection(x->mhd);
	int rc = pool_put(pool, &x->job);
	if (rc != OK) {
		run_refused(x, rc);
		MHD_resume_connection(x->mhd);
	}
	return MHD_YES;
}

static enum MHD_Result dispatch(struct exchange *x)
{
	prepare(x);
	if (x->refused == 0 && (x->row->flags & (EP_WAIT | EP_AWAY)))
		return send_away(x);
	if (run(x, false))
		return response_send(x);
	prepare(x);
	return send_away(x);
}

static enum MHD_Result refuse_now(struct exchange *x, unsigned status)
{
	x->refused = status;
	prepare(x);
	if (!run(x, false))
		error_plain(x, status);
	return response_send(x);
}

/* Limits count by who asks, so a proxy's header that is not understood is no reason to go on. */
static bool find_peer(struct exchange *x)
{
	struct slice hops;
	struct address a = x->conn->addr;
	memcpy(x->peer, x->conn->peer, sizeof x->peer);
	if (x->conn->proxy && header_joined(x, "X-Forwarded-For", &hops)) {
		if (forwarded_for(hops, http_server.proxies, http_server.nproxies, &a) != OK)
			return false;
		address_text(&a, x->peer);
	}
	x->job.from = network_of(&a);
	return true;
}

/* Where browsers are asked for a card nothing else is answered, and the other way round. */
static bool is_here(const struct exchange *x)
{
	return x->conn->door->card ? x->row->flags & (EP_CARD | EP_BOTH) : !(x->row->flags & EP_CARD);
}

static unsigned check_target(struct exchange *x, const char *method)
{
	struct slice path, query;
	unsigned status = 0;
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	if (target_split((struct slice){ x->target, x->target_n }, &path, &query) != OK) {
		x->path = must(strndup(x->target, strcspn(x->target, "?")));
		x->row = route(method, x->path, &status);	/* says how errors look */
		return 400;
	}
	x->path = must(strndup(path.p, path.n));
	x->r.path = x->path;
	x->query_text = query;
	x->row = route(method, x->path, &status);
	if (status == 0 && !is_here(x))
		return 404;
	if (status == 405 && strcmp(method, "OPTIONS") == 0 && (x->row->flags & EP_CORS))
		return 204;
	return status;
}

/* After the head: what can be refused now is, but said after the body, so that the peer reads it. What is wrong with the framing
 * or too long is said at once; libmicrohttpd then closes the connection. */
static enum MHD_Result begin(struct exchange *x, const char *method, const char *version)
{
	struct head head;
	bool post = strcmp(method, "POST") == 0;
	x->r = (struct request){ .a = arena_new(), .in = x, .peer = x->peer, .origin = x->conn->door->card ? http_server.conf.card_origin : http_server.conf.origin, .path = "",
		.method = post ? "POST" : "GET" };
	unsigned status = strict_head(x->mhd, method, version, x->target_n, &head);
	memcpy(x->peer, x->conn->peer, sizeof x->peer);
	if (status != 0)
		return refuse_now(x, status);
	x->refused = check_target(x, method);
	if (!find_peer(x) || (head.body && !post))
		return refuse_now(x, 400);
	if (head.length > MAX_BODY)
		return refuse_now(x, 413);
	x->form = media_type_is(head.type, "application/x-www-form-urlencoded");
	if (x->refused == 0 && route_cross_site(x))
		x->refused = 403;
	if (head.length > 0)
		x->body = must(calloc(1, x->body_cap = (size_t)head.length));
	return MHD_YES;
}

static void body_grow(struct exchange *x, size_t n)
{
	size_t cap = (x->body_n + n) * 2;
	char *p = must(calloc(1, cap));
	if (x->body_n > 0)
		memcpy(p, x->body, x->body_n);
	discard(x->body, x->body_cap);
	x->body = p;
	x->body_cap = cap;
}

/* A chunked body may turn out too long only now, when libmicrohttpd takes no answer: what follows is read and dropped, up to a
 * measure. The bytes are wiped where they were received: libmicrohttpd would leave a password there. */
static enum MHD_Result body_add(struct exchange *x, const char *p, size_t *n)
{
	size_t len = *n;
	*n = 0;
	x->received += len;
	if (x->received > 16 * MAX_BODY)
		return MHD_NO;
	if (x->received > MAX_BODY)
		x->refused = 413;
	if (x->refused == 0) {
		if (x->body_n + len > x->body_cap)
			body_grow(x, len);
		memcpy(x->body + x->body_n, p, len);
		x->body_n += len;
	}
	wipe((void *)(uintptr_t)p, len);
	return MHD_YES;
}

enum MHD_Result exchange_step(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **ctx)
{
	(void)cls, (void)c, (void)url;
	struct exchange *x = *ctx;
	switch (x->stage) {
	case BEGINS:
		x->stage = READS;
		return begin(x, method, version);
	case READS:
		return *upload_n > 0 ? body_add(x, upload, upload_n) : dispatch(x);
	default:
		return response_send(x);
	}
}
