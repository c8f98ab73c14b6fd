/* Entries of the directory, with whatever values people write there: what cannot be read denies.
 *
 * The input is lines "attribute:value"; a line "-" begins the next entry. The first is a person (and a service), the others are its keys. */
#include <strings.h>
#include "fuzz.h"
#include "core/policy.h"
#include "svc/directory_parts.h"

enum { MOST = 8, ATTRIBUTES = 32, VALUES = 8 };

static void add(struct arena *a, struct entry *e, struct slice name, struct slice value)
{
	struct attribute *to = NULL;
	for (size_t i = 0; i < e->n && to == NULL; i++)
		if (slice_is(name, e->attributes[i].name))
			to = &e->attributes[i];
	if (to == NULL && e->n < ATTRIBUTES) {
		to = &e->attributes[e->n++];
		*to = (struct attribute){ arena_str(a, name), ARENA_ARRAY(a, struct slice, VALUES), 0 };
	}
	if (to != NULL && to->n < VALUES)
		to->values[to->n++] = arena_copy(a, value);
}

static struct entries read_entries(struct arena *a, struct slice in)
{
	struct entries all = { ARENA_ARRAY(a, struct entry, MOST), 0 };
	struct entry *e = NULL;
	for (struct slice line; slice_cut(&in, '\n', &line);) {
		if (e == NULL || slice_is(line, "-")) {
			if (all.n == MOST)
				break;
			e = &all.e[all.n++];
			e->dn = arena_printf(a, "uid=alice,n=%zu", all.n);
			e->attributes = ARENA_ARRAY(a, struct attribute, ATTRIBUTES);
		}
		struct slice value = line, name;
		slice_cut(&value, ':', &name);
		if (value.p != NULL)
			add(a, e, name, value);
	}
	return all;
}

static struct slice first_of(const struct entry *e, const char *name)
{
	const struct attribute *v = entry_attribute(e, name);
	return v != NULL ? v->values[0] : S_NONE;
}

/* A key opens only what its entry says in so many bytes. */
static void denies(const struct person *p, const struct entries *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct entry *e = &keys->e[i];
		unsigned level = policy_level(&key_app, p, &p->keys[i], 1800000000);
		if (level == 0)
			continue;
		promise(slice_is(first_of(e, "csamKeyState"), "active") && slice_is(first_of(e, "csamKeyKind"), "app"));
		unsigned long long said;
		struct slice cap = first_of(e, "csamKeyLevel");
		promise(cap.p == NULL || (slice_number(cap, 500, &said) == OK && level <= (said > 1 ? said : 1)) || level == 1);
	}
}

static void person(struct arena *a, const struct entries *all)
{
	struct entries keys = { all->e + 1, all->n - 1 };
	struct found *f = ARENA_NEW(a, struct found);
	dir_conf.people_name_attr = "uid";
	if (parse_person(a, &all->e[0], &keys, f) != OK)
		return;
	const struct person *p = &f->person;
	bool has_eid = p->nkeys == keys.n + 1 && p->national_number != NULL && strcmp(p->keys[keys.n].kind, "eid") == 0;	/* the State's, of no entry */
	promise(p->subject != NULL && p->name != NULL && (p->nkeys == keys.n || has_eid));
	denies(&f->person, &keys);
	cache_open(4, 1 << 16);
	cache_put(cache_sequence(), f);
	AUTO_ARENA reader = arena_new();
	const struct person *kept = cache_get(reader, BY_SUBJECT, slice_of(f->person.subject));
	if (kept != NULL)
		promise(strcmp(kept->name, f->person.name) == 0 && kept->nkeys == f->person.nkeys);
	cache_close();
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct entries all = read_entries(a, in);
	struct service s;
	const char *why = NULL;
	if (all.n == 0)
		return;
	person(a, &all);
	if (parse_service(a, &all.e[0], &s, &why) != OK) {
		promise(why != NULL);
		return;
	}
	promise(s.id != NULL && s.allow != NULL && s.kinds != NULL && s.secrets != NULL);
	promise((first_of(&all.e[0], "csamServiceState").p == NULL) == (s.state == NULL));
	promise((first_of(&all.e[0], "csamServiceAllow").p == NULL) == (s.allow[0] == NULL));
	promise((first_of(&all.e[0], "csamServiceKeyKind").p == NULL) == (s.kinds[0] == NULL));
	for (const char *const *u = s.redirect_uris; *u != NULL; u++)
		promise(strchr(*u, '#') == NULL && strchr(*u, '\r') == NULL && strncasecmp(*u, "javascript:", 11) != 0);
}
