/* Many things from a CSV file. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "csamctl/table.h"

/* --- the first line --- */

static const struct table_column *column_named(const struct table *t, struct slice name)
{
	const struct table_column *k = t->columns;
	while (k->name != NULL && !slice_is(name, k->name))
		k++;
	return k->name != NULL ? k : NULL;
}

static int bad_column(const struct table *t, const char *name)
{
	const char *names[CSV_FIELDS + 1] = { NULL };
	struct buf all = buf_new(t->c->a);
	for (size_t i = 0; i < CSV_FIELDS && t->columns[i].name != NULL; i++) {
		names[i] = t->columns[i].name;
		buf_printf(&all, " %s", names[i]);
	}
	const char *meant = near_miss(name, names), *shown = harmless(t->c->a, name);
	if (meant != NULL)
		return refuse("line 1: no column '%s': did you mean '%s'?", shown, meant);
	return refuse("line 1: no column '%s' → the first line names the columns, any of:%s", shown, buf_cstr(&all));
}

static int header(struct table *t)
{
	struct slice names[CSV_FIELDS];
	const char *why = "the file is empty";
	if (csv_header(&t->csv, t->c->a, names, &t->n, &why) != OK)
		return refuse("line 1: %s", why);
	for (size_t i = 0; i < t->n; i++) {
		t->order[i] = column_named(t, names[i]);
		if (t->order[i] == NULL)
			return bad_column(t, arena_str(t->c->a, names[i]));
		for (size_t j = 0; j < i; j++)
			if (t->order[j] == t->order[i])
				return refuse("line 1: the column '%s' comes twice", t->order[i]->name);
	}
	return DONE;
}

int table_open(struct table *t, const char *path)
{
	struct stat st;
	t->csv.f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (t->csv.f == NULL)
		return refuse("%s cannot be opened: %s", path, strerror(errno));
	if (fstat(fileno(t->csv.f), &st) == 0 && S_ISREG(st.st_mode))
		t->bytes = st.st_size;
	return header(t);
}

bool table_has(const struct table *t, const char *column)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->order[i]->name, column) == 0)
			return true;
	return false;
}

/* --- the others --- */

static int one_line(struct table *t, struct arena *a, const struct slice *fields, size_t n, const char **why)
{
	struct ctl line = *t->c;
	char *what = arena_alloc(a, t->size);
	line.a = a;
	if (n != t->n) {
		*why = arena_printf(a, "%zu fields where the first line names %zu", n, t->n);
		return REFUSED;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].n > 0)
			*(const char **)(what + t->order[i]->offset) = arena_str(a, fields[i]);
	return t->line(t, &line, what, why);
}

int table_read(struct table *t)
{
	for (;;) {
		AUTO_ARENA a = arena_new();
		struct slice fields[CSV_FIELDS];
		const char *why = NULL;
		size_t n = 0;
		int rc = csv_next(&t->csv, a, fields, &n, &why);
		if (rc == E_NOENT)
			return ferror(t->csv.f) ? refuse("%s cannot be read to its end", t->c->operands[0]) : DONE;
		if (rc == OK && one_line(t, a, fields, n, &why) != DONE && why == NULL)
			return REFUSED;
		table_count(t, t->csv.line, why);
	}
}

/* --- what became of them --- */

static void draw(struct table *t, bool last)
{
	enum { WIDTH = 30 };
	if (!t->progress || (!last && ticks_ms() - t->drawn < 100))
		return;
	t->drawn = ticks_ms();
	long long at = last ? t->bytes : t->bytes > 0 ? ftello(t->csv.f) : 0;
	int full = t->bytes > 0 && at >= 0 ? (int)(at * WIDTH / t->bytes) : 0;
	fputc('\r', stderr);
	if (t->bytes > 0)
		fprintf(stderr, "[%.*s%*s] ", full, "##############################", WIDTH - full, "");
	fprintf(stderr, "%lu %s, %lu refused%s", t->good, t->what, t->refused, last ? "\n" : "");
}

void table_count(struct table *t, unsigned long line, const char *why)
{
	if (why == NULL) {
		t->good++;
	} else {
		t->refused++;
		if (t->progress)
			fputs("\r\033[K", stderr);
		say("line %lu: %s", line, why);
	}
	draw(t, false);
}

int table_close(struct table *t, int rc)
{
	if (rc == DONE)
		draw(t, true);
	tdestroy(t->seen, free);
	if (t->csv.f != NULL && t->csv.f != stdin)
		fclose(t->csv.f);
	if (rc != DONE || t->refused == 0)
		return rc;
	return t->all_or_nothing ? refuse("refused lines: %lu; of the other %lu nothing was printed → mend the file, and import all of it", t->refused, t->good)
				 : refuse("refused lines: %lu; %s printed: %lu", t->refused, t->what, t->good);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool table_first(struct table *t, char kind, const char *value)
{
	char *text = NULL;
	if (value == NULL)
		return true;
	if (asprintf(&text, "%c%s", kind, value) < 0)
		abort();
	char **node = tsearch(text, &t->seen, by_text);
	if (node == NULL)
		abort();
	bool fresh = *node == text;
	if (!fresh)
		free(text);
	return fresh;
}
