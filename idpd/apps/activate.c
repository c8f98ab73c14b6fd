/* /activate: a link and a code, which came by two ways, let somebody activate digital keys: a password first, where there is none, and then one key
 * or more. */
#include "apps/mykeys.h"
#include "base/clock.h"
#include "base/wait.h"
#include "core/history.h"
#include "core/password.h"
#include "core/policy.h"
#include "core/notice.h"
#include "svc/audit.h"
#include "svc/passwords.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/activate"
#define PURPOSE "activate-code"

/* --- link and code --- */

/* Whose login ends here: who helps people with their keys is told before it does. */
static int put_other_login(struct request *r, json_t *v)
{
	struct login login;
	int e = session_login(r->a, web_session_cookie(r), &login);
	if (e == OK)
		json_object_set_new(v, "signed_in", json_string(web_full_name(r->a, login.person)));
	return e == E_WAIT ? e : OK;
}

/* Nothing of the link is looked up before there is a code: every link looks alike, and to fetch one spends nothing. */
static int draw_code(struct request *r, struct response *resp, struct slice link, const char *note, unsigned wait_s)
{
	const char *lang = web_lang(r, resp, NULL), *token;
	int e = web_csrf(r, web_browser(r, resp), PURPOSE, &token);
	if (e != OK)
		return e;
	json_t *v = json_own(r->a, json_pack("{ss ss ss}", "csrf_token", token, "self", PATH, "link", slice_is_text(link, "") ? arena_str(r->a, link) : ""));
	if ((e = put_other_login(r, v)) != OK)
		return e;
	if (note != NULL)
		json_object_set_new(v, "error", json_string(text_with(r->a, lang, note, "seconds", text_seconds(r->a, wait_s), NULL)));
	return web_page(r, resp, note == NULL ? 200 : wait_s > 0 ? 429 : 400, "activate", lang, v, NULL);
}

int apps_activate(struct request *r, struct response *resp)
{
	struct slice link = http_query(r, "t");
	if (link.n == 0)
		return web_error(r, resp, 404, "activation", web_lang(r, resp, NULL));
	return draw_code(r, resp, link, NULL, 0);
}

/* Somebody else's login in this browser ends: what is done here from now on is done to one person. */
static int end_other_session(struct request *r, struct response *resp)
{
	struct slice cookie = web_session_cookie(r);
	if (cookie.n == 0)
		return OK;
	web_set_session(r, resp, S_NONE);
	return session_end(cookie);
}

int apps_activate_begin(struct request *r, struct response *resp)
{
	struct slice link = http_form(r, "t");
	struct activation_begun begun;
	if (!web_csrf_ok(r, PURPOSE))
		return web_error(r, resp, 400, "form", web_lang(r, resp, NULL));
	int e = activation_begin(r->a, link, http_form(r, "code"), web_browser(r, resp), r->peer, &begun);
	if (e == E_NOENT)
		return draw_code(r, resp, link, "activate.wrong", 0);
	if (e == E_LIMIT)
		return draw_code(r, resp, link, "activate.wait", begun.wait_s);
	if (e == OK)
		e = end_other_session(r, resp);
	if (e != OK)
		return e;
	web_set_activation(r, resp, begun.cookie);
	return http_redirect(r, resp, 303, PATH "/keys");
}

/* --- a password, where there is none --- */

static int draw_password(struct request *r, struct response *resp, struct desk *desk, const char *note)
{
	json_object_set_new(desk->values, "self", json_string(PATH "/password"));
	json_object_set_new(desk->values, "username", json_string(desk->login.person->name));
	json_object_set_new(desk->values, "shown_href", json_string(PATH "/password?show=1"));
	json_object_set_new(desk->values, "hidden_href", json_string(PATH "/password"));
	json_object_set_new(desk->values, "show", json_boolean(slice_is(http_param(r, "show"), "1")));
	json_object_set_new(desk->values, "bad_password", json_boolean(note != NULL));
	if (note != NULL)
		json_object_set_new(desk->values, "error", json_string(text(desk->lang, note)));
	return web_page(r, resp, note != NULL ? 400 : 200, "activate-password", desk->lang, desk->values, NULL);
}

/* The desk of somebody without a password; login.person NULL: *resp is filled. */
static int open_without(struct request *r, struct response *resp, struct desk *desk)
{
	int e = desk_open_activation(r, resp, desk);
	if (e != OK || desk->login.person == NULL || !desk->login.person->has_password)
		return e;
	desk->login.person = NULL;		/* an activation gives a password to who has none, and changes nobody's */
	return http_redirect(r, resp, 303, PATH "/keys");
}

int apps_activate_password(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = open_without(r, resp, &desk);
	return e != OK || desk.login.person == NULL ? e : draw_password(r, resp, &desk, NULL);
}

static int set_password(struct request *r, const struct desk *desk, struct slice secret, bool alone)
{
	const struct person *person = desk->login.person;
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_PASSWORD_CHANGED, .subject = person->subject, .peer = r->peer, .session = desk->sid, .level = desk->level);
	if (e == OK)
		e = directory_password_set(person, password_hash(r->a, secret));
	if (e == OK)
		NOTICE(.event = NOTICE_PASSWORD_CHANGED, .person = person, .peer = r->peer, .agent = web_agent(r));
	if (e == OK && alone)
		e = activation_note_alone(desk->activation.id);
	return e == E_EXISTS ? OK : e;		/* somebody has set one meanwhile: that stays */
}

int apps_activate_password_set(struct request *r, struct response *resp)
{
	struct desk desk;
	struct slice secret = http_form(r, "password");
	int e = open_without(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const char *fault = secret.n > 0 ? password_fault(desk.login.person, true, secret) : "note.incomplete";
	if (fault == NULL && !slice_same_secret(secret, http_form(r, "again")))
		fault = "note.password-differ";
	if (fault != NULL)
		return draw_password(r, resp, &desk, fault);
	if (would_hash())
		return E_WAIT;
	e = set_password(r, &desk, secret, password_fault(desk.login.person, false, secret) == NULL);
	return e != OK ? e : http_redirect(r, resp, 303, PATH "/keys?done=password");
}

/* --- which key? --- */

static bool has_active(const struct person *person, const char *kind)
{
	const char *why;
	return policy_key(kind_by_name(slice_of(kind)), person, now(), &why) != NULL;
}

static void put_choice(json_t *rows, struct request *r, const struct desk *desk, const char *page, const char *kind)
{
	json_t *row = keys_wizard(r, desk, page, kind);
	if (row == NULL)
		return;
	json_object_set_new(row, "active", json_boolean(has_active(desk->login.person, kind)));
	json_array_append_new(rows, row);
}

static int draw_keys(struct request *r, struct response *resp, struct desk *desk)
{
	json_t *rows = json_array(), *v = desk->values;
#define WIZARD(page, kind, level) put_choice(rows, r, desk, #page, #kind);
#include "apps/wizards.def"
#undef WIZARD
	struct slice done = http_query(r, "done");
	const char *said = done.n > 0 && slice_is_text(done, "") ? arena_printf(r->a, "keys.done.%s", done.p) : "";
	if (texts_have(said))
		json_object_set_new(v, "info", json_string(text(desk->lang, said)));
	json_object_set_new(v, "kinds", rows);
	json_object_set_new(v, "self", json_string(PATH "/keys"));
	json_object_set_new(v, "username", json_string(desk->login.person->name));
	json_object_set_new(v, "plain_active", json_boolean(has_active(desk->login.person, "password")));
	json_object_set_new(v, "plain_may", json_boolean(desk->activation.alone && keys_may_add("password")));
	json_object_set_new(v, "added", json_boolean(slice_is(done, "added")));
	return web_page(r, resp, 200, "activate-keys", desk->lang, v, NULL);
}

int apps_activate_keys(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_activation(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (!desk.login.person->has_password)
		return http_redirect(r, resp, 303, PATH "/password");
	return draw_keys(r, resp, &desk);
}

/* The password alone, when it was made for that. */
static int add_plain(struct request *r, struct response *resp, const struct desk *desk)
{
	const struct person *person = desk->login.person;
	const char *id = keys_next_id(r->a, person, "password");
	if (!person->has_password || !desk->activation.alone || has_active(person, "password") || !keys_may_add("password"))
		return web_error(r, resp, 400, "bad-request", desk->lang);
	if (id == NULL)
		return web_error(r, resp, 403, "keys-full", desk->lang);
	const struct key key = { .id = id, .kind = "password", .level = desk->level };
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_KEY_ADDED, .subject = person->subject, .kind = key.kind, .key = id, .peer = r->peer, .session = desk->sid, .level = desk->level);
	if (e == OK)
		e = directory_key_add(person, &key);
	if (e == OK)
		NOTICE(.event = NOTICE_KEY_ADDED, .person = person, .kind = key.kind, .key = id, .peer = r->peer, .agent = web_agent(r));
	return e != OK && e != E_EXISTS ? e : desk_done(r, resp, desk, "added");
}

int apps_activate_act(struct request *r, struct response *resp)
{
	struct desk desk;
	struct slice act = http_form(r, "act");
	int e = desk_open_activation(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (slice_is(act, "password"))
		return add_plain(r, resp, &desk);
	if (!slice_is(act, "end"))
		return web_error(r, resp, 400, "bad-request", desk.lang);
	e = activation_end(desk.activation.id);
	web_set_activation(r, resp, S_NONE);
	return e != OK ? e : http_redirect(r, resp, 303, "/keys");
}
