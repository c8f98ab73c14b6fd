/* For targets that read what a disk might give back: a state store that holds one record, whatever it is asked for, and keeps no change. */
/* LINK: -Wl,--wrap=state_get,--wrap=state_update,--wrap=audit_write,--wrap=now */
#ifndef CSAM_FUZZ_STORED_H
#define CSAM_FUZZ_STORED_H

#include "fuzz.h"
#include "base/clock.h"
#include "svc/audit.h"
#include "svc/state.h"

static struct slice record;

time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return 1800000000;
}

int __wrap_state_get(struct arena *a, const char *ns, struct slice key, struct slice *out);
int __wrap_state_get(struct arena *a, const char *ns, struct slice key, struct slice *out)
{
	(void)ns, (void)key;
	*out = arena_copy(a, record);
	return OK;
}

int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	AUTO_ARENA a = arena_new();
	struct state_change c = { .a = a, .old = arena_copy(a, record), .ctx = ctx };
	(void)ns, (void)key;
	c.val = c.old;
	return fn(&c);
}

int __wrap_audit_write(const struct audit_line *line);
int __wrap_audit_write(const struct audit_line *line)
{
	promise(line->why == NULL || slice_is_text(slice_of(line->why), ""));
	return OK;
}

#endif
