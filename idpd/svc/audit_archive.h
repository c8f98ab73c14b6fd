/* Segments of the audit trail as files: listing, reading whether compressed or not, compressing. The only home of zlib. */
#ifndef CSAM_AUDIT_ARCHIVE_H
#define CSAM_AUDIT_ARCHIVE_H

#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"

struct audit_file {
	unsigned number;
	bool packed;		/* .log.gz */
	const char *path;
	uint64_t size;		/* on the disk */
};

/* Every segment in dir, in order of its number. When a crash left both forms of one, the compressed is complete and counts.
 * E_DOWN and *why: the folder cannot be read. */
int audit_files(struct arena *a, const char *dir, struct audit_file **out, size_t *n, const char **why);

/* Reads lines one after the other, also of what was compressed since it was listed. NULL: *why. */
struct audit_reader *audit_reader_open(const char *path, const char **why);
struct audit_reader *audit_reader_close(struct audit_reader *r);	/* takes NULL, returns NULL */
void audit_reader_close_p(struct audit_reader **r);

/* The next line with its newline; it is valid until the next call. The end of the file may come without a newline, and what is longer than
 * AUDIT_LINE_MAX comes in pieces: such a line has none. E_NOENT: no more. E_DOWN: cannot be read (a damaged archive, the disk). */
int audit_reader_line(struct audit_reader *r, struct slice *line);
uint64_t audit_reader_raw(struct audit_reader *r);	/* how far into the file on the disk; for progress */

/* Compresses dir/NAME to dir/NAME.gz: the new file is on disk, read again and the same before the old one goes. Harmless to repeat. */
int audit_pack(const char *dir, unsigned number);

#endif
