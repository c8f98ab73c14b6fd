/* What lives for seconds to hours: turns, sessions, counters, claims. The one arbiter of single use.
 *
 * A record is (namespace, key) -> bytes with a time to live. Keys are stored as their SHA-256, so a session
 * cookie or a code is hashed at rest. Every change is on disk before the call returns (one writer thread commits
 * the changes of all waiting threads together). Several processes on one host may share one store.
 *
 * A clock that jumps ahead ends nothing for a minute; one that goes back lets all live longer.
 *
 * All functions return E_DOWN when the store cannot be written or read (logged), and, where they write, E_WAIT
 * on a thread that may not wait. Reads never wait. */
#ifndef CSAM_STATE_H
#define CSAM_STATE_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"
#include "base/err.h"

/* Opens or creates the store in dir, which must exist; after the process has forked. map_mib is the most it may ever hold;
 * up to 64 MiB of that are taken on the disk at once, so that others who fill the disk do not stop it. When the store is
 * full, new records are E_DOWN, and what reads, deletes or does not grow goes on. A namespace has at most 24 characters,
 * a value at most 256 KiB. */
int state_open(const char *dir, unsigned map_mib);
void state_close(void);				/* after every thread that uses it has ended */

int state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s);
/* The same for somebody who has proven nothing yet (a login that begins): such records may fill half of the store and no more, so that a flood of
 * strangers takes no room from sessions, claims and counters. E_DOWN beyond that. Once a quarter is full a source (any bytes that name it: its network)
 * that has brought an eighth of the strangers' half in the last quarter of an hour is E_LIMIT, so that it takes none from other strangers either. */
int state_put_guest(const char *ns, struct slice key, struct slice val, unsigned ttl_s, struct slice source);
int state_get(struct arena *a, const char *ns, struct slice key, struct slice *out);		/* E_NOENT */
int state_del(const char *ns, struct slice key);						/* OK also when absent */

/* Reads and deletes as one act: of any number of callers exactly one gets OK, the others E_NOENT. */
int state_take(struct arena *a, const char *ns, struct slice key, struct slice *out);

/* OK the first time, E_EXISTS while the claim lives. */
int state_claim(const char *ns, struct slice key, unsigned ttl_s);

/* Adds one and gives the new count; the window begins with the first. */
int state_count(const char *ns, struct slice key, unsigned window_s, unsigned *out);

/* The number that state_advancing stored, 0 when there is none. Never waits. */
int state_number(const char *ns, struct slice key, uint64_t *out);

/* Who we are among the processes that share the store, and whether such a one still lives. What cannot be known is said to live. */
uint64_t state_self(void);
bool state_alive(uint64_t process);

/* A namespace whose name begins with STATE_ORDERED keeps its keys as they are, each of exactly STATE_ORDERED_KEY bytes, in their order: a queue.
 * What stands in them is not hidden; another length aborts. state_scan shows its records from `from` on (S_NONE: all) until fn is false. It reads
 * one moment's state, never waits, and fn must be quick and ask the store nothing: key and val live as long as its call. */
enum { STATE_ORDERED = '#', STATE_ORDERED_KEY = 32 };
typedef bool state_seen(void *ctx, struct slice key, struct slice val);
int state_scan(const char *ns, struct slice from, state_seen *fn, void *ctx);

/* The primitive under all of these: fn sees the record (p NULL when absent) and says what becomes of it, inside
 * the writer's transaction. It must be pure and quick: it may run twice. Its return value is passed on; when that
 * is not OK nothing is changed. */
struct state_change {
	struct arena *a;		/* lives as long as the call */
	struct slice old;		/* in */
	struct slice val;		/* out: the new value; p NULL deletes (the default keeps `old`) */
	unsigned ttl_s;			/* out: 0 keeps the end it has */
	time_t until;			/* out: but it ends no sooner than this, whatever the clock says now */
	bool guest;			/* out: of somebody who has proven nothing (state_put_guest) */
	struct slice source;		/* out: who that is; empty: nobody's share */
	void *ctx;
};
typedef int state_fn(struct state_change *c);
int state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);

/* Changes of several records, at most six, as one act: of all or, when one fn is not OK, of none (its return value is passed on, and
 * those behind it are not asked). One wait for the disk instead of one each. */
struct state_act {
	const char *ns;
	struct slice key;
	state_fn *fn;
	void *ctx;
};
int state_update_all(const struct state_act *acts, size_t n);

/* For what nobody waits for, because its loss does no harm: queued when this returns, done and on disk a little later, in the order of the calls.
 * A failure is logged. Takes over the arena, in which the key and ctx live. Waits no more than a read does, but is an effect:
 * not on a thread that may not wait (then nothing happens). */
void state_update_later(struct arena *a, const struct state_act *act);

/* The fns of the verbs above, for state_update_all. */
struct state_value {
	struct slice val;
	unsigned ttl_s;
	bool guest;
	struct slice source;
};
struct state_number {
	uint64_t value;
	unsigned ttl_s;
};
int state_putting(struct state_change *c);	/* ctx: struct state_value */
int state_deleting(struct state_change *c);
/* What is claimed has an end of its own, which the claim must outlive also when the clock goes wrong just now: a claim that seems to be a day old is none. */
struct state_claim {
	unsigned ttl_s;
	time_t until;		/* 0: not known */
};
int state_claiming(struct state_change *c);	/* ctx: struct state_claim */
int state_advancing(struct state_change *c);	/* ctx: struct state_number */

#endif
