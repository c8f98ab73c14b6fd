/* A person's single sign-on in one browser: what was proven, with which keys, when. */
#ifndef CSAM_SESSION_H
#define CSAM_SESSION_H

#include "core/kinds.h"

/* One key that was used. Level and validity are worked out anew at each use (policy.h). */
struct proof {
	const char *kind, *key_id;	/* key_id "" for the password alone */
	unsigned door_level;		/* what the door or the partner allows at most */
	time_t when;
};

enum { MAX_PROOFS = 6 };

struct session {
	const char *sid;		/* public name: the sid claim */
	const char *subject;		/* csamSubject */
	const char *password_changed;	/* generation of the password it rests on; NULL when it rests on none */
	time_t auth_time, created, used;
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
 * something that does not stand any more. E_NOENT: there is none (or not any more). May give E_WAIT, E_DOWN. */
int session_login(struct arena *a, struct slice cookie, struct login *out);

/* The same for something that outlives the cookie (code, token, refresh): by sid. */
int session_login_sid(struct arena *a, const char *sid, struct login *out);

/* The best standing proof among those whose kind the service allows; 0 when none. Changes login->level, amr, kind. */
unsigned session_level_for(struct login *login, const struct service *service);

/* A new session (or `old` with one more proof, under a new cookie: step-up). *cookie is the value to set. */
int session_start(struct arena *a, const struct session *old, struct slice old_cookie, const struct person *person,
    const struct proof *proof, struct slice *cookie);

/* The person signed out. Tokens that rest on it end with it. */
int session_end(struct slice cookie);

#endif
