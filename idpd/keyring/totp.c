/* One-time passwords, with liboath. */
#include <liboath/oath.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "keyring/totp.h"

int totp_secret(struct arena *a, struct slice base32, struct slice *out)
{
	char *raw = NULL;
	size_t n = 0;
	if (oath_base32_decode(base32.p, base32.n, &raw, &n) != OATH_OK)
		return E_INPUT;
	struct slice secret = arena_copy(a, slice_mem(raw, n));
	wipe(raw, n);
	free(raw);
	if (n < TOTP_SECRET_MIN)
		return E_INPUT;
	*out = secret;
	return OK;
}

static bool is_code(struct slice code, unsigned digits)
{
	unsigned long long value;
	return code.n == digits && slice_number(code, 99999999, &value) == OK;
}

static int hash_flag(struct slice alg, int *out)
{
	static const struct { const char *name; int flag; } hashes[] = {
		{ "sha1", 0 }, { "sha256", OATH_TOTP_HMAC_SHA256 }, { "sha512", OATH_TOTP_HMAC_SHA512 },
	};
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		if (slice_is(alg, hashes[i].name)) {
			*out = hashes[i].flag;
			return OK;
		}
	return E_INPUT;
}

/* RFC 6238 4.2: TOTP is HOTP over the number of the step. With steps of one second liboath takes the number as it is, under any hash. */
static int make(struct slice secret, const struct otp_range *r, uint64_t number, char out[OTP_DIGITS_MAX + 1])
{
	int hash, rc;
	if (hash_flag(r->alg, &hash) != OK || r->digits < OTP_DIGITS_MIN || r->digits > OTP_DIGITS_MAX || number > INT64_MAX / 2)
		return fail(E_INPUT, "refused a code of a device that cannot be");
	rc = oath_totp_generate2(secret.p, secret.n, (time_t)number, 1, 0, r->digits, hash, out);
	return rc == OATH_OK ? OK : fail(E_BUG, "oath_totp_generate2: %s", oath_strerror(rc));
}

int otp_codes(struct arena *a, struct slice secret, const struct otp_range *r, struct slice *out)
{
	struct buf all = buf_new(a);
	char otp[OTP_DIGITS_MAX + 1];
	int rc = r->last < r->first || r->last - r->first >= OTP_REACH ? E_INPUT : OK;
	for (uint64_t n = r->first; rc == OK && n <= r->last; n++) {
		rc = make(secret, r, n, otp);
		if (rc == OK)
			buf_raw(&all, slice_mem(otp, r->digits));
	}
	wipe(otp, sizeof otp);
	if (rc == OK)
		*out = buf_slice(&all);
	return rc;
}

int otp_match(struct slice secret, struct slice code, const struct otp_range *r, uint64_t *number)
{
	bool hit = false;
	uint64_t found = 0;
	char otp[OTP_DIGITS_MAX + 1];
	if (r->last < r->first || r->last - r->first >= OTP_REACH)
		return fail(E_INPUT, "refused a code of %s numbers", r->last < r->first ? "no" : "too many");
	int rc = make(secret, r, r->last, otp);		/* is it such a device at all? Also when the answer is no code */
	if (rc == OK && !is_code(code, r->digits))
		rc = E_NOENT;
	for (uint64_t n = r->last + 1; rc == OK && n-- > r->first;) {
		rc = make(secret, r, n, otp);
		bool same = rc == OK && slice_same_secret(slice_mem(otp, r->digits), code);
		found = same ? n : found;
		hit |= same;
	}
	wipe(otp, sizeof otp);
	if (rc != OK || !hit)
		return rc != OK ? rc : E_NOENT;
	*number = found;
	return OK;
}

int totp_match(struct slice secret, struct slice code, const struct totp_window *w, uint64_t *step)
{
	uint64_t present = (uint64_t)w->when / TOTP_STEP_S;
	struct otp_range r = { S("sha1"), TOTP_DIGITS, present > w->back ? present - w->back : 0, present + w->fwd };
	if (w->floor >= r.last)
		return E_NOENT;
	if (r.first <= w->floor)
		r.first = w->floor + 1;
	return otp_match(secret, code, &r, step);
}
