/* One-time passwords, with liboath. */
#include <liboath/oath.h>
#include <stdlib.h>
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

int otp_match(struct slice secret, struct slice code, const struct otp_range *r, uint64_t *number)
{
	int hash;
	bool hit = false;
	uint64_t found = 0;
	if (hash_flag(r->alg, &hash) != OK || r->digits < OTP_DIGITS_MIN || r->digits > OTP_DIGITS_MAX || r->last < r->first ||
	    r->last - r->first >= OTP_REACH || r->last > INT64_MAX / 2)
		return fail(E_INPUT, "keyring: refused a code of a device that cannot be");
	if (!is_code(code, r->digits))
		return E_NOENT;
	for (uint64_t n = r->last + 1; n-- > r->first;) {
		char otp[OTP_DIGITS_MAX + 1];
		/* RFC 6238 4.2: TOTP is HOTP over the number of the step. With steps of one second liboath takes the number as it is, under
		 * any of the hashes. */
		int rc = oath_totp_generate2(secret.p, secret.n, (time_t)n, 1, 0, r->digits, hash, otp);
		if (rc != OATH_OK)
			return fail(E_BUG, "oath_totp_generate2: %s", oath_strerror(rc));
		bool same = slice_same_secret(slice_mem(otp, r->digits), code);
		found = same ? n : found;
		hit |= same;
		wipe(otp, sizeof otp);
	}
	if (!hit)
		return E_NOENT;
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
