/* Messages between plug-ins and agent (libcsam/csam.h has the format): requests taken apart, replies put together. */
#ifndef CSAM_AGENT_MESSAGE_H
#define CSAM_AGENT_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"

enum { MESSAGE_MAX = 16 * 1024, MESSAGE_VALUE_MAX = 4096 };

enum op { OP_NONE, OP_AUTHENTICATE, OP_ANSWER, OP_ACCOUNT, OP_PASSWORD };
enum ask { ASK_SECRET = 1, ASK_CODE = 2, ASK_TEXT = 4, ASK_CHOICE = 8, ASK_SHOW = 16, ASK_DEVICE = 32, ASK_SIGN = 64 };
enum { NASKS = 7 };
extern const char *const ask_words[NASKS + 1];	/* in the order of their bits, NULL-terminated */

struct message {			/* slices point into the message; p is NULL when a field was not there */
	enum op op;
	struct slice user, service, rhost, tty, lang;
	struct slice secret, code, text, choice, sign;
	unsigned can;			/* enum ask; what every door can draw when it did not say */
	bool publickey;
};

/* Pure. OK or E_INPUT: then the plug-in is not ours, and the connection ends. */
int message_parse(struct slice message, struct message *out);

/* Appends one field. Texts come from far: what is no text becomes a space, what is longer than MESSAGE_VALUE_MAX is cut. */
void message_put(struct buf *b, const char *name, struct slice value);
/* The same for lines of printable ASCII, as they are. */
void message_put_lines(struct buf *b, const char *name, const char *lines);
struct buf message_reply(struct arena *a, const char *result);

#endif
