/* The door of 'My digital keys'. */
#include "base/buf.h"
#include "base/clock.h"
#include "core/conversation.h"
#include "apps/desk.h"
#include "web/web.h"

#define PURPOSE "keys"

static int follow(struct request *r, struct response *resp, const struct turn *turn)
{
	return turn->verdict == V_MORE ? http_redirect(r, resp, 303, arena_printf(r->a, "/login?c=%s", turn->conversation)) : E_DOWN;
}

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
	return e != OK ? e : follow(r, resp, &turn);
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

int desk_prove(struct request *r, struct response *resp, const struct desk *desk, const struct key *draft, const char *back)
{
	struct turn turn = { .verdict = V_DENY };
	const struct want want = {
		.door = DOOR_BROWSER, .goal = GOAL_KEY, .binding = web_browser(r, resp), .can = ASK_CODE | ASK_SHOW,
		.session = web_session_cookie(r), .subject = desk->login.person->subject, .draft = draft, .back = back, .cancel = "/keys",
		.lang = desk->lang,
	};
	int e = conversation_begin(r->a, &want, r->peer, &turn);
	return e != OK ? e : follow(r, resp, &turn);
}

/* ITU-T E.123: people write blanks, dots, hyphens, brackets; 00 or, at home, a single 0 for the country. */
static const char *phone(struct arena *a, struct slice written)
{
	struct buf b = buf_new(a);
	for (size_t i = 0; i < written.n; i++)
		if (strchr(" .-/()", written.p[i]) == NULL)
			buf_char(&b, written.p[i]);
	struct slice s = buf_slice(&b);
	if (slice_starts(s, S("00")))
		return arena_printf(a, "+%s", s.p + 2);
	return slice_starts(s, S("0")) ? arena_printf(a, "+32%s", s.p + 1) : s.p;
}

const char *desk_address(struct arena *a, enum channel channel, struct slice written)
{
	written = slice_trim(written, " ");
	if (written.n > 254 || !slice_is_text(written, ""))
		return NULL;
	const char *address = channel == CHANNEL_MAIL ? arena_str(a, written) : phone(a, written);
	bool ok = channel == CHANNEL_MAIL ? outbox_mail_address(slice_of(address)) : outbox_phone_number(slice_of(address));
	return ok ? address : NULL;
}
