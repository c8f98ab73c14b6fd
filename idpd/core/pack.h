/* Records as flat bytes: one list of fields both writes and reads them, so that the two cannot drift apart.
 *
 * A record begins with a version. Whatever was written by another version, is cut short or too long, reads as E_NOENT. */
#ifndef CSAM_PACK_H
#define CSAM_PACK_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct pack {
	struct arena *a;
	struct buf out;			/* when writing */
	struct slice in;		/* when reading: what is left */
	bool reading, bad;
	bool compact;			/* numbers of seven bits a byte, low ones first, instead of eight bytes: for what travels */
};

struct pack pack_writer(struct arena *a, uint64_t version);
struct pack pack_reader(struct arena *a, uint64_t version, struct slice bytes);
struct pack pack_compact_writer(struct arena *a, uint64_t version);
struct pack pack_compact_reader(struct arena *a, uint64_t version, struct slice bytes);
int pack_done(const struct pack *p);	/* after reading: OK, or E_NOENT when it was not exactly such a record */

void pack_u64(struct pack *p, uint64_t *v);
void pack_uint(struct pack *p, unsigned *v);
void pack_bool(struct pack *p, bool *v);
void pack_time(struct pack *p, time_t *v);
void pack_bytes(struct pack *p, void *bytes, size_t n);		/* of fixed length */
void pack_slice(struct pack *p, struct slice *v);		/* read: into the arena */
void pack_str(struct pack *p, const char **v);			/* NULL stays NULL */
void pack_text(struct pack *p, const char **v);			/* NULL is written as "", and never read */

#endif
