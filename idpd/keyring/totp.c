/* Time-based one-time passwords, with liboath. */
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

static bool is_code(struct slice code)
{
	unsigned long long value;
	return code.n == TOTP_DIGITS && slice_number(code, 999999, &value) == OK;
}

int totp_match(struct slice secret, struct slice code, const struct totp_window *w, uint64_t *step)
{
	uint64_t present = (uint64_t)w->when / TOTP_STEP_S, found = 0;
	uint64_t first = present > w->back ? present - w->back : 0;
	bool hit = false;
	if (!is_code(code))
		return E_NOENT;
	for (uint64_t s = first; s <= present + w->fwd; s++) {
		char otp[TOTP_DIGITS + 1];
		int rc = oath_totp_generate(secret.p, secret.n, (time_t)(s * TOTP_STEP_S), TOTP_STEP_S, 0, TOTP_DIGITS, otp);
		if (rc != OATH_OK)
			return fail(E_BUG, "oath_totp_generate: %s", oath_strerror(rc));
		bool same = slice_same_secret(slice_mem(otp, TOTP_DIGITS), code) && s > w->floor;
		found = same ? s : found;
		hit |= same;
		wipe(otp, sizeof otp);
	}
	if (!hit)
		return E_NOENT;
	*step = found;
	return OK;
}
