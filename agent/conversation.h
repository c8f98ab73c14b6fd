/* One conversation with one plug-in, from its first message to the answer. */
#ifndef CSAM_AGENT_CONVERSATION_H
#define CSAM_AGENT_CONVERSATION_H

#include "agent/host.h"
#include "agent/memory.h"

/* Blocks until it is over; fd stays the caller's. Shutting fd down ends it. */
void conversation_run(const struct host *h, struct memory *memory, int fd, const struct caller *caller);

/* A plug-in's word for the person's languages (LANG, LANGUAGE) as ui_locales wants it (BCP 47); p NULL when it says nothing. Pure. */
struct slice conversation_locales(struct arena *a, struct slice lang);

#endif
