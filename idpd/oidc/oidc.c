/* What the endpoints of the OpenID Connect provider share: configuration, refusals, and what a service is registered for. */
#include "base/buf.h"
#include "base/log.h"
#include "oidc/oidc.h"

static struct oidc_conf conf;

static unsigned or(unsigned v, unsigned fallback)
{
	return v != 0 ? v : fallback;
}

int oidc_open(const struct oidc_conf *c)
{
	if (c->issuer == NULL || c->issuer[0] == '\0' || c->issuer[strlen(c->issuer) - 1] == '/')
		return fail(E_INPUT, "oidc: the issuer must be an https origin without a slash at its end");
	conf = *c;
	conf.code_ttl_s = or(c->code_ttl_s, 60);
	conf.access_ttl_s = or(c->access_ttl_s, 300);
	conf.id_token_ttl_s = or(c->id_token_ttl_s, 300);
	conf.refresh_ttl_s = or(c->refresh_ttl_s, 30 * 24 * 3600);
	conf.request_ttl_s = or(c->request_ttl_s, 900);
	return OK;
}

const struct oidc_conf *oidc_conf(void)
{
	return &conf;
}

int refuse(struct refusal *no, const char *error, const char *why)
{
	*no = (struct refusal){ .error = error, .text = why };
	return E_INPUT;
}

int oidc_end(struct request *r, struct response *resp, int e, const struct refusal *no)
{
	if (e != E_INPUT || no->error == NULL)
		return e;
	if (no->basic)
		http_set(r, resp, "WWW-Authenticate", "Basic realm=\"csam\", charset=\"UTF-8\"");
	json_t *v = json_own(r->a, json_object());
	json_object_set_new(v, "error", json_string(no->error));
	if (no->text != NULL)
		json_object_set_new(v, "error_description", json_string(no->text));
	http_set(r, resp, "Pragma", "no-cache");	/* RFC 6749 5.2 */
	return http_json(r, resp, no->status ? no->status : 400, v);
}

bool service_lists(const char *const *list, const char *fallback, struct slice word)
{
	if (list == NULL || list[0] == NULL)
		return slice_has_word(slice_of(fallback), word);
	for (; *list != NULL; list++)
		if (slice_is(word, *list))
			return true;
	return false;
}

bool service_scope(const struct service *s, struct slice scope)
{
	/* offline_access is the right to refresh tokens; openid is what a client of this kind is for */
	if (slice_is(scope, "openid"))
		return true;
	if (slice_is(scope, "offline_access"))
		return service_grant(s, "refresh_token");
	return service_lists(s->scopes, OIDC_SCOPES, scope);
}

bool service_grant(const struct service *s, const char *grant)
{
	return service_lists(s->grants, "authorization_code", slice_of(grant));
}
