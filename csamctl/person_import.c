/* csamctl person import: many people from a CSV file. */
#include <stddef.h>
#include <unistd.h>
#include "csamctl/person.h"
#include "csamctl/table.h"

static const struct table_column columns[] = {
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
	{ 0 },
};

static int person_of(struct table *t, struct ctl *c, const void *line, const char **why)
{
	struct person_new in = *(const struct person_new *)line;
	struct buf out = buf_new(c->a);
	const char *secret;
	in.verified = opt_on(c, "verified");
	in.pending = opt_on(c, "pending");
	if (!table_first(t, 'u', in.uid) || !table_first(t, 'n', in.national_number)) {
		*why = "the same uid or national number stands in an earlier line";
		return REFUSED;
	}
	int rc = person_records(c, in, &out, why, &secret);
	return rc == DONE ? print(&out) : rc;
}

static int import_run(struct ctl *c)
{
	struct table t = { .c = c, .what = "people", .columns = columns, .size = sizeof(struct person_new), .line = person_of,
		.progress = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) != 1 };
	int rc = need(c, c->set.people_base, "base");
	if (rc == DONE)
		rc = table_open(&t, c->operands[0]);
	if (rc == DONE && !table_has(&t, "uid"))
		rc = refuse("line 1: the column uid is needed");
	if (rc == DONE)
		rc = table_read(&t);
	return table_close(&t, rc);
}

static const struct opt import_opts[] = {
	{ "verified", NULL, "mail and mobile are known to belong to the people", 0, 0 },
	{ "pending", NULL, "app keys wait until the person shows one of their codes on /keys", 0, 0 },
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
