/* csamctl person suspend, resume, unlock, lost-phone, remove: changes of one person, as LDIF. */
#include <stdlib.h>
#include "csamctl/ldif.h"
#include "csamctl/person.h"

int person_find(struct ctl *c, struct dir *d, const char *name, struct ldap_entry *out)
{
	struct buf filter = buf_new(c->a);
	const char *why = NULL;
	size_t n = 0;
	buf_printf(&filter, "(&%s(%s=", c->set.people_filter, c->set.name_attr);
	buf_filter(&filter, slice_of(name));
	buf_lit(&filter, "))");
	struct search s = { c->set.people_base, SCOPE_TREE, buf_cstr(&filter), NULL };
	int rc = dir_find(c, d, &s, out, 1, &n, &why);
	if (rc == E_LIMIT)
		return refuse("more than one person is called %s: names must be unique below %s", name, c->set.people_base);
	if (rc != OK)
		return refuse("people below %s cannot be read: %s", c->set.people_base, why);
	if (n == 0)
		return refuse("nobody is called %s below %s → or may you not see the entry?", name, c->set.people_base);
	if (entry_str(out, "csamSubject") == NULL)
		return refuse("%s has no csamSubject that you may read → csamctl person adopt, or bind as an administrator (-D)", out->dn);
	return DONE;
}

static int by_id(const void *a, const void *b)
{
	const char *x = entry_str(a, "csamKeyId"), *y = entry_str(b, "csamKeyId");
	return strcmp(x ? x : "", y ? y : "");
}

int person_keys(struct ctl *c, struct dir *d, const struct ldap_entry *person, struct ldap_entry keys[KEYS_MAX], size_t *n)
{
	const char *why = NULL;
	struct search s = { person->dn, SCOPE_ONE, "(objectClass=csamKey)", NULL };
	if (dir_find(c, d, &s, keys, KEYS_MAX, n, &why) != OK)
		return refuse("the keys of %s cannot be read: %s", person->dn, why);
	qsort(keys, *n, sizeof *keys, by_id);
	return DONE;
}

struct one {
	struct dir *d;
	struct ldap_entry person, keys[KEYS_MAX];
	size_t nkeys;
	struct buf out;
};

static int load(struct ctl *c, struct one *one)
{
	one->out = buf_new(c->a);
	int rc = dir_open(c, &one->d);
	if (rc == DONE)
		rc = person_find(c, one->d, c->operands[0], &one->person);
	return rc == DONE ? person_keys(c, one->d, &one->person, one->keys, &one->nkeys) : rc;
}

static int set_state(struct ctl *c, const char *state)
{
	struct one *one = ARENA_NEW(c->a, struct one);
	int rc = load(c, one);
	if (rc != DONE)
		return rc;
	ldif_record(&one->out, one->person.dn, "modify");
	ldif_mod(&one->out, "replace", "csamPersonState", state);
	ldif_end(&one->out);
	return print(&one->out);
}

static int suspend_run(struct ctl *c)
{
	return set_state(c, "suspended");
}

static int resume_run(struct ctl *c)
{
	return set_state(c, "active");
}

/* Locked keys work again; the counters of the password and of those keys begin at 0. */
static int unlock_run(struct ctl *c)
{
	struct one *one = ARENA_NEW(c->a, struct one);
	int rc = load(c, one);
	if (rc != DONE)
		return rc;
	ldif_record(&one->out, one->person.dn, "modify");
	ldif_mod(&one->out, "replace", "csamKeyFailures", "0");
	ldif_end(&one->out);
	for (size_t i = 0; i < one->nkeys; i++) {
		if (!entry_has(&one->keys[i], "csamKeyState", "locked"))
			continue;
		ldif_record(&one->out, one->keys[i].dn, "modify");
		ldif_mod(&one->out, "replace", "csamKeyState", "active");
		ldif_mod(&one->out, "replace", "csamKeyFailures", "0");
		ldif_end(&one->out);
	}
	return print(&one->out);
}

static bool on_the_phone(const struct ldap_entry *key)
{
	return entry_has(key, "csamKeyKind", "app") || entry_has(key, "csamKeyKind", "sms") || entry_has(key, "csamKeyKind", "mail");
}

/* Whoever has the telephone has the app, reads the messages and, most likely, the mail. */
static int lost_phone_run(struct ctl *c)
{
	struct one *one = ARENA_NEW(c->a, struct one);
	int rc = load(c, one);
	if (rc != DONE)
		return rc;
	for (size_t i = 0; i < one->nkeys; i++) {
		if (!on_the_phone(&one->keys[i]) || entry_has(&one->keys[i], "csamKeyState", "revoked"))
			continue;
		ldif_record(&one->out, one->keys[i].dn, "modify");
		ldif_mod(&one->out, "replace", "csamKeyState", "revoked");
		ldif_end(&one->out);
	}
	if (one->out.n == 0)
		return refuse("%s has no app, sms or mail key that is not revoked already: nothing to do", c->operands[0]);
	return print(&one->out);
}

struct family {
	struct arena *a;
	const char *dn[KEYS_MAX * 4];
	size_t n;
};

static int note_dn(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct family *f = ctx;
	(void)a;
	if (f->n == sizeof f->dn / sizeof *f->dn)
		return E_LIMIT;
	f->dn[f->n++] = arena_strdup(f->a, e->dn);
	return OK;
}

static int longest_first(const void *a, const void *b)
{
	size_t n = strlen(*(const char *const *)a), m = strlen(*(const char *const *)b);
	return (n < m) - (n > m);
}

/* A tombstone keeps subject and name for ever: it stands below the people, where the directory lets both exist once only. */
static int tombstone(struct ctl *c, struct one *one)
{
	struct ldap_entry found;
	const char *why = NULL, *subject = entry_str(&one->person, "csamSubject");
	size_t n = 0;
	struct search s = { c->set.tombstones_base, SCOPE_BASE, "(objectClass=*)", NULL };
	int rc = dir_find(c, one->d, &s, &found, 1, &n, &why);
	if (rc != OK && rc != E_NOENT)
		return refuse("%s cannot be read: %s", c->set.tombstones_base, why);
	if (n == 0) {
		ldif_record(&one->out, c->set.tombstones_base, "add");
		ldif_str(&one->out, "objectClass", "organizationalUnit");
		ldif_str(&one->out, "ou", "tombstones");
		ldif_end(&one->out);
	}
	ldif_record(&one->out, dn_below(c->a, "csamSubject", subject, c->set.tombstones_base), "add");
	ldif_str(&one->out, "objectClass", "csamTombstone");
	ldif_str(&one->out, "csamSubject", subject);
	const struct attr *names = entry_attr(&one->person, "uid");
	for (size_t i = 0; names != NULL && i < names->n; i++)
		ldif_attr(&one->out, "uid", names->vals[i]);
	if (strcmp(c->set.name_attr, "uid") != 0)
		ldif_str(&one->out, c->set.name_attr, entry_str(&one->person, c->set.name_attr));
	ldif_end(&one->out);
	return DONE;
}

/* First nobody gets in any more, then everything below the person goes, the deepest first, then the person; the tombstone takes
 * the name that is free at that moment. */
static int remove_run(struct ctl *c)
{
	struct one *one = ARENA_NEW(c->a, struct one);
	struct family *f = ARENA_NEW(c->a, struct family);
	const char *why = "it has more entries below it than a person has";
	int rc = load(c, one);
	if (rc != DONE)
		return rc;
	ldif_record(&one->out, one->person.dn, "modify");
	ldif_mod(&one->out, "replace", "csamPersonState", "suspended");
	ldif_end(&one->out);
	static const char *const no_attrs[] = { "1.1", NULL };
	struct search s = { one->person.dn, SCOPE_TREE, "(objectClass=*)", no_attrs };
	f->a = c->a;
	if (dir_each(one->d, &s, note_dn, f, &why) != OK)
		return refuse("%s cannot be removed: %s", one->person.dn, why);
	qsort(f->dn, f->n, sizeof *f->dn, longest_first);
	for (size_t i = 0; i < f->n; i++) {
		ldif_record(&one->out, f->dn[i], "delete");
		ldif_end(&one->out);
	}
	rc = tombstone(c, one);
	return rc == DONE ? print(&one->out) : rc;
}

#define EXAMPLE(verb) "  csamctl person " verb " alice | ldapmodify -H ldapi:/// -Y EXTERNAL\n"

const struct command cmd_person_suspend = {
	.path = "person suspend", .operands = "NAME", .noperands = 1, .run = suspend_run, .examples = EXAMPLE("suspend"),
	.what = "LDIF that suspends a person: no key opens anything, sessions end within a second",
};

const struct command cmd_person_resume = {
	.path = "person resume", .operands = "NAME", .noperands = 1, .run = resume_run, .examples = EXAMPLE("resume"),
	.what = "LDIF that ends a suspension",
};

const struct command cmd_person_unlock = {
	.path = "person unlock", .operands = "NAME", .noperands = 1, .run = unlock_run, .examples = EXAMPLE("unlock"),
	.what = "LDIF that makes locked keys active and sets the counts of wrong tries to 0",
};

const struct command cmd_person_lost_phone = {
	.path = "person lost-phone", .operands = "NAME", .noperands = 1, .run = lost_phone_run, .examples = EXAMPLE("lost-phone"),
	.what = "LDIF that revokes every key on the person's telephone: app, sms, mail",
	.more = "Revoked keys never come back. The person asks for new ones, or: csamctl key new app --person NAME",
};

const struct command cmd_person_remove = {
	.path = "person remove", .operands = "NAME", .noperands = 1, .run = remove_run, .examples = EXAMPLE("remove"),
	.what = "LDIF that removes a person for ever",
	.more = "Deletes the keys and the person and adds a tombstone (ou=tombstones below the people), so that name and subject\n"
	    "are never given again. To close an account for a while: csamctl person suspend",
};
