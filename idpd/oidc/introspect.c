/* POST /oidc/introspect (RFC 7662): a client asks about its own tokens; one whose csamScope lists "introspect", a resource server, about all access tokens.
 * To that one a refresh token is none: it opens nothing there, and whoever shows it has it from its client. */
#include "core/policy.h"
#include "oidc/bearer.h"
#include "oidc/client.h"
#include "oidc/idtoken.h"
#include "oidc/tokens.h"

/* Whatever is not a valid token of this client's is simply not active: 2.2 says no more. */
static int look(struct arena *a, struct slice token, struct grant *g, const struct service **client, struct login *login, bool *refresh)
{
	int e = bearer_open(a, token, g, client, login);
	*refresh = false;
	if (e != E_NOENT)
		return e;
	*refresh = true;
	e = refresh_look(a, token, g);
	if (e == OK && g->used)
		e = E_NOENT;
	if (e == OK)
		e = directory_client(a, slice_of(g->client), client);
	return e != OK ? e : grant_login(a, g, *client, login);
}

static int describe(struct request *r, struct response *resp, const struct service *client, const struct grant *g,
    const struct login *login, bool refresh)
{
	const char *sub;
	int e = oidc_subject(r->a, client, g->subject, &sub);
	if (e != OK)
		return e;
	json_t *v = json_own(r->a, json_pack("{sb ss ss ss ss sI ss* so}", "active", 1, "iss", oidc_conf()->issuer, "sub", sub,
	    "client_id", client->client_id, "scope", g->scope, "auth_time", (json_int_t)g->auth_time,
	    "acr", policy_acr(r->a, grant_acr(g, login)), "amr", idtoken_amr(login->amr)));
	if (!refresh)
		json_object_set_new(v, "token_type", json_string("Bearer"));
	return http_json(r, resp, 200, v);
}

int oidc_introspect(struct request *r, struct response *resp)
{
	const struct service *asking = NULL, *client = NULL;
	struct refusal no = { .error = NULL };
	struct slice token = http_form(r, "token");
	struct grant g;
	struct login login;
	bool refresh;
	int e = client_authenticate(r, &asking, &no);
	if (e == OK && client_is_public(asking)) {	/* 2.1: to ask, one must prove who one is */
		no = (struct refusal){ .error = "invalid_client", .text = "public clients may not ask", .status = 401, .basic = true };
		e = E_INPUT;
	}
	if (e == OK && token.n == 0)
		e = refuse(&no, "invalid_request", "token is missing");
	if (e != OK)
		return oidc_end(r, resp, e, &no);
	e = look(r->a, token, &g, &client, &login, &refresh);
	if (e == OK && strcmp(g.client, asking->client_id) != 0 && (refresh || !service_lists(asking->scopes, "", S("introspect"))))
		e = E_NOENT;
	if (e == E_NOENT)
		return http_json(r, resp, 200, json_own(r->a, json_pack("{sb}", "active", 0)));
	return e != OK ? e : describe(r, resp, client, &g, &login, refresh);
}
