/* The flows that are measured, and what they need to know of the server. */
#ifndef CSAM_BENCH_FLOWS_H
#define CSAM_BENCH_FLOWS_H

#include "bench/client.h"

/* From the file that bench/instance writes: lines of KEY=VALUE. */
struct target {
	char base[128], client_id[64], client_secret[128], redirect_uri[256], scope[128], user[32], password[128];
	unsigned users;			/* user0 … */
	char token[64], counters[256];	/* their tokens' seed and counters (codes.h); or */
	unsigned mail_port;		/* where the mail with their code comes to; 0 and "": no second factor */
};

struct visitor {
	struct client http;
	const struct target *target;
	const char *basic;		/* Authorization header of the service */
	unsigned id, round;
	char access[2048], refresh[256];
};

/* begin prepares a visitor, once; step is one flow. Both say whether it went right to its end. */
struct flow {
	const char *name;
	bool (*begin)(struct visitor *v);
	bool (*step)(struct visitor *v);
};
extern const struct flow flows[];	/* ends with a name of NULL */

void visitor_set(struct visitor *v, struct arena *a, const struct target *t, unsigned id);

#endif
