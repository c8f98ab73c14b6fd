/* The daemon's state store, as csamctl sees it: the queue of messages. */
#ifndef CSAMCTL_QUEUE_H
#define CSAMCTL_QUEUE_H

#include "csamctl/ctl.h"

/* Opens the store of the configuration; state_close() ends it. DONE, or USAGE or REFUSED after saying why. */
int queue_open(struct ctl *c);

#endif
