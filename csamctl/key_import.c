/* csamctl key import: a box of tokens from the CSV file of who gets which, or from a PSKC container (RFC 6030) and such a list. All of it or nothing:
 * seeds are printed, sealed, when no line was refused. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/base32.h"
#include "base/codec.h"
#include "csamctl/fields.h"
#include "csamctl/person.h"
#include "csamctl/pskc.h"
#include "csamctl/table.h"

struct token_line {
	const char *person, *serial, *secret, *secret_hex, *type, *digits, *hash, *period, *counter;
};

static const struct table_column columns[] = {
	{ "person", offsetof(struct token_line, person) }, { "serial", offsetof(struct token_line, serial) },
	{ "secret", offsetof(struct token_line, secret) }, { "secret-hex", offsetof(struct token_line, secret_hex) },
	{ "type", offsetof(struct token_line, type) }, { "digits", offsetof(struct token_line, digits) },
	{ "hash", offsetof(struct token_line, hash) }, { "period", offsetof(struct token_line, period) },
	{ "counter", offsetof(struct token_line, counter) }, { 0 },
};

struct box {
	struct ctl *c;
	struct dir *d;
	struct buf out;			/* what is printed when all is well */
	struct table lines;		/* also of a container only these are counted */
};

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
	if (*why == NULL && !table_first(&x->lines, 's', in->serial))
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

static int one_line(struct table *t, struct ctl *c, const void *line, const char **why)
{
	return token_of(t->arg, c, line, why);
}

/* --- a PSKC container --- */

struct assignment {
	const char *serial, *person;
	unsigned long line;
	bool met;
};

struct assignments {
	struct assignment *at;
	size_t n, room;
};

/* The list of who gets which: its columns are serial and person. */
static int read_persons(struct box *x, const char *path, struct assignments *out)
{
	struct csv csv = { .f = fopen(path, "re") };
	struct slice fields[CSV_FIELDS];
	const char *why = "the file is empty";
	size_t n = 0;
	if (csv.f == NULL)
		return refuse("%s cannot be opened: %s", path, strerror(errno));
	int rc = csv_header(&csv, x->c->a, fields, &n, &why);
	size_t serial = rc == OK && n == 2 && slice_is(fields[1], "serial") ? 1 : 0;
	bool fit = rc == OK && n == 2 && slice_is(fields[serial], "serial") && slice_is(fields[1 - serial], "person");
	while (fit && (rc = csv_next(&csv, x->c->a, fields, &n, &why)) == OK && n == 2) {
		struct assignment *more = out->n < out->room ? out->at : ARENA_ARRAY(x->c->a, struct assignment, 2 * out->room + 64);
		if (more != out->at && out->n > 0)
			memcpy(more, out->at, out->n * sizeof *more);
		out->room = more != out->at ? 2 * out->room + 64 : out->room;
		out->at = more;
		out->at[out->n++] = (struct assignment){ arena_str(x->c->a, fields[serial]), arena_str(x->c->a, fields[1 - serial]), csv.line, false };
	}
	fclose(csv.f);
	if (!fit)
		return refuse("%s: its first line names two columns: serial and person", path);
	return rc == E_NOENT ? DONE : refuse("%s, line %lu: %s", path, csv.line, rc == OK ? "two fields are needed" : why);
}

static int by_serial(const void *a, const void *b)
{
	return strcmp(((const struct assignment *)a)->serial, ((const struct assignment *)b)->serial);
}

/* A key as hexadecimal digits, or a passphrase: the first line of a file that nobody else may read. */
static int container_secret(struct ctl *c, const char *option, bool hex, struct slice *out)
{
	struct slice line;
	const char *path = opt(c, option);
	if (path == NULL)
		return DONE;
	if (read_secret(c->a, path, &line) != OK)
		return REFUSED;
	*out = line;
	if (hex && (hex_decode(c->a, line, out) != OK || (out->n != 16 && out->n != 24 && out->n != 32)))
		return refuse("%s: a key is 32, 48 or 64 hexadecimal digits", path);
	return DONE;
}

static int packages(struct box *x, struct assignments *who, const struct pskc_token *t, size_t n)
{
	unsigned long nobody = 0;
	for (size_t i = 0; i < n; i++) {
		AUTO_ARENA a = arena_new();
		struct ctl line = *x->c;
		const struct assignment wanted = { .serial = t[i].serial != NULL ? t[i].serial : "" };
		struct assignment *to = who->n > 0 ? bsearch(&wanted, who->at, who->n, sizeof wanted, by_serial) : NULL;
		const char *why = t[i].why;
		line.a = a;
		if (to == NULL && t[i].serial != NULL) {
			nobody++;
			continue;
		}
		struct token_line in = { .person = to != NULL ? to->person : NULL, .serial = t[i].serial, .type = t[i].type, .digits = t[i].digits,
			.hash = t[i].hash, .period = t[i].period, .counter = t[i].counter };
		if (to != NULL)
			to->met = true;
		if (why == NULL) {
			in.secret = base32_text(a, t[i].seed);
			if (token_of(x, &line, &in, &why) != DONE && why == NULL)
				return REFUSED;
		}
		table_count(&x->lines, t[i].line, why);
	}
	for (size_t i = 0; i < who->n; i++)
		if (!who->at[i].met)
			table_count(&x->lines, who->at[i].line, arena_printf(x->c->a, "of the list: no token %s in the container", harmless(x->c->a, who->at[i].serial)));
	if (nobody > 0)
		say("%lu tokens of the container are nobody's yet: they are not in the list", nobody);
	return DONE;
}

static int container(struct box *x, const char *path)
{
	struct assignments who = { .n = 0 };
	struct slice xml, key = S_NONE, passphrase = S_NONE;
	struct pskc_token *tokens;
	const char *why;
	size_t n;
	int rc = read_persons(x, opt(x->c, "persons"), &who);
	if (rc == DONE)
		rc = container_secret(x->c, "key-file", true, &key);
	if (rc == DONE)
		rc = container_secret(x->c, "passphrase-file", false, &passphrase);
	if (rc != DONE)
		return rc;
	if (key.n > 0 && passphrase.n > 0)
		return refuse("--key-file and --passphrase-file: one of them");
	if (read_file(x->c->a, path, PSKC_MAX, &xml) != OK)
		return REFUSED;
	if (pskc_read(x->c->a, xml, key, passphrase, &tokens, &n, &why) != OK)
		return refuse("%s: %s", path, why);
	qsort(who.at, who.n, sizeof *who.at, by_serial);
	for (size_t i = 1; i < who.n; i++)
		if (by_serial(&who.at[i - 1], &who.at[i]) == 0)
			return refuse("line %lu of the list: the serial number of line %lu once more", who.at[i].line, who.at[i - 1].line);
	return packages(x, &who, tokens, n);
}

static int csv_file(struct table *t, const char *path)
{
	int rc = table_open(t, path);
	if (rc == DONE && !(table_has(t, "person") && table_has(t, "serial") && (table_has(t, "secret") || table_has(t, "secret-hex"))))
		rc = refuse("line 1: the columns person, serial, and secret or secret-hex are needed");
	return rc == DONE ? table_read(t) : rc;
}

static int import_run(struct ctl *c)
{
	const char *path = c->operands[0], *level = opt(c, "level"), *why = level != NULL ? field_level(slice_of(level)) : NULL;
	struct box x = { .c = c, .out = buf_new(c->a) };
	x.lines = (struct table){ .c = c, .what = "tokens", .columns = columns, .size = sizeof(struct token_line), .line = one_line, .arg = &x,
		.all_or_nothing = true, .progress = isatty(STDERR_FILENO) == 1 };
	if (why != NULL)
		return refuse("%s", why);
	int rc = dir_open(c, &x.d);
	if (rc != DONE)
		return rc;
	rc = opt(c, "persons") != NULL ? container(&x, path) : csv_file(&x.lines, path);
	rc = table_close(&x.lines, rc);
	return rc == DONE ? print(&x.out) : rc;
}

static const struct opt import_opts[] = {
	{ "level", "LEVEL", "the keys reach no higher than this", 0, 0 },
	{ "pending", NULL, "the keys wait until the person shows one of their codes on /keys", 0, 0 },
	{ "persons", "CSV", "FILE is a PSKC container, and this the list of who gets which: columns serial and person", 0, 0 },
	{ "key-file", "PATH", "the key of the container, as hexadecimal digits", 0, 0 },
	{ "passphrase-file", "PATH", "the passphrase of the container", 0, 0 },
	{ 0 },
};

const struct command cmd_key_import = {
	.path = "key import", .operands = "FILE", .noperands = 1, .opts = import_opts, .run = import_run,
	.what = "LDIF of many hardware tokens from a CSV file of seeds and who gets them",
	.more = "The first line names the columns: person, serial, secret (base32) or secret-hex (needed), type (totp or hotp), digits, hash, period, counter.\n"
	    "With --persons it is a PSKC container (RFC 6030) instead: HOTP and TOTP, plain or encrypted (AES-CBC with a MAC; PBKDF2). Seeds are sealed by the keyring. When one line is refused nothing is printed: each is told with its number and the reason.",
	.examples = "  csamctl key import tokens.csv | ldapmodify -H ldapi:/// -Y EXTERNAL\n"
	    "  csamctl key import box.pskcxml --persons persons.csv --key-file box.key | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};
