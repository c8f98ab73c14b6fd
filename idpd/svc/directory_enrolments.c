/* Enrolments: who was identified elsewhere, and may activate keys here. Read when somebody comes with a link, and never cached. */
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

enum { ID_CHARS = 22, DIGEST = 32 };

static const char *dn_of(struct arena *a, struct slice id)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "csamEnrolmentId=");
	buf_dn(&b, id);
	buf_printf(&b, ",ou=enrolments,%s", dir_conf.base);
	return buf_cstr(&b);
}

static struct slice digest(const struct entry *e, const char *name)
{
	const struct attribute *at = entry_attribute(e, name);
	return at != NULL && at->n == 1 && at->values[0].n == DIGEST ? at->values[0] : S_NONE;
}

/* One that cannot be read whole is none. */
static int parse(const struct entry *e, struct enrolment *out)
{
	const struct attribute *level = entry_attribute(e, "csamEnrolmentLevel");
	const char *end = entry_string(e, "csamEnrolmentEnd");
	unsigned long long n = 0;
	*out = (struct enrolment){ .dn = e->dn, .subject = entry_string(e, "csamSubject"), .state = entry_string(e, "csamEnrolmentState"),
		.link = digest(e, "csamEnrolmentLink"), .code = digest(e, "csamEnrolmentCode") };
	bool read = out->subject != NULL && out->state != NULL && out->link.n > 0 && out->code.n > 0 && level != NULL &&
	    slice_number(level->values[0], 500, &n) == OK && n >= 100 && end != NULL && time_parse_ldap(end, &out->end) == OK;
	out->level = (unsigned)n;
	return read ? OK : fail(E_NOENT, "directory: %s is no whole enrolment", e->dn);
}

int directory_enrolment(struct arena *a, struct slice id, struct enrolment *out)
{
	static const char *const attributes[] = { "csamSubject", "csamEnrolmentLevel", "csamEnrolmentState", "csamEnrolmentEnd",
		"csamEnrolmentLink", "csamEnrolmentCode", NULL };
	struct entries found;
	struct enrolment e;
	if (id.n != ID_CHARS || !slice_is_text(id, ""))
		return E_NOENT;
	if (would_block())
		return E_WAIT;
	struct query one = { dn_of(a, id), SCOPE_ENTRY, "(objectClass=csamEnrolment)", attributes, 2, false };
	int rc = dir_search(a, &one, 1, &found);
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	rc = found.n == 1 ? parse(&found.e[0], &e) : E_NOENT;
	if (rc != OK)
		return rc;
	e.id = arena_str(a, id);
	*out = e;
	return OK;
}

int directory_enrolment_close(const struct enrolment *e, const char *state)
{
	const struct change close[] = {
		{ CHANGE_DELETE, "csamEnrolmentState", S("open") },
		{ CHANGE_ADD, "csamEnrolmentState", slice_of(state) },
	};
	return would_block() ? E_WAIT : dir_modify(e->dn, close, 2, NULL);
}
