/* What was asked of the keyring and must stand in the audit trail before it is answered. The front, which writes the trail, comes for it. */
#ifndef CSAM_KEYRING_NOTICE_H
#define CSAM_KEYRING_NOTICE_H

#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/err.h"

struct notice {
	const char *what;		/* the verb: a fixed word */
	const char *why;		/* as the asker says, or NULL */
	const char *key;		/* what it was done with: a kid, a month; or NULL */
	uid_t uid;			/* who asked */
};

/* OK when the line is on disk. E_DOWN: nobody took it in time: then the verb is refused. Waits at most 1.5 s, less than who asked. */
int notice_write(const struct notice *n);

/* For what stands in the keyring's own trail already: told to the front when it comes, and not waited for. */
void notice_post(const struct notice *n);

/* For the front: `done` is the number of a notice whose line is on disk (0: none). Then waits up to half a second for one that is not
 * yet. OK, the same again until it is done; E_NOENT. */
int notice_take(struct arena *a, uint64_t done, uint64_t *number, struct slice *json);

#endif
