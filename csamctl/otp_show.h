/* The QR code and the address of a secret, as authenticator applications read them. */
#ifndef CSAMCTL_OTP_SHOW_H
#define CSAMCTL_OTP_SHOW_H

#include "csamctl/ctl.h"

/* Both, to `to`: the code only on a terminal, or when draw is wanted (--qr). */
void otp_show(struct ctl *c, FILE *to, bool draw, const char *account, const char *secret);

#endif
