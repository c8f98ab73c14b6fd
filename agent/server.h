/* Accepts plug-ins, gives each a thread, and knows when to end. */
#ifndef CSAM_AGENT_SERVER_H
#define CSAM_AGENT_SERVER_H

#include "agent/host.h"
#include "agent/listen.h"

/* Takes SIGTERM, SIGINT and SIGHUP into a descriptor, before anybody can know that we are there; -1 when that cannot be. */
int server_signals(void);

/* Serves until SIGTERM or SIGINT; SIGHUP takes a changed configuration and key. Takes over the host. Returns an exit status. */
int server_run(struct host *host, const struct listeners *l, int signals);

#endif
