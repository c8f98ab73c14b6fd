/* Checks a whole audit trail: that nothing in it was changed, removed, put in or moved, and how far that is proven. */
#ifndef CSAM_AUDIT_VERIFY_H
#define CSAM_AUDIT_VERIFY_H

#include "svc/audit_chain.h"

struct audit_public {		/* what heads are checked with */
	const char *kid, *pem;
};

struct audit_seen {		/* a head that a witness has */
	uint64_t seq;
	struct chain chain;
	const char *time;
};

struct audit_finding {
	bool broken;		/* else it only deserves to be known: torn bytes, a clock that was set */
	const char *file;
	uint64_t line, seq;	/* line of the file, number in the trail; 0: none */
	const char *what;
};

struct audit_verify {
	const char *dir, *node;	/* node: whose trail it must be; NULL: that of its first line */
	const struct audit_public *keys;
	size_t nkeys;
	struct audit_seen *seen;	/* sorted here */
	size_t nseen;
	void (*say)(void *arg, const struct audit_finding *f);
	void (*progress)(void *arg, uint64_t done, uint64_t total);	/* bytes on the disk; or NULL */
	void *arg;
	/* out */
	uint64_t segments, lines, heads, broken;
	char last_node[AUDIT_NODE_MAX + 1];
	uint64_t proven;		/* up to this line a signed head, rightly, says what it says; 0: none does */
	char proven_at[32];		/* by the keyring's clock */
	uint64_t unproven;		/* lines after it, not counting heads */
	char unproven_since[32];	/* the time of the first of them */
};

/* The first key of a text of PEM blocks, which begins behind it afterwards; it is named by the SHA-256 of its DER form. E_INPUT: there is none. */
int audit_public_read(struct arena *a, struct slice *pems, struct audit_public *out);

/* OK when it was looked at, whatever was found; E_DOWN and *why: it cannot be read, or there is none. */
int audit_verify(struct arena *a, struct audit_verify *v, const char **why);

/* Checks one head line (trail.head) by itself: OK, E_NOENT a key that is not here, E_INPUT the signature is wrong. */
struct audit_headline {
	struct audit_head head;
	const char *kid;
	struct slice sig;
};
int audit_headline_read(struct arena *a, struct slice line, struct audit_headline *out);
int audit_headline_check(struct arena *a, const struct audit_headline *h, const struct audit_public *keys, size_t n);

/* How many bytes of a segment belong to the trail, as the first line of the segment after it says; UINT64_MAX: it says nothing. */
struct audit_file;
uint64_t audit_ends(const struct audit_file *file, const struct audit_file *next);

/* The text of a member near the front of a line (seq, time, node, boot, event): what stands between its quotes. */
struct slice audit_member(struct slice line, const char *name);

#endif
