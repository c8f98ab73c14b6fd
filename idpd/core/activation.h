/* Activation: with a link and a code, which came by two ways, somebody activates their first digital keys.
 *
 * The link's token is "id.secret": id names the enrolment in the directory, which holds a digest of the token, and of the code one that cannot be
 * checked without the token. Both are spent together, once. What they open is no login: half an hour in one browser, in which keys may be added to
 * that person, worth the enrolment's level at most. Its cookie is no session's, nor a session's cookie its. */
#ifndef CSAM_ACTIVATION_H
#define CSAM_ACTIVATION_H

#include "base/digest.h"
#include "svc/directory.h"

enum { ACTIVATION_LIFE_S = 30 * 60, ACTIVATION_TRIES = 5, ACTIVATION_CODE_CHARS = 10 /* of a user code */, ACTIVATION_ID = 16, ACTIVATION_SECRET = 32 /* bytes */ };

struct activation {
	const char *id;			/* of the activation: what the audit trail calls session */
	const char *enrolment;
	const struct person *person;	/* active */
	unsigned level;			/* of the enrolment, as it stands now */
	bool alone;			/* the password that was set in it may stand alone */
};

/* What the directory holds of them. */
void activation_digests(struct slice link, const char *code, unsigned char of_link[SHA256_LEN], unsigned char of_code[SHA256_LEN]);

/* OK: both were right, and are spent. E_NOENT: not right, not any more, or too often wrong: nobody is told which, nor by time. E_LIMIT: the same, and so often
 * from that network lately that this is told instead. A try is counted before the code is looked at. Always waits. E_DOWN. */
struct activation_begun {
	struct slice cookie;		/* OK: for that browser */
	unsigned wait_s;		/* E_LIMIT: until the next try is told more */
};
int activation_begin(struct arena *a, struct slice link, struct slice code, struct slice browser, const char *peer, struct activation_begun *out);

/* The activation as it stands now: in that browser, its half hour not over, the enrolment not cancelled, the person active. E_NOENT, E_WAIT, E_DOWN. */
int activation_of(struct arena *a, struct slice cookie, struct slice browser, struct activation *out);
int activation_by_id(struct arena *a, const char *id, struct activation *out);	/* for a conversation that rests on it */

/* It is over. And: the password set in it may stand alone. */
int activation_end(const char *id);
int activation_note_alone(const char *id);

#endif
