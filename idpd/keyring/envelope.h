/* Keys on their way to another node or into a backup: a JWE in compact form (RFC 7516 7.1), so that others than we can open it, too.
 *
 * To a node:      alg ECDH-ES with X25519 (RFC 7518 4.6, RFC 8037 3.2), enc A256GCM
 * By passphrase:  alg PBES2-HS512+A256KW (RFC 7518 4.8), enc A256GCM */
#ifndef CSAM_KEYRING_ENVELOPE_H
#define CSAM_KEYRING_ENVELOPE_H

#include "base/arena.h"
#include "base/err.h"

enum { ENVELOPE_KEY = 32, ENVELOPE_PASSPHRASE_MIN = 16 };

/* The public part of a node's X25519 key, as a JWK (RFC 8037 2). */
struct slice envelope_address(struct arena *a, const unsigned char node[ENVELOPE_KEY]);

/* E_INPUT: no such JWK. */
int envelope_to_node(struct arena *a, struct slice jwk, struct slice plain, struct slice *out);
/* E_INPUT: shorter than ENVELOPE_PASSPHRASE_MIN bytes. Takes half a second on purpose. */
int envelope_to_passphrase(struct arena *a, struct slice passphrase, struct slice plain, struct slice *out);

/* With the key of this node, or with a passphrase (n 0: none). E_INPUT and *why, for people to read. */
int envelope_open(struct arena *a, struct slice text, const unsigned char *node, struct slice passphrase, struct slice *plain, const char **why);

#endif
