/* Inside the conversation engine: what its files share. Nobody outside core/conversation_*.c includes this. */
#ifndef CSAM_ENGINE_H
#define CSAM_ENGINE_H

#include "core/conversation_record.h"
#include "svc/audit.h"

enum { MAX_CHOICES = 16 };

/* One turn at work: the record, and the world as it stands now. */
struct engine {
	struct arena *a;
	struct conv c;
	const char *peer;
	const struct service *service;		/* NULL: none was wanted */
	const struct key_kind *kind;		/* chosen, or NULL */
	const struct person *person;		/* whose password was right; NULL before */
	struct slice memory;			/* c.memory, opened: key id or kind, NUL, what the kind keeps */
	struct conv_with with;			/* a message that goes out with the record */
	enum channel channel;			/* and where it waits */
	struct key *draft;			/* the key that is to be added, pending until then; or NULL */
	unsigned worth;				/* and the level of what it rests on, as that stands now */
	const char *card;			/* that was shown in this turn, for the audit trail; or NULL */
	bool blocked;				/* the service is not open */
	bool over;				/* the session that a draft rests on has ended, or is worth less than the draft */
	bool fell;				/* what was proven does not stand any more: the password is asked again */
	struct slice ticket;			/* that is answered, and the answer */
	const struct answer *answer;
	const char *browser;			/* that brought it, for the person's history; or NULL */
	bool taken, lost;			/* the ticket: it is ours; somebody else had it */
	const struct person *right;		/* whose password was, which is not yet forgiven the tries before; or NULL */
};

/* Why nothing can be answered here: text id; NULL: it can. */
static inline const char *engine_closed(const struct engine *e)
{
	return e->blocked ? "deny.service-blocked" : e->over ? "deny.other" : NULL;
}

/* What an answer led to. Zeroed is: denied. */
struct outcome {
	enum verdict verdict;
	const char *why;			/* V_DENY: text id */
	const struct key *key;			/* V_ALLOW: the key that was proven */
	struct slice frozen;			/* or what was proven on another device (session_thaw) */
};

static const struct outcome engine_more = { .verdict = V_MORE }, engine_down = { .verdict = V_DOWN };

static inline struct outcome engine_denied(const char *why)
{
	return (struct outcome){ .why = why };
}

/* conversation_plan.c: what can be asked, and what is asked next */
void engine_knows(struct engine *e, const struct person *person);	/* it is them, as of now: what follows rests on it */
int engine_look(struct engine *e);		/* fills the world from the record; E_WAIT, E_DOWN */
bool engine_fits(const struct engine *e, const struct key_kind *kind);	/* service, level and door */
const struct key_kind *engine_only_kind(const struct engine *e, size_t *n);	/* of the n that fit: the first */
bool engine_has_key(const struct engine *e, const struct key_kind *kind);	/* at the level */
size_t engine_keys(const struct engine *e, const struct key **keys);	/* of the chosen kind, at the level; at most MAX_CHOICES */
struct outcome engine_choose(struct engine *e, const char *note, const char *note_kind);	/* back to the chooser */
struct outcome engine_next(struct engine *e);	/* after a right password: the next step of the chosen kind */
bool engine_proven_fits(const struct engine *e, const struct key_kind *kind);	/* after a public key: a code, and nothing else */
unsigned engine_needed(const struct engine *e);	/* level */
void engine_draw(const struct engine *e, struct turn *out);
bool engine_fits_prompt(const struct prompt *ask, const struct answer *answer);

/* conversation_check.c: is it them? */
struct try {
	const struct person *person;		/* NULL: nobody */
	struct slice name;
	const struct key *key;
};
struct outcome engine_evaluate(struct engine *e, const struct answer *answer);
bool engine_verifies(const struct engine *e);	/* the answer costs a password's hash */

/* The ticket is taken before anything that has an effect, as a rule in the same act that counts the try. */
struct claim {
	struct taking taking;
	struct state_act act;
};
const struct state_act *engine_claim(struct engine *e, struct claim *c);	/* the act; NULL: it is taken */
void engine_claimed(struct engine *e, const struct claim *c, int rc);	/* what came of it: OK and E_LIMIT mean that it was done, E_EXISTS that it is lost */
int engine_take(struct engine *e);		/* alone. E_EXISTS: it is lost */
struct outcome engine_again(struct engine *e, const char *note);	/* the same prompt, with a note */
struct outcome engine_wrong(struct engine *e, const char *note);	/* and one try less */
struct outcome engine_refused(struct engine *e, const struct person *person);	/* the password is refused for good, which looks as if it were wrong */
void engine_record(struct engine *e, enum audit_event event, const struct try *t, const char *why);
int engine_person(struct engine *e, struct slice name, const struct person **out);	/* OK also with nobody; E_DOWN and the like */

/* conversation_key.c: the kind's own step */
int engine_recall(struct engine *e);		/* fills e->memory; E_WAIT, E_DOWN */
struct outcome engine_enter(struct engine *e, const struct key *key);	/* it begins */
struct outcome engine_ask_again(struct engine *e, const struct key *key);	/* another code */
void engine_sent(const struct engine *e);	/* the record is stored, and with it what goes out */
void engine_draw_key(const struct engine *e, const struct key *key, struct prompt *ask);

/* One answer, counted before it is evaluated. V_DENY: s->why, "locked" is one; V_MORE: s->why is a note, and it stays counted when s->tried. */
enum verdict engine_try_key(struct engine *e, const struct try *t, struct slice code, struct step *s);

struct slice engine_memory(const struct engine *e, const char *id);	/* what it keeps for that key (or kind, STAGE_SELF) */
int engine_remember(struct engine *e, const char *id, struct slice memory);

/* conversation_self.c: kinds that say who it is */
bool engine_card_first(const struct engine *e);	/* at a host: does a card stand beside the password, before that is asked? */
struct outcome engine_back(struct engine *e);	/* not this way: another key, or none */
struct outcome engine_enter_self(struct engine *e);
void engine_draw_self(const struct engine *e, struct prompt *ask);
struct outcome engine_check_self(struct engine *e, const struct answer *answer);
struct outcome engine_named(struct engine *e, const struct person *person, const char *exception);	/* it is them: may they come in with it? */

/* conversation_register.c: a card whose number nobody has */
struct outcome engine_enter_register(struct engine *e, const struct step *s);
void engine_draw_register(const struct engine *e, struct prompt *ask);
struct outcome engine_check_register(struct engine *e);

/* conversation_admit.c: the way in */
void engine_came_in(const struct engine *e, const struct key *key);	/* the person is told when it is from a new place; key or NULL */
int engine_admit(struct engine *e, const struct key *key, struct slice *cookie);	/* E_NOENT: not allowed in */

/* conversation_host.c: after a public key */
struct outcome engine_check_proven(struct engine *e, const struct answer *answer);

/* conversation_device.c: in a browser elsewhere */
bool engine_may_device(const struct engine *e);	/* has a key that this door cannot draw; before they are known: might have */
struct outcome engine_go_device(struct engine *e);
struct outcome engine_check_device(struct engine *e, const struct answer *answer);
int engine_admit_device(struct engine *e, struct slice frozen);	/* E_NOENT: not allowed in, or not high enough */

/* conversation_draft.c: a new digital key */
int engine_begin_draft(struct engine *e, const struct want *want);	/* E_NOENT: no such session, or activation */
int engine_draft_stands(struct engine *e);	/* the activation it rests on: OK, E_NOENT */
int engine_read_draft(struct engine *e);
struct outcome engine_add_draft(struct engine *e);

/* conversation_password.c: a new password */
struct outcome engine_ask_new(struct engine *e);
struct outcome engine_check_new(struct engine *e, const struct answer *answer);
struct outcome engine_check_again(struct engine *e, const struct answer *answer);

#endif
