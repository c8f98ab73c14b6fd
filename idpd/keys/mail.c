/* Name and password, then a code sent by mail. NIST SP 800-63B 5.1.3.1 forbids mail for this, the mission recommends it: hence its level. */
#include "core/code_sent.h"

static enum verdict verify(struct step *s)
{
	static const struct code_sent how = { CHANNEL_MAIL, "hint.mail", "mail.code", "mail.code-new" };
	return code_sent_verify(s, &how);
}

const struct key_kind key_mail = {
	.name = "mail",
	.level = 300,
	.amr = AMR_PWD | AMR_OTP | AMR_MFA,
	.traits = KIND_PASSWORD | KIND_SECOND,
	.asks = ASK_TEXT | ASK_SECRET | ASK_CODE,
	.group = "code",
	.ready = code_sent_by_mail,
	.verify = verify,
};
