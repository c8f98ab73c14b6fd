/* What the identity provider answers to a turn (doc/challenge-profile.md), read from status and JSON. */
#ifndef CSAM_AGENT_REPLY_H
#define CSAM_AGENT_REPLY_H

#include "agent/message.h"
#include "base/json.h"

enum { CHOICES_MAX = 16, LINES_MAX = 64, SAYS_MAX = 32 };

struct prompt {
	unsigned ask;			/* enum ask, at least one */
	const char *label, *note;	/* note: NULL when absent */
	unsigned wait_s;
	struct { const char *id, *label; } choices[CHOICES_MAX];
	size_t nchoices;
	const char *lines[LINES_MAX];	/* ASK_DEVICE: what to do there */
	size_t nlines;
	const char *challenge;		/* ASK_SIGN: lines of printable ASCII */
	struct { const char *word, *text; } says[SAYS_MAX];	/* ASK_SIGN: what may have to be told */
	size_t nsays;
};

/* Whatever was not understood is down. */
enum reply_kind { REPLY_DOWN, REPLY_ASK, REPLY_TOKEN, REPLY_ACCOUNT, REPLY_CHANGED, REPLY_DENIED };
enum account { ACCOUNT_NONE, ACCOUNT_ALLOWED, ACCOUNT_SUSPENDED, ACCOUNT_NOT_ALLOWED, ACCOUNT_MUST_CHANGE, ACCOUNT_UNKNOWN };

struct posix_name {
	const char *name;		/* NULL: nobody */
	bool has_uid;
	unsigned long uid;
};

struct reply {
	enum reply_kind kind;
	const char *auth_session;	/* ASK */
	struct prompt prompt;		/* ASK */
	const char *token;		/* TOKEN: nothing of it is verified yet */
	enum account account;		/* ACCOUNT */
	struct posix_name who;		/* ACCOUNT */
	unsigned valid_for_s;		/* ACCOUNT */
	const char *message;		/* DENIED: for the person; may be NULL */
	const char *why;		/* DOWN, DENIED: a word for the log */
	bool away;			/* DOWN: it said "try later", or said nothing; false: it does answer, but not us */
};

/* Pure. can: enum ask that was offered; a prompt beyond it is not understood. */
void reply_read(struct arena *a, long status, struct slice body, unsigned can, struct reply *out);

/* csam_posix, also of an ID token. E_INPUT when it is there and damaged, or has no name. */
int posix_name_read(const json_t *v, struct posix_name *out);

#endif
