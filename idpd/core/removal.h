/* Somebody deletes their account: nobody gets in any more, what is known of them goes, and a tombstone keeps their name from others. */
#ifndef CSAM_REMOVAL_H
#define CSAM_REMOVAL_H

#include "svc/directory.h"

/* `sid` and `level`: what the wish rests on, for the audit trail. E_EXISTS: the person is not active any more. */
struct removal {
	const struct person *person;
	const char *sid, *peer, *agent;
	unsigned level;
};
int removal_do(struct arena *a, const struct removal *r);

/* OK: somebody had that name who is gone, or about to. The directory knows too, once there is a tombstone. E_NOENT. */
int removal_had_name(struct arena *a, const char *name);

#endif
