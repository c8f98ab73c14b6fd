/* The keyring's own trail, keyring_dir/trail.log: what was done to the keys, what was refused, and how often each verb was asked, in a file that the front
 * cannot write to. One JSON line each; "prev" is the SHA-256 of the line before, so that what was changed or taken out shows. The head of the chain
 * goes to the log as well whenever keys change, which another machine may keep. */
#ifndef CSAM_KEYRING_TRAIL_H
#define CSAM_KEYRING_TRAIL_H

#include "base/arena.h"
#include "base/err.h"

struct trail_line {
	const char *event;	/* a fixed word */
	const char *why, *verb;
	struct slice key;	/* kid, or the associated data of a secret */
	unsigned long long count, refused;
	int peer;		/* process; 0: nobody */
};

/* In the directory that dirfd is open on. E_INPUT, E_DOWN: logged. */
int trail_open(int dirfd);

/* OK once it is on disk. E_DOWN (logged): then nothing may be done to the keys. */
int trail_line(const struct trail_line *l);

/* Reads a trail from its text. OK and the number of lines; E_INPUT, the line, and what is wrong with it. */
int trail_check(struct slice text, size_t *lines, const char **why);

#endif
