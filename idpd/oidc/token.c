/* POST /oidc/token: one grant type, one function; and the answer they share (RFC 6749 5.1, OpenID Connect Core 3.1.3.3). */
#include "base/clock.h"
#include "oidc/client.h"
#include "oidc/device.h"
#include "oidc/idtoken.h"
#include "oidc/tokens.h"
#include "svc/audit.h"

typedef int grant_fn(struct request *r, struct response *resp, struct asker *asker, struct refusal *no);
const char *const token_grant_types[] = { "authorization_code", "refresh_token", DEVICE_GRANT, NULL };
static grant_fn *const types[] = { token_code, token_refresh, token_device };

int tokens_make(struct arena *a, const struct service *client, const struct grant *g, const struct login *login, struct tokens *out)
{
	if (g->frozen.n > 0) {		/* of a host: there is nothing that an access token could open */
		*out = (struct tokens){ .access = S("none"), .level = grant_acr(g, login) };
		return idtoken_make(a, client, g, login, out->access, &out->id);
	}
	struct grant access = *g;
	access.nonce = NULL;
	access.has_redirect = access.has_challenge = false;
	out->level = grant_acr(g, login);
	int e = grant_seal(a, GRANT_ACCESS, &access, now() + oidc_conf()->access_ttl_s, &out->access);
	return e != OK ? e : idtoken_make(a, client, g, login, out->access, &out->id);
}

int tokens_send(struct request *r, struct response *resp, const struct service *client, const struct grant *g,
    const struct tokens *t, struct slice refresh)
{
	int e = AUDIT(.event = EV_TOKEN_ISSUED, .subject = g->subject, .service = client->id, .peer = r->peer, .session = g->sid,
	    .level = t->level);
	bool host = g->frozen.n > 0;
	if (e != OK)
		return e;
	json_t *v = json_own(r->a, json_pack("{ss% ss si ss ss%}", "access_token", t->access.p, t->access.n, "token_type", host ? "N_A" : "Bearer",	/* RFC 8693 2.2.1 */
	    "expires_in", host ? 0 : (int)oidc_conf()->access_ttl_s, "scope", g->scope, "id_token", t->id.p, t->id.n));
	if (refresh.p != NULL)
		json_object_set_new(v, "refresh_token", json_stringn(refresh.p, refresh.n));
	http_set(r, resp, "Pragma", "no-cache");
	return http_json(r, resp, 200, v);
}

static int by_type(struct request *r, struct response *resp, struct asker *asker, struct refusal *no)
{
	struct slice name = http_form(r, "grant_type");
	if (name.n == 0)
		return refuse(no, "invalid_request", "grant_type is missing");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (!slice_is(name, token_grant_types[i]))
			continue;
		if (!service_grant(asker->client, token_grant_types[i]))
			return refuse(no, "unauthorized_client", "the client may not use this grant");
		return types[i](r, resp, asker, no);
	}
	return refuse(no, "unsupported_grant_type", NULL);
}

/* A code is claimed together with the proof of who redeems it, in one act; of all else the proof is claimed first. */
static int give(struct request *r, struct response *resp, struct asker *asker, struct refusal *no)
{
	if (!slice_is(http_form(r, "grant_type"), "authorization_code")) {
		asker->claimed = true;
		int e = client_use(r, asker->client, &asker->once, no);
		return e == OK ? by_type(r, resp, asker, no) : e;
	}
	const struct service *client = asker->client;
	int e = by_type(r, resp, asker, no), used = OK;
	if (!asker->claimed && asker->client != NULL && e != E_WAIT)
		used = client_use(r, client, &asker->once, no);
	if (used == E_INPUT)
		asker->client = NULL;
	return used != OK ? used : e;
}

int oidc_token(struct request *r, struct response *resp)
{
	struct asker asker = { .client = NULL };
	struct refusal no = { .error = NULL };
	int e = client_authenticate_once(r, &asker.client, &asker.once, &no);
	if (e == OK)
		e = give(r, resp, &asker, &no);
	if (e == E_INPUT && asker.client != NULL && no.error != NULL)
		e = client_record_no(r, EV_TOKEN_REFUSED, asker.client, no.error);
	return oidc_end(r, resp, e, &no);
}
