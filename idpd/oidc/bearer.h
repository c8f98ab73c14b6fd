/* Access tokens as they come back to us (RFC 6750). */
#ifndef CSAM_BEARER_H
#define CSAM_BEARER_H

#include "oidc/grant.h"

/* The token of the request: Authorization header or form field, exactly one, never the address. E_INPUT with *no; without error when
 * there is none at all (RFC 6750 3.1: then nothing is explained). */
int bearer_token(struct request *r, struct slice *out, struct refusal *no);

/* What it carries and what it rests on, both as they stand now. E_NOENT: neither. */
int bearer_open(struct arena *a, struct slice token, struct grant *g, const struct service **client, struct login *login);

/* The 401, 403 or 400 with its WWW-Authenticate. */
int bearer_end(struct request *r, struct response *resp, int e, const struct refusal *no);

#endif
