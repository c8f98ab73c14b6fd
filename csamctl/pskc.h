/* Reads seeds of tokens from a PSKC container (RFC 6030): plain, or encrypted with a key that both sides know or one derived from a passphrase. */
#ifndef CSAMCTL_PSKC_H
#define CSAMCTL_PSKC_H

#include "base/arena.h"
#include "base/err.h"

enum { PSKC_MAX = 32 * 1024 * 1024 };

struct pskc_token {
	const char *serial;
	const char *type, *digits, *hash, *period, *counter;	/* as in a CSV file; NULL: not said */
	struct slice seed;
	const char *why;		/* why it cannot be taken, or NULL */
	unsigned long line;
};

/* OK, and every key package of the container. E_INPUT with *why: it is no container that we can read, nothing of it. `key`: the key, 16, 24 or 32 bytes;
 * `passphrase`: what it is derived from; at most one of them, or both empty. What is encrypted must carry a MAC that is right (RFC 6030 6). */
int pskc_read(struct arena *a, struct slice xml, struct slice key, struct slice passphrase, struct pskc_token **out, size_t *n, const char **why);

#endif
