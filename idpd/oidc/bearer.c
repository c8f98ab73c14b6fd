/* Access tokens as they come back to us (RFC 6750). */
#include <strings.h>
#include "oidc/bearer.h"

int bearer_token(struct request *r, struct slice *out, struct refusal *no)
{
	struct slice header = http_header(r, "Authorization"), field = http_form(r, "access_token");
	bool scheme = header.n > 7 && strncasecmp(header.p, "Bearer ", 7) == 0;		/* 2.1 */
	if (http_query(r, "access_token").p != NULL)		/* 2.3, and RFC 9700 4.3.2: addresses are kept in logs */
		return refuse(no, "invalid_request", "a token has no place in the address");
	if (scheme && field.p != NULL)
		return refuse(no, "invalid_request", "more than one token");
	if (!scheme && field.n == 0) {
		*no = (struct refusal){ .status = 401 };
		return E_INPUT;
	}
	*out = slice_trim(scheme ? slice_mem(header.p + 7, header.n - 7) : field, " ");
	return OK;
}

int bearer_open(struct arena *a, struct slice token, struct grant *g, const struct service **client, struct login *login)
{
	int e = grant_open(a, GRANT_ACCESS, token, g);
	if (e == OK)
		e = directory_client(a, slice_of(g->client), client);
	if (e == OK && !service_is_open(*client))
		e = E_NOENT;
	if (e == OK)
		e = grant_login(a, g, *client, login);
	return e == E_INPUT ? E_NOENT : e;
}

int bearer_end(struct request *r, struct response *resp, int e, const struct refusal *no)
{
	if (e != E_INPUT || (no->error == NULL && no->status == 0))
		return e;
	if (no->error == NULL) {
		http_set(r, resp, "WWW-Authenticate", "Bearer realm=\"csam\"");
		resp->status = no->status;
		return OK;
	}
	http_set(r, resp, "WWW-Authenticate", arena_printf(r->a, "Bearer realm=\"csam\", error=\"%s\", error_description=\"%s\"",
	    no->error, no->text));
	return oidc_end(r, resp, e, no);
}
