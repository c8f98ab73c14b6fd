/* Drafts of keys, in the browser's hands. */
#include "apps/draft.h"
#include "base/clock.h"
#include "svc/sealed.h"

enum { LIFE_S = 15 * 60 };

int draft_seal(struct arena *a, const char *wizard, const struct desk *desk, const struct draft *d, struct slice *out)
{
	const char *plain = arena_printf(a, "%s\n%s\n%s", desk->sid, arena_str(a, d->id), arena_str(a, d->secret));
	return sealed_make(a, arena_printf(a, "key-%s", wizard), slice_of(plain), now() + LIFE_S, out);
}

int draft_open(struct arena *a, const char *wizard, const struct desk *desk, struct slice sealed, struct draft *out)
{
	struct slice plain, sid, id;
	int e = sealed_open(a, arena_printf(a, "key-%s", wizard), sealed, &plain);
	if (e != OK)
		return e == E_INPUT ? E_NOENT : e;
	if (!slice_cut(&plain, '\n', &sid) || !slice_cut(&plain, '\n', &id) || !slice_is(sid, desk->sid))
		return E_NOENT;
	out->id = slice_of(arena_str(a, id));
	out->secret = slice_of(arena_str(a, plain));
	return OK;
}
