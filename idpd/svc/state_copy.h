/* Copies of the state store, while others use it, and what may live again of one that was put back. */
#ifndef CSAM_STATE_COPY_H
#define CSAM_STATE_COPY_H

#include <stddef.h>
#include "base/err.h"

/* Writes the store in dir, as it is at one moment, to fd: a reader like any other, nobody waits for it. E_NOENT: there is none. E_DOWN, logged. */
int state_copy(const char *dir, int fd);

/* In a store that was put back from a copy, and that nobody has opened: whatever lets somebody in goes (sessions, conversations, requests,
 * refresh tokens, messages), as it may have ended since; what refuses stays (counters, used numbers, claims, revocations). */
int state_keep_refusals(const char *dir, size_t *kept, size_t *dropped);

#endif
