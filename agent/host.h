/* What csam.conf makes of this host: a value that conversations share, replaced as a whole on SIGHUP. */
#ifndef CSAM_AGENT_HOST_H
#define CSAM_AGENT_HOST_H

#include "agent/caller.h"
#include "agent/idp.h"

struct host {
	struct arena *a;
	const struct agent_conf *conf;
	const struct callers *callers;
	struct idp *idp;
};

/* E_INPUT: *why, or logged. */
int host_new(const char *file, struct host **out);
struct host *host_take(struct host *h);		/* one more reference */
struct host *host_drop(struct host *h);		/* one less; returns NULL */

#endif
