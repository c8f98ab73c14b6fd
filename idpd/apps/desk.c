/* The door of 'My digital keys'. */
#include "base/buf.h"
#include "base/clock.h"
#include "core/conversation.h"
#include "core/terms.h"
#include "apps/desk.h"
#include "web/web.h"

#define PURPOSE "keys"
#define PURPOSE_ACTIVATION "activate"

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
		.back = path, .cancel = "/", .lang = web_lang(r, resp, NULL), .agent = web_agent(r),
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
	out->sid = out->login.session->sid;
	out->home = "/keys";
	out->level = out->login.level;
	out->lang = web_lang(r, resp, NULL);
	out->values = json_own(r->a, json_pack("{ss ss}", "csrf_token", out->token, "home", out->home));
	return OK;
}

/* The form of an activation is no form of a session, nor the other way round. */
static bool form_is_ours(struct request *r, const char *purpose)
{
	return strcmp(r->method, "POST") != 0 || web_csrf_ok(r, purpose);
}

static void nobody(struct desk *out)
{
	*out = (struct desk){ .level = 0 };
}

int desk_open(struct request *r, struct response *resp, const char *path, struct desk *out)
{
	nobody(out);
	struct desk desk = { .level = 0 };
	int e = open_session(r, resp, &desk);
	if (e != OK)
		return e == E_NOENT ? sign_in(r, resp, path, 0, NULL) : e;
	if (!form_is_ours(r, PURPOSE))
		return web_error(r, resp, 400, "form", desk.lang);
	*out = desk;
	return OK;
}

int desk_open_recent(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out)
{
	nobody(out);
	struct desk desk = { .level = 0 };
	int e = open_session(r, resp, &desk);
	if (e != OK)
		return e == E_NOENT ? sign_in(r, resp, path, level, NULL) : e;
	if (!form_is_ours(r, PURPOSE))
		return web_error(r, resp, 400, "form", desk.lang);
	desk.level = session_level_since(&desk.login, now() - DESK_RECENT_S);
	if (desk.level == 0 || desk.level < level)
		return sign_in(r, resp, path, level != 0 ? level : desk.login.level, &desk.login);
	*out = desk;
	return OK;
}

/* --- an activation --- */

static int open_activation(struct request *r, struct response *resp, struct desk *out)
{
	struct desk desk = { .home = "/activate/keys" };
	struct slice browser = web_browser(r, resp);
	int e = activation_of(r->a, web_activation_cookie(r), browser, &desk.activation);
	if (e == OK)
		e = web_csrf(r, browser, PURPOSE_ACTIVATION, &desk.token);
	if (e != OK)
		return e;
	desk.login.person = desk.activation.person;
	desk.sid = desk.activation.id;
	desk.level = desk.activation.level;
	desk.lang = web_lang(r, resp, desk.login.person->locale);
	desk.values = json_own(r->a, json_pack("{ss ss ss}", "csrf_token", desk.token, "home", desk.home,
	    "person", web_full_name(r->a, desk.login.person)));
	*out = desk;
	return OK;
}

int desk_open_activation(struct request *r, struct response *resp, struct desk *out)
{
	struct desk desk;
	nobody(out);
	int e = open_activation(r, resp, &desk);
	if (e == E_NOENT)
		return web_error(r, resp, 403, "activation", web_lang(r, resp, NULL));
	if (e != OK)
		return e;
	if (!form_is_ours(r, PURPOSE_ACTIVATION))
		return web_error(r, resp, 400, "form", desk.lang);
	*out = desk;
	return OK;
}

/* A login of another person always does; of the same one, when it has just shown as much. */
static bool session_counts(const struct desk *session, const struct desk *activation, unsigned level)
{
	unsigned recent = session_level_since(&session->login, now() - DESK_RECENT_S);
	if (strcmp(session->login.person->subject, activation->login.person->subject) != 0)
		return true;
	return recent >= level && recent >= activation->level;
}

/* A session adds keys once the terms in force are accepted; and what it adds goes with a password. */
static int open_accepted(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out)
{
	struct terms terms;
	int e = desk_open_recent(r, resp, path, level, out);
	if (e != OK || out->login.person == NULL)
		return e;
	const char *first = terms_missing(r->a, out->login.person, NULL, &terms) == OK ? "/keys/terms" : !out->login.person->has_password ? "/keys/password" : NULL;
	if (first == NULL)
		return OK;
	nobody(out);
	return http_redirect(r, resp, 303, first);
}

int desk_open_adding(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out)
{
	struct desk desk, session = { .level = 0 };
	nobody(out);
	int e = open_activation(r, resp, &desk);
	if (e == E_NOENT)
		return open_accepted(r, resp, path, level, out);
	if (e != OK)
		return e;
	e = open_session(r, resp, &session);
	if (e == OK && session_counts(&session, &desk, level))
		return open_accepted(r, resp, path, level, out);
	if (e != OK && e != E_NOENT)
		return e;
	if (!form_is_ours(r, PURPOSE_ACTIVATION))
		return web_error(r, resp, 400, "form", desk.lang);
	if (!desk.login.person->has_password)
		return http_redirect(r, resp, 303, "/activate/password");
	*out = desk;
	return OK;
}

int desk_done(struct request *r, struct response *resp, const struct desk *desk, const char *what)
{
	return http_redirect(r, resp, 303, arena_printf(r->a, "%s?done=%s", desk->home, what));
}

int desk_prove(struct request *r, struct response *resp, const struct desk *desk, const struct key *draft, const char *back)
{
	struct turn turn = { .verdict = V_DENY };
	const struct want want = {
		.door = DOOR_BROWSER, .goal = GOAL_KEY, .binding = web_browser(r, resp), .can = ASK_CODE | ASK_SHOW,
		.session = desk->activation.id == NULL ? web_session_cookie(r) : S_NONE, .activation = desk->activation.id,
		.subject = desk->login.person->subject, .draft = draft, .back = back, .cancel = desk->home, .lang = desk->lang,
		.agent = web_agent(r),
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
