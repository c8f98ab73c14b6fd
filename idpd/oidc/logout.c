/* GET and POST /oidc/logout: OpenID Connect RP-Initiated Logout 1.0. */
#include "core/session.h"
#include "oidc/answer.h"
#include "oidc/idtoken.h"
#include "svc/texts.h"
#include "web/web.h"

struct goodbye {
	const char *lang;
	const struct service *service;		/* who asks; NULL: it did not say */
	const json_t *hint;			/* claims of id_token_hint, verified; or NULL */
	const char *back;			/* where to go after; NULL: our own page */
};

static const char *const names[] = { "id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales" };
enum { HINT, CLIENT, BACK, STATE, LOCALES, NAMES, REQUEST_MAX = 8192, STATE_MAX = 2048 };
_Static_assert(sizeof names / sizeof *names == NAMES, "one name each");

static void params(const struct request *r, struct pair out[NAMES])
{
	for (size_t i = 0; i < NAMES; i++)
		out[i] = (struct pair){ names[i], http_param(r, names[i]) };
}

/* What is sent on in an address must fit into one. */
static bool too_long(const struct pair *p)
{
	size_t n = 0;
	for (size_t i = 0; i < NAMES; i++)
		n += p[i].value.n;
	return n > REQUEST_MAX;
}

/* E_INPUT with *what for the page: nothing is redirected before client and address are right (2.1, 3). */
static int read_request(struct request *r, const struct pair *p, struct goodbye *g, const char **what)
{
	struct slice id = p[CLIENT].value, uri = p[BACK].value;
	json_t *hint;
	*what = "logout";
	if (p[STATE].value.n > STATE_MAX)
		return E_INPUT;
	if (p[HINT].value.p != NULL) {
		int e = idtoken_hint(r->a, p[HINT].value, &hint);
		if (e != OK)
			return e;
		g->hint = hint;
		if (id.p != NULL && !slice_is(id, json_str(hint, "aud")))	/* 2: both must be the same client */
			return E_INPUT;
		id = slice_of(json_str(hint, "aud"));
	}
	if (id.p != NULL) {
		int e = directory_client(r->a, id, &g->service);
		if (e != OK)
			return e == E_NOENT ? E_INPUT : e;
	}
	if (uri.p == NULL)
		return OK;
	*what = "redirect";
	if (g->service == NULL || g->service->post_logout_uris == NULL || !slice_is_text(uri, "") || !service_lists(g->service->post_logout_uris, "", uri))
		return E_INPUT;
	g->back = address_with(r->a, arena_str(r->a, uri), &(struct pair){ "state", p[STATE].value }, 1);
	return OK;
}

static int leave(struct request *r, struct response *resp, const struct goodbye *g)
{
	if (g->back != NULL)
		return http_redirect(r, resp, 303, g->back);
	json_t *values = json_own(r->a, json_object());
	if (g->service != NULL)
		json_object_set_new(values, "service", json_string(service_name(g->service, g->lang)));
	return web_page(r, resp, 200, "logged-out", g->lang, values, NULL);
}

/* The cookie goes only when the session has gone. */
static int sign_out(struct request *r, struct response *resp, const struct goodbye *g)
{
	int e = session_end(web_session_cookie(r));
	if (e != OK)
		return e;
	web_set_session(r, resp, S_NONE);
	return leave(r, resp, g);
}

static int ask(struct request *r, struct response *resp, const struct goodbye *g, const struct pair *p)
{
	const char *token;
	int e = web_csrf(r, web_browser(r, resp), "oidc-logout", &token);
	if (e != OK)
		return e;
	json_t *fields = json_array();
	for (size_t i = 0; i < NAMES; i++)
		if (p[i].value.p != NULL)
			json_array_append_new(fields, json_pack("{ss ss%}", "name", p[i].name, "value", p[i].value.p, p[i].value.n));
	json_t *values = json_own(r->a, json_pack("{ss ss so}", "csrf_token", token, "form_action", "/oidc/logout", "fields", fields));
	if (g->service != NULL)
		json_object_set_new(values, "service", json_string(service_name(g->service, g->lang)));
	return web_page(r, resp, 200, "logout", g->lang, values, WEB_ANYWHERE);
}

/* An ID token of this very session shows that the person is signed in there: no need to ask (2). */
static bool hinted(struct arena *a, const struct goodbye *g, const struct login *login)
{
	const char *sid = g->hint ? json_str(g->hint, "sid") : NULL;
	return sid != NULL && strcmp(sid, oidc_sid(a, g->service, login->session->sid)) == 0;
}

static int decide(struct request *r, struct response *resp, const struct goodbye *g, const struct pair *p)
{
	struct login login;
	struct slice answer = http_form(r, "logout");
	int e = session_login(r->a, web_session_cookie(r), &login);
	if (e == E_NOENT) {
		web_set_session(r, resp, S_NONE);
		return leave(r, resp, g);
	}
	if (e != OK)
		return e;
	if (hinted(r->a, g, &login))
		return sign_out(r, resp, g);
	if (answer.p == NULL || !web_csrf_ok(r, "oidc-logout"))
		return ask(r, resp, g, p);
	return slice_is(answer, "yes") ? sign_out(r, resp, g) : http_redirect(r, resp, 303, "/");
}

int oidc_logout(struct request *r, struct response *resp)
{
	struct pair p[NAMES];
	struct goodbye g = { .lang = NULL };
	const char *what;
	params(r, p);
	if (too_long(p))
		return web_error(r, resp, 400, "logout", web_lang(r, resp, NULL));
	/* A POST from another site comes without our cookies (SameSite=Lax): the same as a GET comes with them. */
	if (strcmp(r->method, "POST") == 0 && http_form(r, "logout").p == NULL)
		return http_redirect(r, resp, 303, address_with(r->a, "/oidc/logout", p, NAMES));
	g.lang = web_lang(r, resp, texts_choose_locales(p[LOCALES].value));
	int e = read_request(r, p, &g, &what);
	if (e == E_INPUT)
		return web_error(r, resp, 400, what, g.lang);
	return e != OK ? e : decide(r, resp, &g, p);
}
