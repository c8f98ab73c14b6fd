/* People who register and people who delete their account. */
#include <stdlib.h>
#include <strings.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

enum { MAX_BELOW = 200 };

static const char *const no_attributes[] = { "1.1", NULL };	/* RFC 4511 4.5.1.8 */

/* --- somebody new --- */

/* A tombstone stands below the people, so that this sees those who were. */
int directory_name_taken(struct slice name)
{
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_lit(&b, "(|(uid=");
	buf_filter(&b, name);
	buf_printf(&b, ")(%s=", dir_conf.people_name_attr);
	buf_filter(&b, name);
	buf_lit(&b, "))");
	struct query q = { dir_conf.people_base, SCOPE_SUBTREE, buf_cstr(&b), no_attributes, 1, true };
	struct entries found;
	int e = dir_search(a, &q, 1, &found);
	return e != OK ? E_DOWN : found.n > 0 ? OK : E_NOENT;
}

static const char *dn_of(struct arena *a, const char *attribute, const char *value, const char *below)
{
	struct buf b = buf_new(a);
	buf_printf(&b, "%s=", attribute);
	buf_dn(&b, slice_of(value));
	buf_printf(&b, ",%s", below);
	return buf_cstr(&b);
}

struct list {
	struct change at[20];
	size_t n;
};

static void put(struct list *l, const char *attribute, const char *value)
{
	if (value != NULL)
		l->at[l->n++] = (struct change){ CHANGE_ADD, attribute, slice_of(value) };
}

static const char *accepted(struct arena *a, const struct terms *terms, time_t when)
{
	const char *lang = terms->lang != NULL ? terms->lang : "";
	return arena_printf(a, "%s %s%s%s", terms->version, time_ldap(a, when), *lang != '\0' ? " " : "", lang);
}

int directory_person_add(const struct person *p, const char *password_hash, const struct terms *terms, time_t when)
{
	struct list l = { .n = 0 };
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	put(&l, "objectClass", "inetOrgPerson");
	put(&l, "objectClass", "csamPerson");
	put(&l, "uid", p->name);
	if (strcasecmp(dir_conf.people_name_attr, "uid") != 0 && strcasecmp(dir_conf.people_name_attr, "cn") != 0)
		put(&l, dir_conf.people_name_attr, p->name);
	put(&l, "cn", strcasecmp(dir_conf.people_name_attr, "cn") == 0 ? p->name : p->display_name);
	put(&l, "sn", p->family_name);
	put(&l, "givenName", p->given_name);
	put(&l, "displayName", p->display_name);
	put(&l, "csamSubject", p->subject);
	put(&l, "csamPersonState", p->state);
	put(&l, "csamNationalNumber", p->national_number);
	put(&l, "mail", p->mail);
	put(&l, "csamMailVerified", p->mail_verified ? p->mail : NULL);
	put(&l, "preferredLanguage", p->locale);
	put(&l, "csamTermsAccepted", accepted(a, terms, when));
	put(&l, "userPassword", password_hash);
	int e = dir_add(dn_of(a, dir_conf.people_name_attr, p->name, dir_conf.people_base), l.at, l.n);
	return e == E_INPUT ? E_EXISTS : e;	/* the directory lets a number and a name stand once */
}

int directory_terms_accepted(const struct person *person, const struct terms *terms, time_t when)
{
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	struct change add = { CHANGE_ADD, "csamTermsAccepted", slice_of(accepted(a, terms, when)) };
	int e = dir_modify(person->dn, &add, 1, NULL);
	cache_drop_dn(person->dn);
	return e == E_EXISTS ? OK : e;
}

/* --- and somebody who goes --- */

static int longest_first(const void *x, const void *y)
{
	size_t n = strlen(((const struct entry *)x)->dn), m = strlen(((const struct entry *)y)->dn);
	return (n < m) - (n > m);
}

static int delete_all(struct arena *a, const char *dn)
{
	struct query q = { dn, SCOPE_SUBTREE, "(objectClass=*)", no_attributes, MAX_BELOW, false };
	struct entries found;
	int e = dir_search(a, &q, 1, &found);
	if (e != OK)
		return e;
	qsort(found.e, found.n, sizeof *found.e, longest_first);	/* what is below goes first */
	for (size_t i = 0; i < found.n && e == OK; i++) {
		e = dir_delete(found.e[i].dn);
		e = e == E_NOENT ? OK : e;
	}
	return e;
}

int directory_person_suspend(const struct person *person)
{
	const struct change suspend[] = {
		{ CHANGE_DELETE, "csamPersonState", S("active") },
		{ CHANGE_ADD, "csamPersonState", S("suspended") },
	};
	if (would_block())
		return E_WAIT;
	int e = dir_modify(person->dn, suspend, 2, NULL);
	cache_drop_dn(person->dn);
	return e;
}

/* Subject and name are free only when the entry is gone: the tombstone comes after it. */
int directory_person_bury(const struct person *person)
{
	struct list l = { .n = 0 };
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	int e = delete_all(a, person->dn);
	cache_drop_dn(person->dn);
	if (e != OK)
		return fail(E_DOWN, "directory: %s is suspended, but not gone: csamctl person remove %s", person->dn, person->name);
	const char *below = arena_printf(a, "ou=tombstones,%s", dir_conf.people_base);
	put(&l, "objectClass", "csamTombstone");
	put(&l, "csamSubject", person->subject);
	put(&l, "uid", person->name);
	e = dir_add(dn_of(a, "csamSubject", person->subject, below), l.at, l.n);
	return e == OK || e == E_EXISTS ? OK : fail(E_DOWN, "directory: no tombstone for %s below %s: is that there?", person->name, below);
}
