/* How secrets stand in the directory: passwords as argon2id, client secrets as salted digests, key secrets sealed. */
#ifndef CSAMCTL_SECRETS_H
#define CSAMCTL_SECRETS_H

#include "csamctl/ctl.h"
#include "svc/passwords.h"

bool password_is_hash(struct slice text);				/* {SCHEME}..., one that slapd verifies */

/* "{SHA256}base64(salt 16 || SHA-256(salt || secret))". Client secrets are random, so a quick digest keeps them. */
const char *client_secret_hash(struct arena *a, struct slice secret);

/* Sealed by the keyring for one key of one person. DONE, or REFUSED after saying why. */
int seal_key_secret(struct ctl *c, const char *subject, const char *key_id, const char *secret, struct slice *out);

#endif
