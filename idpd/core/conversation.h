/* Who is it? One engine for every door. A turn is: here is a ticket and a prompt; answer it.
 *
 * A conversation lives in the state store. Its ticket is taken atomically when it is answered, so no answer is evaluated twice, on
 * any node. The same ticket with the same answer within 60 s gets the stored reply; any other use of an old
 * ticket redraws the current prompt. A conversation belongs to its browser cookie (or host) and dies after 15 minutes. */
#ifndef CSAM_CONVERSATION_H
#define CSAM_CONVERSATION_H

#include "core/policy.h"
#include "core/prompt.h"
#include "core/rendezvous.h"

enum door { DOOR_BROWSER = 1, DOOR_HOST };
enum goal { GOAL_LOGIN = 0, GOAL_PASSWORD, GOAL_KEY };	/* who is it; a new password; a new digital key */

struct want {				/* begins a conversation */
	enum door door;
	enum goal goal;
	struct slice binding;		/* the browser's cookie value, or what names the host: only it may go on */
	const char *service;		/* service id (cn), or NULL: My digital keys and the like */
	unsigned level;			/* at least; 0: what the service says */
	unsigned can;			/* enum ask the door can draw */
	const char *name;		/* login_hint: prefilled, never trusted; or NULL. Of a host: who it must be, letter for letter */
	bool proven;			/* a host has verified a public key of that person: the code alone is asked */
	const char *via;		/* program on the host that asks, for the audit trail; or NULL */
	const char *subject;		/* must be this person (id_token_hint, step-up); or NULL */
	struct slice session;		/* cookie of the session to step up; may be empty */
	bool anew;			/* prompt=login, max_age: what was proven before does not count */
	const struct key *draft;	/* GOAL_KEY: id, kind, label, address, secret, data, level of the key to add; of one that the person has and that is
					 * pending, id, kind and level. With the id "@mail" or "@mobile" it is the person's own address. `subject` must be there, and `session` or `activation`: what they may add, the caller has decided */
	const char *activation;		/* GOAL_KEY: it rests on this one (activation.h) and not on a session; or NULL */
	const char *back;		/* path on our site to return to when allowed; of a host: whatever its door wants to see again */
	const char *cancel;		/* and when the person gives up */
	const char *lang;		/* or NULL */
	const char *agent;		/* the browser, as one tells it to its owner: "Firefox, Linux"; or NULL */
};

struct turn {				/* zeroed is: denied */
	enum verdict verdict;		/* V_DOWN: something did not answer, nothing was counted; ticket and prompt are those of V_MORE, to try again */
	const char *conversation;	/* identifier for the address bar: names the conversation, opens nothing */
	const char *ticket;		/* V_MORE, V_DOWN */
	struct prompt ask;		/* V_MORE, V_DOWN */
	struct slice session;		/* V_ALLOW: the new cookie value; of a host what session_thaw reads: no session is left behind */
	enum goal goal;
	const char *back, *cancel;	/* as wanted */
	const char *service, *lang;
	const char *why;		/* V_DENY: text id of what to tell the person */
};

/* Text ids. Notes: note.wrong, note.wrong-code, note.incomplete, note.wait, note.down, note.not-activated, note.locked, note.no-key,
 * note.step-up, note.again; for a new password those of password.h, note.password-differ. Refusals: deny.service-blocked, deny.level (no key that reaches it), deny.not-allowed, deny.too-many;
 * deny.device (another device said no, or its digits were not right); at a host also note.locked and its kin, as there is nothing else to choose.
 *
 * At a host the name is fixed, the password comes first, and `lang` becomes the person's own once it was right (before, it would tell who
 * exists). An old ticket with another answer is E_NOENT there.
 *
 * Begin never allows: at least one answer is asked. Errors besides the verdict: E_NOENT (no such conversation for this binding, or it has ended), E_INPUT (answer does not fit the
 * prompt), E_DOWN, E_LIMIT, E_WAIT. `peer` is the address of who asks; at a
 * host's door that of the beginning stays. */
int conversation_begin(struct arena *a, const struct want *want, const char *peer, struct turn *out);
int conversation_show(struct arena *a, struct slice conversation, struct slice binding, struct turn *out);
int conversation_answer(struct arena *a, struct slice ticket, struct slice binding, const char *peer,
    const struct answer *answer, struct turn *out);

/* Will the answer to this ticket cost a password's hash? conversation_answer asks would_hash() itself; this is for a door that has something with an effect to do before. */
bool conversation_verifies(struct arena *a, struct slice ticket, struct slice binding);

/* A login in which the password was right, and which its person leaves to activate a key, with a stronger one, and then goes on to `back`. E_NOENT: none of
 * that browser waits so. */
struct left {
	const char *subject, *name;	/* whose it is */
	unsigned level;			/* what it must reach */
	const char *back, *service;	/* as wanted */
};
int conversation_left(struct arena *a, struct slice conversation, struct slice binding, struct left *out);

/* Told when a login takes as long again, as its person registers first: what waits at `back` should, too. One, at start. */
typedef void conversation_longer(const char *back);
void conversation_on_longer(conversation_longer *fn);

/* Another device. Where a host's door can draw ASK_WAIT, a login can be finished in a browser anywhere: the conversation opens a rendezvous and waits at a
 * prompt for six digits. The browser's door shows who waits, lets the person sign in by a conversation of its own, and when they approve, brings what that
 * proved (after the rendezvous began, and worth rendezvous_max at most) and shows the digits. They are good for 60 s and one try.
 *
 * proof: OK when this login would do; E_NOENT: they must sign in for it. bring: OK once; E_NOENT, E_EXISTS as rendezvous_bring. leave: who waited has gone. */
int conversation_proof(struct arena *a, const struct rendezvous *r, const struct service *service, const struct login *login, struct slice *frozen);
int conversation_bring(struct arena *a, const struct rendezvous *r, struct slice frozen, const char **digits);
int conversation_leave(struct arena *a, struct slice ticket, struct slice binding);

#endif
