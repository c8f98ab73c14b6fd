/* Name and password alone: most services refuse it. The engine checks it; there is no step of its own. */
#include "core/kinds.h"

const struct key_kind key_password = {
	.name = "password",
	.level = 200,
	.amr = AMR_PWD,
	.traits = KIND_PASSWORD,
	.asks = ASK_TEXT | ASK_SECRET,
	.group = "plain",
};
