/* csamctl person adopt: people who are in the directory already become csamPerson, as LDIF. */
#include <strings.h>
#include "base/digest.h"
#include "csamctl/fields.h"
#include "csamctl/ldif.h"
#include "csamctl/person.h"

struct adoption {
	struct ctl *c;
	unsigned long adopted, refused, already;
};

/* In a DN below `base`? Letters of any case, no spaces: as slapd writes DNs. */
static bool below(const char *dn, const char *base)
{
	size_t n = strlen(dn), m = strlen(base);
	return n > m && dn[n - m - 1] == ',' && strcasecmp(dn + n - m, base) == 0;
}

static int adopt_one(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct adoption *ad = ctx;
	const struct settings *set = &ad->c->set;
	const struct attr *name = entry_attr(e, set->name_attr);
	if (entry_has(e, "objectClass", "csamPerson") && entry_str(e, "csamSubject") != NULL) {
		ad->already++;
		return OK;
	}
	if (name == NULL || name->n != 1 || !below(e->dn, set->people_base)) {
		ad->refused++;
		say("%s: %s", e->dn, name == NULL || name->n != 1 ? "needs exactly one name to log in with" : "is not below the people");
		return OK;
	}
	struct buf b = buf_new(a);
	ldif_record(&b, e->dn, "modify");
	if (!entry_has(e, "objectClass", "csamPerson"))
		ldif_mod(&b, "add", "objectClass", "csamPerson");
	ldif_mod(&b, "add", "csamSubject", random_uuid(a));
	if (entry_str(e, "csamPersonState") == NULL)
		ldif_mod(&b, "add", "csamPersonState", "active");
	ldif_end(&b);
	if (opt_on(ad->c, "password-key")) {
		struct key_new k = { .person_dn = e->dn, .id = "password-1", .kind = "password" };
		struct ctl one = *ad->c;
		one.a = a;
		key_record(&one, &k, &b);
	}
	ad->adopted++;
	return print(&b) == DONE ? OK : E_DOWN;
}

static int adopt_run(struct ctl *c)
{
	struct adoption ad = { .c = c };
	struct dir *d;
	const char *why = "standard output cannot be written";
	const char *filter = c->operands[0];
	if (filter[0] != '(')
		filter = arena_printf(c->a, "(%s)", filter);
	int rc = dir_open(c, &d);
	if (rc != DONE)
		return rc;
	const char *attrs[] = { "objectClass", "csamSubject", "csamPersonState", c->set.name_attr, NULL };
	struct search s = { c->set.people_base, SCOPE_TREE, arena_printf(c->a, "(&(!(objectClass=csamKey))(!(objectClass=csamTombstone))%s)", filter), attrs };
	if (dir_each(d, &s, adopt_one, &ad, &why) != OK)
		return refuse("people below %s cannot be read to the end: %s", c->set.people_base, why);
	say("%lu to adopt, %lu were adopted before, %lu refused", ad.adopted, ad.already, ad.refused);
	return ad.refused > 0 ? REFUSED : DONE;
}

static const struct opt adopt_opts[] = {
	{ "password-key", NULL, "also a password key each: the passwords they have open services of level 200", 0, 0 },
	{ 0 },
};

const struct command cmd_person_adopt = {
	.path = "person adopt", .operands = "FILTER", .noperands = 1, .opts = adopt_opts, .run = adopt_run,
	.what = "LDIF that makes people who are in the directory already known here",
	.more = "Adds the class csamPerson, a subject and the state active to the entries below the people that match the LDAP\n"
	    "filter; those adopted before are left alone, so it can be run again.",
	.examples =
	    "  csamctl person adopt objectClass=posixAccount | ldapmodify -H ldapi:/// -Y EXTERNAL\n"
	    "  csamctl person adopt --password-key '(&(objectClass=inetOrgPerson)(uidNumber>=10000))' > adopt.ldif\n",
};
