/* GET and POST /device, /device/confirm: the browser's side of another device. Who waits, for whom and from where; yes or no (RFC 8628 3.3, 5.4). */
#include "base/buf.h"
#include "base/user_code.h"
#include "core/conversation.h"
#include "core/stranger.h"
#include "core/subscriber.h"
#include "oidc/consent.h"
#include "oidc/device.h"
#include "svc/audit.h"
#include "svc/texts.h"
#include "web/web.h"

struct visit {				/* somebody who came with a right code */
	struct rendezvous waits;
	const struct service *service;
	struct login login;
	struct slice answer;		/* what a yes brings */
	const char *lang;
};

/* --- the code --- */

static int draw_code(struct request *r, struct response *resp, unsigned status, struct slice typed, const char *note)
{
	const char *lang = web_lang(r, resp, NULL), *token;
	int e = web_csrf(r, web_browser(r, resp), "device", &token);
	if (e != OK)
		return e;
	bool fit = typed.n > 0 && typed.n <= 2 * RENDEZVOUS_CODE_CHARS && slice_is_text(typed, "");
	json_t *values = json_own(r->a, json_pack("{ss ss*}", "csrf_token", token, "error", note != NULL ? text(lang, note) : NULL));
	if (fit)
		json_object_set_new(values, "user_code", json_stringn(typed.p, typed.n));
	json_object_set_new(values, "self", json_string(DEVICE_PAGE));
	return web_page(r, resp, status, "device", lang, values, NULL);
}

int oidc_device_page(struct request *r, struct response *resp)
{
	return draw_code(r, resp, 200, http_query(r, "user_code"), NULL);
}

/* E_LIMIT is told in the audit trail: somebody guesses (RFC 8628 5.1), for as long as they like. */
static int find(struct request *r, struct slice code, struct rendezvous *out)
{
	int e = rendezvous_find(r->a, code, r->peer, out);
	if (e != E_LIMIT || !stranger_has_line(r->a, EV_DEVICE_LIMITED, r->peer))
		return e;
	e = AUDIT(.event = EV_DEVICE_LIMITED, .peer = r->peer, .why = "wrong-codes");
	return e == OK ? E_LIMIT : e;
}

int oidc_device_code(struct request *r, struct response *resp)
{
	struct rendezvous waits;
	struct slice code = http_form(r, "user_code");
	if (!web_csrf_ok(r, "device"))
		return web_error(r, resp, 400, "form", NULL);
	int e = find(r, code, &waits);
	if (e == E_NOENT)
		return draw_code(r, resp, 400, code, "note.device-code");
	return e != OK ? e : http_redirect(r, resp, 303, arena_printf(r->a, "/device/confirm?user_code=%s", waits.code));
}

/* --- who comes --- */

static bool is_host(const struct visit *v)
{
	return v->waits.name != NULL;
}

static int sign_in(struct request *r, struct response *resp, const struct visit *v)
{
	struct turn turn = { .verdict = V_DENY };
	const struct want want = {
		.door = DOOR_BROWSER, .binding = web_browser(r, resp), .service = v->service->id, .level = v->waits.level,
		.can = WEB_CAN, .name = v->waits.name,
		.session = web_session_cookie(r), .anew = is_host(v), .back = arena_printf(r->a, "/device/confirm?user_code=%s", v->waits.code),
		.cancel = DEVICE_PAGE, .lang = v->lang, .agent = web_agent(r),
	};
	int e = conversation_begin(r->a, &want, r->peer, &turn);
	if (e != OK || turn.verdict == V_DOWN)
		return e != OK ? e : E_DOWN;
	if (turn.verdict == V_MORE)
		return http_redirect(r, resp, 303, arena_printf(r->a, "/login?c=%s", turn.conversation));
	return web_error(r, resp, 403, "device-closed", v->lang);
}

static int proof(struct request *r, struct visit *v)
{
	int e = session_login(r->a, web_session_cookie(r), &v->login);
	if (e != OK)
		return e;
	return is_host(v) ? conversation_proof(r->a, &v->waits, v->service, &v->login, &v->answer) :
	    device_answer(r->a, &v->waits, v->service, &v->login, &v->answer);
}

/* OK: they may answer. E_NOENT: the response is drawn already. */
static int receive(struct request *r, struct response *resp, struct slice code, struct visit *v)
{
	v->lang = web_lang(r, resp, NULL);
	int e = find(r, code, &v->waits);
	if (e == OK)
		e = directory_service(r->a, v->waits.service, &v->service);
	if (e == E_NOENT)
		return (e = web_error(r, resp, 404, "device", v->lang)) == OK ? E_NOENT : e;
	if (e != OK)
		return e;
	e = proof(r, v);
	if (e == E_NOENT)
		return (e = sign_in(r, resp, v)) == OK ? E_NOENT : e;
	if (e != OK)
		return e;
	if (is_host(v) && strcmp(v->waits.name, v->login.person->name) != 0)
		return (e = web_error(r, resp, 403, "device-other", v->lang)) == OK ? E_NOENT : e;
	e = directory_allowed(r->a, v->service, v->login.person);
	if (e == E_NOENT)
		return (e = web_error(r, resp, 403, "device-closed", v->lang)) == OK ? E_NOENT : e;
	return e;
}

/* --- who waits --- */

/* Of the device, and of whom the page named: somebody else may have signed in in another tab since. */
static const char *purpose(struct arena *a, const struct visit *v)
{
	return arena_printf(a, "device:%s %s", v->waits.code, v->login.person->subject);
}

static json_t *scopes(struct slice rest)
{
	json_t *list = json_array();
	for (struct slice word; slice_cut(&rest, ' ', &word);)
		if (word.n > 0)
			json_array_append_new(list, json_sprintf("consent.scope.%.*s", (int)word.n, word.p));
	return list;
}

int oidc_device_confirm(struct request *r, struct response *resp)
{
	struct visit v;
	const char *token;
	int e = receive(r, resp, http_query(r, "user_code"), &v);
	if (e == OK)
		e = web_csrf(r, web_browser(r, resp), purpose(r->a, &v), &token);
	if (e != OK)
		return e == E_NOENT ? OK : e;
	const struct person *p = v.login.person;
	json_t *values = json_own(r->a, json_pack("{ss ss ss* ss* ss* ss ss}", "service", service_name(v.service, v.lang), "user_code",
	    user_code_spelled(r->a, v.waits.code), "name", v.waits.name, "via", v.waits.via, "peer", v.waits.peer,
	    "person", p->display_name ? p->display_name : p->name, "csrf_token", token));
	json_object_set_new(values, "here", json_string(r->peer));
	if (!subscriber_same(v.waits.peer, r->peer))
		json_object_set_new(values, "differ", json_true());
	if (is_host(&v))
		json_object_set_new(values, "host", json_true());
	else
		json_object_set_new(values, "items", scopes(v.waits.memo));
	return web_page(r, resp, 200, "device-confirm", v.lang, values, NULL);
}

/* --- the answer --- */

static int draw_end(struct request *r, struct response *resp, const struct visit *v, const char *what, const char *digits)
{
	json_t *values = json_own(r->a, json_pack("{ss ss ss*}", "service", service_name(v->service, v->lang), "self", DEVICE_PAGE, "digits", digits));
	json_object_set_new(values, what, json_true());
	return web_page(r, resp, 200, "device-done", v->lang, values, NULL);
}

static int record(struct request *r, const struct visit *v, enum audit_event event)
{
	return AUDIT(.event = event, .subject = v->login.person->subject, .kind = v->login.kind, .service = v->service->id, .peer = r->peer, .via = v->waits.via,
	    .session = v->login.session->sid, .why = subscriber_same(v->waits.peer, r->peer) ? "same-network" : "other-network");
}

/* The line first: what nobody can prove to have been approved is not. The page has shown what the device will learn. */
static int yes(struct request *r, struct response *resp, const struct visit *v)
{
	const char *digits = NULL;
	int e = record(r, v, EV_DEVICE_APPROVED);
	if (e == OK && !is_host(v))
		e = consent_keep(r->a, v->service, v->login.person, arena_str(r->a, v->waits.memo));
	if (e == OK)
		e = is_host(v) ? conversation_bring(r->a, &v->waits, v->answer, &digits) : rendezvous_bring(v->waits.code, v->answer);
	return e != OK ? e : draw_end(r, resp, v, "approved", digits);
}

static int no(struct request *r, struct response *resp, const struct visit *v)
{
	int e = rendezvous_refuse(v->waits.code);
	if (e == OK)
		e = record(r, v, EV_DEVICE_REFUSED);
	return e != OK ? e : draw_end(r, resp, v, "refused", NULL);
}

int oidc_device_answer(struct request *r, struct response *resp)
{
	struct visit v;
	int e = receive(r, resp, http_form(r, "user_code"), &v);
	if (e != OK)
		return e == E_NOENT ? OK : e;
	if (!web_csrf_ok(r, purpose(r->a, &v)))
		return web_error(r, resp, 400, "form", v.lang);
	if (v.waits.state != RENDEZVOUS_WAITING)
		return web_error(r, resp, 409, "device-used", v.lang);
	e = slice_is(http_form(r, "answer"), "yes") ? yes(r, resp, &v) : no(r, resp, &v);
	if (e == E_NOENT)
		return web_error(r, resp, 404, "device", v.lang);
	return e == E_EXISTS ? web_error(r, resp, 409, "device-used", v.lang) : e;
}
