/* The door of 'My digital keys'. */
#include "base/clock.h"
#include "core/conversation.h"
#include "apps/desk.h"
#include "web/web.h"

#define PURPOSE "keys"

/* The conversation engine finds out who it is, and leads back. The session's person is asked for, if there is one. */
static int sign_in(struct request *r, struct response *resp, const char *path, unsigned level, const struct login *login)
{
	struct turn turn = { .verdict = V_DENY };
	const struct want want = {
		.door = DOOR_BROWSER, .binding = web_browser(r, resp), .can = WEB_CAN,
		.session = web_session_cookie(r), .subject = login != NULL ? login->person->subject : NULL, .anew = true, .level = level,
		.back = path, .cancel = "/", .lang = web_lang(r, resp, NULL),
	};
	int e = conversation_begin(r->a, &want, r->peer, &turn);
	if (e != OK)
		return e;
	return turn.verdict == V_MORE ? http_redirect(r, resp, 303, arena_printf(r->a, "/login?c=%s", turn.conversation)) : E_DOWN;
}

static int open_session(struct request *r, struct response *resp, struct desk *out)
{
	int e = session_login(r->a, web_session_cookie(r), &out->login);
	if (e == OK)
		e = web_csrf(r, web_browser(r, resp), PURPOSE, &out->token);
	if (e != OK)
		return e;
	out->level = out->login.level;
	out->lang = web_lang(r, resp, NULL);
	out->values = json_own(r->a, json_pack("{ss}", "csrf_token", out->token));
	return OK;
}

static void nobody(struct desk *out)
{
	*out = (struct desk){ .level = 0 };
}

int desk_open(struct request *r, struct response *resp, const char *path, struct desk *out)
{
	nobody(out);
	int e = open_session(r, resp, out);
	if (e == OK)
		return OK;
	nobody(out);
	return e == E_NOENT ? sign_in(r, resp, path, 0, NULL) : e;
}

int desk_open_recent(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out)
{
	nobody(out);
	struct desk desk = { .level = 0 };
	int e = open_session(r, resp, &desk);
	if (e != OK)
		return e == E_NOENT ? sign_in(r, resp, path, level, NULL) : e;
	if (strcmp(r->method, "POST") == 0 && !web_csrf_ok(r, PURPOSE))
		return web_error(r, resp, 400, "form", desk.lang);
	desk.level = session_level_since(&desk.login, now() - DESK_RECENT_S);
	if (desk.level == 0 || desk.level < level)
		return sign_in(r, resp, path, level != 0 ? level : desk.login.level, &desk.login);
	*out = desk;
	return OK;
}
