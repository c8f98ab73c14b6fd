/* POST /oidc/revoke (RFC 7009): a client gives back a token; all that came from the same code ends with it. */
#include "oidc/client.h"
#include "oidc/tokens.h"

/* E_NOENT: not (or no more) a token of ours, which 2.2 answers like a success. token_type_hint is only a hint: both kinds are tried. */
static int find(struct arena *a, struct slice token, struct grant *g)
{
	int e = grant_open(a, GRANT_ACCESS, token, g);
	return e == E_INPUT || e == E_NOENT ? refresh_look(a, token, g) : e;
}

int oidc_revoke(struct request *r, struct response *resp)
{
	const struct service *client = NULL;
	struct refusal no = { .error = NULL };
	struct slice token = http_form(r, "token");
	struct grant g;
	int e = client_authenticate(r, &client, &no);
	if (e == OK && token.n == 0)
		e = refuse(&no, "invalid_request", "token is missing");
	if (e == OK)
		e = find(r->a, token, &g);
	if (e == OK && strcmp(g.client, client->client_id) != 0)
		e = refuse(&no, "invalid_grant", "the token was given to another client");	/* 2.1 */
	if (e == OK)
		e = grant_revoke(g.family);
	if (e != OK && e != E_NOENT)
		return oidc_end(r, resp, e, &no);
	resp->status = 200;
	return OK;
}
