/* What a card in the reader of a host signs, and whether it did. */
#include "base/buf.h"
#include "base/codec.h"
#include "core/eid_host.h"

enum { ALG = 5 };

const char *eid_host_text(struct arena *a, const struct eid_host *place)
{
	const struct { const char *name, *value; } lines[] = {
		{ "issuer", place->issuer }, { "host", place->host }, { "service", place->program }, { "user", place->user }, { "nonce", place->nonce },
	};
	struct buf b = buf_new(a);
	buf_lit(&b, "CSAM host login 1\n");
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		buf_printf(&b, "%s=", lines[i].name);
		buf_url(&b, slice_of(lines[i].value != NULL ? lines[i].value : ""));
		buf_char(&b, '\n');
	}
	return buf_cstr(&b);
}

enum verdict eid_host_answer(struct arena *a, struct slice answer, const char *text, time_t when, struct eid_card *out, const char **why)
{
	struct slice rest = answer, alg, part, der, signature;
	struct eid_card card;
	*why = "card-form";
	if (answer.n > EID_HOST_ANSWER_MAX || !slice_cut(&rest, '.', &alg) || alg.n != ALG || !slice_is_text(alg, "") || !slice_cut(&rest, '.', &part) ||
	    b64url_decode(a, part, &der) != OK || b64url_decode(a, rest, &signature) != OK)
		return V_DENY;
	if (eid_card(a, der, when, &card, why) != V_ALLOW)
		return V_DENY;
	*why = "card-proof";
	if (!eid_signed(&card, arena_str(a, alg), slice_of(text), signature))
		return V_DENY;
	*why = NULL;
	*out = card;
	return V_ALLOW;
}
