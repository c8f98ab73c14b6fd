/* What happened to a person's identity, for that person: logins, refusals after the name was right, changes of keys. Six months, HISTORY_MAX lines.
 *
 * A record of its own, as the audit trail is sealed and chained for auditors. It lies under the SHA-256 of csamSubject and holds neither subject nor
 * name: without the directory nobody can tell whose it is. It proves nothing, and is lost with the state store. */
#ifndef CSAM_HISTORY_H
#define CSAM_HISTORY_H

#include <time.h>
#include "svc/audit.h"
#include "svc/state.h"

enum { HISTORY_MAX = 100, HISTORY_NO_MAX = 25, HISTORY_KEEP_S = 183 * 86400 };

struct history {
	time_t when;
	const char *event;		/* as the audit trail names it: login.ok */
	const char *kind, *key, *service, *place, *browser, *via;	/* NULL: not known */
	const char *by;			/* "administrator"; NULL: nobody but the person, or who came as them */
	const char *at;			/* names a change that may be told twice, and comes in here once; or NULL */
	unsigned times;			/* the same refusal in a row is one line */
};

/* The act that adds one, where its time belongs; all of it lives in the arena from then on. E_EXISTS: there is one of that `at`. Whatever is told again
 * is there still, or so old that it would be the first to go: so nothing else needs to remember what was told. */
struct state_act history_adding(struct arena *a, const char *subject, const struct history *h);

/* HISTORY(browser, .event = EV_KEY_ADDED, ...): AUDIT(...), and once that line is on disk, the same in the history of its subject; nobody waits for that. */
#define HISTORY(browser, ...) history_audit(&(struct audit_line){ __VA_ARGS__ }, browser)
int history_audit(const struct audit_line *line, const char *browser);

/* Adds one that may have been told before. OK; E_EXISTS: it was; E_DOWN. Waits. */
int history_tell(const char *subject, const struct history *h);

/* Nothing of it is left. */
int history_forget(const char *subject);

/* The newest first. Never waits. */
int history_read(struct arena *a, const char *subject, struct history **out, size_t *n);

#endif
