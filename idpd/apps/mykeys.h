/* 'My digital keys': what its pages share. */
#ifndef CSAM_MYKEYS_H
#define CSAM_MYKEYS_H

#include "apps/desk.h"

enum { KEYS_MAX = 12 };		/* that are not revoked, of one person */

#define WIZARD(page, kind, level) WIZARD_##page = (level),
enum wizard_level {
#include "apps/wizards.def"
};
#undef WIZARD

/* Where that kind of key is added, for a list of such places; NULL: not here, for what it needs is not there (no way out for codes). The arena of
 * the request owns it. */
json_t *keys_wizard(struct request *r, const struct desk *desk, const char *page, const char *kind);

/* The person's key of that id, unless it is revoked; or NULL. */
const struct key *keys_find(const struct person *person, struct slice id);

/* Which services that key opens, named or counted; NULL: it cannot be used now. E_WAIT, E_DOWN. */
int keys_opens(struct arena *a, const struct person *person, const struct key *key, const char *lang, const char **words);

/* Does that key wait for its person, who can show one of its codes? */
bool keys_waits(const struct key *key);

/* What somebody needs to change that key: the level it would give. A key can change keys up to its own level, never above. */
unsigned keys_level(const struct person *person, const struct key *key);

/* The level of the best key that the person has added and can use: what it takes to do something to all of them. 0: there is none. */
unsigned keys_guard(const struct person *person);

/* An id that no key of the person ever had, also no revoked one; NULL when there are too many keys already. */
const char *keys_next_id(struct arena *a, const struct person *person, const char *kind);

/* Can keys of that kind be added here? Not what has no way out, nor what an operator has switched off or shut for now. */
bool keys_may_add(const char *kind);

/* A person's own name for a key: text of at most 60 characters, all of which are seen. NULL and *ok false when it cannot be one; "" is none. */
const char *keys_label(struct arena *a, struct slice text, bool *ok);

/* What is wrong with what was typed, above the form and at its field: bad_label, or bad_value for the other one. NULL: nothing. */
void keys_put_fault(json_t *values, const char *lang, const char *note);

#endif
