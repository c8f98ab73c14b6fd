/* csamctl directory upgrade: the files that are built in, and what becomes of access rules that are partly somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/codec.h"
#include "base/err.h"
#include "csamctl/ldif.c"
#include "csamctl/shipped.c"
#include "csamctl/upgrade_list.c"

enum { RULES = 64 };

static struct buf said;		/* what is changed: "add {3}text\n" */

void record_change(struct record *r, const char *dn, const char *op, const char *why, const char *name, int index, const char *value)
{
	assert_true(*why != '\0');
	r->dn = dn;
	buf_printf(&said, "%s %s: {%d}", op, name, index);
	for (; *value != '\0'; value++)
		if (*value != '\n')	/* where it is folded */
			buf_char(&said, *value);
	buf_char(&said, '\n');
}

void record_end(struct record *r)
{
	r->dn = NULL;
}

void upgrade_note(struct upgrade *u, const char *fmt, ...)
{
	va_list ap;
	char text[1024];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(&u->notes, "%s\n", text);
}

const struct attr *entry_attr(const struct ldap_entry *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->attrs[i].name, name) == 0)
			return &e->attrs[i];
	return NULL;
}

const char *harmless(struct arena *a, const char *s)
{
	return arena_strdup(a, s);
}

static struct shipped_names conventional(void)
{
	return (struct shipped_names){ .suffix = "dc=x", .people = "ou=people,dc=x", .services = "ou=services,dc=x", .idpd = "cn=idpd,ou=system,dc=x",
		.administrators = "cn=administrators,ou=system,dc=x", .owner = "cn=owner", .dir = "/d", .changes = "cn=accesslog" };
}

/* --- the files --- */

static bool entry_of(const struct shipped *s, const char *name, const char *value, struct shipped_entry *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *is = shipped_str(&s->entries[i], name);
		if (is != NULL && strcmp(is, value) == 0) {
			*out = s->entries[i];
			return true;
		}
	}
	return false;
}

static void every_change_has_a_reason(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct shipped_names names = conventional();
	struct shipped config = shipped_config(a, &names), tree = shipped_tree(a, &names);
	size_t looked = 0;
	for (size_t i = 0; i < config.n; i++) {
		const struct shipped_entry *e = &config.entries[i];
		if (shipped_str(e, "olcOverlay") != NULL)
			assert_true(*e->why != '\0');
		for (size_t j = 0; j < e->n; j++)
			if (strcmp(e->vals[j].name, "olcDbIndex") == 0 || strcmp(e->vals[j].name, "olcModuleLoad") == 0 || strcmp(e->vals[j].name, "olcAccess") == 0) {
				looked++;
				if (strcmp(e->dn, "olcDatabase={-1}frontend,cn=config") != 0 && strcmp(e->dn, "olcDatabase={0}config,cn=config") != 0)
					assert_true(*e->vals[j].why != '\0');
			}
	}
	assert_true(looked > 30);
	for (size_t i = 0; i < tree.n; i++)
		if (strcmp(shipped_str(&tree.entries[i], "objectClass"), "organizationalUnit") == 0)
			assert_true(*tree.entries[i].why != '\0');
}

static void names_are_filled_in(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct shipped_names names = conventional();
	names.suffix = "o=A B";
	names.people = "ou=staff,o=A B";
	names.idpd = "uid=login,ou=daemons,o=A B";
	names.changes = "cn=log";
	struct shipped config = shipped_config(a, &names);
	struct shipped_entry e;
	assert_true(entry_of(&config, "olcSuffix", "o=A B", &e));
	assert_string_equal(shipped_str(&e, "olcDbDirectory"), "/d/data");
	assert_non_null(strstr(shipped_str(&e, "olcAccess"), "to dn.subtree=\"ou=staff,o=A B\" attrs=userPassword by dn.exact=\"uid=login,ou=daemons,o=A B\" =xsw by"));
	assert_true(entry_of(&config, "olcOverlay", "unique", &e));
	assert_string_equal(shipped_str(&e, "olcUniqueURI"), "ldap:///ou=staff,o=A%20B?csamSubject?sub");
	assert_true(entry_of(&config, "olcSuffix", "cn=log", &e));
	struct shipped schema = shipped_schema(a);
	assert_int_equal(schema.n, 1);
	assert_non_null(strstr(schema.entries[0].vals[schema.entries[0].n - 1].text, "MAY ( uid $ cn $ description ) )"));
}

/* --- access rules --- */

struct rules {
	struct upgrade u;
	struct shipped_entry tree;
	const char *ours[RULES];	/* as they are shipped, in order */
	size_t n;
	struct slice now[RULES];
	size_t nnow;
};

static struct rules *rules_new(struct arena *a, struct ctl *c)
{
	struct rules *r = ARENA_NEW(a, struct rules);
	struct shipped_names names = conventional();
	struct shipped config = shipped_config(a, &names);
	c->a = a;
	r->u = (struct upgrade){ .c = c, .ldif = buf_new(a), .lacks = buf_new(a), .notes = buf_new(a) };
	said = buf_new(a);
	assert_true(entry_of(&config, "olcSuffix", "dc=x", &r->tree));
	for (size_t i = 0; i < r->tree.n; i++)
		if (!r->tree.vals[i].former && strcmp(r->tree.vals[i].name, "olcAccess") == 0)
			r->ours[r->n++] = r->tree.vals[i].text;
	assert_int_equal(r->n, 17);
	return r;
}

static void has(struct rules *r, const char *text)
{
	r->now[r->nnow] = slice_of(arena_printf(r->u.c->a, "{%zu}%s", r->nnow, text));
	r->nnow++;
}

static void has_ours(struct rules *r, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		has(r, r->ours[i]);
}

static const char *changes(struct rules *r)
{
	const struct attr access = { "olcAccess", r->now, r->nnow };
	const struct ldap_entry e = { "olcDatabase={1}mdb,cn=config", &access, 1 };
	compare(&r->u, &lists[0], &r->tree, &e);
	return buf_cstr(&said);
}

static const char theirs_rule[] = "to dn.subtree=\"ou=hr,dc=x\" by dn.exact=\"cn=hr,dc=x\" write by * break";

static void all_there(void **state)
{
	struct ctl c = { .a = NULL };
	(void)state;
	AUTO_ARENA a = arena_new();
	struct rules *r = rules_new(a, &c);
	has(r, theirs_rule);
	has_ours(r, 0, 9);
	has(r, theirs_rule);
	has_ours(r, 9, 16);
	has(r, "TO   * by dn.exact=\"CN=idpd,OU=system,DC=x\" read by dn.exact=\"cn=owner\" manage  by "
	    "group/groupOfNames/member=\"cn=administrators,ou=system,dc=x\" write by * none");
	assert_string_equal(changes(r), "");
	assert_int_equal(r->u.notes.n, 0);
}

static void none_there(void **state)
{
	struct ctl c = { .a = NULL };
	(void)state;
	AUTO_ARENA a = arena_new();
	struct rules *r = rules_new(a, &c);
	struct buf all = buf_new(a);
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&all, "add olcAccess: {%zu}%s\n", i, r->ours[i]);
	assert_string_equal(changes(r), buf_cstr(&all));
}

/* What is new comes before the next of ours, behind what an administrator put before that; and it says whose rules it comes before. */
static void among_others(void **state)
{
	struct ctl c = { .a = NULL };
	(void)state;
	AUTO_ARENA a = arena_new();
	struct rules *r = rules_new(a, &c);
	has_ours(r, 1, 4);
	has(r, theirs_rule);
	has_ours(r, 6, 15);
	assert_string_equal(changes(r), arena_printf(a, "add olcAccess: {0}%s\nadd olcAccess: {5}%s\nadd olcAccess: {6}%s\nadd olcAccess: {16}%s\nadd olcAccess: {17}%s\n",
	    r->ours[0], r->ours[4], r->ours[5], r->ours[15], r->ours[16]));
	assert_non_null(strstr(buf_cstr(&r->u.ldif), "does it still give what it gave?"));
}

/* Two that went: the new one stands where the old was, and both are deleted from behind. */
static void former_ones(void **state)
{
	struct ctl c = { .a = NULL };
	(void)state;
	AUTO_ARENA a = arena_new();
	struct rules *r = rules_new(a, &c);
	const char *rest = strstr(r->ours[6], " by ");
	const char *old6 = arena_printf(a, "to dn.subtree=\"ou=people,dc=x\" attrs=csamKeyState,csamKeyCounter,csamKeyFailures,csamKeyLastUsed,csamConsent%s", rest);
	const char *old11 = arena_printf(a, "to dn.children=\"ou=people,dc=x\" filter=\"(objectClass=csamKey)\" attrs=entry%s", strstr(r->ours[11], " by "));
	has_ours(r, 0, 6);
	has(r, old6);
	has(r, theirs_rule);
	has_ours(r, 7, 11);
	has(r, old11);
	has_ours(r, 12, 17);
	assert_string_equal(changes(r), arena_printf(a, "add olcAccess: {6}%s\nadd olcAccess: {13}%s\ndelete olcAccess: {14}%s\ndelete olcAccess: {7}%s\n",
	    r->ours[6], r->ours[11], old11, old6));
}

static void somebody_elses(void **state)
{
	struct ctl c = { .a = NULL };
	(void)state;
	AUTO_ARENA a = arena_new();
	struct rules *r = rules_new(a, &c);
	has_ours(r, 0, 6);
	has_ours(r, 7, 16);
	has(r, "to * by users read");
	assert_non_null(strstr(changes(r), "add olcAccess: {6}to dn.subtree"));
	assert_null(strstr(buf_cstr(&said), "to * "));
	assert_non_null(strstr(buf_cstr(&r->u.notes), "'to * ...' is yours"));

	r = rules_new(a, &c);
	has(r, theirs_rule);
	has(r, "to * by * read");
	assert_string_equal(changes(r), "");
	assert_non_null(strstr(buf_cstr(&r->u.notes), "all rules are yours"));
}

static void other_order(void **state)
{
	struct ctl c = { .a = NULL };
	(void)state;
	AUTO_ARENA a = arena_new();
	struct rules *r = rules_new(a, &c);
	has(r, r->ours[16]);
	has_ours(r, 0, 16);
	assert_string_equal(changes(r), "");
	assert_non_null(strstr(buf_cstr(&r->u.notes), "{1} comes later than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_has_a_reason), cmocka_unit_test(names_are_filled_in), cmocka_unit_test(all_there), cmocka_unit_test(none_there),
		cmocka_unit_test(among_others), cmocka_unit_test(former_ones), cmocka_unit_test(somebody_elses), cmocka_unit_test(other_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
