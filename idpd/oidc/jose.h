/* JSON Web Signatures (RFC 7515, compact form) with the four algorithms we know: nothing is guessed from the token. */
#ifndef CSAM_JOSE_H
#define CSAM_JOSE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { JOSE_MAX = 16 * 1024 };		/* longest token that is looked at */

extern const char *const jose_algs[];	/* RS256 PS256 ES256 EdDSA, NULL-terminated */

/* Signs the object with the keyring's active key for alg. typ may be NULL. E_NOENT: no key for alg; E_DOWN. */
int jose_sign(struct arena *a, const char *alg, const char *typ, const json_t *claims, struct slice *out);

/* The claims of a token that a key of the set has signed. E_INPUT otherwise; *why (may be NULL) gets a fixed word. The header's alg must be of
 * our list and fit the key's type, curve, alg, use and key_ops; a kid must match; a header that brings its own key, is
 * compressed, or has critical members is refused. */
int jose_verify(struct arena *a, struct slice token, const json_t *jwks, json_t **claims, const char **why);

/* at_hash (OpenID Connect Core 3.1.3.6): left half of the hash that goes with alg, base64url. */
const char *jose_half_hash(struct arena *a, const char *alg, struct slice text);

#endif
