/* What the commands about the audit trail share: where it is, what it is checked with, its lines one by one. */
#ifndef CSAMCTL_AUDIT_H
#define CSAMCTL_AUDIT_H

#include "base/json.h"
#include "csamctl/ctl.h"
#include "svc/audit_verify.h"

enum { TROUBLE = 2 };		/* exit code: it could not be looked at */

/* The folder: the operand, or that of the configuration. DONE or USAGE. */
int audit_dir(struct ctl *c, unsigned operand, const char **out);

/* --key FILE, or else what the keyring has. DONE; TROUBLE, which was said. */
int audit_keys(struct ctl *c, struct audit_public **out, size_t *n);

/* --witness FILE: every head of the node in texts that a witness kept. DONE; TROUBLE, which was said. */
int audit_seen(struct ctl *c, const char *node, struct audit_seen **out, size_t *n);

/* Which lines are wanted; members NULL or 0: all. */
struct audit_filter {
	const char *person, *subject, *service, *event, *since, *until;
	uint64_t from, to;		/* numbers */
	const char *reason;		/* why personal fields are opened; NULL: they are not */
};
#define AUDIT_FILTER_OPTS \
	{ "person", "NAME", "whose line it is: user name, csamSubject, or what was typed; needs --reason", 0, 0 }, \
	{ "service", "ID", "at which service", 0, 0 }, \
	{ "event", "EVENT", "as login.ok; login. means all that begin so", 0, 0 }, \
	{ "since", "TIME", "2026-11, 2026-11-22, 2026-11-22T14:05 (UTC): from then on", 0, 0 }, \
	{ "until", "TIME", "up to then, itself included", 0, 0 }, \
	{ "line", "N[-M]", "numbers in the trail", 0, 0 }, \
	{ "reason", "TEXT", "opens personal fields; stands in the trail with your user id", 0, 0 }
int audit_filter(struct ctl *c, struct audit_filter *out);	/* from the options. DONE or an exit code */

/* A line of the trail; what is torn or was set aside is left out. */
struct audit_found {
	uint64_t seq;
	struct slice line;		/* with its newline */
	struct chain before;
	bool wanted;			/* by the filter */
	struct slice personal;		/* opened: the text as it was sealed; empty: there is none, or no key any more */
};
/* fn sees every line in order, wanted or not; it gives DONE to go on. An exit code: what fn gave, or TROUBLE, which was said. */
int audit_each(struct ctl *c, const char *dir, const struct audit_filter *f, int (*fn)(void *arg, struct arena *a, const struct audit_found *l), void *arg);

#endif
