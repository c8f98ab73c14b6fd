/* Reads comma-separated values (RFC 4180) one record at a time, within bounds. */
#ifndef CSAMCTL_CSV_H
#define CSAMCTL_CSV_H

#include <stdio.h>
#include "base/arena.h"
#include "base/err.h"

enum { CSV_FIELDS = 64, CSV_RECORD = 64 * 1024 };

struct csv {
	FILE *f;
	char separator;			/* ',' or ';' (spreadsheets where the comma is decimal) */
	unsigned long line;		/* where the last record began */
	unsigned long lines;		/* lines read so far */
};

/* OK; E_NOENT at the end; E_INPUT with *why for a record that is none: the next call goes on with the following line. */
int csv_next(struct csv *c, struct arena *a, struct slice fields[CSV_FIELDS], size_t *n, const char **why);

/* The first record: skips a byte order mark, and finds out which separator the file has. */
int csv_header(struct csv *c, struct arena *a, struct slice fields[CSV_FIELDS], size_t *n, const char **why);

#endif
