/* Texts of messages, filled with their arguments. */
#include "svc/outbox_carriers.h"
#include "svc/texts.h"

void parcel_fill(struct buf *b, const struct parcel *p, struct slice rest, void (*put)(struct buf *, struct slice))
{
	struct slice before, name, after;
	for (; texts_placeholder(rest, &before, &name, &after); rest = after) {
		AUTO_ARENA a = arena_new();
		put(b, before);
		put(b, slice_of(parcel_arg(p, arena_str(a, name))));
	}
	put(b, rest);
}
