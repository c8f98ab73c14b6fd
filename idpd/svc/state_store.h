/* Between the writer thread (state_writer.c) and the store it writes to (state_lmdb.c). */
#ifndef CSAM_STATE_STORE_H
#define CSAM_STATE_STORE_H

#include <semaphore.h>
#include "base/digest.h"
#include "svc/state.h"

enum { STATE_NS_MAX = 24, STATE_KEY_MAX = STATE_NS_MAX + SHA256_LEN };

/* One change that waits; it lives on the stack of the thread that wants it, or in an arena of its own when nobody waits for it. Those of one act hang together by `also`: the first one
 * stands for all of them, with its rc and its semaphore. */
struct state_job {
	struct state_job *next, *also;
	unsigned char key[STATE_KEY_MAX];
	size_t key_len;
	state_fn *fn;
	struct state_change change;
	uint64_t end, indexed;		/* of the record as it was; the store's own */
	int rc;
	struct arena *later;		/* nobody waits: goes when it is done */
	sem_t done;
};

int store_open(const char *dir, unsigned map_mib);
void store_close(void);

/* state_alive.c: this process counts as alive from here to there. */
int alive_open(const char *dir);
void alive_close(void);

/* The key as it is stored: namespace and SHA-256. Gives its length. */
size_t store_key(unsigned char out[STATE_KEY_MAX], const char *ns, struct slice key);

/* Runs n jobs and sets the rc of each; what is OK is on disk. Both on the writer's thread only. */
void store_run(struct state_job *jobs, unsigned n);
void store_tidy(void);			/* once a second: what has expired goes */

/* Logs what it says at most once a minute, and is E_DOWN. */
int store_down(const char *what, int rc);

#endif
