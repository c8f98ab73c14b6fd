/* A channel of the outbox at work: between its workers and who looks after all of them. */
#ifndef CSAM_OUTBOX_LANE_H
#define CSAM_OUTBOX_LANE_H

#include <pthread.h>
#include <stdatomic.h>
#include "svc/outbox_parts.h"

enum { READY = 64, WORKERS_MAX = 32 };

/* One channel: its own workers, so that a dead mail server holds up no SMS. */
struct lane {
	enum channel channel;
	pthread_mutex_t lock;
	pthread_cond_t work;
	outbox_carrier *carry;
	unsigned nworkers;
	pthread_t workers[WORKERS_MAX];
	struct ticket ready[READY], hand[WORKERS_MAX];	/* due, the next last; what each worker just takes */
	size_t nready;
	uint64_t next_due;		/* wall milliseconds: before that nothing is due, unless woken */
	uint64_t resume, tidied;	/* ticks: the channel pauses until then; last look at everything */
	unsigned down_ms;		/* the pause; 0: all is well */
	unsigned prober;		/* after a pause one worker goes first: which, from 1; 0: none */
	bool ending;
	atomic_uint waiting, out, dead;
	atomic_ulong put, sent, later, given_up;
	_Atomic uint64_t oldest;	/* of those that wait: when it was due, wall milliseconds; 0: none */
};

extern struct outbox {
	struct outbox_conf conf;
	struct lane lanes[CHANNELS];
	bool open;
} outbox;

/* Counts anew (other processes come and go), takes back what a dead process held, and buries what expired while the channel was down. */
void lane_tidy(struct lane *l);

void lane_fewer(struct lane *l);		/* one less waits */
int lane_give_up(struct lane *l, struct arena *a, const struct ticket *t, struct letter *letter, const char *why);	/* one that waits is buried */

#endif
