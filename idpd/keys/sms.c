/* Name and password, then a code sent to a telephone. */
#include "core/code_sent.h"

static enum verdict verify(struct step *s)
{
	static const struct code_sent how = { CHANNEL_SMS, "hint.sms", "sms.code", "sms.code-new" };
	return code_sent_verify(s, &how);
}

const struct key_kind key_sms = {
	.name = "sms",
	.level = 300,
	.amr = AMR_PWD | AMR_SMS | AMR_MFA,
	.traits = KIND_PASSWORD | KIND_SECOND,
	.asks = ASK_TEXT | ASK_SECRET | ASK_CODE,
	.group = "code",
	.ready = code_sent_by_sms,
	.verify = verify,
};
