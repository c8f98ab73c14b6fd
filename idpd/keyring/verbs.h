/* What the keyring can be asked. A verb sees the fields of a request and gives the fields of a reply. */
#ifndef CSAM_KEYRING_VERBS_H
#define CSAM_KEYRING_VERBS_H

#include <sys/types.h>
#include "keyring/ring.h"
#include "svc/keyring_wire.h"

struct limits;
enum asker { ASKER_FRONT = 1, ASKER_CONTROL = 2 };	/* which socket; bits of what a verb is open to */

struct call {
	struct arena *a;		/* of this request, wiped behind it */
	const struct keystore *store;
	struct ring *ring;		/* for verbs that change keys; those have no store */
	struct ring_terms terms;
	const struct limits *limits;
	enum asker asker;
	int peer;			/* process that asks */
	uid_t uid;			/* who asks, as the kernel says */
	const struct wire *in;
	struct wire out;		/* filled by the verb when it returns OK */
};

/* One more field of the reply. */
static inline void call_give(struct call *c, struct slice field)
{
	c->out.field[c->out.n++] = field;
}

static inline void call_give_number(struct call *c, uint64_t number)
{
	call_give(c, wire_put_number(arena_alloc(c->a, WIRE_NUMBER), number));
}

/* The most that may be asked; 0: no limit. */
struct limits {
	unsigned sign_minute;
	unsigned wrong_day;		/* wrong codes for one secret */
};

/* Does this verb change keys, or use all of them? Then it takes its turn (ring_begin) and nothing is in use meanwhile. */
bool verb_changes(unsigned code);
/* Does it need none of these keys (those of the audit trail are others), and may it wait for somebody? Then it has no store. */
bool verb_waits(unsigned code);
const char *verb_name(unsigned code);	/* NULL: there is none */

/* OK or the error to reply. E_BUG: nobody who follows the contract asks this (unknown verb, not on this socket, wrong fields); the
 * connection deserves no answer. Refusals are logged here. */
int verb_run(struct call *c);

#endif
