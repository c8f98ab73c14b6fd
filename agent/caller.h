/* Who is at the other end of a local socket, and whom they may ask about. */
#ifndef CSAM_AGENT_CALLER_H
#define CSAM_AGENT_CALLER_H

#include <sys/types.h>
#include "agent/conf.h"

enum may { MAY_NOTHING, MAY_OWN, MAY_SERVICES, MAY_ALL };

struct caller {
	uid_t uid;
	enum may may;
	struct slice services;		/* MAY_SERVICES: words */
};

/* The configuration's names as numbers, found once. A name that the system does not know is logged and gives nobody anything. */
struct callers;
const struct callers *callers_new(struct arena *a, const struct agent_conf *conf);

/* Asks the kernel, as it was when the peer connected. E_INPUT, logged: it does not say. */
int caller_read(const struct callers *all, int fd, struct caller *out);

/* Of known numbers: root and the group anybody, mapped users their services, everyone else themselves. */
void caller_judge(const struct callers *all, uid_t uid, const gid_t *gids, size_t ngids, struct caller *out);

struct question {
	struct slice user, service, rhost;
	bool publickey;
};

/* NULL: they may ask that. Else a word for the log. own_name: MAY_OWN's name by NSS, NULL when it has none. */
const char *caller_fault(const struct caller *c, const struct question *q, const char *own_name);

#endif
