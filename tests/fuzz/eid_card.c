/* A certificate that somebody shows us: DER. */
#include "eid.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct eid_card card = { 0 };
	const char *why = NULL;
	open_published();
	enum verdict v = eid_card(a, in, IN_2024, &card, &why);
	promise(v == V_ALLOW || (v == V_DENY && why != NULL && card.national_number == NULL));
	/* Only what the authority signed is a card: of it nothing but the two published ones is known here. */
	if (v == V_ALLOW)
		promise(slice_eq(in, published_certificate(a, "tests/vectors/web-eid-belgian-ec.json")) ||
		    slice_eq(in, published_certificate(a, "tests/vectors/web-eid-belgian-rsa.json")));
	struct eid_check check = { 0 };
	if (v == V_ALLOW)
		promise(eid_standing(a, &card, IN_2024, &check) == V_MORE && check.call.url != NULL);
}
