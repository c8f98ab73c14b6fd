/* The authenticator app: name and password, then a TOTP code of six digits (RFC 6238). */
#include "core/kinds.h"

static enum verdict verify(struct step *s)
{
	if (s->answer.n == 0) {
		s->ask = (struct prompt){ .ask = ASK_CODE };
		return V_MORE;
	}
	/* RFC 6238 5.2: one step back for the way here is enough; a clock that is ahead is not ours to mend. */
	return step_otp(s, 1, 0);
}

const struct key_kind key_app = {
	.name = "app",
	.level = 400,
	.amr = AMR_PWD | AMR_OTP | AMR_MFA,
	.traits = KIND_PASSWORD | KIND_SECOND,
	.asks = ASK_TEXT | ASK_SECRET | ASK_CODE,
	.group = "code",
	.verify = verify,
};
