/* Inside the conversation engine: what its files share. Nobody outside core/conversation_*.c includes this. */
#ifndef CSAM_ENGINE_H
#define CSAM_ENGINE_H

#include "core/conversation_record.h"

enum { MAX_CHOICES = 16 };

/* One turn at work: the record, and the world as it stands now. */
struct engine {
	struct arena *a;
	struct conv c;
	const char *peer;
	const struct service *service;		/* NULL: none was wanted */
	const struct key_kind *kind;		/* chosen, or NULL */
	const struct person *person;		/* whose password was right; NULL before */
	bool blocked;				/* the service is not open */
	bool fell;				/* what was proven does not stand any more: the password is asked again */
};

/* What an answer led to. Zeroed is: denied. */
struct outcome {
	enum verdict verdict;
	const char *why;			/* V_DENY: text id */
	const struct key *key;			/* V_ALLOW: the key that was proven */
};

/* conversation_plan.c: what can be asked, and what is asked next */
int engine_look(struct engine *e);		/* fills the world from the record; E_WAIT, E_DOWN */
bool engine_fits(const struct engine *e, const struct key_kind *kind);	/* service, level and door */
const struct key_kind *engine_only_kind(const struct engine *e, size_t *n);	/* of the n that fit: the first */
size_t engine_keys(const struct engine *e, const struct key **keys);	/* of the chosen kind, at the level; at most MAX_CHOICES */
struct outcome engine_choose(struct engine *e, const char *note, const char *note_kind);	/* back to the chooser */
struct outcome engine_next(struct engine *e);	/* after a right password: the next step of the chosen kind */
void engine_draw(const struct engine *e, struct turn *out);
bool engine_fits_prompt(const struct prompt *ask, const struct answer *answer);

/* conversation_check.c: is it them? */
struct outcome engine_evaluate(struct engine *e, const struct answer *answer);
int engine_admit(struct engine *e, const struct key *key, struct slice *cookie);	/* E_NOENT: not allowed in */

#endif
