/* The ID token: made at the token endpoint, and taken back as a hint. */
#include "base/clock.h"
#include "base/log.h"
#include "core/policy.h"
#include "oidc/claims.h"
#include "oidc/host.h"
#include "oidc/idtoken.h"
#include "oidc/jose.h"

static const struct { unsigned bit; const char *name; } amr_names[] = {
	{ AMR_PWD, "pwd" }, { AMR_OTP, "otp" }, { AMR_MFA, "mfa" }, { AMR_SMS, "sms" }, { AMR_PIN, "pin" },
	{ AMR_SC, "sc" }, { AMR_HWK, "hwk" }, { AMR_SWK, "swk" }, { AMR_USER, "user" },
};

json_t *idtoken_amr(unsigned amr)
{
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof amr_names / sizeof *amr_names; i++)
		if (amr & amr_names[i].bit)
			json_array_append_new(list, json_string(amr_names[i].name));
	return list;
}

const char *service_id_token_alg(const struct service *service)
{
	return service->id_token_alg ? service->id_token_alg : "RS256";	/* Core 3.1.3.7, Registration 2 */
}

int idtoken_make(struct arena *a, const struct service *service, const struct grant *g, const struct login *login,
    struct slice access_token, struct slice *out)
{
	const struct oidc_conf *c = oidc_conf();
	const char *sub, *alg = service_id_token_alg(service);
	time_t t = now();
	int e = oidc_subject(a, service, g->subject, &sub);
	if (e != OK)
		return e;
	json_t *v = json_own(a, json_pack("{ss ss ss sI sI sI}", "iss", c->issuer, "sub", sub, "aud", service->client_id,
	    "exp", (json_int_t)t + c->id_token_ttl_s, "iat", (json_int_t)t, "auth_time", (json_int_t)g->auth_time));
	if (g->nonce != NULL && g->nonce[0] != '\0')
		json_object_set_new(v, "nonce", json_string(g->nonce));
	json_object_set_new(v, "acr", json_string(policy_acr(a, grant_acr(g, login))));
	json_object_set_new(v, "amr", idtoken_amr(login->amr));
	if (g->frozen.n > 0)
		json_object_set_new(v, "csam_posix", host_posix(login->person));
	else
		json_object_set_new(v, "sid", json_string(oidc_sid(a, service, g->sid)));
	if (access_token.p != NULL)
		json_object_set_new(v, "at_hash", json_string(jose_half_hash(a, alg, access_token)));
	claims_put(v, g->id_token, &(struct claims_source){ login->person, grant_acr(g, login) });
	return service_sign(a, service, alg, v, out);
}

int service_sign(struct arena *a, const struct service *service, const char *alg, const json_t *claims, struct slice *out)
{
	int e = jose_sign(a, alg, "JWT", claims, out);
	return e != E_NOENT ? e : fail(E_BUG, "oidc: service %s wants signatures of %s, for which there is no key", service->id, alg);
}

int idtoken_hint(struct arena *a, struct slice token, json_t **claims)
{
	const struct published *p;
	json_t *v;
	int e = oidc_published(&p);
	if (e != OK)
		return e;
	if (jose_verify(a, token, p->keys, &v, NULL) != OK)
		return E_INPUT;
	const char *iss = json_str(v, "iss");
	/* Signed userinfo is ours too, and no ID token: it has no exp. */
	if (iss == NULL || strcmp(iss, oidc_conf()->issuer) != 0 || json_str(v, "aud") == NULL || json_str(v, "sub") == NULL ||
	    !json_is_integer(json_object_get(v, "exp")))
		return E_INPUT;
	*claims = v;
	return OK;
}
