/* A Web eID token as a browser posts it: JSON. */
#include "eid.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct eid_card card = { 0 };
	const char *why = NULL;
	open_published();
	enum verdict v = eid_web_token(a, in, "https://47f0-46-131-86-189.ngrok-free.app", "iMeEwP2cgUINY2XoO/lqEpOUn7z/ysHRqGXkGKC4VXE=", IN_2024, &card, &why);
	promise(v == V_ALLOW || (v == V_DENY && why != NULL && card.national_number == NULL));
	if (v == V_ALLOW)
		promise(slice_is(slice_of(card.national_number), "01050399864"));
}
