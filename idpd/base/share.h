/* What each of many sources took of something lately, so that none takes the part of the others.
 *
 * A table is bounded: when it is full, those who took least are forgotten. */
#ifndef CSAM_SHARE_H
#define CSAM_SHARE_H

#include <pthread.h>
#include <stdint.h>
#include "base/slice.h"

enum { SHARE_PLACES = 1024 };

struct share {
	unsigned window_s;	/* counted are this time and what went before it, up to twice that */
	pthread_mutex_t lock;
	struct share_place { uint64_t source, now, before; uint64_t window; } places[SHARE_PLACES];
};
#define SHARE_OF(seconds) { .window_s = (seconds), .lock = PTHREAD_MUTEX_INITIALIZER }

/* `source` names it in any bytes, its network as a rule. Adds n to what it took unless it would then have more than `most`. False: it has had its share. */
bool share_take(struct share *s, struct slice source, uint64_t n, uint64_t most);

#endif
