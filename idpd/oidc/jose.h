/* Tokens as OpenID Connect has them: signed by the keyring, verified by base/jws.h. */
#ifndef CSAM_JOSE_H
#define CSAM_JOSE_H

#include "base/jws.h"

#define JOSE_MAX JWS_MAX
#define jose_algs jws_algs
#define jose_verify jws_verify

/* Signs the object with the keyring's active key for alg. typ may be NULL. E_NOENT: no key for alg; E_DOWN. */
int jose_sign(struct arena *a, const char *alg, const char *typ, const json_t *claims, struct slice *out);

/* at_hash (OpenID Connect Core 3.1.3.6): left half of the hash that goes with alg, base64url. */
const char *jose_half_hash(struct arena *a, const char *alg, struct slice text);

#endif
