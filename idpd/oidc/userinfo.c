/* GET and POST /oidc/userinfo: what the person lets the service know, as it stands now (OpenID Connect Core 5.3). */
#include "oidc/bearer.h"
#include "oidc/claims.h"
#include "oidc/idtoken.h"

static int invalid(struct refusal *no)
{
	*no = (struct refusal){ .error = "invalid_token", .text = "the token is not valid any more", .status = 401 };
	return E_INPUT;
}

static int answer(struct request *r, struct response *resp, const struct service *client, json_t *v)
{
	struct slice jwt;
	if (client->userinfo_alg == NULL)
		return http_json(r, resp, 200, v);
	json_object_set_new(v, "iss", json_string(oidc_conf()->issuer));	/* 5.3.2 */
	json_object_set_new(v, "aud", json_string(client->client_id));
	int e = service_sign(r->a, client, client->userinfo_alg, v, &jwt);
	if (e != OK)
		return e;
	resp->status = 200;
	resp->body = jwt;
	resp->type = "application/jwt";
	return OK;
}

static int userinfo(struct request *r, struct response *resp, struct refusal *no)
{
	struct slice token;
	struct grant g;
	const struct service *client;
	struct login login;
	const char *sub;
	int e = bearer_token(r, &token, no);
	if (e != OK)
		return e;
	e = bearer_open(r->a, token, &g, &client, &login);
	if (e == E_NOENT)
		return invalid(no);
	if (e == OK)
		e = oidc_subject(r->a, client, g.subject, &sub);
	if (e != OK)
		return e;
	if (!slice_has_word(slice_of(g.scope), S("openid"))) {
		*no = (struct refusal){ .error = "insufficient_scope", .text = "scope openid is needed", .status = 403 };
		return E_INPUT;
	}
	json_t *v = json_own(r->a, json_pack("{ss}", "sub", sub));
	claims_put(v, claims_of_scope(g.scope) | g.userinfo, &(struct claims_source){ login.person, grant_acr(&g, &login) });
	return answer(r, resp, client, v);
}

int oidc_userinfo(struct request *r, struct response *resp)
{
	struct refusal no = { .error = NULL };
	return bearer_end(r, resp, userinfo(r, resp, &no), &no);
}
