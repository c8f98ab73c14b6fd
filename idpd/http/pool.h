/* Workers behind a bounded queue that is fair to sources: a network that asks much waits for itself, not before others. */
#ifndef CSAM_HTTP_POOL_H
#define CSAM_HTTP_POOL_H

#include <stdint.h>
#include "base/err.h"

struct job {
	struct job *next;
	uint64_t from;		/* the network it comes from */
};

struct pool;

/* room: how many may wait; share: how many of one source. NULL when the system gives no threads (logged). */
struct pool *pool_new(const char *name, unsigned threads, unsigned room, unsigned share, void (*work)(struct job *));

/* OK: work(job) will run. E_LIMIT: this source has its share already; E_DOWN: the queue is full. */
int pool_put(struct pool *p, struct job *j);

unsigned pool_length(struct pool *p);

/* What waits is still done, then the threads end. Takes NULL, returns NULL. */
struct pool *pool_free(struct pool *p);

#endif
