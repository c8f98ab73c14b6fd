/* How much may be asked: whoever captured the front can ask, but not without end, and not unseen. */
#ifndef CSAM_KEYRING_PACE_H
#define CSAM_KEYRING_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum { GUESS_TIME_S = 600 };	/* a code is of now, give or take: nobody collects those of next year */

/* Counts a request for a verb (below 64). False: more than `most` in this minute (0: no limit). */
bool pace_take(unsigned verb, unsigned most);

/* Where somebody asks without end, a line for each refusal would be the next thing without end: true once a minute. */
bool pace_seldom(_Atomic uint64_t *said);

/* What was counted since it was asked last. */
void pace_counted(unsigned verb, unsigned long long *asked, unsigned long long *refused);

/* A code for the secret of `ad` will be looked at, and counts as wrong until guess_right says otherwise, so that a thousand at once are no more than
 * one after the other. False: `most` were wrong within a day of the first. There is room for 64 Ki secrets with wrong codes; where there is none, no. */
bool guess_take(struct slice ad, unsigned most);
void guess_right(struct slice ad);

#endif
