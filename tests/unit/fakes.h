/* The world as the core's tests see it: services in memory, with faults on demand.
 * A test includes fakes.c and links with -Wl,--wrap=now. */
#ifndef CSAM_TEST_FAKES_H
#define CSAM_TEST_FAKES_H

#include "svc/audit.h"
#include "svc/directory.h"
#include "core/limits.h"
#include "svc/outbox.h"

extern time_t fake_now;
void fake_reset(void);				/* before each test: empties everything, sets the clock */

/* Faults: the n-th call of any service from now on (0: the next) gives E_DOWN; -1: none. */
extern int fake_fault;
extern bool fake_fault_hit;
extern const char *fake_fault_name;		/* the call that failed */
extern const char *fake_down;			/* every call whose name begins so gives E_DOWN; NULL: none */

/* Directory: alice, bruno, chloe, dirk, emma; tests change them. */
enum { ALICE, BRUNO, CHLOE, DIRK, EMMA, NPERSONS, NKEYS = 4 };
extern struct person fake_person[NPERSONS];
extern struct key fake_key[NPERSONS][NKEYS];
extern const char *fake_password[NPERSONS];	/* NULL: none */
extern struct service fake_service[2];		/* "tax", "mail" */
extern bool fake_allowed;
extern unsigned fake_verified;			/* calls of directory_verify */
extern uint64_t fake_self;			/* which process we are, the only one that lives */
extern unsigned fake_verify_ms;			/* how long each takes */
extern unsigned fake_get_ms;			/* how long each state_get takes after it has read */
extern const struct person *fake_verified_person;
extern uint64_t fake_used;			/* last directory_key_used */
extern struct key fake_added, fake_activated;	/* directory_key_add or directory_reached, directory_key_activate: what came last */
extern bool fake_beaten;		/* directory_key_spend: somebody else was first */
extern bool fake_terms;			/* the operator has terms */
extern const char *fake_switched;	/* the kind that fake_switch is of; NULL: none */
extern struct kind_switch fake_switch;	/* elsewhere: of all services but "mail" */
extern unsigned fake_resealed;
extern const char *fake_password_hash;	/* last directory_password_set */

/* The code of a key at a time. */
const char *fake_code(const struct key *key, time_t when);

const char *fake_number_code(const struct key *key, uint64_t number, unsigned digits);

/* Audit: lines so far. */
enum { NLINES = 256 };
struct fake_line { enum audit_event event; char subject[64], name[80], kind[16], key[16], card[48], service[16], peer[40], why[32], session[32]; };
extern struct fake_line fake_line[NLINES];
extern size_t fake_nlines;
const struct fake_line *fake_last(enum audit_event event);	/* NULL: never */

/* Outbox: the last message that went out with a record, and how many did. */
struct fake_mail { unsigned sent; time_t expires; char to[80], text_id[32], lang[8], code[16], service[32], place[48], host[64], what[160], of[160], url[64], all[256] /* addresses */; };
extern struct fake_mail fake_mail;
extern unsigned fake_woken;
extern bool fake_carries[CHANNELS];		/* none, after fake_reset */
extern unsigned fake_send_wait_s;		/* limits_send says so */
extern bool fake_send_refused;

/* Limits. */
extern struct limits_conf fake_limits;
unsigned fake_wrong_password(const char *who);		/* counted now */
unsigned fake_wrong_second(const char *who);	/* "subject|key" */
extern unsigned fake_wait_s;				/* limits_password says so */
extern bool fake_password_refused, fake_refused_meanwhile;

/* State: does any record hold these bytes? How many records are there? */
bool fake_state_holds(struct slice bytes);
size_t fake_state_size(const char *ns);
void fake_state_forget(const char *ns);

#endif
