/* Responses: what handlers set, what every answer carries, and how errors look. */
#include <stdlib.h>
#include <strings.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/wait.h"
#include "http/internal.h"

void http_set(struct request *r, struct response *resp, const char *name, const char *value)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			abort();
	struct header *h = ARENA_NEW(r->a, struct header), **at = &resp->headers;
	*h = (struct header){ name, value, NULL };
	while (*at != NULL)
		at = &(*at)->next;
	*at = h;
}

/* RFC 6265bis 4.1.3.2: __Host- needs Secure, Path=/ and no Domain. */
void http_set_cookie(struct request *r, struct response *resp, const char *name, struct slice value, long max_age_s)
{
	struct buf b = buf_new(r->a);
	buf_raw(&b, slice_of(name));
	buf_char(&b, '=');
	buf_raw(&b, value);
	buf_lit(&b, "; Path=/; Secure; HttpOnly; SameSite=Lax");
	if (max_age_s >= 0)
		buf_printf(&b, "; Max-Age=%ld", max_age_s);
	http_set(r, resp, "Set-Cookie", buf_cstr(&b));
}

int http_redirect(struct request *r, struct response *resp, unsigned status, const char *location)
{
	resp->status = status;
	http_set(r, resp, "Location", location);
	return OK;
}

int http_json(struct request *r, struct response *resp, unsigned status, const json_t *v)
{
	resp->status = status;
	resp->type = "application/json";
	resp->body = json_text(r->a, v);
	return OK;
}

unsigned error_status(int error)
{
	switch (error) {
	case E_INPUT: return 400;
	case E_NOENT: return 404;
	case E_EXISTS: return 409;
	case E_LIMIT: return 429;
	case E_DOWN: return 503;
	default: return 500;
	}
}

static struct slice error_json(unsigned status)
{
	switch (status) {
	case 403: return S("{\"error\":\"access_denied\"}");
	case 404: return S("{\"error\":\"not_found\"}");
	case 409: return S("{\"error\":\"conflict\"}");
	case 429:
	case 503: return S("{\"error\":\"temporarily_unavailable\"}");
	default: return status < 500 ? S("{\"error\":\"invalid_request\"}") : S("{\"error\":\"server_error\"}");
	}
}

static struct slice error_text(unsigned status)
{
	switch (status) {
	case 403: return S("Refused: this form was sent by another site.\n");
	case 404: return S("There is nothing here.\n");
	case 405: return S("This address does not take that method.\n");
	case 413: return S("The request is too large.\n");
	case 415: return S("The body must be application/x-www-form-urlencoded.\n");
	case 429: return S("Too many requests. Try again in a moment.\n");
	case 503: return S("Not available now. Try again in a moment.\n");
	default: return status < 500 ? S("The request is malformed.\n") : S("An error of ours. It was logged.\n");
	}
}

static void finish(struct exchange *x, unsigned status)
{
	x->resp.status = status;
	if (status == 405)
		http_set(&x->r, &x->resp, "Allow", route_allow(x->r.a, x->path));
	if (status == 429 || status == 503)
		http_set(&x->r, &x->resp, "Retry-After", "2");
}

void error_plain(struct exchange *x, unsigned status)
{
	x->resp = (struct response){ .body = error_text(status), .type = "text/plain; charset=utf-8" };
	finish(x, status);
}

bool error_draw(struct exchange *x, unsigned status, int error, bool may_wait)
{
	x->resp = (struct response){ 0 };
	if (x->row != NULL && (x->row->flags & EP_API)) {
		x->resp.body = error_json(status);
		x->resp.type = "application/json";
		finish(x, status);
		return true;
	}
	int rc = E_NOENT;
	if (http_server.conf.error_page != NULL) {
		if (!may_wait)
			wait_forbid();
		rc = http_server.conf.error_page(&x->r, &x->resp, error);
		if (!may_wait && wait_was_wanted())
			return false;
	}
	if (rc == OK && x->resp.body.n > 0)
		finish(x, status);
	else
		error_plain(x, status);
	return true;
}

/* The CORS protocol's preflight (Fetch 4.8). A day, so that it is rarely asked. */
void preflight_draw(struct exchange *x)
{
	x->resp = (struct response){ .status = 204 };
	http_set(&x->r, &x->resp, "Allow", route_allow(x->r.a, x->path));
	http_set(&x->r, &x->resp, "Access-Control-Allow-Methods", route_allow(x->r.a, x->path));
	http_set(&x->r, &x->resp, "Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP");
	http_set(&x->r, &x->resp, "Access-Control-Max-Age", "86400");
}

static void add(struct MHD_Response *m, const char *name, const char *value)
{
	if (MHD_add_response_header(m, name, value) == MHD_NO)
		log_err("http: the header %s could not be set", name);
}

static void add_unless_set(struct MHD_Response *m, const struct response *resp, const char *name, const char *value)
{
	for (const struct header *h = resp->headers; h != NULL; h = h->next)
		if (strcasecmp(h->name, name) == 0)
			return;
	add(m, name, value);
}

static void add_headers(struct MHD_Response *m, const struct exchange *x)
{
	const struct response *resp = &x->resp;
	for (const struct header *h = resp->headers; h != NULL; h = h->next)
		add(m, h->name, h->value);
	if (resp->type != NULL)
		add(m, "Content-Type", resp->type);
	add_unless_set(m, resp, "Cache-Control", resp->cacheable ? "public, max-age=300" : "no-store");
	add_unless_set(m, resp, "X-Content-Type-Options", "nosniff");
	add_unless_set(m, resp, "Referrer-Policy", "no-referrer");
	if (strncmp(http_server.conf.origin, "https:", 6) == 0)
		add(m, "Strict-Transport-Security", "max-age=63072000");	/* RFC 6797 6.1 */
	if (x->row != NULL && (x->row->flags & EP_CORS))
		add(m, "Access-Control-Allow-Origin", "*");
	if (atomic_load_explicit(&http_server.stopping, memory_order_relaxed))
		add(m, "Connection", "close");
}

/* The body is not copied: it lives in the arena, or longer, and the exchange ends after libmicrohttpd has done with it. */
enum MHD_Result response_send(struct exchange *x)
{
	struct response *resp = &x->resp;
	if (resp->status < 200 || resp->status > 599) {
		log_err("http: the handler of %s gave the status %u", x->r.path, resp->status);
		error_plain(x, 500);
	}
	struct MHD_Response *m = MHD_create_response_from_buffer(resp->body.n, (void *)(uintptr_t)resp->body.p, MHD_RESPMEM_PERSISTENT);
	if (m == NULL)
		return MHD_NO;
	add_headers(m, x);
	enum MHD_Result rc = MHD_queue_response(x->mhd, resp->status, m);
	MHD_destroy_response(m);
	metrics_count(x->row, resp->status, ticks_us() - x->began_us);
	log_debug("%s %s %s %u", x->peer, x->r.method, x->r.path, resp->status);
	return rc;
}
