/* For targets that see a whole request: its parts come from the input, services from a table, and nothing is written anywhere. */
#ifndef CSAM_FUZZ_REQUESTS_H
#define CSAM_FUZZ_REQUESTS_H

#include "fuzz.h"
#include "base/digest.h"
#include "http/params.h"
#include "oidc/oidc.h"
#include "svc/audit.h"

static struct { struct slice authorization; struct param_list form; } request_in;

static const char *const none_listed[] = { NULL };
static const struct service services[] = {
	{ .dn = "cn=web", .id = "web", .client_id = "web", .secrets = (const char *const[]){ "0123456789abcdef", NULL }, .level = 200,
	  .redirect_uris = (const char *const[]){ "https://web.example/cb", "https://web.example/cb?x=1", NULL }, .post_logout_uris = none_listed,
	  .scopes = none_listed, .grants = (const char *const[]){ "authorization_code", "refresh_token", NULL }, .kinds = none_listed, .allow = none_listed,
	  .auth_method = "client_secret_basic", .id_token_alg = "RS256", .sector = "web.example" },
	{ .dn = "cn=app", .id = "app", .client_id = "app", .secrets = none_listed, .redirect_uris = (const char *const[]){ "http://127.0.0.1/cb", "be.app:/cb", NULL },
	  .post_logout_uris = none_listed, .scopes = none_listed, .grants = none_listed, .kinds = none_listed, .allow = none_listed,
	  .auth_method = "none", .id_token_alg = "ES256", .sector = "client:app", .native = true, .require_pkce = true },
	{ .dn = "cn=jwt", .id = "jwt", .client_id = "jwt", .secrets = none_listed, .redirect_uris = (const char *const[]){ "https://jwt.example/", NULL },
	  .post_logout_uris = none_listed, .scopes = none_listed, .grants = none_listed, .kinds = (const char *const[]){ "app", NULL }, .allow = none_listed,
	  .auth_method = "private_key_jwt", .id_token_alg = "EdDSA", .sector = "jwt.example", .subject_type = SUBJECT_PUBLIC },
	{ .dn = "cn=post", .id = "post", .client_id = "post", .secrets = (const char *const[]){ "{SHA256}AAAA", "fedcba9876543210", NULL },
	  .redirect_uris = none_listed, .post_logout_uris = none_listed, .scopes = none_listed, .grants = none_listed, .kinds = none_listed,
	  .allow = none_listed, .auth_method = "client_secret_post", .id_token_alg = "PS256", .sector = "post.example" },
};

int __wrap_directory_client(struct arena *a, struct slice id, const struct service **out);
int __wrap_directory_client(struct arena *a, struct slice id, const struct service **out)
{
	(void)a;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (slice_is(id, services[i].client_id)) {
			*out = &services[i];
			return OK;
		}
	return E_NOENT;
}

struct slice __wrap_http_form(const struct request *r, const char *name);
struct slice __wrap_http_form(const struct request *r, const char *name)
{
	const struct param *p = params_find(&request_in.form, name);
	(void)r;
	return p != NULL ? p->value : S_NONE;
}

int __wrap_keyring_public(struct arena *a, struct slice *jwks);
int __wrap_keyring_public(struct arena *a, struct slice *jwks)
{
	(void)a;
	*jwks = S("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"k\",\"use\":\"sig\",\"alg\":\"EdDSA\"}]}");
	return OK;
}

/* The same request for all: what it holds is above. */
static struct request request_of(struct arena *a)
{
	static const struct oidc_conf conf = { .issuer = "https://login.example" };
	promise(oidc_open(&conf) == OK);
	return (struct request){ .a = a, .method = "POST", .path = "/", .peer = "192.0.2.1", .origin = conf.issuer };
}

#endif
