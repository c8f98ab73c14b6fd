/* One line for each decision, in a form that does not change: fail2ban and people read it.
 *
 *   csam: denied user=alice rhost=192.0.2.1 service=sshd reason=refused-at-code */
#ifndef CSAM_AGENT_DECISION_H
#define CSAM_AGENT_DECISION_H

#include <stdbool.h>
#include "base/slice.h"

struct decision {
	const char *what;		/* allowed, denied, down, changed, suspended … */
	struct slice user, rhost, service;	/* as they were claimed: written with nothing but letters, digits and a few signs */
	const char *reason;
};

/* to_syslog: facility authpriv; else standard error. */
void decision_open(bool to_syslog);
void decision_write(const struct decision *d);

/* The line, at most n - 1 bytes. Pure. */
void decision_format(const struct decision *d, char *out, size_t n);

#endif
