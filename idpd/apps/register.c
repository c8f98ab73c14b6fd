/* GET and POST /register: from an identity card that nobody has yet to a person, and on to where they wanted to go. One page; which part of it is shown
 * the registration says, and each answer is checked against that. */
#include "apps/desk.h"
#include "apps/terms.h"
#include "base/buf.h"
#include "core/conversation.h"
#include "core/registration.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/register"
#define PURPOSE "register"

enum { MAX_FIELD = 512 };

struct visit {
	struct request *r;
	struct response *resp;
	struct registration reg;
	const char *lang;
	struct slice browser;
};

/* --- the page --- */

enum part { PART_EXISTS, PART_TERMS, PART_MAIL, PART_CODE, PART_ACCOUNT };

static enum part part_of(const struct registration *g)
{
	if (g->exists)
		return PART_EXISTS;
	if (!registration_agreed(g))
		return PART_TERMS;
	return g->mail == NULL ? PART_MAIL : g->proven ? PART_ACCOUNT : PART_CODE;
}

static const char *path_of(struct arena *a, const struct registration *g)
{
	return arena_printf(a, PATH "?c=%s", g->id);
}

static void put(json_t *v, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(v, name, json_string(value));
}

/* What was typed comes back, so that nobody types it twice; a password does not. */
static void put_typed(struct visit *w, json_t *v, const char *field, const char *otherwise)
{
	struct slice typed = http_form(w->r, field);
	bool whole = typed.n > 0 && typed.n <= MAX_FIELD && slice_is_text(typed, "");
	put(v, field, whole ? arena_str(w->r->a, typed) : otherwise != NULL ? otherwise : "");
}

static int put_part(struct visit *w, json_t *v, enum part part)
{
	static const char *const names[] = { "part_exists", "part_terms", "part_mail", "part_code", "part_account" };
	struct terms terms;
	json_object_set_new(v, names[part], json_true());
	if (part != PART_EXISTS)
		json_object_set_new(v, "number", json_integer(part));
	if (part == PART_TERMS) {
		int e = directory_terms(w->r->a, w->lang, &terms);
		if (e != OK)
			return e;
		terms_put(w->r->a, v, &terms);
	}
	if (part == PART_MAIL) {
		terms_put_declarations(w->r, v);
		put_typed(w, v, "mail", w->reg.mail);
	}
	if (part == PART_CODE)
		put(v, "what", outbox_masked(w->r->a, CHANNEL_MAIL, w->reg.mail));
	if (part == PART_ACCOUNT) {
		put_typed(w, v, "username", registration_proposal(&w->reg));
		put(v, "shown_href", arena_printf(w->r->a, "%s&show=1", path_of(w->r->a, &w->reg)));
		put(v, "hidden_href", path_of(w->r->a, &w->reg));
	}
	return OK;
}

/* The field that a note is about, as the page calls it; or NULL. */
static const char *faulty(enum part part, const char *note)
{
	if (part == PART_ACCOUNT)
		return slice_starts(slice_of(note), S("register.name")) ? "bad_name" : "bad_password";
	if (part == PART_MAIL)
		return strcmp(note, "register.declare") == 0 ? "bad_declaration" : "bad_mail";
	return NULL;
}

static void put_fault(struct visit *w, json_t *v, enum part part, const char *note, unsigned wait_s)
{
	const char *field = faulty(part, note);
	put(v, "error", text_with(w->r->a, w->lang, note, "seconds", text_seconds(w->r->a, wait_s), NULL));
	if (field != NULL)
		json_object_set_new(v, field, json_true());
}

static int draw(struct visit *w, enum part part, const char *note, unsigned wait_s)
{
	const char *token;
	struct arena *a = w->r->a;
	int e = web_csrf(w->r, w->browser, PURPOSE, &token);
	if (e != OK)
		return e;
	const struct newcomer *who = w->reg.who;
	json_t *v = json_own(a, json_pack("{ss ss ss ss}", "csrf_token", token, "conversation", w->reg.id, "ticket", w->reg.ticket, "self", path_of(a, &w->reg)));
	put(v, "given_name", who->given_name);
	put(v, "family_name", who->family_name);
	put(v, "cancel", w->reg.cancel != NULL ? w->reg.cancel : "/");
	if (slice_is(http_param(w->r, "show"), "1"))
		json_object_set_new(v, "show", json_true());
	e = put_part(w, v, part);
	if (e != OK)
		return e;
	if (note != NULL)
		put_fault(w, v, part, note, wait_s);
	return web_page(w->r, w->resp, note != NULL ? 400 : 200, "register", w->lang, v, WEB_ANYWHERE);
}

static int enter(struct visit *w, struct slice conversation)
{
	w->browser = web_browser(w->r, w->resp);
	w->lang = web_lang(w->r, w->resp, NULL);
	int e = registration_open(w->r->a, conversation, w->browser, &w->reg);
	if (e == OK)
		w->lang = web_lang(w->r, w->resp, w->reg.lang);
	return e;
}

int apps_register(struct request *r, struct response *resp)
{
	struct visit w = { .r = r, .resp = resp };
	int e = enter(&w, http_query(r, "c"));
	if (e == E_NOENT)
		return web_error(r, resp, 404, "expired", w.lang);
	if (e != OK)
		return e;
	enum part part = part_of(&w.reg);
	if (part == PART_CODE && slice_is(http_query(r, "mail"), "other"))
		part = PART_MAIL;
	return draw(&w, part, NULL, 0);
}

/* --- the answers --- */

/* The part that comes next, by an address of its own: whoever reloads it sends nothing again. */
static int next(struct visit *w)
{
	return http_redirect(w->r, w->resp, 303, path_of(w->r->a, &w->reg));
}

/* Somebody, or the same person in another tab, was quicker: what stands now. */
static int done(struct visit *w, int e, enum part part, const char *note, unsigned wait_s)
{
	if (e == E_EXISTS)
		return next(w);
	if (e != OK)
		return e;
	return note != NULL ? draw(w, part, note, wait_s) : next(w);
}

static int accept_terms(struct visit *w)
{
	const char *note = NULL;
	int e = registration_accept(&w->reg, http_form(w->r, "version"), w->lang, &note);
	return done(w, e, PART_TERMS, note, 0);
}

static int send_code(struct visit *w, bool again)
{
	const char *note = NULL, *address = again ? w->reg.mail : desk_address(w->r->a, CHANNEL_MAIL, http_form(w->r, "mail"));
	unsigned wait_s = 0;
	enum part part = again ? PART_CODE : PART_MAIL;
	if (address == NULL)
		return draw(w, PART_MAIL, "keys.sent.bad-mail", 0);
	if (!again && !terms_declared(w->r))
		return draw(w, PART_MAIL, "register.declare", 0);
	int e = registration_send(&w->reg, address, w->lang, w->r->peer, &note, &wait_s);
	return done(w, e, part, note, wait_s);
}

static int prove(struct visit *w)
{
	const char *note = NULL;
	int e = registration_prove(&w->reg, http_form(w->r, "code"), &note);
	return done(w, e, PART_CODE, note, 0);
}

/* The conversation finds the person now, and lets them in. Asked again it says the same again. */
static int go_on(struct visit *w, struct slice ticket)
{
	struct turn turn = { .verdict = V_DENY };
	const struct answer answer = { .browser = web_browser_words(w->r->a, http_header(w->r, "User-Agent")) };
	int e = conversation_answer(w->r->a, ticket, w->browser, w->r->peer, &answer, &turn);
	if (e == E_NOENT || e == E_INPUT)
		return web_error(w->r, w->resp, 404, "expired", w->lang);
	if (e != OK)
		return e;
	if (turn.verdict == V_ALLOW) {
		web_set_session(w->r, w->resp, turn.session);
		return http_redirect(w->r, w->resp, 303, turn.back != NULL ? turn.back : "/keys");
	}
	/* The login says the rest: why not, or what is asked now. */
	return turn.verdict == V_DOWN ? E_DOWN : http_redirect(w->r, w->resp, 303, arena_printf(w->r->a, "/login?c=%s", turn.conversation));
}

static int create(struct visit *w, bool with_password)
{
	const char *note = NULL;
	struct slice secret = http_form(w->r, "password");
	const struct account account = { .name = http_form(w->r, "username"), .password = with_password ? secret : S_NONE, .lang = w->lang,
		.peer = w->r->peer, .agent = web_agent(w->r), .browser = web_browser_words(w->r->a, http_header(w->r, "User-Agent")) };
	if (with_password && secret.n == 0)
		note = "note.incomplete";
	else if (with_password && !slice_same_secret(secret, http_form(w->r, "again")))
		note = "note.password-differ";
	if (note != NULL)
		return draw(w, PART_ACCOUNT, note, 0);
	int e = registration_finish(&w->reg, &account, &note);
	if (e != OK || note != NULL)
		return done(w, e, PART_ACCOUNT, note, 0);
	return go_on(w, slice_of(w->reg.ticket));
}

static int refuse(struct visit *w)
{
	json_t *v = json_own(w->r->a, json_pack("{ss ss ss ss}", "title", text(w->lang, "register.refused.title"), "text", text(w->lang, "register.refused"),
	    "cancel", w->reg.cancel != NULL ? w->reg.cancel : "/", "self", path_of(w->r->a, &w->reg)));
	return web_page(w->r, w->resp, 200, "denied", w->lang, v, NULL);
}

/* Each answer belongs to a part of the page: any other is as if the page were shown anew. */
static int answer(struct visit *w, struct slice act)
{
	enum part part = part_of(&w->reg);
	if (part == PART_EXISTS)
		return go_on(w, slice_of(w->reg.ticket));
	if (part == PART_TERMS && slice_is(act, "refuse"))
		return refuse(w);
	if (part == PART_TERMS && slice_is(act, "accept"))
		return accept_terms(w);
	if ((part == PART_MAIL || part == PART_CODE) && slice_is(act, "send"))
		return send_code(w, false);
	if (part == PART_CODE && slice_is(act, "again"))
		return send_code(w, true);
	if (part == PART_CODE && slice_is(act, "prove"))
		return prove(w);
	if (part == PART_ACCOUNT && (slice_is(act, "create") || slice_is(act, "without")))
		return create(w, slice_is(act, "create"));
	return next(w);
}

int apps_register_answer(struct request *r, struct response *resp)
{
	struct visit w = { .r = r, .resp = resp };
	int e = enter(&w, http_form(r, "c"));
	if (e != OK && e != E_NOENT)
		return e;
	if (!web_csrf_ok(r, PURPOSE))
		return web_error(r, resp, 400, "form", w.lang);
	if (e == OK)
		return answer(&w, http_form(r, "act"));
	/* A second click on the last button finds the conversation at its end: its ticket begins with its name. */
	struct slice rest = http_form(r, "ticket"), id;
	bool of_this = slice_cut(&rest, '.', &id) && slice_eq(id, http_form(r, "c"));
	return go_on(&w, of_this ? http_form(r, "ticket") : S_NONE);
}
