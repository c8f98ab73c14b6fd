/* What this host's name services say of users. */
#ifndef CSAM_AGENT_NSS_H
#define CSAM_AGENT_NSS_H

#include <sys/types.h>
#include "agent/identity.h"
#include "base/err.h"

/* OK, also for a name that nobody knows (then out->known is false); E_DOWN, logged: it could not be asked. */
int nss_user(struct arena *a, const char *name, struct unix_user *out);

/* The name of a number; NULL: it has none. */
const char *nss_name(struct arena *a, uid_t uid);

#endif
