/* GET and POST /oidc/authorize: who is it, may they, do they agree; then a code.
 *
 * With a session that satisfies the request nothing is written: the code is sealed, and its single use is the token endpoint's. */
#include "base/clock.h"
#include "core/conversation.h"
#include "oidc/answer.h"
#include "oidc/consent.h"
#include "web/web.h"

enum lack { LACKS_NOTHING, LACKS_LOGIN, LACKS_FRESHNESS, LACKS_PERSON, LACKS_LEVEL };

/* Was the session proven after this request began to wait for it? */
static bool answered(const struct auth_request *req, const struct login *login)
{
	return req->began != 0 && login->session->auth_time >= req->began;
}

static bool too_old(const struct auth_request *req, const struct login *login)
{
	if (answered(req, login))
		return false;
	if (req->prompts & (PROMPT_LOGIN | PROMPT_SELECT))
		return true;
	return req->max_age == 0 || (req->max_age > 0 && now() - login->session->auth_time > req->max_age);	/* Core 3.1.2.1 */
}

/* What the session lacks for this request; level and amr of login become those for the service. */
static int lacking(struct arena *a, const struct auth_request *req, struct login *login, enum lack *out)
{
	const char *sub;
	if (too_old(req, login)) {
		*out = LACKS_FRESHNESS;
		return OK;
	}
	if (req->sub != NULL) {
		int e = oidc_subject(a, req->service, login->person->subject, &sub);
		if (e != OK)
			return e;
		if (strcmp(sub, req->sub) != 0) {
			*out = LACKS_PERSON;
			return OK;
		}
	}
	/* A wish is worth one question, none without a person to ask. */
	bool wishing = req->began == 0 && !(req->prompts & PROMPT_NONE);
	unsigned level = session_level_for(login, req->service);
	*out = level == 0 || level < req->level || (wishing && level < req->wish) ? LACKS_LEVEL : LACKS_NOTHING;
	return OK;
}

static int say(struct request *r, struct response *resp, const struct auth_request *req, const char *error, const char *why)
{
	return answer_error(r, resp, req, &(struct refusal){ .error = error, .text = why });
}

static int follow(struct request *r, struct response *resp, const struct auth_request *req, const struct turn *turn)
{
	bool level = turn->why != NULL && strcmp(turn->why, "deny.level") == 0;
	switch (turn->verdict) {
	case V_MORE:
		return http_redirect(r, resp, 303, arena_printf(r->a, "/login?c=%s", turn->conversation));
	case V_DENY:
		return say(r, resp, req, req->acr && level ? "unmet_authentication_requirements" : "access_denied",
		    "no digital key opens this service now");
	case V_DOWN:
		return E_DOWN;
	case V_ALLOW:			/* a conversation always takes an answer */
		break;
	}
	return E_BUG;
}

/* Puts the request aside, bound to this browser, and lets the conversation engine find out. */
static int sign_in(struct request *r, struct response *resp, struct auth_request *req, enum lack lack)
{
	struct slice browser = web_browser(r, resp), hint = req->param[P_LOGIN_HINT];
	struct turn turn = { .verdict = V_DENY };
	sha256(browser, req->browser);
	req->bound = true;
	req->began = now();
	int e = request_save(r->a, r->peer, req);
	if (e != OK)
		return e;
	struct want want = {
		.door = DOOR_BROWSER, .binding = browser, .service = req->service->id, .level = req->wish,
		.can = WEB_CAN, .agent = web_agent(r),
		.name = hint.n > 0 && hint.n <= 256 && slice_is_text(hint, "") ? arena_str(r->a, hint) : NULL,
		.subject = req->service->subject_type == SUBJECT_PUBLIC ? req->sub : NULL,
		.session = web_session_cookie(r), .anew = lack != LACKS_LEVEL,
		.back = arena_printf(r->a, "/oidc/authorize?r=%s", req->id),
		.cancel = arena_printf(r->a, "/oidc/authorize?r=%s&cancel=1", req->id), .lang = request_lang(r, resp, req),
	};
	e = conversation_begin(r->a, &want, r->peer, &turn);
	return e != OK ? e : follow(r, resp, req, &turn);
}

/* The session does not do. prompt=none must not ask (Core 3.1.2.6); and who has just signed in is not asked for ever. */
static int not_enough(struct request *r, struct response *resp, struct auth_request *req, const struct login *login, enum lack lack)
{
	bool fresh = login != NULL && answered(req, login);
	if (req->prompts & PROMPT_NONE)
		return lack == LACKS_LEVEL ? say(r, resp, req, "interaction_required", "a stronger digital key is needed") :
		    say(r, resp, req, "login_required", "nobody is signed in who fits the request");
	if (fresh && lack == LACKS_PERSON)
		return say(r, resp, req, "login_required", "another person signed in");
	if (fresh && lack == LACKS_LEVEL)
		return req->acr ? say(r, resp, req, "unmet_authentication_requirements", "the acr was not reached") :
		    say(r, resp, req, "access_denied", "the level of the service was not reached");
	return sign_in(r, resp, req, lack);
}

static int ask_consent(struct request *r, struct response *resp, struct auth_request *req)
{
	if (req->prompts & PROMPT_NONE)
		return say(r, resp, req, "consent_required", "the person has not agreed yet");
	if (req->id == NULL) {
		sha256(web_browser(r, resp), req->browser);
		req->bound = true;
		int e = request_save(r->a, r->peer, req);
		if (e != OK)
			return e;
	}
	return http_redirect(r, resp, 303, arena_printf(r->a, "/oidc/consent?r=%s", req->id));
}

static int issue(struct request *r, struct response *resp, const struct auth_request *req, const struct login *login)
{
	time_t t = now();
	struct slice code;
	struct grant g = {
		.client = req->service->client_id, .subject = login->person->subject, .sid = login->session->sid, .scope = req->scope,
		.userinfo = req->claims.userinfo, .id_token = req->claims.id_token, .auth_time = login->session->auth_time, .made = t,
		.level = login->level, .amr = login->amr, .acr = req->acr, .offline = slice_has_word(slice_of(req->scope), S("offline_access")),
		.nonce = arena_str(r->a, req->param[P_NONCE]), .has_redirect = true, .has_challenge = req->has_challenge,
	};
	random_bytes(g.family, sizeof g.family);
	sha256(slice_of(req->redirect_uri), g.redirect);
	memcpy(g.challenge, req->challenge, sizeof g.challenge);
	int e = grant_seal(r->a, GRANT_CODE, &g, t + oidc_conf()->code_ttl_s, &code);
	return e != OK ? e : answer_code(r, resp, req, code);
}

static int decide(struct request *r, struct response *resp, struct auth_request *req)
{
	struct login login;
	enum lack lack = LACKS_LOGIN;
	int e = session_login(r->a, web_session_cookie(r), &login);
	bool nobody = e == E_NOENT;
	if (e == OK)
		e = lacking(r->a, req, &login, &lack);
	if (e != OK && !nobody)
		return e;
	if (lack != LACKS_NOTHING)
		return not_enough(r, resp, req, nobody ? NULL : &login, lack);
	e = directory_allowed(r->a, req->service, login.person);
	if (e == E_NOENT)
		return say(r, resp, req, "access_denied", "the person may not use this service");
	if (e != OK)
		return e;
	return consent_needed(r->a, req, login.person) ? ask_consent(r, resp, req) : issue(r, resp, req, &login);
}

static int faulty(struct request *r, struct response *resp, const struct auth_request *req, const struct refusal *no)
{
	if (req->redirect_uri != NULL && no->error != NULL)
		return answer_error(r, resp, req, no);
	return web_error(r, resp, 400, req->page ? req->page : "bad-request", request_lang(r, resp, req));
}

int oidc_authorize(struct request *r, struct response *resp)
{
	struct auth_request req;
	struct refusal no = { .error = NULL };
	bool post = strcmp(r->method, "POST") == 0;
	struct slice aside = post ? S_NONE : http_query(r, "r");
	int e = OK;
	if (aside.p != NULL)
		e = request_load(r->a, aside, web_browser(r, resp), &req);
	else
		request_read(r, &req);
	if (e == E_NOENT)
		return web_error(r, resp, 400, "expired", NULL);
	if (e == OK)
		e = request_check(r->a, &req, &no);
	if (e == E_INPUT)
		return faulty(r, resp, &req, &no);
	if (e != OK)
		return e;
	if (aside.p != NULL && http_query(r, "cancel").p != NULL)
		return say(r, resp, &req, "access_denied", "the person gave up");
	if (!post)
		return decide(r, resp, &req);
	/* A POST from another site comes without our cookies (SameSite=Lax): the same as a GET comes with them. */
	e = request_save(r->a, r->peer, &req);
	return e != OK ? e : http_redirect(r, resp, 303, arena_printf(r->a, "/oidc/authorize?r=%s", req.id));
}
