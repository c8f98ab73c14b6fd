/* Texts that only we can make: authorization codes, access tokens, CSRF tokens. Stateless, so that the single
 * sign-on path writes nothing; single use comes from a claim in the state store.
 *
 * AES-256-GCM under the keyring's key of the day; `kind` is bound as associated data, so that a text of one kind
 * is never accepted as another. */
#ifndef CSAM_SEALED_H
#define CSAM_SEALED_H

#include <time.h>
#include "base/arena.h"
#include "base/err.h"

/* *out is base64url, NUL-terminated. E_DOWN when the keyring has no key of the day for us. */
int sealed_make(struct arena *a, const char *kind, struct slice plain, time_t expires, struct slice *out);

/* E_INPUT when it is not ours, changed, of another kind; E_NOENT when it has expired. Never waits once the key is known. */
int sealed_open(struct arena *a, const char *kind, struct slice text, struct slice *plain);

/* OK when the key of today is here, for which the keyring must have answered once. E_WAIT, E_DOWN. */
int sealed_ready(void);

#endif
