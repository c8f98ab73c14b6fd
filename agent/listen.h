/* The sockets that plug-ins connect to: those that systemd hands over, and those of the configuration. */
#ifndef CSAM_AGENT_LISTEN_H
#define CSAM_AGENT_LISTEN_H

#include "agent/conf.h"

enum { LISTEN_MAX = 16 };

struct listener {
	int fd;
	const char *path;		/* what we made, and remove at the end; NULL: systemd's */
};

struct listeners {
	struct listener one[LISTEN_MAX];
	size_t n;
};

/* Before there are threads. E_INPUT, logged: something else is at a path, somebody else answers there, or what systemd gave is no such socket. */
int listen_open(struct arena *a, const struct agent_conf *conf, struct listeners *out);
void listen_close(struct listeners *l);

#endif
