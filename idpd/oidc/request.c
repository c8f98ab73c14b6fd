/* The authorization request: read, and checked in the order in which errors may be told to the client. */
#include "base/buf.h"
#include "base/codec.h"
#include "core/policy.h"
#include "oidc/client.h"
#include "oidc/idtoken.h"
#include "oidc/jose.h"
#include "oidc/request.h"

enum { ID_MAX = 256, STATE_MAX = 2048, NONCE_MAX = 512, URI_MAX = 2048, SCOPE_MAX = 1024, REQUEST_MAX = 8192, CHALLENGE_LEN = 43,
	MAX_AGE_MOST = 1000000000 };

const char *const request_response_types[] = { "code", NULL };
const char *const request_response_modes[] = { "query", "form_post", NULL };
const char *const request_challenge_methods[] = { "S256", NULL };
const char *const request_prompts[] = { "none", "login", "consent", "select_account", NULL };	/* enum prompt_flag, as bits */

static const char *const names[PARAMS] = {
	[P_CLIENT_ID] = "client_id", [P_REDIRECT_URI] = "redirect_uri", [P_STATE] = "state", [P_RESPONSE_MODE] = "response_mode",
	[P_RESPONSE_TYPE] = "response_type", [P_SCOPE] = "scope", [P_NONCE] = "nonce", [P_DISPLAY] = "display", [P_PROMPT] = "prompt",
	[P_MAX_AGE] = "max_age", [P_UI_LOCALES] = "ui_locales", [P_CLAIMS_LOCALES] = "claims_locales",
	[P_ID_TOKEN_HINT] = "id_token_hint", [P_LOGIN_HINT] = "login_hint", [P_ACR_VALUES] = "acr_values", [P_CLAIMS] = "claims",
	[P_CODE_CHALLENGE] = "code_challenge", [P_CODE_CHALLENGE_METHOD] = "code_challenge_method", [P_REQUEST] = "request",
	[P_REQUEST_URI] = "request_uri", [P_REGISTRATION] = "registration",
};

void request_read(const struct request *r, struct auth_request *out)
{
	*out = (struct auth_request){ .max_age = -1, .consented = "" };
	for (size_t i = 0; i < PARAMS; i++) {
		out->param[i] = http_param(r, names[i]);
		/* RFC 6749 3.1: without a value is absent; but an empty challenge is one that somebody took out */
		if (out->param[i].n == 0 && i != P_CODE_CHALLENGE && i != P_CODE_CHALLENGE_METHOD)
			out->param[i] = S_NONE;
	}
}

static bool one_of(const char *const *list, struct slice word)
{
	for (; *list != NULL; list++)
		if (slice_is(word, *list))
			return true;
	return false;
}

/* --- client and redirect URI: until both are right, nothing is sent anywhere --- */

/* RFC 8252 7.3: http on a loopback address. What is behind the port, or NULL when it is no such address. */
static bool loopback(struct slice uri, struct slice *host, struct slice *rest)
{
	static const struct slice hosts[] = { { "http://127.0.0.1", 16 }, { "http://[::1]", 12 } };
	for (size_t i = 0; i < 2; i++) {
		if (!slice_starts(uri, hosts[i]))
			continue;
		const char *p = uri.p + hosts[i].n, *end = uri.p + uri.n;
		if (p < end && *p == ':') {
			const char *digits = ++p;
			unsigned long long port;
			while (p < end && *p >= '0' && *p <= '9')
				p++;
			if (*digits == '0' || slice_number(slice_mem(digits, (size_t)(p - digits)), 65535, &port) != OK)
				return false;
		}
		*host = hosts[i];
		*rest = slice_mem(p, (size_t)(end - p));
		return rest->n == 0 || *p == '/' || *p == '?';
	}
	return false;
}

/* What can stand in a Location header and be told from its parameters: printable ASCII, no fragment (RFC 6749 3.1.2). */
static bool usable(struct slice uri)
{
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= ' ' || uri.p[i] >= 0x7f || strchr("#\"<>\\^`{|}", uri.p[i]) != NULL)
			return false;
	return uri.n > 0 && uri.n <= URI_MAX;
}

bool request_redirect_ok(const struct service *service, struct slice uri)
{
	struct slice host, rest, known_host, known_rest;
	if (!usable(uri) || service->redirect_uris == NULL)
		return false;
	bool any_port = (service->native || oidc_conf()->allow_loopback_http) && loopback(uri, &host, &rest);
	for (const char *const *known = service->redirect_uris; *known != NULL; known++) {
		if (slice_is(uri, *known))
			return true;
		if (any_port && loopback(slice_of(*known), &known_host, &known_rest) && slice_eq(host, known_host) && slice_eq(rest, known_rest))
			return true;
	}
	return false;
}

static int on_page(struct auth_request *req, const char *what)
{
	req->page = what;
	return E_INPUT;
}

static int check_client(struct arena *a, struct auth_request *req)
{
	struct slice id = req->param[P_CLIENT_ID], uri = req->param[P_REDIRECT_URI];
	if (id.n == 0 || id.n > ID_MAX)
		return on_page(req, "client");
	int e = directory_client(a, id, &req->service);
	if (e == E_NOENT)
		return on_page(req, "client");
	if (e != OK)
		return e;
	if (!service_is_open(req->service))
		return on_page(req, "closed");
	if (!request_redirect_ok(req->service, uri))
		return on_page(req, "redirect");
	req->redirect_uri = arena_str(a, uri);
	return OK;
}

/* --- the rest: the client is told --- */

static int check_form(struct auth_request *req, struct refusal *no)
{
	struct slice *p = req->param;
	size_t total = 0;
	req->form_post = slice_is(p[P_RESPONSE_MODE], "form_post");
	if (p[P_STATE].n > STATE_MAX || !slice_is_text(p[P_STATE], "")) {
		p[P_STATE] = S_NONE;	/* not fit to be sent back */
		return refuse(no, "invalid_request", "state is too long or no text");
	}
	for (size_t i = 0; i < PARAMS; i++)
		total += p[i].n;
	if (total > REQUEST_MAX)
		return refuse(no, "invalid_request", "the request is too long");
	if (p[P_RESPONSE_MODE].p != NULL && !one_of(request_response_modes, p[P_RESPONSE_MODE]))
		return refuse(no, "invalid_request", "response_mode is not supported");
	if (p[P_REQUEST].p != NULL)				/* Core 6.3, 3.1.2.6 */
		return refuse(no, "request_not_supported", "request objects are not supported");
	if (p[P_REQUEST_URI].p != NULL)
		return refuse(no, "request_uri_not_supported", "request_uri is not supported");
	if (p[P_REGISTRATION].p != NULL)
		return refuse(no, "registration_not_supported", "registration is not supported");
	if (p[P_RESPONSE_TYPE].n == 0)
		return refuse(no, "invalid_request", "response_type is missing");
	if (!one_of(request_response_types, p[P_RESPONSE_TYPE]))
		return refuse(no, "unsupported_response_type", "only response_type code is supported");
	if (!service_grant(req->service, "authorization_code"))
		return refuse(no, "unauthorized_client", "the client may not use this grant");
	if (p[P_NONCE].n > NONCE_MAX || !slice_is_text(p[P_NONCE], ""))
		return refuse(no, "invalid_request", "nonce is too long or no text");
	return OK;
}

int request_scope(struct arena *a, const struct service *service, struct slice asked, const char **out, struct refusal *no)
{
	struct slice word;
	struct buf b = buf_new(a);
	if (asked.n > SCOPE_MAX || !slice_has_word(asked, S("openid")))
		return refuse(no, "invalid_scope", "scope must contain openid");
	while (slice_cut(&asked, ' ', &word)) {
		if (word.n == 0 || !claims_scope_known(word) || !service_scope(service, word) || slice_has_word(buf_slice(&b), word))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_raw(&b, word);
	}
	*out = buf_cstr(&b);
	return OK;
}

static int check_pkce(struct arena *a, struct auth_request *req, struct refusal *no)
{
	struct slice challenge = req->param[P_CODE_CHALLENGE], method = req->param[P_CODE_CHALLENGE_METHOD], raw;
	if (challenge.p == NULL) {
		if (method.p != NULL)
			return refuse(no, "invalid_request", "code_challenge is missing");
		if (req->service->require_pkce || client_is_public(req->service))	/* RFC 7636 4.4.1, RFC 9700 2.1.1 */
			return refuse(no, "invalid_request", "code_challenge is required");
		return OK;
	}
	if (method.p == NULL || !one_of(request_challenge_methods, method))	/* absent means plain (RFC 7636 4.3) */
		return refuse(no, "invalid_request", "code_challenge_method must be S256");
	if (challenge.n != CHALLENGE_LEN || b64url_decode(a, challenge, &raw) != OK || raw.n != SHA256_LEN)
		return refuse(no, "invalid_request", "code_challenge is no SHA-256 in base64url");
	memcpy(req->challenge, raw.p, SHA256_LEN);
	req->has_challenge = true;
	return OK;
}

static int check_prompt(struct auth_request *req, struct refusal *no)
{
	struct slice list = req->param[P_PROMPT], rest = list, word;
	unsigned words = 0;
	unsigned long long age;
	while (slice_cut(&rest, ' ', &word)) {
		words += word.n > 0;
		for (unsigned i = 0; request_prompts[i] != NULL; i++)	/* unknown ones are ignored (Core 3.1.2.1) */
			if (slice_is(word, request_prompts[i]))
				req->prompts |= 1u << i;
	}
	if ((req->prompts & PROMPT_NONE) && words > 1)
		return refuse(no, "invalid_request", "prompt none stands alone");
	if (req->param[P_MAX_AGE].p != NULL) {
		if (slice_number(req->param[P_MAX_AGE], MAX_AGE_MOST, &age) != OK)
			return refuse(no, "invalid_request", "max_age is no number of seconds");
		req->max_age = (long)age;
	}
	return OK;
}

/* Can any key that the service accepts reach the level? */
static bool reachable(const struct service *service, unsigned level)
{
	for (const struct key_kind *const *kind = kinds_all(); *kind != NULL; kind++)
		if (kind_offered(*kind) && policy_kind_fits(*kind, service, level))
			return true;
	return false;
}

static int check_level(struct auth_request *req, struct refusal *no)
{
	unsigned floor = req->level = req->wish = req->service->level;
	struct slice rest = req->param[P_ACR_VALUES], word;
	if (req->claims.acr) {
		for (const unsigned *l = req->claims.acr_levels; *l != 0 && req->acr == 0; l++)
			if (reachable(req->service, *l))
				req->acr = *l;
		if (req->acr == 0)	/* Core 5.5.1.1, and the error of unmet-authentication-requirements 1.0 */
			return refuse(no, "unmet_authentication_requirements", "no key that this service accepts reaches the acr");
		req->level = req->wish = req->acr > floor ? req->acr : floor;
		return OK;
	}
	while (slice_cut(&rest, ' ', &word)) {		/* voluntary: the first that can be met */
		unsigned l = policy_acr_level(word);
		if (l == 0 || !reachable(req->service, l))
			continue;
		req->wish = l > floor ? l : floor;
		break;
	}
	return OK;
}

static int check_hints(struct arena *a, struct auth_request *req, struct refusal *no)
{
	json_t *hint;
	req->sub = req->claims.sub;
	if (req->param[P_ID_TOKEN_HINT].p == NULL)
		return OK;
	int e = idtoken_hint(a, req->param[P_ID_TOKEN_HINT], &hint);
	if (e != OK && e != E_INPUT)
		return e;
	if (e == E_INPUT || !slice_is(req->param[P_CLIENT_ID], json_str(hint, "aud")))
		return refuse(no, "invalid_request", "id_token_hint is no ID token of this client");
	if (req->sub != NULL && strcmp(req->sub, json_str(hint, "sub")) != 0)
		return refuse(no, "invalid_request", "id_token_hint and claims name two persons");
	req->sub = json_str(hint, "sub");
	return OK;
}

int request_check(struct arena *a, struct auth_request *req, struct refusal *no)
{
	int e;
	if ((e = check_client(a, req)) != OK || (e = check_form(req, no)) != OK || (e = request_scope(a, req->service, req->param[P_SCOPE], &req->scope, no)) != OK ||
	    (e = check_pkce(a, req, no)) != OK || (e = check_prompt(req, no)) != OK)
		return e;
	if (req->param[P_CLAIMS].p != NULL && claims_parse(a, req->service, req->param[P_CLAIMS], &req->claims) != OK)
		return refuse(no, "invalid_request", "claims is not understood");
	if ((e = check_level(req, no)) != OK)
		return e;
	return check_hints(a, req, no);
}

const char *request_consent_scopes(struct arena *a, const struct auth_request *req)
{
	const char *more = claims_more_scopes(a, req->claims.userinfo | req->claims.id_token, req->scope);
	return arena_printf(a, "%s%s%s", req->scope, more[0] != '\0' ? " " : "", more);
}
