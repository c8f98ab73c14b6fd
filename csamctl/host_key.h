/* The key by which a host proves to be that host: P-256, private in a file, public as a JWK set. */
#ifndef CSAMCTL_HOST_KEY_H
#define CSAMCTL_HOST_KEY_H

#include "base/arena.h"

/* Makes a key and writes it as PEM (PKCS #8), mode 0600, where no file is yet. *jwks: the public key as a JWK set (RFC 7517) whose kid is
 * the thumbprint of RFC 7638. OK; E_EXISTS when something has that name; E_DOWN, E_BUG; with *why. */
int host_key_make(struct arena *a, const char *path, const char **jwks, const char **why);

#endif
