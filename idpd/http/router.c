/* Which row of the table answers a request, and whether it may come from another site. */
#include "base/buf.h"
#include "http/internal.h"

/* Byte for byte. A row that ends in '/' (but "/" itself) matches what is below it, as long as that needs no decoding and climbs
 * nowhere. */
static bool path_matches(const struct endpoint *e, struct slice path)
{
	if (slice_eq((struct slice){ e->path, e->path_n }, path))
		return true;
	if (e->path_n < 2 || e->path[e->path_n - 1] != '/' || !slice_starts(path, (struct slice){ e->path, e->path_n }))
		return false;
	return memchr(path.p, '%', path.n) == NULL && memmem(path.p, path.n, "..", 2) == NULL;
}

const struct endpoint *route(const char *method, const char *path, unsigned *status)
{
	const struct endpoint *first = NULL;
	struct slice p = slice_of(path);
	for (size_t i = 0; i < http_nendpoints; i++) {
		const struct endpoint *e = &http_endpoints[i];
		if (!path_matches(e, p))
			continue;
		*status = 0;
		if (strcmp(e->method, method) == 0)
			return e;
		if (first == NULL)
			first = e;
	}
	*status = first == NULL ? 404 : 405;
	return first;
}

char *route_allow(struct arena *a, const char *path)	/* RFC 9110 10.2.1 */
{
	struct buf b = buf_new(a);
	bool cors = false;
	for (size_t i = 0; i < http_nendpoints; i++) {
		const struct endpoint *e = &http_endpoints[i];
		if (!path_matches(e, slice_of(path)))
			continue;
		cors = cors || (e->flags & EP_CORS) != 0;
		if (b.p != NULL)
			buf_lit(&b, ", ");
		buf_printf(&b, "%s%s", e->method, strcmp(e->method, "GET") == 0 ? ", HEAD" : "");
	}
	if (cors)
		buf_lit(&b, ", OPTIONS");
	return arena_strdup(a, buf_cstr(&b));
}

/* A form of another site's page is refused. Browsers that send neither header, and programs, are left to the form's token. */
bool route_cross_site(const struct exchange *x)
{
	if ((x->row->flags & EP_PUBLIC) || strcmp(x->row->method, "POST") != 0)
		return false;
	struct slice site = header_of(x->mhd, "Sec-Fetch-Site"), origin = header_of(x->mhd, "Origin");
	if (site.p != NULL)
		return !slice_is(site, "same-origin") && !slice_is(site, "none");
	return origin.p != NULL && !slice_is(origin, http_server.conf.origin);
}
