/* POST /oidc/device, and grant_type device_code: a device that has no browser waits for its owner's (RFC 8628). */
#include "base/clock.h"
#include "base/user_code.h"
#include "oidc/client.h"
#include "oidc/device.h"
#include "oidc/request.h"
#include "oidc/tokens.h"

enum { SECRET_BYTES = 32, DEVICE_CODE_MAX = 128 };

const char *device_address(struct arena *a, const char *code)
{
	return arena_printf(a, "%s" DEVICE_PAGE "?user_code=%s", oidc_conf()->issuer, code);
}

/* --- the request (RFC 8628 3.1, 3.2) --- */

static int begin(struct request *r, struct response *resp, const struct service *client, struct refusal *no)
{
	const char *scope, *issuer = oidc_conf()->issuer, *secret = random_id(r->a, SECRET_BYTES);
	if (!service_grant(client, DEVICE_GRANT))
		return refuse(no, "unauthorized_client", "the client may not use this grant");
	if (client->level > rendezvous_max())
		return refuse(no, "unauthorized_client", "the level of this client is above that of a login on another device");
	int e = request_scope(r->a, client, http_form(r, "scope"), &scope, no);
	if (e != OK)
		return e;
	struct rendezvous rdv = { .service = client->id, .peer = r->peer, .level = client->level, .memo = slice_of(scope) };
	e = rendezvous_open(r->a, &rdv, slice_of(secret));
	if (e != OK)
		return e;
	http_set(r, resp, "Pragma", "no-cache");
	return http_json(r, resp, 200, json_own(r->a, json_pack("{ss ss ss ss si si}",
	    "device_code", arena_printf(r->a, "%s.%s", rdv.code, secret), "user_code", user_code_spelled(r->a, rdv.code),
	    "verification_uri", arena_printf(r->a, "%s" DEVICE_PAGE, issuer), "verification_uri_complete", device_address(r->a, rdv.code),
	    "expires_in", RENDEZVOUS_LIFE_S, "interval", RENDEZVOUS_INTERVAL_S)));
}

int oidc_device(struct request *r, struct response *resp)
{
	const struct service *client;
	struct refusal no = { .error = NULL };
	int e = client_authenticate(r, &client, &no);
	if (e == OK)
		e = begin(r, resp, client, &no);
	return oidc_end(r, resp, e, &no);
}

/* --- the answer: a grant that rests on the browser's session, as that of a code does --- */

static struct slice grant_of(struct arena *a, const struct rendezvous *r, const struct service *service, const struct login *login)
{
	unsigned max = rendezvous_max();
	struct grant g = {
		.client = service->client_id, .subject = login->person->subject, .sid = login->session->sid, .scope = arena_str(a, r->memo),
		.auth_time = login->session->auth_time, .made = now(), .level = login->level < max ? login->level : max, .amr = login->amr,
		.offline = slice_has_word(r->memo, S("offline_access")),
	};
	random_bytes(g.family, sizeof g.family);
	return grant_pack(a, &g);
}

int device_answer(struct arena *a, const struct rendezvous *r, const struct service *service, const struct login *login, struct slice *answer)
{
	struct login mine = *login;
	unsigned level = session_level_for(&mine, service);
	if (level == 0 || level < r->level || r->level > rendezvous_max())
		return E_NOENT;
	*answer = grant_of(a, r, service, &mine);
	return OK;
}

/* --- the token endpoint (RFC 8628 3.4, 3.5) --- */

static int ask(struct request *r, struct rendezvous *out, struct refusal *no)
{
	struct slice secret = http_form(r, "device_code"), code;
	if (secret.n == 0)
		return refuse(no, "invalid_request", "device_code is missing");
	if (secret.n > DEVICE_CODE_MAX || !slice_cut(&secret, '.', &code) || code.n != RENDEZVOUS_CODE_CHARS)
		return refuse(no, "invalid_grant", "device_code is none of ours");
	int e = rendezvous_ask(r->a, code, secret, out);
	if (e == E_NOENT)
		return refuse(no, "expired_token", "the device_code has expired");
	return e == E_LIMIT ? refuse(no, "slow_down", "the interval has grown by five seconds") : e;
}

int token_device(struct request *r, struct response *resp, struct asker *asker, struct refusal *no)
{
	const struct service *client = asker->client;
	struct rendezvous rdv = { .service = "" };
	struct grant g = { .client = NULL };
	int e = ask(r, &rdv, no);
	if (e != OK)
		return e;
	if (strcmp(rdv.service, client->id) != 0)
		return refuse(no, "invalid_grant", "the device_code was given to another client");
	switch (rdv.state) {
	case RENDEZVOUS_WAITING:
		return refuse(no, "authorization_pending", "nobody has answered yet");
	case RENDEZVOUS_BROUGHT:
		e = grant_unpack(r->a, rdv.brought, &g);
		return e != OK ? E_BUG : token_redeem(r, resp, asker, &g, 2 * RENDEZVOUS_LIFE_S, no);
	default:
		return refuse(no, "access_denied", "the person has refused");
	}
}
