/* Inside the outbox: the queue as records of the state store, and those who work on it. */
#ifndef CSAM_OUTBOX_PARTS_H
#define CSAM_OUTBOX_PARTS_H

#include <stdint.h>
#include "svc/outbox.h"

enum { OUTBOX_ID = 16, OUTBOX_DEAD_S = 7 * 24 * 3600, OUTBOX_DEAD_MAX = 10000 };

/* The key of a record, in its order: milliseconds (waiting: when it is due; dead: since when) or the process that holds it (out),
 * then when it expires, then its id. So who looks for what is due, who died or what expired need not read the records. */
struct ticket {
	uint64_t at;
	uint64_t expires;
	unsigned char id[OUTBOX_ID];
};
struct slice ticket_key(struct arena *a, const struct ticket *t);
void ticket_of(struct slice key, struct ticket *out);
const char *ticket_id(struct arena *a, const struct ticket *t);
const char *queue_ns(enum channel channel, enum outbox_place place);

/* The record: what may be seen, and the sealed rest. */
struct letter {
	time_t created;
	unsigned tries;
	const char *text_id, *to_masked, *why, *sealed;
};
struct slice letter_pack(struct arena *a, const struct letter *l);

/* Seals what only the carrier may see, and opens it again: to, lang, text_id, args of the parcel. */
int letter_seal(struct arena *a, const struct message *m, time_t expires, const char **sealed);
int letter_open(struct arena *a, const struct letter *l, struct parcel *out);	/* E_NOENT: expired; E_INPUT; E_DOWN */

/* The record as it is; E_NOENT. */
int queue_get(struct arena *a, enum channel c, enum outbox_place p, const struct ticket *t, struct letter *out);

/* From one place to another as one act, with what it says then. E_NOENT: somebody else has moved it. */
struct move {
	enum channel channel;
	enum outbox_place from, to;
	struct ticket old, new;
	const struct letter *letter;
};
int queue_move(struct arena *a, const struct move *m);
int queue_delete(struct arena *a, enum channel c, enum outbox_place p, const struct ticket *t);	/* E_NOENT */

/* To the dead letters, where it is seen for a week. Dead letters beyond OUTBOX_DEAD_MAX are only logged. */
int queue_bury(struct arena *a, enum channel c, enum outbox_place from, const struct ticket *t, struct letter *l, const char *why, bool keep);

bool lanes_full(enum channel channel);		/* as many wait as may; said in the log */

#endif
