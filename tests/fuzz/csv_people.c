/* The CSV files that csamctl imports: records are within their bounds, what is refused is told with its line, and reading goes on behind it. */
#include <stdio.h>
#include "fuzz.h"
#include "csamctl/csv.c"

static void fuzz(struct slice in)
{
	struct slice f[CSV_FIELDS];
	const char *why = NULL;
	size_t n = 0;
	struct csv c = { .f = in.n > 0 ? fmemopen((void *)in.p, in.n, "r") : NULL, .separator = ',' };
	if (c.f == NULL)
		return;
	struct arena *a = arena_new();
	unsigned long line = 0;
	for (int rc = csv_header(&c, a, f, &n, &why); rc != E_NOENT; rc = csv_next(&c, a, f, &n, &why)) {
		promise(rc == OK || (rc == E_INPUT && why != NULL));
		promise(c.line > line && c.separator != '\0');
		line = c.line;
		for (size_t i = 0; rc == OK && i < n; i++)
			promise(n <= CSV_FIELDS && f[i].n <= CSV_RECORD && slice_is_text(f[i], "\t\n\r"));
		arena_free(a);
		a = arena_new();
	}
	arena_free(a);
	fclose(c.f);
}
