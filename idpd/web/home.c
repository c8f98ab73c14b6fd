/* The front page: what this place is, and whether somebody is signed in here. And the pages that only explain. */
#include "core/session.h"
#include "svc/texts.h"
#include "web/web.h"

static int put_login(struct request *r, struct response *resp, const struct login *login, json_t *values)
{
	const char *token;
	int e = web_csrf(r, web_browser(r, resp), "logout", &token);
	if (e != OK)
		return e;
	json_object_set_new(values, "person", json_string(web_full_name(r->a, login->person)));
	json_object_set_new(values, "csrf_token", json_string(token));
	json_object_set_new(values, "level", json_integer(login->level));
	const char *kind = login->kind != NULL ? arena_printf(r->a, "kind.%s.title", login->kind) : NULL;
	if (kind != NULL && texts_have(kind))
		json_object_set_new(values, "kind_id", json_string(kind));
	return OK;
}

/* Answers for every path that no other row matches: only "/" is here. */
int web_home(struct request *r, struct response *resp)
{
	struct login login;
	if (strcmp(r->path, "/") != 0)
		return E_NOENT;
	json_t *values = json_own(r->a, json_object());
	struct slice cookie = web_session_cookie(r);
	int e = cookie.n > 0 ? session_login(r->a, cookie, &login) : E_NOENT;
	if (e == OK)
		e = put_login(r, resp, &login, values);
	if (e == E_WAIT)
		return e;
	if (e == E_NOENT)
		json_object_set_new(values, "guest", json_true());
	else if (e != OK)
		json_object_set_new(values, "unknown", json_true());
	return web_page(r, resp, 200, "home", web_lang(r, resp, NULL), values, NULL);
}

int web_help(struct request *r, struct response *resp)
{
	return web_page(r, resp, 200, "help", web_lang(r, resp, NULL), NULL, NULL);
}

int web_privacy(struct request *r, struct response *resp)
{
	return web_page(r, resp, 200, "privacy", web_lang(r, resp, NULL), NULL, NULL);
}
