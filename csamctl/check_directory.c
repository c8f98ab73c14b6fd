/* Checks of the directory: tree, version, content sync, password policy, decoy. */
#include "base/clock.h"
#include "base/digest.h"
#include "csamctl/check.h"
#include "csamctl/ldap.h"
#include "csamctl/upgrade.h"

static bool exists(struct check *k, const char *dn, const char **why)
{
	static const char *const no_attrs[] = { "1.1", NULL };
	struct ldap_entry e;
	size_t n = 0;
	struct search s = { dn, SCOPE_BASE, "(objectClass=*)", no_attrs };
	*why = "you may not see it";
	return dir_find(k->c, k->dir, &s, &e, 1, &n, why) == OK && n == 1;
}

void check_tree(struct check *k)
{
	const char *places[] = { k->c->set.people_base, k->c->set.services_base }, *why;
	for (size_t i = 0; i < 2; i++) {
		if (exists(k, places[i], &why))
			check_ok(k, "%s is there", places[i]);
		else
			check_fail(k, "%s: %s → add it, or name another place in the configuration", places[i], why);
	}
}

/* The same comparison as csamctl directory upgrade. */
void check_upgrade(struct check *k)
{
	struct upgrade u = { .c = k->c, .dir = k->dir };
	const char *why = NULL;
	if (upgrade_compare(&u, &why) != OK) {
		check_fail(k, "the directory cannot be compared with this version: %s", why);
		return;
	}
	struct slice notes = buf_slice(&u.notes), note;
	while (slice_cut(&notes, '\n', &note) && note.n > 0)
		check_warn(k, "%.*s", (int)note.n, note.p);
	if (u.lacks.n > 0)
		check_fail(k, "the directory is of an earlier version, it lacks or has otherwise:%s → csamctl directory upgrade", buf_cstr(&u.lacks));
	else
		check_ok(k, "schema and containers%s are of this version", u.blind == NULL ? ", access rules, overlays and indexes" : "");
	if (u.blind != NULL)
		check_warn(k, "access rules, overlays and indexes were not compared: %s → as root: csamctl check -H ldapi:///", u.blind);
}

void check_sync(struct check *k)
{
	const char *why = NULL;
	if (dir_sync_works(k->dir, k->c->set.base, &why) == OK)
		check_ok(k, "content sync answers: changes reach idpd at once");
	else
		check_fail(k, "content sync: %s → load the overlay syncprov on the database", why);
}

static int locks(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct buf *bad = ctx;
	(void)a;
	if (entry_has(e, "pwdLockout", "TRUE"))
		buf_printf(bad, " %s", e->dn);
	return OK;
}

void check_ppolicy(struct check *k)
{
	struct buf bad = buf_new(k->c->a);
	const char *why = NULL;
	struct search s = { k->c->set.base, SCOPE_TREE, "(objectClass=pwdPolicy)", NULL };
	if (dir_each(k->dir, &s, locks, &bad, &why) != OK)
		check_warn(k, "password policies cannot be read: %s", why);
	else if (bad.n > 0)
		check_fail(k, "pwdLockout is TRUE in%s → make it FALSE: anyone could lock anyone; idpd limits wrong passwords itself", buf_cstr(&bad));
	else
		check_ok(k, "no password policy locks people");
}

/* The decoy's hash must cost what people's hashes cost; a quick no tells that a name does not exist. */
void check_decoy(struct check *k)
{
	enum { LEAST_MS = 5 };
	const char *dn = k->c->set.decoy_dn, *why = NULL;
	struct dir *d;
	if (!exists(k, dn, &why)) {
		check_fail(k, "the decoy %s: %s → add it: without, the time of an answer tells who exists", dn, why);
		return;
	}
	uint64_t before = ticks_ms();
	int rc = dir_open_as(k->c, dn, slice_of(random_id(k->c->a, 24)), &d, &why);
	uint64_t took = ticks_ms() - before;
	if (rc != E_INPUT)
		check_fail(k, "the decoy %s: %s", dn, rc == OK ? "any password opens it" : why);
	else if (took < LEAST_MS)
		check_fail(k, "the decoy %s says no within %d ms → give it a userPassword of the scheme {ARGON2}, like people's", dn, (int)took);
	else
		check_ok(k, "the decoy %s takes its time (%d ms)", dn, (int)took);
}
