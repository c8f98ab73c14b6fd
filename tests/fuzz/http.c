/* What a stranger sends in a request: target, parameters, cookies, content type, and the addresses a proxy tells. */
#include "fuzz.h"
#include "http/address.h"
#include "http/params.h"

static void parameters(struct arena *a, struct slice in)
{
	struct param_list p, none = { 0 };
	if (params_parse(a, in, 20, &p) != OK)
		return;
	promise(p.n <= 20);
	for (size_t i = 0; i < p.n; i++) {
		promise(p.at[i].name.p != NULL && p.at[i].value.p != NULL);
		promise(memchr(p.at[i].value.p, '\0', p.at[i].value.n) == NULL && memchr(p.at[i].name.p, '\0', p.at[i].name.n) == NULL);
		promise(params_find(&p, arena_str(a, p.at[i].name)) != NULL);
	}
	if (p.n > 0)
		promise(params_repeat(&p, &p, NULL));
	params_repeat(&p, &none, (const char *const[]){ "resource", NULL });
}

static void target(struct slice in)
{
	struct slice path, query;
	if (target_split(in, &path, &query) != OK)
		return;
	promise(path.n > 0 && path.n + query.n <= in.n + 1);
	for (size_t i = 0; i < path.n; i++)
		promise(path.p[i] > ' ' && path.p[i] < 0x7f && path.p[i] != '?');
}

static void addresses(struct arena *a, struct slice in)
{
	struct range r, proxies[1];
	struct address one, again;
	struct listener l;
	char text[ADDRESS_TEXT];
	promise(range_parse(S("10.0.0.0/8"), &proxies[0]) == OK);
	if (address_parse(in, &one) == OK) {
		address_text(&one, text);
		promise(address_parse(slice_of(text), &again) == OK && memcmp(&one, &again, sizeof one) == 0);
		network_of(&one);
	}
	if (range_parse(in, &r) == OK)
		promise(r.bits <= 128 && range_has(&r, &r.first));
	forwarded_for(in, proxies, 1, &one);
	listener_parse(arena_str(a, in), &l);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct slice cookie = S_NONE;
	parameters(a, in);
	target(in);
	addresses(a, in);
	if (cookie_find(in, "__Host-csam-s", &cookie) > 0)
		promise(cookie.p >= in.p && cookie.p + cookie.n <= in.p + in.n);
	media_type_is(in, "application/x-www-form-urlencoded");
}
