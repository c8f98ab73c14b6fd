/* What must arrive although it is not sent now: mail, SMS, logout tokens. A durable queue in the state store.
 *
 * A message that was put is on disk. Workers hand it over; what fails is tried again after growing pauses until it
 * expires, and then lies among the dead letters, where `csamctl outbox` shows it. No page ever waits for a server.
 *
 * Each message is handed over at least once, and more than once only when it cannot be known whether the server took it (it went away between
 * our last byte and its answer, or this machine did). Then the Message-ID, or the token's jti, is the same as before.
 *
 * Whom it goes to and what it says is sealed in the queue; a person with a copy of the store reads no code. */
#ifndef CSAM_OUTBOX_H
#define CSAM_OUTBOX_H

#include <time.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "svc/state.h"

enum channel { CHANNEL_MAIL, CHANNEL_SMS, CHANNEL_LOGOUT, CHANNELS };

struct text_arg {
	const char *name, *value;	/* {name} in the texts; NULL value: "" */
};

/* Texts of a message with text_id "mail.code": mail.code.subject, mail.code.text. Of an SMS: the text text_id itself.
 * Arguments may come from anyone: control characters become spaces, and what is longer than OUTBOX_ARG_MAX bytes is cut. */
enum { OUTBOX_ARG_MAX = 1024, OUTBOX_ARGS = 12, OUTBOX_LIFE_S = 24 * 3600 };
struct message {
	enum channel channel;
	const char *to;			/* outbox_mail_address(), outbox_phone_number(), a URL */
	const char *lang;		/* one of ours; NULL: the default */
	const char *text_id;
	const struct text_arg *args;
	size_t nargs;
	time_t expires;			/* not handed over later than that; at most OUTBOX_LIFE_S ahead (cut) */
	const char *dedup;		/* messages of one channel with the same one count once until they expire; NULL: each counts */
};

/* OK: on disk. E_INPUT: no such address, text or so many arguments (logged). E_EXISTS: the same `dedup` is there. E_DOWN: the channel is
 * switched off, the queue is full or the store is down: say "not now". E_WAIT. */
int outbox_put(struct arena *a, const struct message *m);

/* The same as acts of the caller's own state_update_all, so that a record and its message are one: fills acts[0], and acts[1] when there is a
 * `dedup`; *n says how many. Then, after the update, outbox_wake(). The arena must live until then. */
int outbox_acts(struct arena *a, const struct message *m, struct state_act acts[2], size_t *n);
void outbox_wake(enum channel channel);

/* Is there a way out for it at all (configuration)? */
bool outbox_carries(enum channel channel);

/* A mail address that we send to: RFC 5321 4.1.2 dot-string @ domain name in ASCII, 254 bytes at most. No quotes, no literals, no control characters. */
bool outbox_mail_address(struct slice s);
bool outbox_phone_number(struct slice s);	/* +32470123456 (E.164): plus, 7 to 15 digits */

/* "al…@example.org", "+32 … 56": as much as one needs to recognise one's own. */
const char *outbox_masked(struct arena *a, enum channel channel, const char *to);

/* ---- who carries ---- */

/* A message as its carrier sees it. */
struct parcel {
	enum channel channel;
	const char *id;			/* the same at each try */
	const char *to, *lang, *text_id;
	const struct text_arg *args;
	size_t nargs;
	time_t created, expires;
	unsigned tries;			/* this one included */
};
const char *parcel_arg(const struct parcel *p, const char *name);	/* "" when absent */

enum sent {
	SENT_LATER,		/* not this one now: its own pause */
	SENT_NEVER,		/* refused for good */
	SENT_DOWN,		/* the channel has trouble, it is not the message's fault: the whole channel pauses */
	SENT_OK,
};
/* One try, on a worker's thread; at most a minute. *why: one line without secrets, in the arena, unless SENT_OK. */
typedef enum sent outbox_carrier(struct arena *a, const struct parcel *p, const char **why);

struct outbox_conf {
	unsigned max;			/* messages that may wait in a channel */
	unsigned pause_s, pause_max_s;	/* before the second try; at most */
	struct {
		outbox_carrier *carry;	/* NULL: switched off */
		unsigned workers;
	} of[CHANNELS];
};

/* After state, keyring and texts. Starts the workers. */
int outbox_open(const struct outbox_conf *c);
void outbox_close(void);		/* before the state store: what is under way ends first */

/* ---- what lies there ---- */

enum outbox_place { OUTBOX_WAITING, OUTBOX_OUT /* with a worker */, OUTBOX_DEAD, OUTBOX_PLACES };

struct outbox_entry {
	enum channel channel;
	enum outbox_place place;
	const char *id, *to /* masked */, *text_id, *why /* the last failure, or "" */;
	time_t created, expires, due;
	unsigned tries;
};
/* fn gets each entry, oldest due first; false ends it. */
int outbox_each(struct arena *a, enum channel channel, enum outbox_place place, bool (*fn)(void *ctx, const struct outbox_entry *e), void *ctx);

/* A message that waits is due now, or one that is dead gets another try (when it has not expired). E_NOENT. */
int outbox_retry(struct arena *a, const char *id);
int outbox_drop(struct arena *a, const char *id);	/* E_NOENT; one that is with a worker: E_EXISTS */

const char *outbox_channel_name(enum channel channel);		/* "mail", "sms", "logout" */

/* OpenMetrics of the queue. */
void outbox_metrics(struct buf *b);

#endif
