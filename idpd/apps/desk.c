/* The door of 'My digital keys'. */
#include "base/buf.h"
#include "base/clock.h"
#include "core/conversation.h"
#include "core/policy.h"
#include "core/terms.h"
#include "apps/desk.h"
#include "web/web.h"

#define PURPOSE "keys"
#define PURPOSE_ACTIVATION "activate"

static int follow(struct request *r, struct response *resp, const struct turn *turn)
{
	if (turn->verdict == V_MORE)
		return http_redirect(r, resp, 303, arena_printf(r->a, "/login?c=%s", turn->conversation));
	/* What it was to rest on has ended since the page was drawn. */
	return turn->verdict == V_DENY ? web_error(r, resp, 400, "form", web_lang(r, resp, NULL)) : E_DOWN;
}

/* Who may open a page. */
struct wanted {
	const char *path;
	unsigned level;
	const char *subject, *name;	/* this person, who has said this name; or NULL */
	const char *cancel;		/* NULL: our first page */
};

/* The conversation engine finds out who it is, and leads back. */
static int sign_in(struct request *r, struct response *resp, const struct wanted *w)
{
	struct turn turn = { .verdict = V_DENY };
	const struct want want = {
		.door = DOOR_BROWSER, .binding = web_browser(r, resp), .can = WEB_CAN, .name = w->name,
		.session = web_session_cookie(r), .subject = w->subject, .anew = true, .level = w->level,
		.back = w->path, .cancel = w->cancel != NULL ? w->cancel : "/", .lang = web_lang(r, resp, NULL), .agent = web_agent(r),
	};
	int e = conversation_begin(r->a, &want, r->peer, &turn);
	return e != OK ? e : follow(r, resp, &turn);
}

/* A form belongs to one session, or one activation: in a browser that two people use, what one has filled in is never done to the other. */
static const char *purpose_of(struct arena *a, const struct desk *desk)
{
	return arena_printf(a, "%s %s", desk->activation.id != NULL ? PURPOSE_ACTIVATION : PURPOSE, desk->sid);
}

static int open_session(struct request *r, struct response *resp, struct desk *out)
{
	int e = session_login(r->a, web_session_cookie(r), &out->login);
	if (e != OK)
		return e;
	out->sid = out->login.session->sid;
	e = web_csrf(r, web_browser(r, resp), purpose_of(r->a, out), &out->token);
	if (e != OK)
		return e;
	out->home = "/keys";
	out->level = out->login.level;
	out->lang = web_lang(r, resp, NULL);
	out->values = json_own(r->a, json_pack("{ss ss ss}", "csrf_token", out->token, "home", out->home, "cancel", out->home));
	return OK;
}

static bool form_is_ours(struct request *r, const struct desk *desk)
{
	return strcmp(r->method, "POST") != 0 || web_csrf_ok(r, purpose_of(r->a, desk));
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
		return e == E_NOENT ? sign_in(r, resp, &(struct wanted){ .path = path }) : e;
	if (!form_is_ours(r, &desk))
		return web_error(r, resp, 400, "form", desk.lang);
	*out = desk;
	return OK;
}

static int open_recent(struct request *r, struct response *resp, struct wanted w, struct desk *out)
{
	struct desk desk = { .level = 0 };
	int e = open_session(r, resp, &desk);
	if (e != OK)
		return e == E_NOENT ? sign_in(r, resp, &w) : e;
	if (!form_is_ours(r, &desk))
		return web_error(r, resp, 400, "form", desk.lang);
	const char *subject = desk.login.person->subject;
	if (w.subject == NULL)
		w.subject = subject;
	if (strcmp(w.subject, subject) == 0)
		desk.level = session_level_since(&desk.login, now() - DESK_RECENT_S);
	else
		desk.level = 0;
	if (desk.level > 0 && desk.level >= w.level) {
		*out = desk;
		return OK;
	}
	if (w.level == 0)
		w.level = desk.login.level;
	return sign_in(r, resp, &w);
}

int desk_open_recent(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out)
{
	nobody(out);
	return open_recent(r, resp, (struct wanted){ .path = path, .level = level }, out);
}

/* --- a login that waits for a key --- */

const char *desk_self(struct request *r, const char *path)
{
	struct slice waiting = http_query(r, "c"), activation = http_query(r, "a");
	struct buf b = buf_new(r->a);
	buf_raw(&b, slice_of(path));
	if (waiting.n > 0 || activation.n > 0) {
		buf_raw(&b, waiting.n > 0 ? S("?c=") : S("?a="));
		buf_url(&b, waiting.n > 0 ? waiting : activation);
	}
	return buf_cstr(&b);
}

static int put_service(struct request *r, const char *id, struct desk *desk)
{
	const struct service *service;
	int e = id != NULL ? directory_service(r->a, id, &service) : E_NOENT;
	if (e == OK)
		json_object_set_new(desk->values, "then", json_string(service_name(service, desk->lang)));
	return e == E_NOENT ? OK : e;
}

/* A session adds keys once the terms in force are accepted; and what it adds goes with a password. */
static int ready_to_add(struct request *r, struct response *resp, struct desk *out)
{
	struct terms terms;
	const char *first = terms_missing(r->a, out->login.person, NULL, &terms) == OK ? "/keys/terms" : !out->login.person->has_password ? "/keys/password" : NULL;
	if (first == NULL)
		return OK;
	nobody(out);
	return http_redirect(r, resp, 303, desk_self(r, first));
}

/* Nobody else's key would help that login, nor one that is worth less than it asks for. */
static int open_for_login(struct request *r, struct response *resp, const char *path, unsigned level, const struct left *left, struct desk *out)
{
	const char *cancel = desk_self(r, "/login");
	struct desk desk = { .level = 0 };
	const struct wanted w = { .path = desk_self(r, path), .level = level > left->level ? level : left->level,
		.subject = left->subject, .name = left->name, .cancel = cancel };
	int e = open_recent(r, resp, w, &desk);
	if (e == OK && desk.login.person != NULL)
		e = ready_to_add(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	desk.cancel = cancel;
	desk.next = left->back != NULL ? left->back : "/";
	json_object_set_new(desk.values, "cancel", json_string(cancel));
	e = put_service(r, left->service, &desk);
	if (e == OK)
		*out = desk;
	return e;
}

/* --- an activation --- */

static int open_activation(struct request *r, struct response *resp, struct desk *out)
{
	struct desk desk = { .home = "/activate/keys" };
	struct slice browser = web_browser(r, resp);
	int e = activation_of(r->a, web_activation_cookie(r), browser, &desk.activation);
	if (e != OK)
		return e;
	desk.login.person = desk.activation.person;
	desk.sid = desk.activation.id;
	desk.level = desk.activation.level;
	desk.lang = web_lang(r, resp, desk.login.person->locale);
	e = web_csrf(r, browser, purpose_of(r->a, &desk), &desk.token);
	if (e != OK)
		return e;
	desk.values = json_own(r->a, json_pack("{ss ss ss ss}", "csrf_token", desk.token, "home", desk.home, "cancel", desk.home,
	    "person", web_full_name(r->a, desk.login.person)));
	*out = desk;
	return OK;
}

/* `id`: that one, where a page of it says so; empty: any. */
static int open_begun(struct request *r, struct response *resp, struct slice id, struct desk *out)
{
	struct desk desk;
	int e = open_activation(r, resp, &desk);
	if (e == E_NOENT || (e == OK && id.n > 0 && !slice_is(id, desk.activation.id)))
		return web_error(r, resp, 403, "activation", web_lang(r, resp, NULL));
	if (e != OK)
		return e;
	if (!form_is_ours(r, &desk))
		return web_error(r, resp, 400, "form", desk.lang);
	*out = desk;
	return OK;
}

static int open_agreed(struct request *r, struct response *resp, struct slice id, struct desk *out)
{
	struct terms terms;
	int e = open_begun(r, resp, id, out);
	if (e != OK || out->login.person == NULL || terms_missing(r->a, out->login.person, NULL, &terms) != OK)
		return e;
	nobody(out);
	return http_redirect(r, resp, 303, "/activate/terms");
}

int desk_open_activation(struct request *r, struct response *resp, struct desk *out)
{
	nobody(out);
	return open_agreed(r, resp, S_NONE, out);
}

int desk_open_activation_terms(struct request *r, struct response *resp, struct terms *terms, struct desk *out)
{
	nobody(out);
	int e = open_begun(r, resp, S_NONE, out);
	if (e != OK || out->login.person == NULL)
		return e;
	e = terms_missing(r->a, out->login.person, out->lang, terms);
	if (e != E_NOENT)
		return e;
	nobody(out);
	return http_redirect(r, resp, 303, "/activate/keys");
}

/* A code goes with a password: who has none sets one first. */
static int open_for_activation(struct request *r, struct response *resp, struct slice id, struct desk *out)
{
	int e = open_agreed(r, resp, id, out);
	if (e != OK || out->login.person == NULL || out->login.person->has_password)
		return e;
	nobody(out);
	return http_redirect(r, resp, 303, "/activate/password");
}

/* An operator may have closed that kind since its page was drawn. */
static bool is_closed(const char *path)
{
	static const struct { const char *path, *kind; } wizards[] = {
#define WIZARD(page, kind, level) { "/keys/new/" #page, #kind },
#include "apps/wizards.def"
#undef WIZARD
	};
	const struct key_kind *kind = NULL;
	for (size_t i = 0; i < sizeof wizards / sizeof *wizards; i++)
		if (strcmp(wizards[i].path, path) == 0)
			kind = kind_by_name(slice_of(wizards[i].kind));
	return kind != NULL && (policy_kind_level(kind) == 0 || policy_kind_blocked(kind));
}

int desk_open_adding(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out)
{
	struct left left;
	struct slice waiting = http_query(r, "c"), activation = http_query(r, "a");
	nobody(out);
	if (is_closed(path))
		return web_error(r, resp, 404, "not-found", NULL);
	int e = waiting.n > 0 ? conversation_left(r->a, waiting, web_browser(r, resp), &left) : E_NOENT;
	if (e != E_NOENT)
		return e == OK ? open_for_login(r, resp, path, level, &left, out) : e;
	if (waiting.n == 0 && activation.n > 0)
		return open_for_activation(r, resp, activation, out);
	e = desk_open_recent(r, resp, path, level, out);
	return e != OK || out->login.person == NULL ? e : ready_to_add(r, resp, out);
}

const char *desk_after(struct arena *a, const struct desk *desk, const char *what)
{
	return desk->next != NULL ? desk->next : arena_printf(a, "%s?done=%s", desk->home, what);
}

int desk_done(struct request *r, struct response *resp, const struct desk *desk, const char *what)
{
	return http_redirect(r, resp, 303, desk_after(r->a, desk, what));
}

int desk_prove(struct request *r, struct response *resp, const struct desk *desk, const struct key *draft, const char *back)
{
	struct turn turn = { .verdict = V_DENY };
	const struct want want = {
		.door = DOOR_BROWSER, .goal = GOAL_KEY, .binding = web_browser(r, resp), .can = ASK_CODE | ASK_SHOW,
		.session = desk->activation.id == NULL ? web_session_cookie(r) : S_NONE, .activation = desk->activation.id,
		.subject = desk->login.person->subject, .draft = draft, .back = back, .cancel = desk->cancel != NULL ? desk->cancel : desk->home, .lang = desk->lang,
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
