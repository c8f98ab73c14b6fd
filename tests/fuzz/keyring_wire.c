/* Messages to the keyring: taken apart and put together again they are the same, and no verb falls over their fields. */
#include "fuzz.h"
#include "base/clock.h"
#include "keyring/verbs.h"

static struct keystore store;

/* Keys are made once; which ones they are changes nothing of what is looked for. */
static void make_keys(void)
{
	static struct arena *a;
	const char *why;
	size_t n = 0;
	a = arena_new();
	while (ring_kinds[n].use != NULL)
		n++;
	store.keys = ARENA_ARRAY(a, struct ring_key, n);
	for (; store.n < n; store.n++)
		promise(ring_key_read(a, ring_key_make(a, &ring_kinds[store.n], now()), &store.keys[store.n], &why) == OK);
}

static struct slice joined(struct arena *a, const struct wire_pieces *p)
{
	struct buf b = buf_new(a);
	for (size_t i = 0; i < p->n; i++)
		buf_raw(&b, slice_mem(p->io[i].iov_base, p->io[i].iov_len));
	promise(b.n == p->total);
	return buf_slice(&b);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct wire w;
	struct wire_pieces pieces;
	if (wire_parse(in, &w) != OK)
		return;
	promise(wire_pieces(&w, &pieces) == OK && slice_eq(joined(a, &pieces), in));
	if (store.n == 0)
		make_keys();
	if (verb_changes(w.code) || w.code == WIRE_AUDIT_NOTICE)	/* these have files, or wait for somebody */
		return;
	for (int asker = ASKER_FRONT; asker <= ASKER_CONTROL; asker++) {
		struct call c = { .a = a, .store = &store, .asker = (enum asker)asker, .in = &w };
		if (verb_run(&c) == OK)
			promise(wire_pieces(&c.out, &pieces) == OK);
	}
}
