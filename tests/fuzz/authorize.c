/* The authorization request: whatever is asked, nothing is sent to an address that is not registered, and no header is split. */
/* LINK: -Wl,--wrap=http_param,--wrap=http_form,--wrap=directory_client,--wrap=keyring_public */
#include "requests.h"
#include "oidc/answer.h"
#include "oidc/client.h"

struct slice __wrap_http_param(const struct request *r, const char *name);
struct slice __wrap_http_param(const struct request *r, const char *name)
{
	return __wrap_http_form(r, name);
}

static bool is_loopback(const char *uri)
{
	return strncmp(uri, "http://127.0.0.1", 16) == 0;
}

static void goes_home(struct arena *a, const struct auth_request *q)
{
	bool known = q->service->native && is_loopback(q->redirect_uri);
	for (const char *const *u = q->service->redirect_uris; *u != NULL; u++)
		known = known || strcmp(*u, q->redirect_uri) == 0;
	promise(known);
	const char *to = address_with(a, q->redirect_uri, &(struct pair){ "state", q->param[P_STATE] }, 1);
	for (const char *p = to; *p != '\0'; p++)
		promise(*p > ' ' && *p < 0x7f && *p != '#' && *p != '"');
	promise(strncmp(to, q->redirect_uri, strlen(q->redirect_uri)) == 0);
}

static void is_sound(struct arena *a, const struct auth_request *q)
{
	promise(q->redirect_uri != NULL && slice_is(q->param[P_RESPONSE_TYPE], "code"));
	promise(slice_has_word(slice_of(q->scope), S("openid")));
	promise(q->has_challenge || !q->service->require_pkce);
	promise(q->level >= q->service->level && q->wish >= q->level);
	promise(!(q->prompts & PROMPT_NONE) || q->prompts == PROMPT_NONE);
	promise(slice_has_word(slice_of(request_consent_scopes(a, q)), S("openid")));
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct request r = request_of(a);
	struct auth_request q;
	struct refusal no = { .error = NULL };
	if (params_parse(a, in, MAX_PARAMS, &request_in.form) != OK)
		return;
	request_read(&r, &q);
	int e = request_check(a, &q, &no);
	promise(e == OK || e == E_INPUT);
	if (q.redirect_uri != NULL)
		goes_home(a, &q);
	if (e == OK)
		is_sound(a, &q);
	else
		promise(q.redirect_uri != NULL ? no.error != NULL : q.page != NULL);
}
