/* Single sign-on, login, refresh …: what a browser and a service do, one after the other. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/codec.h"
#include "base/digest.h"
#include "base/err.h"
#include "bench/codes.h"
#include "bench/flows.h"

enum { HOPS = 8, LANES = 16 };

void visitor_set(struct visitor *v, struct arena *a, const struct target *t, unsigned id)
{
	struct buf pair = buf_new(a), b = buf_new(a);
	unsigned port;
	char host[64];
	if (sscanf(t->base, "http://%63[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &v->http.at.sin_addr) != 1)
		abort();
	v->http.fd = -1;
	v->http.at.sin_family = AF_INET;
	v->http.at.sin_port = htons((uint16_t)port);
	v->target = t;
	v->id = id;
	buf_url(&pair, slice_of(t->client_id));		/* RFC 6749 2.3.1 */
	buf_char(&pair, ':');
	buf_url(&pair, slice_of(t->client_secret));
	buf_lit(&b, "Basic ");
	buf_b64(&b, buf_slice(&pair));
	v->basic = buf_cstr(&b);
}

static void add(struct buf *b, const char *name, struct slice value)
{
	buf_printf(b, "%s%s=", b->n > 0 ? "&" : "", name);
	buf_url(b, value);
}

/* What stands between two texts, after *rest, which moves behind it. */
static bool between(struct slice *rest, const char *before, const char *after, struct slice *out)
{
	const char *p = memmem(rest->p, rest->n, before, strlen(before)), *end = rest->p + rest->n, *q;
	if (p == NULL)
		return false;
	p += strlen(before);
	q = memmem(p, (size_t)(end - p), after, strlen(after));
	if (q == NULL)
		return false;
	*out = slice_mem(p, (size_t)(q - p));
	*rest = slice_mem(q, (size_t)(end - q));
	return true;
}

static bool keep(struct slice json, const char *before, char *out, size_t room)
{
	struct slice value;
	if (!between(&json, before, "\"", &value) || value.n >= room)
		return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return true;
}

static bool get(struct visitor *v, const char *path, bool browser)
{
	return client_call(&v->http, &(struct call){ .method = "GET", .path = path, .browser = browser });
}

/* The service's own call: no cookies, its secret. */
static bool ask(struct visitor *v, const char *path, const struct buf *form)
{
	return client_call(&v->http, &(struct call){ "POST", path, v->basic, buf_slice(form), false }) && v->http.status == 200;
}

static bool has_second(const struct target *t)
{
	return t->mail_port != 0 || *t->token != '\0';
}

/* What the form of the page asks for, and what is hidden in it: name and password, or the code. */
static bool submit(struct visitor *v, struct arena *a, unsigned user)
{
	struct slice rest = v->http.body, name, value;
	struct buf form = buf_new(a);
	while (between(&rest, "<input type=\"hidden\" name=\"", "\"", &name) && between(&rest, "value=\"", "\"", &value))
		add(&form, arena_str(a, name), value);
	if (memmem(v->http.body.p, v->http.body.n, "name=\"code\"", 11) != NULL) {
		char code[CODES_DIGITS + 1];
		if (!codes_next(user, code))
			return false;
		add(&form, "code", slice_of(code));
	} else {
		add(&form, "username", slice_of(arena_printf(a, "%s%u", v->target->user, user)));
		add(&form, "password", slice_of(v->target->password));
	}
	return client_call(&v->http, &(struct call){ "POST", "/login", NULL, buf_slice(&form), true }) && v->http.status == 303;
}

/* From the authorization request to the code, by way of whatever page comes. */
static bool browse(struct visitor *v, struct arena *a, const char *path, unsigned user, struct slice *code)
{
	const struct client *c = &v->http;
	if (!get(v, path, true))
		return false;
	for (int hop = 0; hop < HOPS; hop++) {
		if (c->status / 100 == 3 && slice_starts(c->location, slice_of(v->target->redirect_uri))) {
			struct slice rest = arena_copy(a, c->location);
			return between(&rest, "code=", "&", code);
		}
		if (c->status / 100 == 3) {
			if (!get(v, arena_str(a, c->location), true))
				return false;
		} else if (c->status != 200 || !submit(v, a, user))
			return false;
	}
	return false;
}

static bool code_flow(struct visitor *v, unsigned user)
{
	AUTO_ARENA a = arena_new();
	const struct target *t = v->target;
	const char *verifier = random_id(a, 32);
	unsigned char digest[SHA256_LEN];
	struct buf challenge = buf_new(a), query = buf_new(a), form = buf_new(a);
	struct slice code;
	sha256(slice_of(verifier), digest);
	buf_b64url(&challenge, slice_mem(digest, sizeof digest));
	add(&query, "response_type", S("code"));
	add(&query, "client_id", slice_of(t->client_id));
	add(&query, "redirect_uri", slice_of(t->redirect_uri));
	add(&query, "scope", slice_of(t->scope));
	add(&query, "state", slice_of(random_id(a, 12)));
	add(&query, "nonce", slice_of(random_id(a, 12)));
	add(&query, "code_challenge", buf_slice(&challenge));
	add(&query, "code_challenge_method", S("S256"));
	if (!browse(v, a, arena_printf(a, "/oidc/authorize?%s", query.p), user, &code))
		return false;
	add(&form, "grant_type", S("authorization_code"));
	add(&form, "code", code);
	add(&form, "redirect_uri", slice_of(t->redirect_uri));
	add(&form, "code_verifier", slice_of(verifier));
	char *id = arena_alloc(a, sizeof v->access);
	if (!ask(v, "/oidc/token", &form) || !keep(v->http.body, "\"id_token\":\"", id, sizeof v->access) ||
	    !keep(v->http.body, "\"access_token\":\"", v->access, sizeof v->access))
		return false;
	if (!keep(v->http.body, "\"refresh_token\":\"", v->refresh, sizeof v->refresh))
		v->refresh[0] = '\0';
	return true;
}

static bool nothing(struct visitor *v)
{
	(void)v;
	return true;
}

static bool sso(struct visitor *v)
{
	return code_flow(v, v->id % v->target->users);
}

static bool login(struct visitor *v)
{
	client_forget(&v->http);
	/* A code is for one sign-in: nobody is two visitors at a time. */
	unsigned step = has_second(v->target) ? LANES : 61;
	return code_flow(v, (v->id + step * v->round) % v->target->users);
}

static bool discovery(struct visitor *v)
{
	return get(v, "/.well-known/openid-configuration", false) && v->http.status == 200;
}

static bool jwks(struct visitor *v)
{
	return get(v, "/oidc/jwks", false) && v->http.status == 200;
}

static bool root(struct visitor *v)
{
	return get(v, "/", false) && v->http.status == 200;
}

/* A page of 'My digital keys', for who has just signed in at a service. */
static bool page(struct visitor *v, const char *path)
{
	return get(v, path, true) && v->http.status == 200;
}

static bool keys(struct visitor *v)
{
	return page(v, "/keys");
}

static bool key(struct visitor *v)
{
	return page(v, "/keys/key?id=token-1");
}

static bool new_app(struct visitor *v)
{
	return page(v, "/keys/new/app");
}

static bool new_card(struct visitor *v)
{
	return page(v, "/keys/new/card");
}

static bool data(struct visitor *v)
{
	return page(v, "/keys/data");
}

static bool history(struct visitor *v)
{
	return page(v, "/keys/data/history");
}

static bool userinfo(struct visitor *v)
{
	AUTO_ARENA a = arena_new();
	struct call call = { .method = "GET", .path = "/oidc/userinfo", .authorization = arena_printf(a, "Bearer %s", v->access) };
	return client_call(&v->http, &call) && v->http.status == 200;
}

static bool introspect(struct visitor *v)
{
	AUTO_ARENA a = arena_new();
	struct buf form = buf_new(a);
	add(&form, "token", slice_of(v->access));
	return ask(v, "/oidc/introspect", &form) && memmem(v->http.body.p, v->http.body.n, "\"active\":true", 13) != NULL;
}

static bool refresh(struct visitor *v)
{
	AUTO_ARENA a = arena_new();
	struct buf form = buf_new(a);
	add(&form, "grant_type", S("refresh_token"));
	add(&form, "refresh_token", slice_of(v->refresh));
	return ask(v, "/oidc/token", &form) && keep(v->http.body, "\"refresh_token\":\"", v->refresh, sizeof v->refresh);
}

const struct flow flows[] = {
	{ "root", nothing, root },
	{ "discovery", nothing, discovery },
	{ "jwks", nothing, jwks },
	{ "sso", login, sso },
	{ "login", nothing, login },
	{ "userinfo", login, userinfo },
	{ "introspect", login, introspect },
	{ "refresh", login, refresh },
	{ "keys", login, keys },
	{ "key", login, key },
	{ "new-app", login, new_app },
	{ "new-card", login, new_card },
	{ "data", login, data },
	{ "history", login, history },
	{ NULL, NULL, NULL }
};
