/* GET and POST /oidc/consent: the person sees what the service will learn, and says yes or no. */
#include "base/buf.h"
#include "base/clock.h"
#include "core/consents.h"
#include "core/history.h"
#include "oidc/answer.h"
#include "oidc/consent.h"
#include "svc/audit.h"
#include "web/web.h"

static bool joined_has(struct slice joined, struct slice word)
{
	for (struct slice part; slice_cut(&joined, '+', &part);)
		if (slice_eq(part, word))
			return true;
	return false;
}

static bool covers(struct slice joined, const char *wanted)
{
	struct slice rest = slice_of(wanted), word;
	while (slice_cut(&rest, ' ', &word))
		if (word.n > 0 && !joined_has(joined, word))
			return false;
	return true;
}

static bool allowed_before(const struct service *service, const struct person *person, const char *wanted)
{
	struct consent before;
	return consent_find(person, service->id, &before) && covers(before.scopes, wanted);
}

bool consent_needed(struct arena *a, const struct auth_request *req, const struct person *person)
{
	if (strcmp(req->consented, person->subject) == 0)
		return false;
	if (req->prompts & PROMPT_CONSENT)	/* Core 3.1.2.1: asked anew */
		return true;
	return req->service->ask_consent && !allowed_before(req->service, person, request_consent_scopes(a, req));
}

static json_t *items(const char *scopes)
{
	json_t *list = json_array();
	struct slice rest = slice_of(scopes), word;
	while (slice_cut(&rest, ' ', &word))
		if (word.n > 0)
			json_array_append_new(list, json_sprintf("consent.scope.%.*s", (int)word.n, word.p));
	return list;
}

/* The request that waits for consent, and who is asked. E_NOENT: there is none such (any more), or nobody is signed in. */
static int waiting(struct request *r, struct response *resp, struct slice id, struct auth_request *req, struct login *login)
{
	struct refusal no = { .error = NULL };
	int e = request_load(r->a, id, web_browser(r, resp), req);
	if (e == OK)
		e = request_check(r->a, req, &no);
	if (e == OK)
		e = session_login(r->a, web_session_cookie(r), login);
	return e == E_INPUT ? E_NOENT : e;
}

/* Of the request, and of who was asked: the page may stand in one tab while somebody else signs in in another. */
static const char *purpose(struct arena *a, const struct auth_request *req, const struct login *login)
{
	return arena_printf(a, "consent:%s %s", req->id, login->person->subject);
}

int oidc_consent(struct request *r, struct response *resp)
{
	struct auth_request req;
	struct login login;
	const char *token;
	int e = waiting(r, resp, http_query(r, "r"), &req, &login);
	if (e == E_NOENT)
		return web_error(r, resp, 400, "expired", NULL);
	if (e == OK)
		e = web_csrf(r, web_browser(r, resp), purpose(r->a, &req, &login), &token);
	if (e != OK)
		return e;
	const char *lang = request_lang(r, resp, &req);
	const struct service *s = req.service;
	json_t *values = json_own(r->a, json_pack("{ss ss* ss* ss* ss so ss ss ss}", "service", service_name(s, lang),
	    "service_uri", s->client_uri, "policy_uri", s->policy_uri, "tos_uri", s->tos_uri,
	    "person", login.person->display_name ? login.person->display_name : login.person->name,
	    "items", items(request_consent_scopes(r->a, &req)), "request", req.id, "csrf_token", token, "form_action", "/oidc/consent"));
	return web_page(r, resp, 200, "consent", lang, values, WEB_ANYWHERE);
}

static const char *joined(struct arena *a, const char *scopes)
{
	char *s = arena_strdup(a, scopes);
	for (char *p = s; *p != '\0'; p++)
		if (*p == ' ')
			*p = '+';
	return s;
}

int consent_keep(struct arena *a, const struct service *service, const struct person *person, const char *scopes)
{
	if (!service->ask_consent || allowed_before(service, person, scopes))
		return OK;
	return directory_consent(person, service->id, joined(a, scopes), now());
}

static int yes(struct request *r, struct response *resp, struct auth_request *req, const struct login *login)
{
	int e = HISTORY(web_agent(r), .event = EV_CONSENT_GIVEN, .subject = login->person->subject, .service = req->service->id, .peer = r->peer,
	    .session = login->session->sid);
	if (e == OK && req->service->ask_consent)
		e = directory_consent(login->person, req->service->id, joined(r->a, request_consent_scopes(r->a, req)), now());
	req->consented = login->person->subject;
	if (e == OK)
		e = request_save(r->a, r->peer, req);
	return e != OK ? e : http_redirect(r, resp, 303, arena_printf(r->a, "/oidc/authorize?r=%s", req->id));
}

int oidc_consent_answer(struct request *r, struct response *resp)
{
	struct auth_request req;
	struct login login;
	struct slice id = http_form(r, "request"), answer = http_form(r, "consent");
	int e = waiting(r, resp, id, &req, &login);
	if (e == E_NOENT || (e == OK && !web_csrf_ok(r, purpose(r->a, &req, &login))))
		return web_error(r, resp, 400, "expired", NULL);
	if (e != OK)
		return e;
	if (slice_is(answer, "yes"))
		return yes(r, resp, &req, &login);
	e = AUDIT(.event = EV_CONSENT_REFUSED, .subject = login.person->subject, .service = req.service->id, .peer = r->peer,
	    .session = login.session->sid);
	return e != OK ? e : answer_error(r, resp, &req, &(struct refusal){ "access_denied", "the person said no", 0, false });
}
