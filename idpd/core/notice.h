/* What people are told of their own account, so that they notice what was not them: by mail and SMS, to addresses that they have proven.
 *
 * A notice never stops or undoes what it is about, and never lets a page wait for a server. One that cannot go out (queue full, store down) is a line of the
 * audit trail, notice.lost. What touches keys, password or contact data is told always, on every way there is; the rest on the first of them, and
 * not to people who want only that (csamNotice: security). No message holds a link that signs anybody in. */
#ifndef CSAM_NOTICE_H
#define CSAM_NOTICE_H

#include "svc/directory.h"

enum notice_event {
	NOTICE_KEY_ADDED, NOTICE_KEY_ACTIVATED, NOTICE_KEY_CHANGED, NOTICE_KEY_LOCKED, NOTICE_KEY_REMOVED, NOTICE_PASSWORD_CHANGED, NOTICE_CONTACT_CHANGED,
	NOTICE_PERSON_ADDED, NOTICE_PERSON_REMOVED, NOTICE_PERSON_SUSPENDED, NOTICE_PERSON_ACTIVATED,
	NOTICE_KEY_RENAMED, NOTICE_LOGIN_NEW,	/* the person's choice */
	NOTICE_EVENTS
};

struct notice {
	enum notice_event event;
	const struct person *person;
	const char *kind, *label;		/* of the key; label or NULL */
	const char *key;			/* its id, for the audit trail */
	const char *peer;			/* address of who did it; NULL: not known */
	const char *service, *agent;		/* where, and with which browser or program; or NULL */
	bool by_administrator;
	const char *old_mail, *old_mobile;	/* NOTICE_CONTACT_CHANGED: what was verified before hears of it too; or NULL */
	const char *dedup;			/* what names this very event, when it may be told twice; or NULL */
};

/* NOTICE(.event = NOTICE_KEY_ADDED, .person = …): after the change. On a thread that may wait. */
#define NOTICE(...) notice_send(&(struct notice){ __VA_ARGS__ })
void notice_send(const struct notice *n);

/* Somebody came in. Told when this person was not seen in 90 days from that network (subscriber.h) with that browser (or on that host with that
 * program). The first time that we see somebody at all is told only when their keys were last used longer ago than that: after an empty state
 * store nobody would want to hear what we have forgotten. That it is known, and the message that says so, are one act. */
void notice_login(const struct person *person, const struct key *key, const char *peer, const char *service, const char *agent);

/* From where they came is known no more. */
int notice_forget(const char *subject);

/* For directory_on_change: it comes into the person's history once, and then they are told. E_DOWN: not now. */
int notice_change(const struct directory_told_of *c);

/* Our site, for the address in the texts: https://host[:port], which must live to the end. Before it nobody is told anything. */
void notice_open(const char *origin);

#endif
