/* Base32 (RFC 4648 6), as authenticator applications exchange secrets. */
#ifndef CSAM_BASE32_H
#define CSAM_BASE32_H

#include "base/arena.h"

const char *base32_text(struct arena *a, struct slice raw);			/* without padding */
/* Also as people write it: small letters, spaces, with or without padding. OK or E_INPUT. */
int base32_bytes(struct arena *a, struct slice text, struct slice *out);

#endif
