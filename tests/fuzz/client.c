/* Client authentication: the first line of the input is the Authorization header, the rest the form. Who is taken for a client has shown its
 * secret. */
/* LINK: -Wl,--wrap=http_header,--wrap=http_form,--wrap=http_query_text,--wrap=http_query,--wrap=directory_client,--wrap=keyring_public,--wrap=audit_write,--wrap=state_update */
#include "requests.h"
#include "base/codec.h"
#include "oidc/bearer.h"
#include "oidc/client.h"
#include "svc/state.h"

struct slice __wrap_http_header(const struct request *r, const char *name);
struct slice __wrap_http_header(const struct request *r, const char *name)
{
	(void)r;
	return strcmp(name, "Authorization") == 0 && request_in.authorization.n > 0 ? request_in.authorization : S_NONE;
}

struct slice __wrap_http_query_text(const struct request *r);
struct slice __wrap_http_query_text(const struct request *r)
{
	(void)r;
	return S_NONE;
}

struct slice __wrap_http_query(const struct request *r, const char *name);
struct slice __wrap_http_query(const struct request *r, const char *name)
{
	(void)r, (void)name;
	return S_NONE;
}

int __wrap_audit_write(const struct audit_line *line);
int __wrap_audit_write(const struct audit_line *line)
{
	promise(line->event == EV_CLIENT_REFUSED && line->service != NULL);
	return OK;
}

int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	const struct state_claim *claim = ctx;
	promise(fn == state_claiming && key.n > 0 && claim->ttl_s > 0 && claim->until > 0 && strcmp(ns, "jti") == 0);
	return OK;
}

static bool holds(struct slice where, const char *what)
{
	return where.n > 0 && memmem(where.p, where.n, what, strlen(what)) != NULL;
}

/* Escapes are undone here in another way than there. */
static bool showed_secret(struct arena *a, struct slice header)
{
	struct slice pair, plain;
	if (header.n < 6)
		return false;
	for (header = slice_mem(header.p + 6, header.n - 6); header.n > 0 && header.p[0] == ' '; header.n--)
		header.p++;
	while (header.n > 0 && header.p[header.n - 1] == ' ')
		header.n--;
	return b64_decode(a, header, &pair) == OK && form_decode(a, pair, &plain) == OK && holds(plain, "0123456789abcdef");
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct request r = request_of(a);
	const struct service *who = NULL;
	struct refusal no = { .error = NULL };
	struct slice token;
	request_in.authorization = line_of(&in);
	if (params_parse(a, in, MAX_PARAMS, &request_in.form) != OK)
		return;
	int e = client_authenticate(&r, &who, &no);
	promise(e == OK || (e == E_INPUT && no.error != NULL && who == NULL));
	if (e == OK && strcmp(who->id, "web") == 0)
		promise(showed_secret(a, request_in.authorization));
	if (e == OK && strcmp(who->id, "post") == 0)
		promise(slice_is(__wrap_http_form(&r, "client_secret"), "fedcba9876543210"));
	promise(e != OK || strcmp(who->id, "jwt") != 0);	/* it has no keys: nobody can sign for it */
	e = bearer_token(&r, &token, &no);
	promise(e == OK || (e == E_INPUT && (no.error != NULL || no.status == 401)));
}
