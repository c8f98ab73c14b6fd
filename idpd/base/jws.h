/* JSON Web Signatures (RFC 7515, compact form) with the four algorithms we know: nothing is guessed from the token. */
#ifndef CSAM_JWS_H
#define CSAM_JWS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { JWS_MAX = 16 * 1024 };		/* longest token that is looked at */

enum { JWS_ALGS = 4 };
extern const char *const jws_algs[JWS_ALGS + 1];	/* RS256 PS256 ES256 EdDSA, NULL-terminated */

/* The claims of a token that a key of the set has signed. E_INPUT otherwise; *why (may be NULL) gets a fixed word. The header's alg must be of
 * our list and fit the key's type, curve, alg, use and key_ops; a kid must match; a header that brings its own key, is
 * compressed, or has critical members is refused. */
int jws_verify(struct arena *a, struct slice token, const json_t *jwks, json_t **claims, const char **why);

#endif
