/* POST /oidc/challenge: a host asks who somebody is, turn by turn (OAuth 2.0 for First-Party Applications, doc/challenge-profile.md). */
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/wait.h"
#include "core/policy.h"
#include "oidc/grant.h"
#include "oidc/host.h"
#include "oidc/idtoken.h"
#include "svc/audit.h"
#include "svc/texts.h"

enum { CHALLENGE_LEN = 43, NONCE_MAX = 512, ANSWER_MAX = 512, SIGN_MAX = 4096, ACR_MAX = 1024 };

/* --- what the yes will be bound to: kept by the conversation as "challenge acr nonce", or "id_token acr nonce" --- */

struct bond {
	bool at_once;			/* response_type id_token: the yes is the token itself */
	unsigned char challenge[SHA256_LEN];
	unsigned acr;			/* level that must be reached; 0: the host's own */
	const char *nonce;
};

static const char *bond_text(struct arena *a, struct slice challenge, unsigned acr, struct slice nonce)
{
	return arena_printf(a, "%.*s %u %.*s", (int)challenge.n, challenge.p, acr, (int)nonce.n, nonce.p);
}

static int bond_read(struct arena *a, const char *text, struct bond *out)
{
	struct slice rest = slice_of(text), challenge, acr, raw;
	unsigned long long level;
	if (!slice_cut(&rest, ' ', &challenge) || !slice_cut(&rest, ' ', &acr) || rest.p == NULL || slice_number(acr, 999, &level) != OK)
		return E_BUG;
	out->at_once = slice_is(challenge, "id_token");
	if (!out->at_once && (b64url_decode(a, challenge, &raw) != OK || raw.n != sizeof out->challenge))
		return E_BUG;
	if (!out->at_once)
		memcpy(out->challenge, raw.p, raw.n);
	out->acr = (unsigned)level;
	out->nonce = arena_str(a, rest);
	return OK;
}

/* --- the answer --- */

/* The conversation's own number: the same reply, sent again, is the same code. */
static void family_of(struct arena *a, const char *conversation, unsigned char out[FAMILY_LEN])
{
	unsigned char h[SHA256_LEN];
	sha256(slice_of(arena_printf(a, "code %s", conversation)), h);
	memcpy(out, h, FAMILY_LEN);
}

/* What was proven, for this host. E_NOENT: it fell this very moment. */
static int grant_of(struct request *r, const struct service *host, const struct turn *turn, const struct bond *bond, struct grant *out)
{
	struct login login;
	int e = session_thaw(r->a, turn->session, &login);
	if (e != OK)
		return e;
	if (session_level_for(&login, host) < bond->acr)
		return E_NOENT;
	*out = (struct grant){
		.client = host->client_id, .subject = login.person->subject, .sid = "", .frozen = turn->session, .scope = "openid",
		.auth_time = login.session->auth_time, .made = now(), .level = login.level, .amr = login.amr, .acr = bond->acr,
		.nonce = bond->nonce, .has_challenge = !bond->at_once,
	};
	family_of(r->a, turn->conversation, out->family);
	memcpy(out->challenge, bond->challenge, sizeof out->challenge);
	return OK;
}

/* What a code would be redeemed for. Its line in the trail is that of the login. */
static int token_of(struct request *r, const struct service *host, struct grant *g, struct slice *out)
{
	struct login login;
	int e = grant_login(r->a, g, host, &login);
	return e == OK ? idtoken_make(r->a, host, g, &login, S_NONE, out) : e;
}

static int issue(struct request *r, struct response *resp, const struct service *host, const struct turn *turn)
{
	struct bond bond = { 0 };
	struct grant g;
	struct slice yes;
	int e = bond_read(r->a, turn->back, &bond);
	if (e == OK)
		e = grant_of(r, host, turn, &bond, &g);
	if (e == OK)
		e = bond.at_once ? token_of(r, host, &g, &yes) : grant_seal(r->a, GRANT_CODE, &g, now() + oidc_conf()->code_ttl_s, &yes);
	if (e == E_NOENT)
		return http_json(r, resp, 400, json_own(r->a, json_pack("{ss}", "error", "access_denied")));
	return e != OK ? e : http_json(r, resp, 200, json_own(r->a, json_pack("{ss%}", bond.at_once ? "id_token" : "authorization_code", yes.p, yes.n)));
}

static int more(struct request *r, struct response *resp, const struct turn *turn)
{
	bool down = turn->verdict == V_DOWN;
	json_t *v = json_own(r->a, json_pack("{ss}", "error", down ? "temporarily_unavailable" : "insufficient_authorization"));
	host_prompt(r->a, turn, v);
	if (down)
		http_set(r, resp, "Retry-After", "2");
	return http_json(r, resp, down ? 503 : 400, v);
}

/* begun: nothing was asked yet. */
static int denied(struct request *r, struct response *resp, const struct turn *turn, bool begun)
{
	const char *why = turn->why != NULL ? turn->why : "deny.other";
	bool unmet = begun && strcmp(why, "deny.level") == 0;
	json_t *v = json_own(r->a, json_pack("{ss ss}", "error", unmet ? "unmet_authentication_requirements" : "access_denied",
	    "message", host_text(r->a, turn->lang, why, &turn->ask)));
	return http_json(r, resp, 400, v);
}

static int answer_with(struct request *r, struct response *resp, const struct service *host, const struct turn *turn, bool begun)
{
	http_set(r, resp, "Pragma", "no-cache");
	switch (turn->verdict) {
	case V_ALLOW:
		if (turn->goal == GOAL_PASSWORD)
			return http_json(r, resp, 200, json_own(r->a, json_pack("{ss}", "password", "changed")));
		return issue(r, resp, host, turn);
	case V_MORE:
	case V_DOWN:
		return more(r, resp, turn);
	case V_DENY:
		break;
	}
	return denied(r, resp, turn, begun);
}

/* --- the turns --- */

/* No cookie can have a NUL in it, so no browser's conversation is a host's, nor the reverse. */
static struct slice binding(struct arena *a, const struct service *host)
{
	size_t n = strlen(host->client_id);
	char *p = arena_alloc(a, n + 1);
	memcpy(p + 1, host->client_id, n);
	return slice_mem(p, n + 1);
}

static unsigned asks(struct slice can)
{
	static const struct { const char *word; unsigned ask; } words[] = {
		{ "secret", ASK_SECRET }, { "code", ASK_CODE }, { "text", ASK_TEXT }, { "choice", ASK_CHOICE }, { "show", ASK_SHOW },
		{ "device", ASK_WAIT }, { "sign", ASK_SIGN },
	};
	unsigned all = 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_has_word(can, slice_of(words[i].word)))
			all |= words[i].ask;
	return all;
}

/* The first value that we know, as at the authorization endpoint; but of a host it must be met. */
static int read_acr(struct slice rest, unsigned *out, struct refusal *no)
{
	struct slice word;
	*out = 0;
	if (rest.n > ACR_MAX)
		return refuse(no, "invalid_request", "acr_values is too long");
	bool asked = rest.n > 0;
	while (*out == 0 && slice_cut(&rest, ' ', &word))
		*out = policy_acr_level(word);
	return *out != 0 || !asked ? OK : refuse(no, "unmet_authentication_requirements", "acr_values has no level of ours");
}

/* OpenID Connect Core 3: code, or the ID token itself, which needs no proof that it comes back to who asked. */
static int read_type(struct request *r, struct slice *challenge, struct refusal *no)
{
	struct slice type = http_form(r, "response_type"), raw;
	*challenge = type;
	if (slice_is(type, "id_token"))
		return OK;
	if (!slice_is(type, "code"))
		return refuse(no, "unsupported_response_type", "response_type must be code or id_token");
	*challenge = http_form(r, "code_challenge");
	if (!slice_is(http_form(r, "code_challenge_method"), "S256") || challenge->n != CHALLENGE_LEN ||
	    b64url_decode(r->a, *challenge, &raw) != OK || raw.n != SHA256_LEN)		/* RFC 7636 4.3 */
		return refuse(no, "invalid_request", "code_challenge of method S256 is missing");
	return OK;
}

static int read_login(struct request *r, struct want *want, struct refusal *no)
{
	struct slice nonce = http_form(r, "nonce"), proven = http_form(r, "proven"), challenge;
	int e = read_type(r, &challenge, no);
	if (e != OK)
		return e;
	if (!slice_has_word(http_form(r, "scope"), S("openid")))
		return refuse(no, "invalid_scope", "scope must contain openid");
	if (nonce.n == 0 || nonce.n > NONCE_MAX || !slice_is_text(nonce, ""))
		return refuse(no, "invalid_request", "nonce is missing, too long or no text");
	if (proven.n > 0 && !slice_is(proven, "publickey"))
		return refuse(no, "invalid_request", "proven is not understood");
	e = read_acr(http_form(r, "acr_values"), &want->level, no);
	want->proven = proven.n > 0;
	want->back = bond_text(r->a, challenge, want->level, nonce);
	return e;
}

static int begin(struct request *r, struct response *resp, const struct service *host, struct refusal *no)
{
	struct slice operation = http_form(r, "operation");
	struct host_ask ask;
	struct turn turn = { .verdict = V_DENY };
	int e = host_read(r, &ask, no);
	if (e != OK)
		return e;
	struct want want = { .door = DOOR_HOST, .binding = binding(r->a, host), .service = host->id, .can = asks(http_form(r, "can")),
		.name = ask.user, .via = ask.via, .lang = texts_choose_locales(http_form(r, "ui_locales")) };
	if (slice_is(operation, "password"))
		want.goal = GOAL_PASSWORD;
	else if (operation.n > 0 && !slice_is(operation, "authenticate"))
		return refuse(no, "invalid_request", "operation is not understood here");
	else if ((e = read_login(r, &want, no)) != OK)
		return e;
	e = conversation_begin(r->a, &want, ask.peer, &turn);
	return e == OK ? answer_with(r, resp, host, &turn, true) : e;
}

static int next(struct request *r, struct response *resp, const struct service *host, struct refusal *no)
{
	struct answer answer = { .choice = http_form(r, "choice"), .text = http_form(r, "text"), .secret = http_form(r, "secret"),
		.code = http_form(r, "code"), .proof = http_form(r, "sign") };
	struct turn turn = { .verdict = V_DENY };
	if (answer.choice.n > ANSWER_MAX || answer.text.n > ANSWER_MAX || answer.secret.n > ANSWER_MAX || answer.code.n > ANSWER_MAX || answer.proof.n > SIGN_MAX)
		return refuse(no, "invalid_request", "an answer is too long");
	if (slice_is(answer.proof, "none")) {		/* there is no card */
		answer.back = true;
		answer.proof = S_NONE;
	}
	int e = conversation_answer(r->a, http_form(r, "auth_session"), binding(r->a, host), r->peer, &answer, &turn);
	if (e == E_NOENT)
		return refuse(no, "invalid_session", "this auth_session is used up, too old, or of another host");
	if (e == E_INPUT)
		return refuse(no, "invalid_request", "this was not asked for");
	return e == OK ? answer_with(r, resp, host, &turn, false) : e;
}

/* The person has gone, and will type nothing any more: whoever holds a code of this conversation shall learn it. */
static int leave(struct request *r, struct response *resp, const struct service *host, struct refusal *no)
{
	int e = conversation_leave(r->a, http_form(r, "auth_session"), binding(r->a, host));
	if (e == E_NOENT)
		return refuse(no, "invalid_session", "this auth_session is used up, too old, or of another host");
	return e != OK ? e : http_json(r, resp, 400, json_own(r->a, json_pack("{ss}", "error", "access_denied")));
}

int oidc_challenge(struct request *r, struct response *resp)
{
	const struct service *host;
	struct client_once once;
	struct refusal no = { .error = NULL };
	int e = host_authenticate(r, false, &host, &once, &no);
	struct slice ticket = http_form(r, "auth_session");
	bool leaves = slice_is(http_form(r, "operation"), "leave");
	/* Before the assertion is used up: what runs again on another worker must find it as it was. */
	if (e == OK && ticket.p != NULL && !leaves && conversation_verifies(r->a, ticket, binding(r->a, host)) && would_hash())
		return E_WAIT;
	if (e == OK)
		e = client_use(r, host, &once, &no);
	if (e == OK && leaves)
		e = leave(r, resp, host, &no);
	else if (e == OK)
		e = ticket.p != NULL ? next(r, resp, host, &no) : begin(r, resp, host, &no);
	return oidc_end(r, resp, e, &no);
}
