/* Compact records: numbers and texts behind each other, for what is sealed or stored. */
#ifndef CSAM_RECORD_H
#define CSAM_RECORD_H

#include <stdint.h>
#include "base/buf.h"

void record_num(struct buf *b, uint64_t v);		/* seven bits a byte, low ones first */
void record_text(struct buf *b, struct slice s);	/* its length, then itself */

/* Reading: after anything that does not fit, bad is true and all that is read is zero or empty. */
struct record {
	struct arena *a;
	struct slice rest;
	bool bad;
};
uint64_t record_get_num(struct record *r);
struct slice record_get_text(struct record *r);
const char *record_get_str(struct record *r);		/* a copy with NUL */
bool record_get_bytes(struct record *r, void *out, size_t n);	/* a text of exactly n bytes, or an empty one: then false */
bool record_done(const struct record *r);		/* all was read and nothing was bad */

#endif
