/* The ID token (OpenID Connect Core 2). */
#ifndef CSAM_IDTOKEN_H
#define CSAM_IDTOKEN_H

#include "oidc/grant.h"

/* Signed with the service's algorithm. nonce NULL: none (refresh). */
int idtoken_make(struct arena *a, const struct service *service, const struct grant *g, const struct login *login,
    struct slice access_token, struct slice *out);

/* Signs something for this service; what it is registered for and we have no key for is logged, and E_BUG. */
int service_sign(struct arena *a, const struct service *service, const char *alg, const json_t *claims, struct slice *out);

/* A token that we gave out once, expired or not (id_token_hint): our signature, our issuer, an audience that is one text. E_INPUT otherwise. */
int idtoken_hint(struct arena *a, struct slice token, json_t **claims);

json_t *idtoken_amr(unsigned amr);		/* RFC 8176 names; new reference */
const char *service_id_token_alg(const struct service *service);

#endif
