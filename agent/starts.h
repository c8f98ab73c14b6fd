/* How often those who ask about themselves may begin. */
#ifndef CSAM_AGENT_STARTS_H
#define CSAM_AGENT_STARTS_H

#include <stdbool.h>
#include <sys/types.h>

enum start { START_LOGIN, START_ACCOUNT };	/* five, and twenty a minute */

/* Counts one more; false: not now. */
bool starts_take(uid_t uid, enum start what);

#endif
