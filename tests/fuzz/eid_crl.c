/* What is served as an authority's revocation list: DER. */
#include "eid.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	const char *why = NULL;
	struct eid_card card = published_card(a);
	const char *url = "http://eiddevcards.zetescards.be/crl/citizencaEC.crl";
	promise(eid_crl_answer(&card, url, in, IN_2024, &why) == EID_NOTHING && why != NULL);		/* nobody here can sign for that authority */
	promise(eid_crl_kept(&card, url, IN_2024) == EID_NOTHING);
}
