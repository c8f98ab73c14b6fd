/* The two clocks: what time it is, and how much time has passed. Tests may set the first. */
#ifndef CSAM_CLOCK_H
#define CSAM_CLOCK_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"

time_t now(void);			/* seconds of wall time */
int64_t now_ms(void);			/* milliseconds of wall time */
uint64_t ticks_ms(void);		/* monotonic milliseconds, for deadlines */
struct timespec ticks_after(uint64_t ms);	/* that moment, for pthread_cond_clockwait with CLOCK_MONOTONIC */

char *time_iso(struct arena *a, time_t t);		/* 2026-11-21T10:15:00Z */
char *time_ldap(struct arena *a, time_t t);		/* 20261121101500Z: generalizedTime */
int time_parse_ldap(const char *s, time_t *out);	/* OK or E_INPUT; fractions are allowed and dropped */

#endif
