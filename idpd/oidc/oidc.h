/* OpenID Connect provider: what its endpoints share. */
#ifndef CSAM_OIDC_H
#define CSAM_OIDC_H

#include <time.h>
#include "http/http.h"
#include "svc/directory.h"

struct oidc_conf {
	const char *issuer;		/* https://host[:port], without a slash at its end */
	unsigned code_ttl_s;		/* life of an authorization code (60) */
	unsigned access_ttl_s;		/* of an access token (300) */
	unsigned id_token_ttl_s;	/* of an ID token (300) */
	unsigned refresh_ttl_s;		/* how long a refresh token may lie unused (2592000) */
	unsigned request_ttl_s;		/* how long a person may take to sign in (900) */
	bool allow_loopback_http;	/* web clients too may use any port of a loopback address: for tests (false) */
};

/* Keeps a pointer to conf. After texts_open and keyring_open. Zeroed times take the values in parentheses. */
int oidc_open(const struct oidc_conf *conf);
const struct oidc_conf *oidc_conf(void);

/* Why a request is refused, in the words of the standard. A function that refuses returns E_INPUT with `error` set; any other failure
 * leaves it NULL and is the router's to answer. */
struct refusal {
	const char *error;		/* invalid_request, ... ; NULL: nothing was refused */
	const char *text;		/* error_description: ASCII without quotes; fixed */
	unsigned status;		/* of the token endpoint and its kin; 0: 400 */
	bool basic;			/* 401 names the Basic scheme (RFC 6749 5.2) */
};

/* no is filled, the result is E_INPUT: return refuse(no, "invalid_grant", "..."); */
int refuse(struct refusal *no, const char *error, const char *text);

/* Ends a handler of the API kind: turns a refusal (e E_INPUT, no->error set) into its answer, passes every other e on. */
int oidc_end(struct request *r, struct response *resp, int e, const struct refusal *no);

/* Does the service list it? An empty or missing list means `fallback` (space-separated). */
bool service_lists(const char *const *list, const char *fallback, struct slice word);
#define OIDC_SCOPES "openid profile email address phone"
bool service_scope(const struct service *s, struct slice scope);
bool service_grant(const struct service *s, const char *grant);

/* The keys we publish and the metadata that go with them, at most a minute old; immutable, never freed. E_DOWN when the keyring never answered; E_WAIT. */
struct published {
	struct slice jwks, metadata;
	const json_t *keys;		/* the JWK set */
	struct published *older;
};
int oidc_published(const struct published **out);
int oidc_send_document(struct response *resp, struct slice json);	/* one of them */
void oidc_published_changed(void);	/* a new key signs: the copy is older than it seems */
struct slice oidc_metadata(const json_t *keys);	/* discovery.c: malloc'ed text */

/* The `sub` that this service knows the person by (OpenID Connect Core 8). */
int oidc_subject(struct arena *a, const struct service *service, const char *subject, const char **out);

/* The `sid` that this service knows the session by: another for each, or services could compare theirs and undo pairwise subjects. */
const char *oidc_sid(struct arena *a, const struct service *service, const char *sid);

#endif
