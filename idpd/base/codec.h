/* Decoding of base64, base64url, hex and percent encoding. Strict: but for the case of hex, one text for one value. */
#ifndef CSAM_CODEC_H
#define CSAM_CODEC_H

#include "base/arena.h"

/* All return OK or E_INPUT; *out is NUL-terminated in the arena besides its length. */
int b64_decode(struct arena *a, struct slice in, struct slice *out);	/* RFC 4648 4, padding required */
int b64url_decode(struct arena *a, struct slice in, struct slice *out);	/* RFC 4648 5, no padding, no spare bits */
int hex_decode(struct arena *a, struct slice in, struct slice *out);	/* in upper or lower case */

/* application/x-www-form-urlencoded value: '+' is a space, %XX a byte. %00 is E_INPUT. */
int form_decode(struct arena *a, struct slice in, struct slice *out);

#endif
