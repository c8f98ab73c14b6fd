/* A conversation as it lies in the state store between two turns: one record, so that every move is one atomic act.
 *
 * A ticket is "id.secret". While its answer is evaluated there is no ticket (taken is set); the result brings the next one. Of
 * the ticket that was answered last only the hash stays, with what came of it, so that the same answer again gets the same reply.
 *
 * A host's first ticket is the conversation itself, sealed: what was only begun is nowhere, costs no write, and takes no room. The record comes with the
 * first answer, and stays until that ticket has expired, so that it too is answered once. */
#ifndef CSAM_CONVERSATION_RECORD_H
#define CSAM_CONVERSATION_RECORD_H

#include "base/digest.h"
#include "core/conversation.h"
#include "svc/state.h"

enum stage { STAGE_CHOOSE = 1, STAGE_PASSWORD, STAGE_KEY, STAGE_SECOND, STAGE_CODE, STAGE_NEW, STAGE_AGAIN, STAGE_DEVICE, STAGE_SELF, STAGE_REGISTER, STAGE_END };

enum {
	CONV_LIFE_S = 15 * 60,
	CONV_REPLY_S = 60,		/* a conversation that ended still repeats its last reply so long */
	CONV_STUCK_S = 15,		/* an evaluation that takes longer hangs: calls have time-outs of 2-3 s */
	CONV_LINGER_S = 5,		/* longer than a sealed ticket may be shown, whatever the clocks do */
	CONV_ID_CHARS = 22, CONV_TICKET_CHARS = CONV_ID_CHARS + 1 + 43, CONV_TICKET_MOST = 4096,
};

struct conv {
	/* as wanted at the beginning */
	const char *id;
	unsigned char binding[SHA256_LEN];	/* of the browser's cookie */
	unsigned door, goal, level, can;
	const char *service, *wanted, *sid;	/* wanted: csamSubject it must be; sid: of the session the browser had */
	const char *activation;			/* GOAL_KEY: it rests on that and on no session; or NULL */
	const char *back, *cancel, *lang, *via, *agent, *peer;	/* peer: where a host says that the person sits */
	bool name_fixed;			/* the name is shown, not asked */
	bool proven;				/* a host has verified a public key */
	time_t created;
	/* where it stands */
	unsigned stage, wrong, wait_s;
	const char *name, *kind, *key_id;	/* as typed, as chosen */
	const char *note, *note_kind;
	/* once the password was right */
	const char *subject, *password_changed;
	time_t since;				/* when that was */
	bool by_session;			/* it was right when that session was made */
	const char *device;			/* code of the rendezvous that it waits at */
	struct slice pending;			/* sealed digest of the new password that must be typed again */
	struct slice memory;			/* sealed: what a kind keeps for one key, or for itself (STAGE_SELF) */
	struct slice draft;			/* GOAL_KEY: the key that is to be added */
	/* the present ticket, and what became of the last */
	const char *ticket;			/* NULL while an answer is evaluated */
	time_t taken;				/* since when; 0: no answer is evaluated */
	uint64_t taker;				/* by which process (state_self) */
	unsigned char last_ticket[SHA256_LEN], last_answer[SHA256_LEN];
	unsigned verdict;			/* enum verdict */
	const char *why;
	struct slice session;			/* sealed */
	bool sealed;				/* it came out of its ticket: there is no record yet */
};

/* What becomes true together with the record: a message that goes out, a password that was right. */
enum { CONV_WITH_MAX = 4 };
struct conv_with {
	struct state_act acts[CONV_WITH_MAX];
	size_t n;
};

/* Gives it an id, if it has none, and the first ticket, and keeps it, as one of those that this address begins (a host's with nothing to go with it: in the ticket). E_LIMIT: there are too many of them. */
int conv_create(struct arena *a, struct conv *c, const char *peer, const struct conv_with *with);

/* E_NOENT: there is none, or not for this binding. */
int conv_load(struct arena *a, struct slice id, struct slice binding, struct conv *out);
int conv_open(struct arena *a, struct slice ticket, struct slice binding, struct conv *out);	/* the one that the ticket names, or is */

/* Takes the ticket, as an act of its own or part of a greater one: OK for exactly one, who then calls conv_taken; E_EXISTS for all others. */
struct taking {
	const struct conv *c;
	struct slice ticket;
	unsigned char answer[SHA256_LEN];
};
struct state_act conv_taking(const struct conv *c, struct slice ticket, const struct answer *answer, struct taking *t);
void conv_taken(struct conv *c, const struct taking *t);
void conv_taken_with(struct conv *c, const struct conv *other);		/* as the other one was */

/* Part of a greater act: E_EXISTS, and *lost, when a new ticket was given out because this evaluation took too long. */
struct holding {
	const struct conv *c;
	bool lost;
};
struct state_act conv_holding(const struct conv *c, struct holding *h);

/* Keeps the result of the evaluation, with a next ticket unless it ended. E_EXISTS: it took too long, and a new ticket was given out. */
int conv_store(struct arena *a, struct conv *c, const struct conv_with *with);

/* The same for one that has ended, and behind the caller's back: who asks again meanwhile waits for it. */
void conv_store_later(struct conv *c);

/* Will no result come any more? */
bool conv_is_stuck(const struct conv *c);

/* A next ticket for an evaluation that is stuck. Loads *c anew. */
int conv_revive(struct arena *a, struct conv *c);

/* Was it this ticket and this answer that was answered last? */
bool conv_is_last(const struct conv *c, struct slice ticket, const struct answer *answer);

#endif
