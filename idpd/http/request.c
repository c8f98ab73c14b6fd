/* What handlers ask of a request. */
#include <strings.h>
#include "base/buf.h"
#include "base/codec.h"
#include "http/internal.h"

static const struct exchange *of(const struct request *r)
{
	return r->in;
}

static bool is_post(const struct request *r)
{
	return strcmp(r->method, "POST") == 0;
}

static struct slice value_of(const struct param_list *p, const char *name)
{
	const struct param *at = params_find(p, name);
	return at != NULL ? at->value : S_NONE;
}

struct slice http_query(const struct request *r, const char *name)
{
	return value_of(&of(r)->query, name);
}

struct slice http_form(const struct request *r, const char *name)
{
	return value_of(&of(r)->params, name);
}

struct slice http_param(const struct request *r, const char *name)
{
	return is_post(r) ? http_form(r, name) : http_query(r, name);
}

struct slice header_of(struct MHD_Connection *c, const char *name)
{
	const char *p = NULL;
	size_t n = 0;
	if (MHD_lookup_connection_value_n(c, MHD_HEADER_KIND, name, strlen(name), &p, &n) == MHD_NO || p == NULL)
		return S_NONE;
	return trim((struct slice){ p, n });
}

struct slice http_header(const struct request *r, const char *name)
{
	return header_of(of(r)->mhd, name);
}

struct lines {
	const char *name;
	size_t name_n;
	void (*fn)(void *ctx, struct slice value);
	void *ctx;
};

static enum MHD_Result each_line(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value, size_t value_n)
{
	const struct lines *l = ctx;
	(void)kind;
	if (name_n == l->name_n && strncasecmp(name, l->name, name_n) == 0)
		l->fn(l->ctx, (struct slice){ value, value_n });
	return MHD_YES;
}

static void each_header(const struct exchange *x, const char *name, void (*fn)(void *, struct slice), void *ctx)
{
	struct lines l = { name, strlen(name), fn, ctx };
	MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, each_line, &l);
}

struct wanted_cookie {
	const char *name;
	size_t times;
	struct slice value;
};

static void look_for_cookie(void *ctx, struct slice header)
{
	struct wanted_cookie *w = ctx;
	w->times += cookie_find(header, w->name, &w->value);
}

/* Of a name that comes twice nobody can tell which is ours (RFC 6265 4.2.2: no order to rely on): ours are then absent. */
struct slice http_cookie(const struct request *r, const char *name)
{
	struct wanted_cookie w = { .name = name };
	each_header(of(r), "Cookie", look_for_cookie, &w);
	if (w.times > 1 && slice_starts(slice_of(name), S("__Host-csam-")))
		return S_NONE;
	return w.value;
}

static void join(void *ctx, struct slice value)
{
	struct buf *b = ctx;
	if (b->p != NULL)
		buf_lit(b, ",");
	buf_raw(b, value);
}

bool header_joined(const struct exchange *x, const char *name, struct slice *out)	/* RFC 9110 5.3 */
{
	struct buf b = buf_new(x->r.a);
	each_header(x, name, join, &b);
	*out = buf_slice(&b);
	return b.p != NULL;
}

/* RFC 9440 2.2: one byte sequence (RFC 8941 3.3.5) with the certificate of who the proxy has authenticated. Of anybody else it says nothing. */
static struct slice from_proxy(const struct exchange *x)
{
	struct slice text, der;
	if (!x->conn->proxy || !header_joined(x, "Client-Cert", &text))
		return S_NONE;
	text = trim(text);
	if (text.n < 2 || text.p[0] != ':' || text.p[text.n - 1] != ':')
		return S_NONE;
	return b64_decode(x->r.a, slice_mem(text.p + 1, text.n - 2), &der) == OK ? der : S_NONE;
}

struct slice http_client_certificate(const struct request *r)
{
	const struct exchange *x = of(r);
	if (!x->conn->door->card)
		return S_NONE;
	return x->conn->door->tls ? tls_peer(x->r.a, x->mhd) : from_proxy(x);
}

struct slice http_query_text(const struct request *r)
{
	return of(r)->query_text;
}
