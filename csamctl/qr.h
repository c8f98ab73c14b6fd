/* Draws QR codes in the terminal, and writes the address that authenticator applications read. */
#ifndef CSAMCTL_QR_H
#define CSAMCTL_QR_H

#include "csamctl/ctl.h"

/* otpauth://totp/ISSUER:ACCOUNT?secret=... as authenticator applications understand it. */
const char *otp_uri(struct arena *a, const char *issuer, const char *account, const char *secret);

/* The code as text, two modules in each character. colour: black on white whatever the terminal's own colours are;
 * without: drawn for light text on a dark ground. NULL when the text is too long for a code. */
const char *qr_text(struct arena *a, const char *text, bool colour);

/* Both, to `to`: the code only on a terminal, or when --qr was given. */
void otp_show(struct ctl *c, FILE *to, bool draw, const char *account, const char *secret);

#endif
