/* The form of the audit trail, for those who write, check and export it: how lines are chained, and what a signed head says. Pure functions.
 *
 * The trail of a node is a sequence of lines through numbered segments. The first 8 digits of a file name are the segment's number:
 * 00000001.log, and 00000001.log.gz once it is closed and compressed. A line is a JSON object that begins with its number in the trail and ends with
 * the chain as it stood before the line:
 *
 *	{"seq":7,"time":"…","mono":…,"node":"…","boot":"…","event":"…", … ,"chain":"<64 hex digits>"}
 *
 * The chain is 64 zeros before the first line. After a line it is SHA-256(the chain before, SHA-256(the line with its newline)),
 * both as 64 hex digits: so it can be computed with openssl alone, and from the lines' digests without the lines.
 *
 * A segment's first line (trail.start, trail.next) says how many bytes of the segment before it belong to the trail ("bytes"), and how many after
 * these do not ("left"): what a crash or a full disk tore. They are kept and are no part of the trail. */
#ifndef CSAM_AUDIT_CHAIN_H
#define CSAM_AUDIT_CHAIN_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

enum { CHAIN_HEX = 2 * SHA256_LEN, AUDIT_LINE_MAX = 32768, AUDIT_NODE_MAX = 64, AUDIT_HOUR_LEN = 13 /* 2026-11-22T14 */, AUDIT_MONTH_LEN = 7 };

/* A link of the chain, as text. */
struct chain {
	char hex[CHAIN_HEX + 1];
};
extern const struct chain chain_start;

void chain_digest(struct slice line, char hex[CHAIN_HEX + 1]);		/* SHA-256 of a line, which ends in its newline */
struct chain chain_next(const struct chain *before, struct slice line);

/* The number of a whole line and the chain that it carries. E_INPUT: it is no line of a trail. */
int chain_line(struct slice line, uint64_t *seq, struct chain *out);

/* What a head signs: that the trail of a node stood so. The text begins with a word of its own, and its key signs nothing else: no signature
 * of a head can be taken for one of a token. */
struct audit_head {
	const char *node, *boot;
	uint64_t seq;
	const char *chain;		/* after line seq */
	time_t time;			/* by the clock of the keyring */
	uint64_t signatures;		/* that the keyring made since its start: a front that was captured cannot hide them */
};
struct slice audit_statement(struct arena *a, const struct audit_head *head);

/* Letters, digits, ".", "_" and "-"; at most AUDIT_NODE_MAX. */
bool audit_is_name(struct slice name);

#endif
