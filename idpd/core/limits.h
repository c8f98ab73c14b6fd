/* How often somebody may be wrong. An attempt is counted before it is evaluated, in one atomic act, so that a
 * thousand attempts in parallel evaluate no more than the limit allows.
 *
 * `with` (or NULL) happens in the same act, before: one wait for the disk for both. It happens also with E_LIMIT of limits_password and
 * limits_second; with that of the ..._right it does not. What it refuses (anything but OK) is passed on, and nothing was counted. */
#ifndef CSAM_LIMITS_H
#define CSAM_LIMITS_H

#include "base/arena.h"
#include "base/err.h"
#include "svc/directory.h"
#include "svc/state.h"

struct limits_conf {
	unsigned password_max;		/* wrong in a row, from everywhere: then the password is refused (100) */
	unsigned password_free;		/* wrong in a row from one network before delays begin (3) */
	unsigned delay_max_s;		/* delays double from 1 s up to this (60) */
	unsigned second_max;		/* wrong codes in a row: then the key is locked (10) */
	unsigned turns_max;		/* wrong answers before the conversation ends (10) */
	unsigned sent_max;		/* codes sent to one address in a day (30) */
};
void limits_open(const struct limits_conf *conf);

/* Before a password is evaluated. who: csamSubject, or for an unknown name the name itself (its own namespace).
 * OK: go on, and count it as wrong until limits_password_right. E_LIMIT: not now, *wait_s > 0 says when; with *wait_s 0 the
 * password is refused for good: let the decoy be asked, and answer as for a wrong password. */
int limits_password(const struct person *person, struct slice name, const char *peer, const struct state_act *with, unsigned *wait_s);

/* It was right: the acts by which the counters start anew, to be done together with what comes of it. They live as long as the arena. E_LIMIT of
 * the whole: it was refused for good meanwhile, do not let in. */
enum { LIMITS_RIGHT = 2 };
void limits_password_right(struct arena *a, const struct person *person, const char *peer, struct state_act out[LIMITS_RIGHT]);

/* The attempt that was just counted was never evaluated (E_DOWN behind it): takes that one away again and nothing else. Best effort. */
int limits_password_undo(const struct person *person, struct slice name, const char *peer);

/* The same for one key's second factor. E_LIMIT: the key is locked now (the first time this is seen, in the directory, in
 * the audit trail and in the person's history too), or it is neither active nor pending. One that is pending is not locked, but refused until it was
 * left alone for an hour. Undo is also for the last right code, typed again. */
int limits_second(const struct person *person, const struct key *key, const char *peer, const struct state_act *with);
int limits_second_right(const struct person *person, const struct key *key, bool adding, const struct state_act *with, size_t n);
int limits_second_undo(const struct person *person, const struct key *key);

/* Before a code is sent to an address, by whichever conversation: the pause between two grows until one was typed back right. OK: counted;
 * E_LIMIT: not now, *wait_s says how long, or 0: not today any more. adding: to who says that the address is theirs; those have an account of their
 * own, so that nobody who names another's address keeps the codes of its keys from it. */
int limits_send(const char *address, bool adding, unsigned *wait_s);

/* A link or code of activation was wrong: one more from that network, whichever it was. Thirty at once are told so; then one in five seconds. E_LIMIT: this is
 * more, and *wait_s says until when. It is no judge of who is right: people behind one network with a guesser come in with what they were given. */
int limits_activation(const char *peer, unsigned *wait_s);

/* turns_max, for the engine. */
unsigned limits_turns(void);

#endif
