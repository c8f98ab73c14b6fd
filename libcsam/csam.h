/* libcsam: one conversation with csam-agent over its local socket. What pam_csam and the SASL plug-in share. Links libc only.
 *
 * Never aborts, never logs, never writes to a terminal, leaves no signal handler, no thread and no static state behind; every wait has an end. Whatever
 * goes wrong reads as CSAM_DOWN, and a zeroed result reads as CSAM_DENY.
 *
 * Wire: SOCK_SEQPACKET, one message a turn, at most 16 KiB: fields "name=value\0", names of lower-case letters and '_', in any
 * order, a name at most once except "choice", "line" and "say". Values hold no NUL. The first field is "csam=1". Unknown names are ignored in replies, refused in requests.
 *
 * Requests   op=authenticate user= service= [rhost= tty= lang= can= proven=publickey]
 *            op=answer [secret= code= text= choice= sign=]    the next turn of this connection's conversation
 *            op=account user= service= [rhost=]
 *            op=password user= service= [lang=]               then answers, as for authenticate
 * Replies    result=ask ask=secret,code,… label= [note= wait= choice=ID:LABEL …]
 *            result=ask ask=device,code label= line= line= …   something is to be done on another device: the lines say what (a picture of half blocks,
 *                                                             an address, a code), each at most 511 bytes; what is shown there is then typed as code=
 *            result=ask ask=sign label= challenge= module= card_s= say=WORD:TEXT …   the card in the reader is to sign the challenge (card.h), through
 *                                                             the vendor's module and within so many seconds; what it signed is sign=, "none" that there is
 *                                                             no card; the only value with line feeds in it is challenge
 *            result=allow name= [uid= level=]                 uid: uidNumber in the directory
 *            result=deny [message=]   result=suspended   result=not_allowed   result=unknown   result=must_change_password
 *            result=down              result=changed
 * The agent ends the connection after any result but ask. */
#ifndef CSAM_CSAM_H
#define CSAM_CSAM_H

#include <stdbool.h>
#include <stddef.h>

enum csam_result {
	CSAM_DENY = 0,			/* no: wrong, unknown, not allowed; nothing tells which */
	CSAM_ASK = 0x2d71a3c9,		/* one more turn: see csam_turn */
	CSAM_ALLOW = 0x528e5c36,
	CSAM_DOWN = 0x0f0f3355,		/* the agent or what stands behind it does not answer */
	CSAM_SUSPENDED = 0x1c6b52e9, CSAM_NOT_ALLOWED = 0x6a31c7d4, CSAM_UNKNOWN = 0x35d8296b,
	CSAM_MUST_CHANGE = 0x4be7951a, CSAM_CHANGED = 0x79248ecd,
};

enum csam_ask { CSAM_SECRET = 1, CSAM_CODE = 2, CSAM_TEXT = 4, CSAM_CHOICE = 8, CSAM_SHOW = 16, CSAM_DEVICE = 32, CSAM_SIGN = 64 };

enum { CSAM_MAX_CHOICES = 16, CSAM_MAX_LINES = 64, CSAM_MAX_LINE = 511, CSAM_MAX_SAYS = 32, CSAM_MAX_VALUE = 4096 };

struct csam_turn {			/* texts live until the next call on this struct csam */
	enum csam_result result;
	unsigned ask;			/* CSAM_ASK: enum csam_ask */
	const char *label, *note, *message;	/* NULL when absent; UTF-8 without control characters */
	unsigned wait_s;
	struct { const char *id, *label; } choices[CSAM_MAX_CHOICES];
	size_t nchoices;
	const char *lines[CSAM_MAX_LINES];	/* CSAM_DEVICE: to be shown one below the other */
	size_t nlines;
	const char *challenge, *module;		/* CSAM_SIGN */
	unsigned card_s;
	struct { const char *word, *text; } says[CSAM_MAX_SAYS];
	size_t nsays;
	const char *name;		/* CSAM_ALLOW: who it is; the caller compares */
	bool has_uid;
	unsigned long uid;
};

struct csam_who {
	const char *user, *service;	/* needed */
	const char *rhost, *tty, *lang;	/* NULL when not known */
	unsigned can;			/* enum csam_ask that the caller can draw */
	bool publickey;			/* the caller has verified a public key of this user */
};

struct csam_answer { const char *secret, *code, *text, *choice, *sign; };	/* NULL: not given */

struct csam;

/* Connects to the agent at path (NULL: /run/csam/agent.sock). Refuses a socket whose server is neither root nor the owner of
 * the socket's folder. NULL when it cannot: then the result is CSAM_DOWN. timeout_ms bounds each turn. */
struct csam *csam_open(const char *path, unsigned timeout_ms);

enum csam_result csam_authenticate(struct csam *c, const struct csam_who *who, struct csam_turn *out);
enum csam_result csam_answer(struct csam *c, const struct csam_answer *answer, struct csam_turn *out);
enum csam_result csam_account(struct csam *c, const struct csam_who *who, struct csam_turn *out);
enum csam_result csam_password(struct csam *c, const struct csam_who *who, struct csam_turn *out);

/* Wipes and frees. Takes NULL, returns NULL. */
struct csam *csam_close(struct csam *c);

#endif
