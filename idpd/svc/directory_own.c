/* What people change of their own: keys, and where they can be reached. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

struct list {
	struct change at[12];
	size_t n;
};

static void put(struct list *l, const char *attribute, struct slice value)
{
	if (value.p != NULL)
		l->at[l->n++] = (struct change){ CHANGE_ADD, attribute, value };
}

static void put_number(struct arena *a, struct list *l, const char *attribute, uint64_t n)
{
	if (n != 0)
		put(l, attribute, slice_of(arena_printf(a, "%llu", (unsigned long long)n)));
}

int directory_key_add(const struct person *person, const struct key *key)
{
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	struct list l = { .n = 0 };
	struct buf dn = buf_new(a);
	buf_lit(&dn, "csamKeyId=");
	buf_dn(&dn, slice_of(key->id));
	buf_printf(&dn, ",%s", person->dn);
	put(&l, "objectClass", S("csamKey"));
	put(&l, "csamKeyId", slice_of(key->id));
	put(&l, "csamKeyKind", slice_of(key->kind));
	put(&l, "csamKeyState", S("active"));
	put(&l, "description", slice_of(key->label));
	put(&l, "csamKeyAddress", slice_of(key->address));
	put(&l, "csamKeySecret", key->secret);
	put(&l, "csamKeyData", key->data);
	put_number(a, &l, "csamKeyCounter", key->counter);
	put_number(a, &l, "csamKeyLevel", key->level);
	if (key->not_after != 0)
		put(&l, "csamKeyNotAfter", slice_of(time_ldap(a, key->not_after)));
	int e = dir_add(buf_cstr(&dn), l.at, l.n);
	cache_drop_dn(person->dn);
	return e;
}

int directory_key_activate(const struct key *key)
{
	AUTO_ARENA a = arena_new();
	const char *counter = arena_printf(a, "%llu", (unsigned long long)key->counter), *level = arena_printf(a, "%u", key->level);
	const struct change activate[] = {
		{ CHANGE_DELETE, "csamKeyState", S("pending") },
		{ CHANGE_ADD, "csamKeyState", S("active") },
		{ CHANGE_REPLACE, "csamKeyCounter", slice_of(counter) },
		{ CHANGE_REPLACE, "csamKeyLevel", slice_of(level) },
		{ CHANGE_REPLACE, "csamKeyFailures", S_NONE },
	};
	if (would_block())
		return E_WAIT;
	int e = dir_modify(key->dn, activate, sizeof activate / sizeof *activate, NULL);
	cache_drop_dn(key->dn);
	return e;
}

int directory_key_label(const struct key *key, const char *label)
{
	struct change name = { CHANGE_REPLACE, "description", slice_of(label) };
	if (would_block())
		return E_WAIT;
	int e = dir_modify(key->dn, &name, 1, NULL);
	cache_drop_dn(key->dn);
	return e;
}

int directory_key_revoke(const struct key *key)
{
	struct change end = { CHANGE_REPLACE, "csamKeyState", S("revoked") };
	if (would_block())
		return E_WAIT;
	int e = dir_modify(key->dn, &end, 1, "(!(csamKeyState=revoked))");
	cache_drop_dn(key->dn);
	return e;
}

static int modify_person(const struct person *person, const struct change *changes, size_t n)
{
	if (would_block())
		return E_WAIT;
	int e = dir_modify(person->dn, changes, n, NULL);
	cache_drop_dn(person->dn);
	return e;
}

int directory_reached(const struct person *person, bool mail, const char *address)
{
	const struct change changes[] = {
		{ CHANGE_REPLACE, mail ? "mail" : "mobile", slice_of(address) },
		{ CHANGE_REPLACE, mail ? "csamMailVerified" : "csamMobileVerified", slice_of(address) },
	};
	return modify_person(person, changes, 2);
}

int directory_letters(const struct person *person, const char *lang, const char *notice)
{
	const struct change changes[] = {
		{ CHANGE_REPLACE, "preferredLanguage", slice_of(lang) },
		{ CHANGE_REPLACE, "csamNotice", slice_of(notice) },
	};
	return modify_person(person, changes, 2);
}
