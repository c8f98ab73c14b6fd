/* Comma-separated values: every record is within bounds, and reading comes to an end. */
#include "fuzz.h"
#include "csamctl/csv.c"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct slice fields[CSV_FIELDS];
	const char *why = NULL;
	size_t n = 0, records = 0;
	if (in.n == 0)
		return;
	struct csv c = { .f = fmemopen((void *)in.p, in.n, "r") };
	promise(c.f != NULL);
	int rc = csv_header(&c, a, fields, &n, &why);
	promise(rc == OK || rc == E_NOENT || rc == E_INPUT || rc == E_BUG);
	while (rc != E_NOENT && rc != E_BUG && (rc = csv_next(&c, a, fields, &n, &why)) != E_NOENT) {
		promise(rc == OK ? n >= 1 && n <= CSV_FIELDS : why != NULL);
		promise(++records <= in.n);
	}
	fclose(c.f);
}
