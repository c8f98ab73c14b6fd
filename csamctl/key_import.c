/* csamctl key import: a box of tokens from the CSV file of who gets which. All of it or nothing: seeds are printed, sealed, when no line was refused. */
#include <errno.h>
#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/base32.h"
#include "base/clock.h"
#include "base/codec.h"
#include "csamctl/csv.h"
#include "csamctl/fields.h"
#include "csamctl/person.h"

struct token_line {
	const char *person, *serial, *secret, *secret_hex, *type, *digits, *hash, *period, *counter;
};

static const struct column {
	const char *name;
	size_t offset;
} columns[] = {
	{ "person", offsetof(struct token_line, person) }, { "serial", offsetof(struct token_line, serial) },
	{ "secret", offsetof(struct token_line, secret) }, { "secret-hex", offsetof(struct token_line, secret_hex) },
	{ "type", offsetof(struct token_line, type) }, { "digits", offsetof(struct token_line, digits) },
	{ "hash", offsetof(struct token_line, hash) }, { "period", offsetof(struct token_line, period) },
	{ "counter", offsetof(struct token_line, counter) },
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

struct box {
	struct ctl *c;
	struct dir *d;
	struct csv csv;
	const struct column *column[CSV_FIELDS];
	size_t ncolumns;
	struct buf out;			/* what is printed when all is well */
	void *seen;			/* tree of serial numbers */
	unsigned long good, refused;
	uint64_t drawn;
	bool progress;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool first_time(struct box *x, const char *serial)
{
	char *text = strdup(serial);
	char **node = text != NULL ? tsearch(text, &x->seen, by_text) : NULL;
	if (node == NULL)
		abort();
	bool fresh = *node == text;
	if (!fresh)
		free(text);
	return fresh;
}

static int header(struct box *x)
{
	struct slice fields[CSV_FIELDS];
	const char *why = "the file is empty";
	bool person = false, serial = false, secret = false;
	if (csv_header(&x->csv, x->c->a, fields, &x->ncolumns, &why) != OK)
		return refuse("line 1: %s", why);
	for (size_t i = 0; i < x->ncolumns; i++) {
		for (size_t k = 0; k < NCOLUMNS; k++)
			if (slice_is(fields[i], columns[k].name))
				x->column[i] = &columns[k];
		if (x->column[i] == NULL)
			return refuse("line 1: no column '%s' → any of: person serial secret secret-hex type digits hash period counter",
			    harmless(x->c->a, arena_str(x->c->a, fields[i])));
		for (size_t j = 0; j < i; j++)
			if (x->column[j] == x->column[i])
				return refuse("line 1: the column '%s' comes twice", x->column[i]->name);
		person |= slice_is(fields[i], "person");
		serial |= slice_is(fields[i], "serial");
		secret |= slice_starts(fields[i], S("secret"));
	}
	return person && serial && secret ? DONE : refuse("line 1: the columns person, serial, and secret or secret-hex are needed");
}

static const char *seed(struct arena *a, const struct token_line *in, const char **out)
{
	struct slice raw;
	if ((in->secret != NULL) == (in->secret_hex != NULL))
		return "one of secret (base32) and secret-hex is needed";
	if (in->secret != NULL)
		return field_totp(a, slice_is(S("new"), in->secret) ? S("") : slice_of(in->secret), out);
	if (hex_decode(a, slice_of(in->secret_hex), &raw) != OK)
		return "secret-hex is no hexadecimal";
	return field_totp(a, slice_of(base32_text(a, raw)), out);
}

static bool among(const char *value, const char *words)
{
	return slice_has_word(slice_of(words), slice_of(value));
}

static const char *shape(struct arena *a, const struct token_line *in, struct key_new *k)
{
	unsigned long long n;
	bool hotp = in->type != NULL && strcmp(in->type, "hotp") == 0;
	const char *digits = in->digits ? in->digits : "6", *hash = in->hash ? in->hash : "sha1", *period = in->period ? in->period : "30";
	if (!hotp && in->type != NULL && strcmp(in->type, "totp") != 0)
		return "type is hotp or totp";
	if (!among(digits, "6 7 8") || !among(hash, "sha1 sha256 sha512") || !among(period, "30 60"))
		return "a token has 6, 7 or 8 digits, sha1, sha256 or sha512, and 30 or 60 seconds";
	if (hotp ? in->period != NULL : in->counter != NULL)
		return hotp ? "a token with a counter has no period" : "a token with a clock has no counter";
	if (in->counter != NULL && slice_number(slice_of(in->counter), UINT32_MAX, &n) != OK)
		return "counter is no number";
	k->data = hotp ? arena_printf(a, "hotp %s %s", digits, hash) : arena_printf(a, "totp %s %s %s", digits, hash, period);
	k->counter = in->counter;
	return NULL;
}

/* DONE and the record in x->out; REFUSED with *why, or with *why NULL when it was said and going on makes no sense. */
static int token_of(struct box *x, struct ctl *line, const struct token_line *in, const char **why)
{
	struct ldap_entry person, *keys = ARENA_ARRAY(line->a, struct ldap_entry, KEYS_MAX);
	struct key_new k = { .kind = "token", .pending = opt_on(x->c, "pending"), .level = opt(x->c, "level") };
	size_t n = 0;
	if (in->person == NULL || in->serial == NULL)
		*why = "person and serial are needed";
	else if ((*why = field_id(slice_of(in->serial))) == NULL && strlen(in->serial) > 48)
		*why = "a serial number has 48 characters at most";
	if (*why == NULL && !first_time(x, in->serial))
		*why = "the same serial number stands in an earlier line";
	if (*why == NULL && (*why = seed(line->a, in, &k.secret)) == NULL)
		*why = shape(line->a, in, &k);
	if (*why != NULL)
		return REFUSED;
	if (person_find(line, x->d, in->person, &person) != DONE || person_keys(line, x->d, &person, keys, &n) != DONE) {
		*why = "who gets it is not known";
		return REFUSED;
	}
	k.person_dn = person.dn;
	k.subject = entry_str(&person, "csamSubject");
	k.id = arena_printf(line->a, "token-%s", in->serial);
	k.label = in->serial;
	for (size_t i = 0; i < n; i++)
		if (entry_has(&keys[i], "csamKeyId", k.id))
			*why = "the person has this token already";
	return *why != NULL ? REFUSED : key_record(line, &k, &x->out);
}

static int one_line(struct box *x, struct arena *a, const struct slice *fields, size_t n)
{
	struct ctl line = *x->c;
	struct token_line in = { 0 };
	const char *why = NULL;
	line.a = a;
	if (n != x->ncolumns)
		why = arena_printf(a, "%zu fields where the first line names %zu", n, x->ncolumns);
	for (size_t i = 0; why == NULL && i < n; i++)
		*(const char **)((char *)&in + x->column[i]->offset) = fields[i].n > 0 ? arena_str(a, fields[i]) : NULL;
	if (why == NULL && token_of(x, &line, &in, &why) != DONE && why == NULL)
		return REFUSED;
	if (why != NULL) {
		x->refused++;
		say("line %lu: %s", x->csv.line, why);
	} else {
		x->good++;
	}
	if (x->progress && ticks_ms() - x->drawn > 100) {
		x->drawn = ticks_ms();
		fprintf(stderr, "\r%lu tokens, %lu refused", x->good, x->refused);
	}
	return DONE;
}

static int lines(struct box *x)
{
	for (;;) {
		AUTO_ARENA a = arena_new();
		struct slice fields[CSV_FIELDS];
		const char *why = NULL;
		size_t n = 0;
		int rc = csv_next(&x->csv, a, fields, &n, &why);
		if (rc == E_NOENT)
			return DONE;
		if (rc != OK) {
			x->refused++;
			say("line %lu: %s", x->csv.line, why);
		} else if (one_line(x, a, fields, n) != DONE) {
			return REFUSED;
		}
	}
}

static int import_run(struct ctl *c)
{
	const char *path = c->operands[0], *level = opt(c, "level"), *why = level != NULL ? field_level(slice_of(level)) : NULL;
	struct box x = { .c = c, .out = buf_new(c->a), .progress = isatty(STDERR_FILENO) == 1 };
	if (why != NULL)
		return refuse("%s", why);
	int rc = dir_open(c, &x.d);
	if (rc != DONE)
		return rc;
	x.csv.f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (x.csv.f == NULL)
		return refuse("%s cannot be opened: %s", path, strerror(errno));
	rc = header(&x);
	if (rc == DONE)
		rc = lines(&x);
	if (rc == DONE && ferror(x.csv.f))
		rc = refuse("%s cannot be read to its end", path);
	tdestroy(x.seen, free);
	if (x.csv.f != stdin)
		fclose(x.csv.f);
	if (x.progress)
		fprintf(stderr, "\r%lu tokens, %lu refused\n", x.good, x.refused);
	if (rc == DONE && x.refused > 0)
		rc = refuse("refused lines: %lu; of the other %lu nothing was printed → mend the file, and import all of it", x.refused, x.good);
	return rc == DONE ? print(&x.out) : rc;
}

static const struct opt import_opts[] = {
	{ "level", "LEVEL", "the keys reach no higher than this", 0, 0 },
	{ "pending", NULL, "the keys wait to be activated", 0, 0 },
	{ 0 },
};

const struct command cmd_key_import = {
	.path = "key import", .operands = "FILE", .noperands = 1, .opts = import_opts, .run = import_run,
	.what = "LDIF of many hardware tokens from a CSV file of seeds and who gets them",
	.more = "The first line names the columns: person, serial, secret (base32) or secret-hex (needed), type (totp or hotp), digits, hash, period,\n"
	    "counter. Seeds are sealed by the keyring. When one line is refused nothing is printed: each is told with its number and the reason.",
	.examples = "  csamctl key import tokens.csv | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};
