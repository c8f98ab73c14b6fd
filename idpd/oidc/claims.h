/* Which claims there are, which scope opens them, and how a person becomes JSON. */
#ifndef CSAM_CLAIMS_H
#define CSAM_CLAIMS_H

#include <stdint.h>
#include "oidc/oidc.h"

/* What claims are made of. */
struct claims_source {
	const struct person *person;
	unsigned level;			/* of the login, as it is told to this service */
};

/* Sets of claims are bits; the order of the table in claims.c is part of what is sealed, so it only grows. */
uint32_t claims_of_scope(const char *scope);		/* space-separated scopes */
uint32_t claims_of_service(const struct service *service);	/* of every scope that it may ask for, as it is registered now */

/* The claims parameter (OpenID Connect Core 5.5). Only claims of scopes that the service may ask for are taken. */
struct claims_wanted {
	uint32_t userinfo, id_token;
	const char *sub;		/* the answer must be about this one; or NULL */
	bool acr;			/* acr is essential with values: one of acr_levels must be reached */
	unsigned acr_levels[16];	/* most wanted first, 0 ends; values that are none of ours are left out */
};
int claims_parse(struct arena *a, const struct service *service, struct slice text, struct claims_wanted *out);	/* OK or E_INPUT */

/* Adds the claims of the set that have a value. */
void claims_put(json_t *object, uint32_t set, const struct claims_source *from);

/* Scopes that open the claims of the set and are not in `scope`: what else a person consents to. Space-separated, may be "". */
const char *claims_more_scopes(struct arena *a, uint32_t set, const char *scope);

/* For the metadata: names of all claims, and of all scopes. New references. */
json_t *claims_names(void);
json_t *claims_scopes(void);
bool claims_scope_known(struct slice scope);

#endif
