/* Where somebody waits for what another request brings: a terminal or a set-top box for a browser; in the same way, one day, for a partner's answer
 * or a wallet's. Both sides know the state store only, so who waits need not know how the other is reached, nor on which node.
 *
 * Who waits opens a rendezvous and shows its code of eight letters (RFC 8628 6.1). Who comes with the code sees who waits, for whom and from where,
 * and brings an answer, once. It lives for five minutes. What is brought is theirs: here it is bytes. */
#ifndef CSAM_RENDEZVOUS_H
#define CSAM_RENDEZVOUS_H

#include <time.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

enum { RENDEZVOUS_LIFE_S = 300, RENDEZVOUS_INTERVAL_S = 5, RENDEZVOUS_CODE_CHARS = 8 };

enum rendezvous_state { RENDEZVOUS_WAITING = 1, RENDEZVOUS_BROUGHT, RENDEZVOUS_REFUSED };

struct rendezvous {
	/* of who waits */
	const char *service;		/* service id */
	const char *name;		/* who must come, letter for letter; NULL: anybody */
	const char *via, *peer;		/* program on the host that asks, or NULL; where who waits sits */
	const char *lang;		/* or NULL */
	unsigned level;			/* that must be proven, at least */
	struct slice memo;		/* whatever who waits wants to find again */
	/* filled here */
	const char *code;
	time_t created;
	unsigned state;			/* enum rendezvous_state */
	struct slice brought;		/* RENDEZVOUS_BROUGHT */
	unsigned char lock[SHA256_LEN];	/* of the secret of who waits */
	time_t asked;			/* when it was asked for last, and how long to wait until the next (RFC 8628 3.5) */
	unsigned interval;
};

/* The highest level that a login on another device is worth; 0: there is none. Until it is set there is none. */
void rendezvous_set_max(unsigned level);
unsigned rendezvous_max(void);

/* Fills code, created. secret: with which rendezvous_ask comes again; may be empty when nobody will. E_WAIT, E_DOWN. */
int rendezvous_open(struct arena *a, struct rendezvous *r, struct slice secret);

/* By the code as somebody typed it (base/user_code.h). E_NOENT: nobody waits for it (any more). E_LIMIT: too many wrong codes from
 * this network (RFC 8628 5.1): each was counted before it was looked at. Always waits. */
int rendezvous_find(struct arena *a, struct slice typed, const char *peer, struct rendezvous *out);

/* The answer. Of any number exactly one is OK; E_EXISTS: it was answered before; E_NOENT: nobody waits any more. */
int rendezvous_bring(const char *code, struct slice answer);
int rendezvous_refuse(const char *code);

/* Who waits, asking again and again. E_NOENT: it has ended, or that is not the secret; E_LIMIT: too soon, and the interval has grown. */
int rendezvous_ask(struct arena *a, struct slice code, struct slice secret, struct rendezvous *out);

/* Ends it and gives what there is: of any number exactly one gets it. E_NOENT. */
int rendezvous_take(struct arena *a, const char *code, struct rendezvous *out);

/* Who waited has gone. Best effort. */
void rendezvous_close(const char *code);

#endif
