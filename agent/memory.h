/* The last positive answers to "may somebody enter who was proven otherwise?", for the time when nobody can be asked. */
#ifndef CSAM_AGENT_MEMORY_H
#define CSAM_AGENT_MEMORY_H

#include "agent/reply.h"

struct memory;

struct memory *memory_new(void);
struct memory *memory_free(struct memory *m);

/* A positive answer, good for valid_for_s. */
void memory_keep(struct memory *m, struct slice user, struct slice service, const struct posix_name *who, unsigned valid_for_s);
void memory_drop(struct memory *m, struct slice user, struct slice service);

/* Is there one that is still good, and younger than max_age_s? Sets the number in *out, not the name. */
bool memory_has(struct memory *m, struct slice user, struct slice service, unsigned max_age_s, struct posix_name *out);

#endif
