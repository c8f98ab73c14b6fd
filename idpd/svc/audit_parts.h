/* Inside the audit trail: what its files share. Nobody outside svc/audit*.c includes this. */
#ifndef CSAM_AUDIT_PARTS_H
#define CSAM_AUDIT_PARTS_H

#include "svc/audit.h"
#include "svc/audit_chain.h"

/* audit_line.c: what stands in a line after node and boot: ,"event":…  E_DOWN: it cannot be sealed. */
int audit_body(struct arena *a, const struct audit_line *line, struct slice *out);
struct slice audit_body_of(struct arena *a, enum audit_event event, const char *fields);	/* fields: ,"name":value…, nothing personal */

/* audit.c */
int audit_put(struct slice body);		/* as audit_write */
struct audit_where {
	uint64_t seq;				/* of the last line on disk, and the chain after it */
	struct chain chain;
	unsigned segment;			/* that is being written; those before it are closed */
	const char *dir, *node, *boot;
};
void audit_where(struct audit_where *out);

/* audit_scribe.c */
int scribe_start(const struct audit_conf *conf);
void scribe_stop(void);

/* audit_segment.c: the file that is written. */
struct segment {
	int dir, fd;				/* fd -1: none yet */
	unsigned number;
	uint64_t bytes;				/* of the trail in it, on disk */
};
struct segment_end {				/* how far the trail goes that a process left behind */
	unsigned number;			/* 0: there is none */
	uint64_t bytes, left;			/* in that segment; what follows is no part of the trail */
	bool foreign;				/* but whole lines are in it: no crash makes those */
	uint64_t seq;
	struct chain chain;
};
int segment_find_end(const char *dir, struct segment_end *out);		/* E_DOWN, logged */
int segment_begin(struct segment *s, unsigned number, struct slice first_line);	/* on disk; when it fails s is as before */
int segment_append(struct segment *s, struct slice lines);		/* on disk, or E_DOWN: then the file may hold more than s->bytes */
uint64_t segment_left(const struct segment *s);				/* how much more */

#endif
