/* csamctl person import: many people from a CSV file, one at a time, so that any number of them fits in memory. */
#include <errno.h>
#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "csamctl/csv.h"
#include "csamctl/person.h"

static const struct column {
	const char *name;
	size_t offset;
} columns[] = {
	{ "uid", offsetof(struct person_new, uid) },
	{ "given-name", offsetof(struct person_new, given_name) },
	{ "family-name", offsetof(struct person_new, family_name) },
	{ "mail", offsetof(struct person_new, mail) },
	{ "mobile", offsetof(struct person_new, mobile) },
	{ "national-number", offsetof(struct person_new, national_number) },
	{ "lang", offsetof(struct person_new, lang) },
	{ "password", offsetof(struct person_new, password) },
	{ "password-hash", offsetof(struct person_new, password_hash) },
	{ "totp", offsetof(struct person_new, totp) },
	{ "posix", offsetof(struct person_new, posix) },
	{ "identity-level", offsetof(struct person_new, identity_level) },
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

struct import {
	struct ctl *c;
	struct csv csv;
	const struct column *column[CSV_FIELDS];	/* of the file, from left to right */
	size_t ncolumns;
	void *seen;					/* tree of uids and national numbers */
	unsigned long good, refused;
	long long size;					/* of the file; 0 when it is no file */
	uint64_t drawn;					/* when the progress was last drawn */
	bool progress;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* First time this value turns up? The directory would refuse the second, but only in the middle of the load. */
static bool first_time(struct import *im, char kind, const char *value)
{
	if (value == NULL || *value == '\0')
		return true;
	char *text = NULL;
	if (asprintf(&text, "%c%s", kind, value) < 0)
		abort();
	char **node = tsearch(text, &im->seen, by_text);
	if (node == NULL)
		abort();
	bool fresh = *node == text;
	if (!fresh)
		free(text);
	return fresh;
}

static const struct column *column_named(struct slice name)
{
	for (size_t i = 0; i < NCOLUMNS; i++)
		if (slice_is(name, columns[i].name))
			return &columns[i];
	return NULL;
}

static int bad_column(struct import *im, const char *name)
{
	const char *names[NCOLUMNS + 1] = { NULL };
	struct buf b = buf_new(im->c->a);
	for (size_t i = 0; i < NCOLUMNS; i++) {
		names[i] = columns[i].name;
		buf_printf(&b, " %s", names[i]);
	}
	const char *meant = near_miss(name, names);
	if (meant != NULL)
		return refuse("line 1: no column '%s': did you mean '%s'?", name, meant);
	return refuse("line 1: no column '%s' → the first line names the columns, any of:%s", name, buf_cstr(&b));
}

static int header(struct import *im)
{
	struct slice fields[CSV_FIELDS];
	const char *why = "the file is empty";
	bool uid = false;
	if (csv_header(&im->csv, im->c->a, fields, &im->ncolumns, &why) != OK)
		return refuse("line 1: %s", why);
	for (size_t i = 0; i < im->ncolumns; i++) {
		im->column[i] = column_named(fields[i]);
		if (im->column[i] == NULL)
			return bad_column(im, arena_str(im->c->a, fields[i]));
		for (size_t j = 0; j < i; j++)
			if (im->column[j] == im->column[i])
				return refuse("line 1: the column '%s' comes twice", im->column[i]->name);
		uid |= im->column[i] == &columns[0];
	}
	return uid ? DONE : bad_column(im, "(nothing named uid)");
}

static void draw_progress(struct import *im, bool last)
{
	enum { WIDTH = 30 };
	if (!im->progress || (!last && ticks_ms() - im->drawn < 100))
		return;
	im->drawn = ticks_ms();
	long long at = last ? im->size : ftello(im->csv.f);
	int full = im->size > 0 && at >= 0 ? (int)(at * WIDTH / im->size) : 0;
	if (im->size > 0)
		fprintf(stderr, "\r[%.*s%*s] ", full, "##############################", WIDTH - full, "");
	else
		fputc('\r', stderr);
	fprintf(stderr, "%lu people, %lu refused%s", im->good, im->refused, last ? "\n" : "");
}

static void refuse_line(struct import *im, const char *why)
{
	im->refused++;
	if (im->progress)
		fputs("\r\033[K", stderr);
	say("line %lu: %s", im->csv.line, why);
}

/* DONE, also when the line was refused; REFUSED when going on makes no sense. */
static int person_of(struct import *im, struct arena *a, const struct slice *fields, size_t n)
{
	struct ctl line = *im->c;
	struct person_new in = { .verified = opt_on(im->c, "verified"), .pending = opt_on(im->c, "pending") };
	struct buf out = buf_new(a);
	const char *why = NULL, *secret = NULL;
	line.a = a;
	if (n != im->ncolumns) {
		refuse_line(im, arena_printf(a, "%zu fields where the first line names %zu", n, im->ncolumns));
		return DONE;
	}
	for (size_t i = 0; i < n; i++)
		*(const char **)((char *)&in + im->column[i]->offset) = arena_str(a, fields[i]);
	if (!first_time(im, 'u', in.uid) || !first_time(im, 'n', in.national_number))
		why = "the same uid or national number stands in an earlier line";
	else if (person_records(&line, in, &out, &why, &secret) != DONE && why == NULL)
		return REFUSED;
	if (why != NULL) {
		refuse_line(im, why);
		return DONE;
	}
	im->good++;
	return print(&out);
}

static int lines(struct import *im)
{
	for (;;) {
		AUTO_ARENA a = arena_new();
		struct slice fields[CSV_FIELDS];
		const char *why = NULL;
		size_t n = 0;
		int rc = csv_next(&im->csv, a, fields, &n, &why);
		if (rc == E_NOENT)
			return DONE;
		if (rc != OK)
			refuse_line(im, why);
		else if (person_of(im, a, fields, n) != DONE)
			return REFUSED;
		draw_progress(im, false);
	}
}

static int import_run(struct ctl *c)
{
	const char *path = c->operands[0];
	struct stat st;
	struct import im = { .c = c, .progress = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) != 1 };
	int rc = need(c, c->set.people_base, "base");
	if (rc != DONE)
		return rc;
	im.csv.f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (im.csv.f == NULL)
		return refuse("%s cannot be opened: %s", path, strerror(errno));
	if (fstat(fileno(im.csv.f), &st) == 0 && S_ISREG(st.st_mode))
		im.size = st.st_size;
	rc = header(&im);
	if (rc == DONE)
		rc = lines(&im);
	if (rc == DONE)
		draw_progress(&im, true);
	if (rc == DONE && ferror(im.csv.f))
		rc = refuse("%s cannot be read to its end", path);
	tdestroy(im.seen, free);
	if (im.csv.f != stdin)
		fclose(im.csv.f);
	if (rc == DONE && im.refused > 0)
		rc = refuse("refused lines: %lu; people printed: %lu", im.refused, im.good);
	return rc;
}

static const struct opt import_opts[] = {
	{ "verified", NULL, "mail and mobile are known to belong to the people", 0, 0 },
	{ "pending", NULL, "app keys wait to be activated", 0, 0 },
	{ 0 },
};

const struct command cmd_person_import = {
	.path = "person import", .operands = "FILE.csv", .noperands = 1, .opts = import_opts, .run = import_run,
	.what = "LDIF of many new people from a CSV file",
	.more = "The first line names the columns: uid (needed), given-name, family-name, mail, mobile, national-number, lang,\n"
	    "password, password-hash ({ARGON2}... from another system), totp (base32), posix (UID:GID), identity-level.\n"
	    "Fields are separated by commas or semicolons, text is UTF-8. A line that is refused prints nothing but its number\n"
	    "and the reason, on standard error; the exit code is then 1.",
	.examples =
	    "  csamctl person import people.csv > people.ldif\n"
	    "  csamctl person import - < people.csv | ldapmodify -c -H ldapi:/// -Y EXTERNAL\n",
};
