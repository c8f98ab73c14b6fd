/* QR codes (ISO/IEC 18004), where people would have to type: as text for terminals, as a path for pages. */
#ifndef CSAM_QR_H
#define CSAM_QR_H

#include "base/arena.h"

/* The code as text, two modules in each character. colour: black on white whatever the terminal's own colours are;
 * without: drawn for light text on a dark ground. NULL when the text is too long for a code. */
const char *qr_text(struct arena *a, const char *text, bool colour);

/* The dark modules as the data of one SVG path, and in *width the side of the drawing in modules, its quiet zone included. NULL as above. */
const char *qr_path(struct arena *a, const char *text, unsigned *width);

/* otpauth://totp/ISSUER:ACCOUNT?secret=... as authenticator applications understand it. */
const char *otp_uri(struct arena *a, const char *issuer, const char *account, const char *secret);

/* The issuer's name that such an application shows: the host people know. */
const char *otp_issuer(struct arena *a, const char *origin);

#endif
