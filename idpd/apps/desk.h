/* Who sits at the desk of 'My digital keys': somebody who is signed in, and for what changes something has just shown it again. */
#ifndef CSAM_DESK_H
#define CSAM_DESK_H

#include "core/activation.h"
#include "core/session.h"
#include "http/http.h"
#include "svc/outbox.h"

enum { DESK_RECENT_S = 5 * 60 };	/* for so long a proof counts for changes */

struct desk {
	struct login login;		/* person NULL: nobody fits, and *resp already leads to the login and back to `path` */
	const char *sid;		/* what it rests on: the session, or the activation, by the name that the audit trail knows */
	struct activation activation;	/* id NULL: it is a session. Else login.session is NULL */
	const char *home;		/* where the person came from and goes back to */
	const char *cancel, *next;	/* a login waits for the key: where it waits, and where it goes on; else NULL */
	unsigned level;			/* what may be changed: nothing above it. Of a recent proof where one was asked for */
	const char *lang;
	const char *token;		/* for forms that change keys */
	json_t *values;			/* for the template: csrf_token is in it */
};

/* To look at things, and for what only takes away (to end a session): any session does. On POST the form must be ours. */
int desk_open(struct request *r, struct response *resp, const char *path, struct desk *out);

/* To change things: a proof of the last five minutes, of at least that level (0: any). A form that is not ours
 * is as nobody, and the page says that it has expired. */
int desk_open_recent(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out);

/* To add a key: as desk_open_recent, and whose terms are not accepted is led to them, who has no password yet to where one is set.
 * With ?c= a login of this browser waits for the key (conversation_left): then only its person will do, and a proof as high as that login must reach.
 * With ?a= it is for the activation of that id, whoever is signed in beside it, whose level may be any: the key is worth no more. Without it an
 * activation in this browser counts for nothing: what a page does is done to the person whose page led there. */
int desk_open_adding(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out);

/* With an activation and nothing else, once its person has accepted the terms in force: to others they are shown. login.person NULL: there is none, and
 * *resp says so. On POST the form must be ours. */
int desk_open_activation(struct request *r, struct response *resp, struct desk *out);

/* The same for who has those terms to accept, and for nobody else. */
int desk_open_activation_terms(struct request *r, struct response *resp, struct terms *terms, struct desk *out);

/* Back to where the person came from, which says what was done: text id "keys.done.<what>"; or on with the login that waits. */
const char *desk_after(struct arena *a, const struct desk *desk, const char *what);
int desk_done(struct request *r, struct response *resp, const struct desk *desk, const char *what);

/* That page of ours, with the login that waits or the activation: for the address bar, and for its form. */
const char *desk_self(struct request *r, const char *path);

/* Leads to the conversation that sends a code to draft->address and, when it comes back, adds the key ("@mail", "@mobile": keeps the
 * address as the person's own), then to `back`. */
int desk_prove(struct request *r, struct response *resp, const struct desk *desk, const struct key *draft, const char *back);

/* An address as people write it, as we keep it: 0470 12 34 56 is +32470123456. NULL: it is none. */
const char *desk_address(struct arena *a, enum channel channel, struct slice written);

#endif
