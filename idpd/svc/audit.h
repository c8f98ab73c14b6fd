/* The audit trail: one JSON line for each decision, in fields that have no room for a secret. */
#ifndef CSAM_AUDIT_H
#define CSAM_AUDIT_H

#include "base/err.h"

#define EVENT(id, name) EV_##id,
enum audit_event {
#include "svc/audit.def"
	EV_COUNT
};
#undef EVENT

struct audit_line {
	enum audit_event event;
	const char *subject;		/* csamSubject */
	const char *name;		/* what was typed, when there is no person behind it */
	const char *kind, *key;		/* kind and csamKeyId */
	const char *service;
	const char *peer;		/* address of who asks; at a host's door of the person, when the host knows it */
	const char *via;		/* program on the host: sshd, sudo */
	const char *why;		/* a fixed word, never text from outside */
	const char *session;		/* sid, not the cookie */
	unsigned level;
};

int audit_open(const char *dir);

/* AUDIT(.event = EV_LOGIN_OK, .subject = ...): absent fields are absent. OK once the line is on disk; E_DOWN when it
 * could not be written, and then nobody may be let in; E_WAIT on a thread that may not wait. */
#define AUDIT(...) audit_write(&(struct audit_line){ __VA_ARGS__ })
int audit_write(const struct audit_line *line);

#endif
