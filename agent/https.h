/* HTTPS to the identity provider, the only home of curl here: verified, bounded in time and size, over kept connections. */
#ifndef CSAM_AGENT_HTTPS_H
#define CSAM_AGENT_HTTPS_H

#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"

struct https;

enum { HTTPS_BODY_MAX = 64 * 1024 };

struct https_answer {
	long status;
	struct slice body;
};

/* ca_file: the only authority believed; "" for the system's. */
struct https *https_new(const char *ca_file, long connect_ms);
struct https *https_free(struct https *h);

/* POSTs the form, or GETs when it is absent (p NULL). deadline: ticks_ms. OK whatever the status is; E_DOWN, logged, when nothing whole came in time
 * from whom we believe. Redirects are not followed. */
int https_call(struct https *h, struct arena *a, const char *url, struct slice form, uint64_t deadline, struct https_answer *out);

/* Nobody has come for a while: fewer connections are kept. */
void https_rest(struct https *h);

/* Calls under way, and those to come, end within a second: the daemon wants to end. */
void https_stop_all(void);

#endif
