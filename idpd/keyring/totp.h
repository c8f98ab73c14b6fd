/* One-time passwords (RFC 4226, RFC 6238): the only home of liboath. */
#ifndef CSAM_KEYRING_TOTP_H
#define CSAM_KEYRING_TOTP_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"
#include "base/err.h"

enum { TOTP_STEP_S = 30, TOTP_DIGITS = 6, TOTP_SECRET_MIN = 16 /* RFC 4226 4 R6: 128 bits */, TOTP_REACH = 10 };

/* The bytes of a base32 text; spaces, lower case and missing padding are fine. E_INPUT: no base32, or fewer than 128 bits. */
int totp_secret(struct arena *a, struct slice base32, struct slice *out);

/* Looks for code in the steps from `back` before the one of `when` to `fwd` after it, above floor. OK and the step, or E_NOENT. The time it takes
 * depends on the number of steps alone. Of several that fit the lowest. */
struct totp_window {
	time_t when;
	unsigned back, fwd;	/* at most TOTP_REACH */
	uint64_t floor;
};
int totp_match(struct slice secret, struct slice code, const struct totp_window *w, uint64_t *step);

/* The same for any device: the numbers first..last (RFC 4226: its counter; RFC 6238: the step of time), of which the lowest that fits
 * is told. E_INPUT: a hash or length that no device has, or more than OTP_REACH numbers. */
enum { OTP_DIGITS_MIN = 6, OTP_DIGITS_MAX = 8, OTP_REACH = 256 };
struct otp_range {
	struct slice alg;	/* sha1, sha256, sha512 */
	unsigned digits;
	uint64_t first, last;
};
int otp_match(struct slice secret, struct slice code, const struct otp_range *r, uint64_t *number);

/* All of first..last, one behind the other: what is printed on a card. */
int otp_codes(struct arena *a, struct slice secret, const struct otp_range *r, struct slice *out);

#endif
