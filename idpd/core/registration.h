/* Registration: an identity card has shown who somebody is, and nobody has its national number yet.
 *
 * It goes on beside a conversation that waits for it (ASK_REGISTER), in the same browser and for as long; what was accepted and proven so far lies sealed
 * under that conversation's name. Nothing is in the directory before the last step, which adds the person in one act: who goes away leaves nothing. Each
 * step is a change of the record as it was read (E_EXISTS: it has changed meanwhile, look again), so a code counts one try, however many come at once.
 *
 * Notes are text ids of what is wrong; with one nothing has happened. */
#ifndef CSAM_REGISTRATION_H
#define CSAM_REGISTRATION_H

#include "core/conversation.h"

struct registration {
	struct arena *a;
	const char *id, *ticket;	/* of the conversation, and to go on with it */
	const char *cancel, *service, *lang;
	const struct newcomer *who;
	bool exists;			/* the person is there meanwhile: the conversation can go on */
	/* so far */
	const char *terms, *terms_lang;	/* version that was accepted, and the language of its text; or NULL */
	time_t accepted;
	const char *mail;		/* that a code was sent to, with the declarations made; or NULL */
	bool proven;			/* and came back */
	/* ours */
	struct slice code, stored;
	unsigned sent, names;
	const char *subject;
};

enum { REGISTRATION_NAME_LEAST = 3, REGISTRATION_SENT_MOST = 10, REGISTRATION_NAMES_MOST = 30 };

/* E_NOENT: none for this browser, or not any more. E_WAIT, E_DOWN. */
int registration_open(struct arena *a, struct slice conversation, struct slice browser, struct registration *out);

/* Are these terms accepted, as they are in force now? */
bool registration_agreed(const struct registration *r);
int registration_accept(struct registration *r, struct slice version, const char *lang, const char **note);	/* as they were shown */

/* A code goes out to the address, and what comes back proves it. `again`: to the same one. */
int registration_send(struct registration *r, const char *address, const char *lang, const char *peer, const char **note, unsigned *wait_s);
int registration_prove(struct registration *r, struct slice code, const char **note);

/* A user name to propose; NULL: the card's names give none. Nobody was asked whether it is free. */
const char *registration_proposal(const struct registration *r);

/* The last step: the person comes to be, with that name, and a password or (n 0) none. E_EXISTS: somebody registers with this card at this moment, or
 * has: look again. Costs a hash. */
struct account {
	struct slice name, password;
	const char *lang, *peer, *agent, *browser;
};
int registration_finish(struct registration *r, const struct account *account, const char **note);

#endif
