/* A configuration file by a table of options: sections, defaults, checks, errors with file and line, the effective file, the manual page. */
#ifndef CSAM_OPTION_H
#define CSAM_OPTION_H

#include <stdbool.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/err.h"

enum option_type { OPTION_STR, OPTION_PATH, OPTION_INT, OPTION_BOOL, OPTION_LIST };
typedef const char *option_check(const char *value);	/* NULL: fine; else what was expected */

/* A program lists its options in a .def file (see conf.def); option_fields.h makes the members of its struct of it, option_rows.h the table. */
struct option_row {
	const char *section, *name, *path, *def, *help;
	enum option_type type;
	option_check *check;
	long min, max;
	size_t offset;
};

struct options {
	const struct option_row *rows;
	size_t n;
	size_t size;			/* of the program's struct, whose first member is the file's absolute path */
};

/* Fills *out (of options.size bytes, zeroed). E_INPUT: *why names file, line, option and what was expected. One thread at a time. */
int options_read(struct arena *a, const struct options *table, const char *file, void *out, const char **why);

/* The effective configuration, in the syntax of the file. */
void options_print(const struct options *table, const void *values, FILE *to);

/* Every option with default and meaning, as mdoc. */
void options_manual(const struct options *table, FILE *to);

/* Checks that more than one program needs. */
option_check check_text, check_issuer, check_log_level;

#endif
