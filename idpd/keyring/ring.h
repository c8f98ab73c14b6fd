/* The keys in use: any number of threads use them, one at a time exchanges them. */
#ifndef CSAM_KEYRING_RING_H
#define CSAM_KEYRING_RING_H

#include <pthread.h>
#include "keyring/rotation.h"

struct ring {
	pthread_rwlock_t lock;		/* over `store`: shared by who uses keys */
	pthread_mutex_t changing;	/* held by who makes the next */
	struct keystore *store;
	struct ring_terms terms;
};

/* Opens the store in dir for good. As keystore_open. */
int ring_open(struct ring *r, const char *dir, const struct ring_terms *terms);

const struct keystore *ring_use(struct ring *r);
void ring_done(struct ring *r);

/* Between these two nobody else changes the keys, and `store` may be read without ring_use. */
struct keystore *ring_begin(struct ring *r);
void ring_end(struct ring *r);

/* Makes root what there is, on disk and for everybody; between ring_begin and ring_end. As keystore_change. The old keys are wiped. */
int ring_change(struct ring *r, json_t *root);

/* What is due by the clock: new keys when the present ones are old, and those that are gone go. Gives the milliseconds until it wants to be
 * called again. */
int ring_tidy(struct ring *r);

#endif
