/* Checks of access rules: tries to read, as nobody and as a person, what nobody may read. */
#include "csamctl/check.h"
#include "csamctl/ldap.h"
#include "csamctl/person.h"

static const char *const secret[] = { "userPassword", "csamKeySecret", "csamKeyData", "csamClientSecret", NULL };

struct look {
	struct check *k;
	const char *self;		/* DN of who looks; NULL: nobody */
	const char *leak, *where;	/* the first secret that was seen */
	const char *personal;		/* DN of another person whose national number was seen */
	unsigned long entries;
};

static int look_at(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct look *l = ctx;
	(void)a;
	l->entries++;
	for (const char *const *name = secret; *name != NULL; name++)
		if (entry_attr(e, *name) != NULL) {
			l->leak = *name;
			l->where = arena_strdup(l->k->c->a, e->dn);
			return E_EXISTS;
		}
	if (entry_attr(e, "csamNationalNumber") != NULL && (l->self == NULL || strcmp(l->self, e->dn) != 0))
		l->personal = arena_strdup(l->k->c->a, e->dn);
	return OK;
}

/* A search that the directory cuts short or refuses has shown what it has shown: that is what counts. */
static void look_around(struct look *l, struct dir *d, const char *who)
{
	static const char *const attrs[] = { "userPassword", "csamKeySecret", "csamKeyData", "csamClientSecret", "csamNationalNumber", NULL };
	const char *why = NULL;
	struct search s = { l->k->c->set.base, SCOPE_TREE, "(objectClass=*)", attrs };
	int rc = dir_each(d, &s, look_at, l, &why);
	if (rc == E_DOWN)
		check_warn(l->k, "whether %s can read secrets was not found out: %s", who, why);
	else if (l->leak != NULL)
		check_fail(l->k, "%s can read %s of %s → a deny rule for it must come first in olcAccess; change what was readable", who, l->leak, l->where);
	else
		check_ok(l->k, "%s cannot read secrets (%lu entries seen)", who, l->entries);
	if (l->personal != NULL)
		check_fail(l->k, "%s can read the national number of %s → deny it in olcAccess", who, l->personal);
}

static void as_nobody(struct check *k)
{
	struct look l = { .k = k };
	struct dir *d;
	const char *why = NULL;
	if (dir_open_nobody(k->c, &d, &why) == OK)
		look_around(&l, d, "nobody in particular");
	else
		check_warn(k, "anonymous reading was not tried: %s", why);
}

static void as_person(struct check *k, const char *name)
{
	struct ldap_entry person;
	struct slice password;
	struct dir *d;
	const char *why = "give --as-password-file FILE", *file = opt(k->c, "as-password-file");
	if (person_find(k->c, k->dir, name, &person) != DONE)
		why = "there is no such person";
	else if (file != NULL && read_secret(k->c->a, file, &password) == OK && dir_open_as(k->c, person.dn, password, &d, &why) == OK) {
		struct look l = { .k = k, .self = person.dn };
		look_around(&l, d, name);
		return;
	}
	check_fail(k, "reading as %s was not tried: %s", name, why);
}

void check_secrets(struct check *k)
{
	as_nobody(k);
	if (opt(k->c, "as") != NULL)
		as_person(k, opt(k->c, "as"));
	else
		check_warn(k, "reading as a person was not tried → --as NAME --as-password-file FILE");
}
