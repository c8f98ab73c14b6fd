/* The host's private key, and the assertions it signs (RFC 7523 2.2): how the identity provider knows who asks. */
#ifndef CSAM_AGENT_CREDENTIAL_H
#define CSAM_AGENT_CREDENTIAL_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/err.h"

struct credential;

/* A regular file of root or of ours, that nobody else may write and others may not read. E_INPUT, logged, else. */
int credential_open(const char *key_file, const char *client_id, struct credential **out);
struct credential *credential_free(struct credential *c);

/* A new assertion for that audience, good for life_s and for many requests: it has no jti. */
int credential_assert(struct arena *a, const struct credential *c, const char *audience, unsigned life_s, struct slice *out);

#endif
