/* A person's single sign-on in one browser: what was proven, with which keys, when. */
#ifndef CSAM_SESSION_H
#define CSAM_SESSION_H

#include "core/kinds.h"
#include "svc/state.h"

/* One key that was used. Level and validity are worked out anew at each use (policy.h). */
struct proof {
	const char *kind, *key_id;	/* an entry under the person, also for the password alone */
	unsigned door_level;		/* what the door or the partner allows at most; 0: no cap */
	time_t when;			/* when it was; with a password taken from an earlier login, when that was */
	bool alone;			/* without the password that goes before: a host had verified a public key */
};

enum { MAX_PROOFS = 6 };

struct session {
	const char *sid;		/* public name: the sid claim */
	const char *subject;		/* csamSubject */
	const char *password_changed;	/* generation of the password it rests on; NULL when it rests on none */
	time_t auth_time, created, used;
	const char *place, *browser;	/* where the last proof came from: address, program; NULL: not known. Not in what outlives the session */
	struct proof proofs[MAX_PROOFS];
	size_t nproofs;
};

/* The login as it stands now: person active, keys present and exactly active, password not changed. */
struct login {
	const struct session *session;
	const struct person *person;
	unsigned level;			/* the highest that any standing proof reaches */
	unsigned amr;			/* enum amr of that proof */
	const char *kind;		/* of that proof */
};

/* The session of a cookie value; ends it when it idled too long (30 min; level 500: 15), grew too old (12 h), or rests on
 * nothing that stands any more. E_NOENT: there is none (or not any more). May give E_WAIT, E_DOWN. The time of use is
 * written once a minute at most, and never makes a thread wait. */
int session_login(struct arena *a, struct slice cookie, struct login *out);

/* The same for a code or token that rests on the session: by sid. It is not a use by the person. */
int session_login_sid(struct arena *a, const char *sid, struct login *out);

/* The best standing proof among those whose kind the service allows; 0 when none. Changes login->level, amr, kind. */
unsigned session_level_for(struct login *login, const struct service *service);

/* The highest level that was proven at `since` or later: what a sensitive act may rest on. 0: nothing. */
unsigned session_level_since(const struct login *login, time_t since);

/* The newest standing proof that a password is part of; NULL when there is none. */
const struct proof *session_password(const struct login *login);

/* Where a proof came from, and what becomes true in the same act; both may be absent. */
struct arrival {
	const char *place, *browser;
	const struct state_act *with;
};

/* A new session, or `old` with one more proof under the same sid and a new cookie (step-up). *cookie is the value to set.
 * `old_cookie`: when not empty it must still be old's. E_NOENT: old has ended meanwhile, or is somebody else's.
 * A person has SESSIONS_MAX of them at most: the oldest ends for a new one. */
enum { SESSIONS_MAX = 16 };
int session_start(struct arena *a, const struct session *old, struct slice old_cookie, const struct person *person,
    const struct proof *proof, const struct arrival *from, struct slice *cookie);

/* Those of a person that are open, the oldest first. Never waits; ends none. */
int session_list(struct arena *a, const char *subject, struct session out[SESSIONS_MAX], size_t *n);

/* The person signed out. Tokens that rest on it end with it. OK also when there is no such session. */
int session_end(struct slice cookie);
int session_end_sid(const char *sid, const char *why);	/* why: a fixed word for the audit trail */

/* Told of each session that ends before its time (not of those that idle out or grow too old), before its record goes; one, at start. */
typedef void session_ended(const struct session *s);
void session_on_end(session_ended *fn);

/* For what outlives the browser's session (offline_access): the proofs as bytes to keep, and the login they make today. Idle
 * time and age do not count there; everything else does. session_thaw: E_NOENT when nothing of it stands any more, E_DOWN, E_WAIT. */
struct slice session_freeze(struct arena *a, const struct session *s);
int session_thaw(struct arena *a, struct slice frozen, struct login *out);

/* Only what was proven at `since` or later, and worth `max` at most: what a session proves elsewhere. E_NOENT: nothing. */
int session_freeze_since(struct arena *a, const struct session *s, time_t since, unsigned max, struct slice *out);

/* One proof as such bytes, without any session: what a login on a host leaves. */
struct slice session_frozen(struct arena *a, const struct person *person, const struct proof *proof);

#endif
