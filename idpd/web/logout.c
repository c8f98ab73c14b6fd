/* "Sign out of CSAM": the person ends the session of this browser. */
#include "core/session.h"
#include "web/web.h"

static int logged_out(struct request *r, struct response *resp)
{
	return web_page(r, resp, 200, "logged-out", web_lang(r, resp, NULL), NULL, NULL);
}

int web_logout(struct request *r, struct response *resp)
{
	struct login login;
	int e = session_login(r->a, web_session_cookie(r), &login);
	if (e == E_NOENT)
		return logged_out(r, resp);
	const char *token;
	if (e == OK)
		e = web_csrf(r, web_browser(r, resp), "logout", &token);
	if (e != OK)
		return e;
	json_t *values = json_own(r->a, json_pack("{s:s, s:s, s:s}", "csrf_token", token, "form_action", "/logout", "cancel", "/"));
	return web_page(r, resp, 200, "logout", web_lang(r, resp, login.person->locale), values, NULL);
}

/* The cookie goes only when the session has gone: while the store is away the person must not believe to be out. */
int web_logout_confirm(struct request *r, struct response *resp)
{
	if (!web_csrf_ok(r, "logout"))
		return web_error(r, resp, 400, "form", NULL);
	struct slice cookie = web_session_cookie(r);
	int e = cookie.n > 0 ? session_end(cookie) : OK;
	if (e != OK && e != E_NOENT)
		return e;
	web_set_session(r, resp, S_NONE);
	return http_redirect(r, resp, 303, "/logout");
}
