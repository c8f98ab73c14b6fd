/* The audit trail: one JSON line for each decision, in fields that have no room for a secret.
 *
 * audit_chain.h says what the trail looks like, audit_keys.h who can read what is personal in it. */
#ifndef CSAM_AUDIT_H
#define CSAM_AUDIT_H

#include <stdbool.h>
#include "base/err.h"

enum audit_class { CLASS_IDENTIFICATION, CLASS_USE, CLASS_SECURITY, CLASS_ADMINISTRATION, CLASS_COUNT };

#define EVENT(id, name, class) EV_##id,
enum audit_event {
#include "svc/audit.def"
	EV_COUNT
};
#undef EVENT

struct audit_line {
	enum audit_event event;
	/* personal: sealed in the line */
	const char *subject;		/* csamSubject */
	const char *name;		/* what was typed, when there is no person behind it */
	const char *key;		/* csamKeyId */
	const char *card;		/* serial number of an identity card's certificate, hex */
	const char *peer;		/* address of who asks; at a host's door of the person, when the host knows it */
	const char *session;		/* sid, not the cookie */
	const char *by, *entry;		/* administrator, and the directory entry that was changed */
	const char *reason;		/* as the administrator gave it */
	/* for everybody who reads the trail */
	const char *kind;
	const char *service;
	const char *via;		/* program on the host: sshd, sudo */
	const char *what;		/* administration: the verb, the attributes */
	const char *at;			/* when, where that is not now */
	const char *why;		/* a fixed word, never text from outside */
	unsigned level;
};

struct audit_conf {
	const char *dir;
	const char *node;		/* "" or NULL: the host's name */
	const char *const *witness;	/* NULL-terminated, or NULL: see audit_witness.h */
	bool plain_http;		/* witnesses at http:// are posted to as well: for tests */
	unsigned segment_kib;		/* a segment ends when it is as long, and each day; 0: 16 MiB */
	unsigned keep_months[CLASS_COUNT];	/* 0: for ever */
};

/* Finds the end of the trail and goes on from there in a new segment, whose first line is on disk when this returns. E_EXISTS: another idpd
 * writes in the folder. Needs no keyring. */
int audit_open(const struct audit_conf *conf);

/* Months that personal fields of that class can be read; 0: for ever. After audit_open. */
unsigned audit_keeps(enum audit_class class);

/* The threads that sign heads and post them, take the keyring's own lines, compress and end keys. After audit_open and
 * partner_open; what conf points to must stay. */
int audit_serve(const struct audit_conf *conf);

/* Begins a new segment with the next line. */
void audit_turn(void);

/* Signs what is not signed yet and closes. Lines after it are E_DOWN. */
void audit_close(void);

/* AUDIT(.event = EV_LOGIN_OK, .subject = ...): absent fields are absent. OK once the line is on disk; E_DOWN when it
 * could not be written, and then nobody may be let in; E_WAIT on a thread that may not wait. */
#define AUDIT(...) audit_write(&(struct audit_line){ __VA_ARGS__ })
int audit_write(const struct audit_line *line);

const char *audit_class_name(enum audit_class class);

#endif
