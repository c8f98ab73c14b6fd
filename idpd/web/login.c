/* The browser's door to the conversation engine: draws its prompts, carries the answers back, decides nothing. */
#include "base/buf.h"
#include "core/conversation.h"
#include "svc/directory.h"
#include "svc/texts.h"
#include "web/web.h"

enum { MAX_FIELD = 512, MAX_PROOF = 16 * 1024 };

struct scene {				/* one turn on its way to the screen */
	struct request *r;
	struct response *resp;
	const struct turn *turn;
	const char *lang;
	json_t *values;
};

static void put(struct scene *s, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(s->values, name, json_string(value));
}

static void put_true(struct scene *s, const char *name, bool yes)
{
	if (yes)
		json_object_set_new(s->values, name, json_true());
}

static const char *kind_text(struct arena *a, const char *lang, const char *kind, const char *part)
{
	const char *id = arena_printf(a, "kind.%s.%s", kind, part);
	return texts_have(id) ? text(lang, id) : kind;
}

/* A note's text: what it may name is the key and the seconds to wait. */
static const char *note(struct scene *s, const char *id, const char *kind, unsigned wait_s)
{
	const char *key = kind != NULL ? kind_text(s->r->a, s->lang, kind, "title") : "";
	return text_with(s->r->a, s->lang, id, "key", key, "seconds", text_seconds(s->r->a, wait_s),
	    "left", arena_printf(s->r->a, "%u", s->turn->ask.left), NULL);
}

/* Where keys of that kind are added while this login waits; NULL: nowhere here. */
static const char *wizard(const struct scene *s, const char *kind)
{
	struct arena *a = s->r->a;
#define ENDPOINT(method, path, fn, flags) path,
	static const char *const paths[] = {
#include "http/endpoints.def"
	};
#undef ENDPOINT
	const char *page = arena_printf(a, "/keys/new/%s", kind);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (strcmp(paths[i], page) == 0)
			return arena_printf(a, "%s?c=%s", page, s->turn->conversation);
	return NULL;
}

/* The way to a key of that kind, for who has none or a locked one (A14, A21), and its words. */
static void put_wizard(const struct scene *s, json_t *v, const char *name, const char *note_id, const char *kind)
{
	bool none = strcmp(note_id, "note.not-activated") == 0;
	const char *page = kind != NULL && (none || strcmp(note_id, "note.locked") == 0) ? wizard(s, kind) : NULL;
	if (page == NULL)
		return;
	json_object_set_new(v, name, json_string(page));
	json_object_set_new(v, arena_printf(s->r->a, "%s_text", name), json_string(text(s->lang, none ? "login.activate" : "login.renew")));
}

/* Notes that explain, where all others say that something went wrong. */
static bool explains(const char *id)
{
	static const char *const ids[] = { "note.step-up", "note.again", "note.no-key", "note.next-code", "note.card-few", "note.sent-again", "note.send-wait",
		"note.code-ended" };
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

static void put_note(struct scene *s, const char *id)
{
	const struct prompt *ask = &s->turn->ask;
	if (id == NULL)
		return;
	const char *kind = ask->note_kind != NULL ? ask->note_kind : ask->kind;
	put(s, explains(id) ? "info" : "error", note(s, id, kind, ask->wait_s));
	put_wizard(s, s->values, "activate", id, kind);
	put_true(s, "bad_text", strcmp(id, "note.wrong") == 0 || strcmp(id, "note.incomplete") == 0);
	put_true(s, "bad_code", strcmp(id, "note.wrong-code") == 0 || strcmp(id, "note.incomplete") == 0);
}

/* Why a key cannot be chosen, in fewer words than above the chooser, where one is spoken of. An operator's notice comes first. */
static const char *why_not(struct scene *s, const struct choice *c)
{
	struct arena *a = s->r->a;
	const char *brief = arena_printf(a, "%s.short", c->note_id), *absent = arena_printf(a, "kind.%s.absent", c->id);
	const char *notice = strcmp(c->note_id, "note.blocked") == 0 ? directory_kind_notice(a, c->id, s->lang) : NULL;
	if (notice != NULL)
		return notice;
	if (strcmp(c->note_id, "note.not-activated") == 0 && texts_have(absent))
		return text(s->lang, absent);
	return texts_have(brief) ? text(s->lang, brief) : note(s, c->note_id, c->id, 0);
}

static json_t *option(struct scene *s, const struct choice *c)
{
	struct arena *a = s->r->a;
	json_t *v = json_object();
	const char *title = c->label != NULL ? c->label : kind_text(a, s->lang, c->id, "title");
	const char *icon = web_kind_icon(a, c->label != NULL && s->turn->ask.kind != NULL ? s->turn->ask.kind : c->id);
	json_object_set_new(v, "id", json_string(c->id));
	json_object_set_new(v, "title", json_string(title));
	if (c->label == NULL) {
		json_object_set_new(v, "with", json_string(kind_text(a, s->lang, c->id, "login")));
		json_object_set_new(v, "text", json_string(kind_text(a, s->lang, c->id, "text")));
	}
	if (icon != NULL)
		json_object_set_new(v, "icon", json_string(icon));
	if (c->note_id != NULL) {
		json_object_set_new(v, "why", json_string(why_not(s, c)));
		put_wizard(s, v, "way", c->note_id, c->id);
	}
	json_object_set_new(v, "disabled", json_boolean(c->disabled));
	return v;
}

/* The titled groups of CSAM's chooser, in its order. The first has no title: the person's own keys of one kind, and groups to come. */
static const char *const groups[] = { "", "card", "code", "plain", "europe" };
enum { GROUPS = sizeof groups / sizeof *groups };

static size_t group_of(const struct choice *c)
{
	for (size_t g = 1; c->label == NULL && c->group != NULL && g < GROUPS; g++)
		if (strcmp(groups[g], c->group) == 0)
			return g;
	return 0;
}

/* A group without choices is not drawn. */
static void put_choices(struct scene *s)
{
	const struct prompt *ask = &s->turn->ask;
	json_t *list = json_array();
	for (size_t g = 0; g < GROUPS; g++) {
		json_t *options = json_array();
		for (size_t i = 0; i < ask->nchoices; i++)
			if (group_of(&ask->choices[i]) == g)
				json_array_append_new(options, option(s, &ask->choices[i]));
		json_t *group = json_pack("{s:o}", "options", options);
		if (groups[g][0] != '\0')
			json_object_set_new(group, "title", json_string(text(s->lang, arena_printf(s->r->a, "group.%s.title", groups[g]))));
		if (json_array_size(options) > 0)
			json_array_append(list, group);
		json_decref(group);
	}
	json_object_set_new(s->values, "groups", list);
}

static void put_fields(struct scene *s)
{
	const struct prompt *ask = &s->turn->ask;
	put_true(s, "ask_text", ask->ask & ASK_TEXT);
	put_true(s, "ask_secret", ask->ask & ASK_SECRET);
	put_true(s, "ask_code", ask->ask & ASK_CODE);
	put(s, ask->ask & ASK_TEXT ? "username" : "known_name", ask->name);
	put_true(s, "focus_text", ask->ask & ASK_TEXT && ask->name == NULL);
	put_true(s, "focus_secret", ask->ask & ASK_SECRET && !(ask->ask & ASK_TEXT && ask->name == NULL));
	put(s, "kind", ask->kind);
	if (ask->kind == NULL)
		return;
	put(s, "icon", web_kind_icon(s->r->a, ask->kind));
	put_true(s, "weak", strcmp(ask->kind, "password") == 0);
	const char *hint = ask->hint_id != NULL ? ask->hint_id : arena_printf(s->r->a, "kind.%s.hint", ask->kind);
	if (ask->ask & ASK_CODE && texts_have(hint))
		put(s, "hint", text_with(s->r->a, s->lang, hint, "what", ask->what != NULL ? ask->what : "", NULL));
}

/* Something that the person holds signs, here by a script and a program of the browser's, or at another address. The page is the kind's own. */
static void put_proof(struct scene *s)
{
	const struct prompt *ask = &s->turn->ask;
	put(s, "known_name", ask->name);
	put(s, "icon", web_kind_icon(s->r->a, ask->kind));
	put_true(s, "scripts", ask->ask & ASK_SIGN);
	put(s, "challenge", ask->ask & ASK_SIGN ? ask->challenge : NULL);
	put(s, "href", ask->ask & ASK_REDIRECT ? ask->href : NULL);
}

/* The name of the service to show; its identifier while the directory is away. E_WAIT. */
static int put_service(struct scene *s)
{
	const struct service *service;
	if (s->turn->service == NULL)
		return OK;
	int e = directory_service(s->r->a, s->turn->service, &service);
	if (e == E_WAIT)
		return e;
	put(s, "service", e == OK ? service_name(service, s->lang) : s->turn->service);
	if (e == OK && s->turn->verdict == V_DENY && s->turn->why != NULL && strcmp(s->turn->why, "deny.service-blocked") == 0)
		put(s, "notice", service->notice);
	return OK;
}

static int scene_new(struct scene *s)
{
	s->lang = web_lang(s->r, s->resp, s->turn->lang);
	s->values = json_own(s->r->a, json_object());
	struct slice asked = web_lang_asked(s->r);
	put(s, "lang_asked", asked.p);
	put(s, "conversation", s->turn->conversation);
	put(s, "cancel", s->turn->cancel);
	if (s->turn->conversation != NULL)
		put(s, "self", arena_printf(s->r->a, "/login?c=%s", s->turn->conversation));
	return put_service(s);
}

/* The answer to these forms may be a redirect to the service: hence WEB_ANYWHERE. */
static int draw_prompt(struct scene *s, unsigned status, const char *note_id)
{
	const struct prompt *ask = &s->turn->ask;
	put(s, "ticket", s->turn->ticket);
	put_true(s, "may_go_back", ask->may_go_back);
	put_true(s, "may_ask_again", ask->may_ask_again);
	put_true(s, "adding", s->turn->goal == GOAL_KEY);
	put_note(s, note_id != NULL ? note_id : ask->note_id);
	if (ask->kind != NULL)
		put(s, "kind_title", kind_text(s->r->a, s->lang, ask->kind, "title"));
	if (ask->ask & ASK_CHOICE) {
		put_choices(s);
		return web_page(s->r, s->resp, status, "choose", s->lang, s->values, WEB_ANYWHERE);
	}
	if (ask->ask & (ASK_SIGN | ASK_REDIRECT)) {
		put_proof(s);
		return web_page(s->r, s->resp, status, ask->kind, s->lang, s->values, WEB_ANYWHERE);
	}
	put_fields(s);
	return web_page(s->r, s->resp, status, "login", s->lang, s->values, WEB_ANYWHERE);
}

static int draw_denied(struct scene *s)
{
	const char *why = s->turn->why != NULL && texts_have(s->turn->why) ? s->turn->why : "deny.other";
	const char *title = arena_printf(s->r->a, "%s.title", why);
	put(s, "title", text(s->lang, texts_have(title) ? title : "deny.other.title"));
	put(s, "text", text_with(s->r->a, s->lang, why, "service", json_str(s->values, "service"), NULL));
	return web_page(s->r, s->resp, 403, "denied", s->lang, s->values, NULL);
}

/* "This page has expired", and the way to begin again. */
static int draw_expired(struct request *r, struct response *resp)
{
	return web_error(r, resp, 404, "expired", NULL);
}

static int to_conversation(struct request *r, struct response *resp, const struct turn *turn)
{
	struct slice asked = web_lang_asked(r);
	return http_redirect(r, resp, 303, arena_printf(r->a, "/login?c=%s%s%.*s", turn->conversation,
	    asked.n > 0 ? "&lang=" : "", (int)asked.n, asked.n > 0 ? asked.p : ""));
}

/* Every verdict has its page. `shown`: this is the address at which the prompt is drawn; elsewhere it is led there. */
static int answer_with(struct request *r, struct response *resp, const struct turn *turn, bool shown)
{
	struct scene s = { .r = r, .resp = resp, .turn = turn };
	switch (turn->verdict) {
	case V_ALLOW:
		if (turn->session.n > 0)
			web_set_session(r, resp, turn->session);
		return http_redirect(r, resp, 303, turn->back != NULL ? turn->back : "/");
	case V_MORE:
		if (turn->ask.ask & ASK_REGISTER)
			return http_redirect(r, resp, 303, turn->ask.href);
		if (!shown)
			return to_conversation(r, resp, turn);
		return scene_new(&s) == OK ? draw_prompt(&s, 200, NULL) : E_WAIT;
	case V_DOWN:
		return E_DOWN;
	case V_DENY:
		break;
	}
	return scene_new(&s) == OK ? draw_denied(&s) : E_WAIT;
}

static int begin(struct request *r, struct response *resp)
{
	struct turn turn = { 0 };
	const struct want want = {
		.door = DOOR_BROWSER, .binding = web_browser(r, resp), .can = WEB_CAN,
		.session = web_session_cookie(r), .back = "/", .cancel = "/", .lang = web_lang(r, resp, NULL),
		.agent = web_agent(r),
	};
	int e = conversation_begin(r->a, &want, r->peer, &turn);
	return e == OK ? answer_with(r, resp, &turn, false) : e;
}

int web_login(struct request *r, struct response *resp)
{
	struct turn turn = { 0 };
	struct slice c = http_query(r, "c");
	if (c.n == 0)
		return begin(r, resp);
	int e = conversation_show(r->a, c, web_browser(r, resp), &turn);
	if (e == E_NOENT || e == E_INPUT)
		return draw_expired(r, resp);
	return e == OK ? answer_with(r, resp, &turn, true) : e;
}

/* What was sent is no answer to the prompt (an empty field, as a rule): the same prompt again, saying so. */
static int ask_again(struct request *r, struct response *resp, struct slice browser)
{
	struct turn turn = { 0 };
	int e = conversation_show(r->a, http_form(r, "c"), browser, &turn);
	if (e == E_NOENT || e == E_INPUT)
		return draw_expired(r, resp);
	if (e != OK || turn.verdict != V_MORE)
		return e != OK ? e : answer_with(r, resp, &turn, true);
	struct scene s = { .r = r, .resp = resp, .turn = &turn };
	return scene_new(&s) == OK ? draw_prompt(&s, 400, "note.incomplete") : E_WAIT;
}

/* What ASK_REDIRECT brought comes by GET, and without a ticket: the address it was at does not know it. Conversation, browser and challenge tie it
 * to its prompt as tightly. That it brought nothing is an answer as well: a try, and a line in the trail. */
static int bring_back(struct request *r, struct slice browser, struct turn *turn)
{
	struct answer answer = { .proof = http_query(r, "p"), .without = http_query(r, "p").n == 0,
		.browser = web_agent(r) };
	int e = conversation_show(r->a, http_query(r, "c"), browser, turn);
	if (e != OK || turn->verdict != V_MORE || !(turn->ask.ask & ASK_REDIRECT))
		return e;
	const char *ticket = turn->ticket;
	return conversation_answer(r->a, slice_of(ticket), browser, r->peer, &answer, turn);
}

/* A form that says nothing of cookies comes from a browser that keeps none: it would never get in, and should be told why. */
static bool has_cookie(const struct request *r)
{
	return http_header(r, "Cookie").n > 0;
}

/* Broken is not no: the prompt still stands, and this is the way back to it. */
static int draw_not_now(struct request *r, struct response *resp, struct slice conversation, int error)
{
	const char *what = error == E_LIMIT ? "too-many" : "down", *lang = web_lang(r, resp, NULL);
	struct buf retry = buf_new(r->a);
	buf_lit(&retry, "/login?c=");
	buf_url(&retry, conversation);
	unsigned status = error == E_LIMIT ? 429 : 503;
	json_t *values = json_own(r->a, json_pack("{s:s, s:s, s:i, s:s}", "title", text(lang, arena_printf(r->a, "error.%s.title", what)),
	    "text", text(lang, arena_printf(r->a, "error.%s.text", what)), "status", (int)status, "retry", buf_cstr(&retry)));
	return web_page(r, resp, status, "error", lang, values, NULL);
}

static int draw_result(struct request *r, struct response *resp, struct slice conversation, int e, const struct turn *turn)
{
	if (e == E_NOENT)
		return draw_expired(r, resp);
	if (e == E_LIMIT || e == E_DOWN || (e == OK && turn->verdict == V_DOWN))
		return draw_not_now(r, resp, conversation, e == OK ? E_DOWN : e);
	return e == OK ? answer_with(r, resp, turn, false) : e;
}

/* The proof of a card: from the Web eID script by POST, from the eID listener by GET. */
int web_login_eid(struct request *r, struct response *resp)
{
	struct turn turn = { 0 };
	bool get = strcmp(r->method, "GET") == 0;
	struct slice c = http_param(r, "c"), browser = web_browser(r, resp);
	if (!has_cookie(r))
		return web_error(r, resp, 400, "cookies", NULL);
	const struct answer answer = { .proof = http_form(r, "proof"), .back = http_form(r, "back").p != NULL,
		.browser = web_agent(r) };
	if (http_param(r, get ? "p" : "proof").n > MAX_PROOF)
		return web_error(r, resp, 400, "too-long", NULL);
	int e = get ? bring_back(r, browser, &turn) :
	    conversation_answer(r->a, http_form(r, "ticket"), browser, r->peer, &answer, &turn);
	if (e == E_INPUT)
		return get ? draw_expired(r, resp) : ask_again(r, resp, browser);
	return draw_result(r, resp, c, e, &turn);
}

int web_login_answer(struct request *r, struct response *resp)
{
	const struct answer answer = {
		.choice = http_form(r, "choice"), .text = http_form(r, "username"), .secret = http_form(r, "password"),
		.code = http_form(r, "code"), .back = http_form(r, "back").p != NULL, .again = http_form(r, "again").p != NULL,
		.browser = web_agent(r),
	};
	if (!has_cookie(r))
		return web_error(r, resp, 400, "cookies", NULL);
	if (answer.choice.n > MAX_FIELD || answer.text.n > MAX_FIELD || answer.secret.n > MAX_FIELD || answer.code.n > MAX_FIELD)
		return web_error(r, resp, 400, "too-long", NULL);
	struct turn turn = { 0 };
	struct slice browser = web_browser(r, resp);
	int e = conversation_answer(r->a, http_form(r, "ticket"), browser, r->peer, &answer, &turn);
	return e == E_INPUT ? ask_again(r, resp, browser) : draw_result(r, resp, http_form(r, "c"), e, &turn);
}
