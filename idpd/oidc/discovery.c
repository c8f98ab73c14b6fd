/* GET /.well-known/openid-configuration: the metadata (OpenID Connect Discovery 3, RFC 8414 2), made from the tables the code itself uses. */
#include <stdlib.h>
#include "core/policy.h"
#include "oidc/claims.h"
#include "oidc/client.h"
#include "oidc/host.h"
#include "oidc/jose.h"
#include "oidc/request.h"
#include "oidc/tokens.h"
#include "svc/texts.h"

static json_t *list(const char *const *words)
{
	json_t *v = json_array();
	for (; words != NULL && *words != NULL; words++)
		json_array_append_new(v, json_string(*words));
	return v;
}

/* Algorithms we can sign with: those of our list for which the keyring has a key. */
static json_t *signing_algs(const json_t *keys)
{
	json_t *v = json_array(), *jwk;
	for (size_t i = 0; jose_algs[i] != NULL; i++) {
		size_t k;
		json_array_foreach(json_object_get(keys, "keys"), k, jwk) {
			const char *alg = json_str(jwk, "alg");
			if (alg != NULL && strcmp(alg, jose_algs[i]) == 0) {
				json_array_append_new(v, json_string(alg));
				break;
			}
		}
	}
	return v;
}

/* Levels that some kind of key reaches. */
static json_t *acrs(struct arena *a)
{
	json_t *v = json_array();
	unsigned most = 0;
	for (const struct key_kind *const *kind = kinds_all(); *kind != NULL; kind++)
		if (kind_offered(*kind) && policy_kind_level(*kind) > most)
			most = policy_kind_level(*kind);
	for (size_t i = 0; policy_levels[i] != 0 && policy_levels[i] <= most; i++)
		json_array_append_new(v, json_string(policy_acr(a, policy_levels[i])));
	return v;
}

static void put_addresses(struct arena *a, json_t *v)
{
	static const struct { const char *name, *path; } addresses[] = {
		{ "authorization_endpoint", "/oidc/authorize" }, { "token_endpoint", OIDC_TOKEN_PATH },
		{ "userinfo_endpoint", "/oidc/userinfo" }, { "jwks_uri", "/oidc/jwks" },
		{ "introspection_endpoint", "/oidc/introspect" }, { "revocation_endpoint", "/oidc/revoke" },
		{ "end_session_endpoint", "/oidc/logout" }, { "device_authorization_endpoint", "/oidc/device" },	/* RFC 8628 4 */
		{ "authorization_challenge_endpoint", "/oidc/challenge" }, { "csam_account_endpoint", "/oidc/challenge/account" },
	};
	const char *issuer = oidc_conf()->issuer;
	json_object_set_new(v, "issuer", json_string(issuer));
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		json_object_set_new(v, addresses[i].name, json_string(arena_printf(a, "%s%s", issuer, addresses[i].path)));
}

static void put_client_methods(json_t *v)
{
	static const char *const endpoints[] = { "token", "revocation", "introspection", NULL };
	for (size_t i = 0; endpoints[i] != NULL; i++) {
		char name[64];
		snprintf(name, sizeof name, "%s_endpoint_auth_methods_supported", endpoints[i]);
		json_t *methods = list(client_methods);
		if (strcmp(endpoints[i], "introspection") == 0)		/* public clients may not ask */
			json_array_remove(methods, json_array_size(methods) - 1);
		json_object_set_new(v, name, methods);
		snprintf(name, sizeof name, "%s_endpoint_auth_signing_alg_values_supported", endpoints[i]);
		json_object_set_new(v, name, list(jose_algs));
	}
}

struct slice oidc_metadata(const json_t *keys)
{
	AUTO_ARENA a = arena_new();
	json_t *v = json_own(a, json_object()), *algs = signing_algs(keys);
	put_addresses(a, v);
	put_client_methods(v);
	json_object_set_new(v, "scopes_supported", claims_scopes());
	json_object_set_new(v, "claims_supported", claims_names());
	json_object_set_new(v, "response_types_supported", list(request_response_types));
	json_object_set_new(v, "response_modes_supported", list(request_response_modes));
	json_object_set_new(v, "code_challenge_methods_supported", list(request_challenge_methods));
	json_object_set_new(v, "prompt_values_supported", list(request_prompts));
	json_object_set_new(v, "display_values_supported", json_pack("[s]", "page"));
	json_object_set_new(v, "grant_types_supported", list(token_grant_types));
	json_object_set_new(v, "subject_types_supported", json_pack("[s,s]", "pairwise", "public"));
	json_object_set_new(v, "claim_types_supported", json_pack("[s]", "normal"));
	json_object_set_new(v, "userinfo_signing_alg_values_supported", json_copy(algs));
	json_object_set_new(v, "id_token_signing_alg_values_supported", algs);
	json_object_set_new(v, "acr_values_supported", acrs(a));
	json_object_set_new(v, "ui_locales_supported", list(texts_languages()));
	json_object_set_new(v, "claims_parameter_supported", json_true());
	json_object_set_new(v, "backchannel_logout_supported", json_true());
	json_object_set_new(v, "backchannel_logout_session_supported", json_true());
	json_object_set_new(v, "request_parameter_supported", json_false());
	json_object_set_new(v, "request_uri_parameter_supported", json_false());	/* absent would mean true */
	json_object_set_new(v, "authorization_response_iss_parameter_supported", json_true());	/* RFC 9207 3 */
	json_object_set_new(v, "csam_profiles_supported", json_pack("[i]", HOST_PROFILE));
	char *text = json_dumps(v, JSON_COMPACT);
	if (text == NULL)
		abort();
	return slice_of(text);
}

int oidc_discovery(struct request *r, struct response *resp)
{
	const struct published *p;
	(void)r;
	int e = oidc_published(&p);
	return e == OK ? oidc_send_document(resp, p->metadata) : e;
}
