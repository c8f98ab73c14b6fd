/* What an OCSP responder, or somebody in its place, answers: DER. */
#include "eid.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	const char *why = NULL;
	time_t until;
	struct eid_card card = published_card(a);
	promise(eid_ocsp_answer(&card, in, S("a nonce of ours"), IN_2024, &until, &why) == EID_NOTHING && why != NULL);
	why = NULL;
	promise(eid_ocsp_answer(&card, in, S_NONE, IN_2024, &until, &why) == EID_NOTHING && why != NULL);	/* nobody here can sign for that authority */
}
