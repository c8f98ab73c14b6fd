/* Many things from a CSV file whose first line names its columns, in any order: one line at a time, so that any number fits in memory. What is refused is
 * told with its line and counted, and reading goes on. */
#ifndef CSAMCTL_TABLE_H
#define CSAMCTL_TABLE_H

#include <stdint.h>
#include "csamctl/csv.h"
#include "csamctl/ctl.h"

struct table_column {
	const char *name;
	size_t offset;			/* of a const char * in what a line becomes */
};

struct table {
	struct ctl *c;
	const char *what;		/* "people": what is counted */
	const struct table_column *columns;	/* all there are, ending with name NULL */
	size_t size;			/* of what a line becomes: zeroed, with the strings that stand in it; NULL where nothing does */
	/* DONE; REFUSED with *why; REFUSED with *why NULL: it was said, and going on makes no sense. c: its arena is the line's. */
	int (*line)(struct table *t, struct ctl *c, const void *line, const char **why);
	void *arg;
	bool all_or_nothing;		/* nothing is printed when a line is refused */
	bool progress;			/* is drawn on standard error */
	/* filled here */
	unsigned long good, refused;
	struct csv csv;
	const struct table_column *order[CSV_FIELDS];	/* columns of the file, from left to right */
	size_t n;
	void *seen;
	long long bytes;		/* of the file; 0 when it is no file */
	uint64_t drawn;
};

/* The file, "-" for standard input, and its first line. DONE or REFUSED, which was said. */
int table_open(struct table *t, const char *path);
bool table_has(const struct table *t, const char *column);

/* All other lines. DONE, whatever was refused; REFUSED, which was said. */
int table_read(struct table *t);

/* The end, whatever came of it: rc, or REFUSED with a word about how many lines were. Also when it was not opened. */
int table_close(struct table *t, int rc);

/* One more is done (why NULL) or refused. */
void table_count(struct table *t, unsigned long line, const char *why);

/* First time this value turns up among those of its kind? The directory would refuse the second, but only in the middle of the load. */
bool table_first(struct table *t, char kind, const char *value);

#endif
