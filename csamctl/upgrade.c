/* What a directory lacks of what this version ships: reads both, and goes through them in the order of the shipped files. */
#include <ctype.h>
#include <stdarg.h>
#include <unistd.h>
#include "base/conf.h"
#include "csamctl/ldif.h"
#include "csamctl/upgrade.h"

enum { CONFIG_MAX = 512 };

void upgrade_note(struct upgrade *u, const char *fmt, ...)
{
	va_list ap;
	char text[1024];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_raw(&u->notes, slice_of(harmless(u->c->a, text)));
	buf_char(&u->notes, '\n');
}

/* RFC 4514 allows no blanks around , and =, RFC 2253 2.4 did: people write them. */
bool same_dn(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == ' ')
			a++;
		while (*b == ' ')
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

/* --- records --- */

void record_end(struct record *r)
{
	if (r->dn != NULL)
		ldif_end(&r->u->ldif);
	r->dn = NULL;
}

void record_change(struct record *r, const char *dn, const char *op, const char *why, const char *name, int index, const char *value)
{
	struct buf *b = &r->u->ldif;
	if (r->dn == NULL || strcmp(r->dn, dn) != 0) {
		record_end(r);
		ldif_record(b, dn, "modify");
		r->dn = dn;
		r->why = "";
	}
	if (strcmp(r->why, why) != 0)
		ldif_comment(b, why);
	r->why = why;
	ldif_str(b, op, name);
	ldif_folded(b, name, index < 0 ? value : arena_printf(b->a, "{%d}%s", index, value));
	buf_lit(b, "-\n");
}

void upgrade_add(struct upgrade *u, const struct shipped_entry *e, const char *dn, const char *why)
{
	ldif_comment(&u->ldif, why);
	ldif_record(&u->ldif, dn, "add");
	for (size_t i = 0; i < e->n; i++)
		if (!e->vals[i].former)
			ldif_folded(&u->ldif, e->vals[i].name, e->vals[i].folded);
	ldif_end(&u->ldif);
	buf_printf(&u->lacks, " %.*s", (int)strcspn(dn, ","), dn);
}

/* --- the tree --- */

static int is_there(struct upgrade *u, const char *dn, const char **why)
{
	static const char *const no_attrs[] = { "1.1", NULL };
	struct ldap_entry e;
	size_t n = 0;
	struct search s = { dn, SCOPE_BASE, "(objectClass=*)", no_attrs };
	int rc = dir_find(u->c, u->dir, &s, &e, 1, &n, why);
	return rc == OK && n == 0 ? E_NOENT : rc;
}

static bool is_container(const struct shipped_entry *e)
{
	const char *class = shipped_str(e, "objectClass");
	return class != NULL && strcmp(class, "organizationalUnit") == 0;
}

/* A container that the configuration has elsewhere is looked for by the other checks: its name is not its entry's. */
static bool has_its_name(struct arena *a, const struct shipped_entry *e)
{
	const char *rdn = arena_printf(a, "ou=%s,", shipped_str(e, "ou"));
	return strncmp(e->dn, rdn, strlen(rdn)) == 0;
}

/* Who sees nothing of the tree would add what is there: the suffix itself must be seen. */
static int compare_tree(struct upgrade *u, const char **why)
{
	struct shipped tree = shipped_tree(u->c->a, &u->names);
	int rc = is_there(u, u->names.suffix, why);
	if (rc == E_NOENT)
		*why = arena_printf(u->c->a, "%s is not there, or you may not see it", u->names.suffix);
	for (size_t i = 0; rc == OK && i < tree.n; i++) {
		const struct shipped_entry *e = &tree.entries[i];
		if (!is_container(e) || !has_its_name(u->c->a, e))
			continue;
		rc = is_there(u, e->dn, why);
		if (rc == E_NOENT && u->replica)
			upgrade_note(u, "%s is not there, and this server is a replica → upgrade its provider", e->dn);
		else if (rc == E_NOENT)
			upgrade_add(u, e, e->dn, e->why);
		rc = rc == E_NOENT ? OK : rc;
	}
	return rc == E_NOENT ? E_INPUT : rc;
}

/* --- all of it --- */

static const char *or(const char *given, const char *otherwise)
{
	return given != NULL && *given != '\0' ? given : otherwise;
}

/* Who may read cn=config through the machine's socket is who administers it. */
static const char *owner(struct upgrade *u)
{
	bool own = u->c->set.bind_dn == NULL && strncmp(u->c->set.uri, "ldapi:", 6) == 0;
	return arena_printf(u->c->a, "gidNumber=%u+uidNumber=%u,cn=peercred,cn=external,cn=auth", own ? getegid() : 0, own ? geteuid() : 0);
}

static void fill_names(struct upgrade *u)
{
	const struct settings *set = &u->c->set;
	struct shipped_names *n = &u->names;
	n->suffix = set->base;
	n->people = set->people_base;
	n->services = set->services_base;
	n->idpd = or(n->idpd, or(set->conf != NULL ? set->conf->directory_bind_dn : NULL, arena_printf(u->c->a, "cn=idpd,ou=system,%s", set->base)));
	n->administrators = or(n->administrators, arena_printf(u->c->a, "cn=administrators,ou=system,%s", set->base));
	n->owner = or(n->owner, owner(u));
	n->changes = or(set->conf != NULL ? set->conf->directory_changes_base : NULL, "cn=accesslog");
	n->dir = "/var/lib/ldap";
}

static int read_config(struct upgrade *u, const char **why)
{
	struct ldap_entry *all = ARENA_ARRAY(u->c->a, struct ldap_entry, CONFIG_MAX);
	struct search s = { "cn=config", SCOPE_TREE, "(objectClass=*)", NULL };
	int rc = dir_find(u->c, u->dir, &s, all, CONFIG_MAX, &u->nconfig, why);
	u->config = all;
	if (rc != E_NOENT && rc != E_INPUT && (rc != OK || u->nconfig > 0))
		return rc;
	u->nconfig = 0;
	u->blind = "you may not read cn=config";
	return OK;
}

static int compare_subschema(struct upgrade *u, const char **why)
{
	static const char *const attrs[] = { "attributeTypes", "objectClasses", NULL };
	struct ldap_entry e;
	size_t n = 0;
	struct search s = { "cn=subschema", SCOPE_BASE, "(objectClass=subschema)", attrs };
	int rc = dir_find(u->c, u->dir, &s, &e, 1, &n, why);
	if (rc == OK && n == 1)
		upgrade_schema(u, &e, 1);
	return rc == OK && n != 1 ? E_INPUT : rc;
}

int upgrade_compare(struct upgrade *u, const char **why)
{
	u->ldif = buf_new(u->c->a);
	u->lacks = buf_new(u->c->a);
	u->notes = buf_new(u->c->a);
	fill_names(u);
	int rc = read_config(u, why);
	if (rc == OK && u->blind == NULL)
		rc = upgrade_config(u, why);
	else if (rc == OK)
		rc = compare_subschema(u, why);
	return rc == OK ? compare_tree(u, why) : rc;
}
