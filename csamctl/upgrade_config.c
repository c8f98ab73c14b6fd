/* slapd's configuration: modules, the databases of the tree and of its changes, overlays, indexes. What has one value only is the administrator's once
 * it is set; cn=config itself, its frontend and its own database are the machine's. */
#include <strings.h>
#include "csamctl/ldif.h"
#include "csamctl/upgrade.h"

/* --- which entry is meant --- */

static bool holds(const char *suffix, const char *base)
{
	for (const char *rest = base; rest != NULL; rest = strchr(rest, ',')) {
		rest += *rest == ',';
		if (same_dn(rest, suffix))
			return true;
	}
	return false;
}

/* The database that holds `base`: of several that with the longest suffix. */
static const struct ldap_entry *database(const struct upgrade *u, const char *base)
{
	const struct ldap_entry *found = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < u->nconfig; i++) {
		const struct attr *suffixes = entry_attr(&u->config[i], "olcSuffix");
		for (size_t j = 0; suffixes != NULL && j < suffixes->n; j++)
			if (suffixes->vals[j].n > longest && holds(suffixes->vals[j].p, base)) {
				found = &u->config[i];
				longest = suffixes->vals[j].n;
			}
	}
	return found;
}

static bool below(const char *dn, const char *parent)
{
	const char *comma = strchr(dn, ',');
	return comma != NULL && strcasecmp(comma + 1, parent) == 0;
}

static const struct ldap_entry *overlay(const struct upgrade *u, const char *name, const char *parent)
{
	for (size_t i = 0; i < u->nconfig; i++) {
		const char *is = entry_str(&u->config[i], "olcOverlay");
		if (is != NULL && below(u->config[i].dn, parent) && strcasecmp(plain_value(u->c->a, slice_of(is)), name) == 0)
			return &u->config[i];
	}
	return NULL;
}

/* --- entries --- */

static void add_entry(struct upgrade *u, const struct shipped_entry *s, const char *dn)
{
	const char *folder = shipped_str(s, "olcDbDirectory");
	if (folder != NULL)
		ldif_comment(&u->ldif, arena_printf(u->c->a, "First make its folder, as slapd's user: install -d -o openldap -g openldap -m 700 %s", folder));
	upgrade_add(u, s, dn, s->why);
}

/* Single values of earlier versions that do harm. */
static void outgrown(struct upgrade *u, const struct shipped_entry *s, const struct ldap_entry *e)
{
	struct record r = { .u = u };
	for (size_t i = 0; i < s->n; i++)
		if (s->vals[i].former && shipped_str(s, s->vals[i].name) == NULL && entry_has(e, s->vals[i].name, s->vals[i].text)) {
			record_change(&r, e->dn, "delete", s->vals[i].why, s->vals[i].name, -1, s->vals[i].text);
			buf_printf(&u->lacks, " %s", s->vals[i].name);
		}
	record_end(&r);
}

/* --- indexes: "uid,cn eq" --- */

static bool has_word(struct slice list, struct slice word, bool whatever_case)
{
	for (struct slice one; slice_cut(&list, ',', &one);)
		if (one.n == word.n && (whatever_case ? strncasecmp(one.p, word.p, one.n) : strncmp(one.p, word.p, one.n)) == 0)
			return true;
	return false;
}

/* Is it indexed so? *other: it is, but otherwise. */
static bool indexed(const struct ldap_entry *e, struct slice attr, struct slice type, bool *other)
{
	const struct attr *now = entry_attr(e, "olcDbIndex");
	*other = false;
	for (size_t i = 0; now != NULL && i < now->n; i++) {
		struct slice types = now->vals[i], attrs;
		slice_cut(&types, ' ', &attrs);
		if (!has_word(attrs, attr, true))
			continue;
		*other = true;
		if (has_word(slice_trim(types, " "), type, true))
			return true;
	}
	return false;
}

static void indexes(struct upgrade *u, const struct shipped_entry *s, const struct ldap_entry *e)
{
	struct record r = { .u = u };
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->vals[i].name, "olcDbIndex") != 0)
			continue;
		struct slice type = slice_of(s->vals[i].text), attrs, attr;
		struct buf lacks = buf_new(u->c->a);
		slice_cut(&type, ' ', &attrs);
		for (bool other; slice_cut(&attrs, ',', &attr);) {
			if (indexed(e, attr, type, &other))
				continue;
			if (other)
				upgrade_note(u, "olcDbIndex of %s: the index of %.*s is yours, without %.*s → add that to it", e->dn, (int)attr.n, attr.p,
				    (int)type.n, type.p);
			else
				buf_printf(&lacks, "%s%.*s", lacks.n > 0 ? "," : "", (int)attr.n, attr.p);
		}
		if (lacks.n > 0)
			record_change(&r, e->dn, "add", s->vals[i].why, "olcDbIndex", -1,
			    arena_printf(u->c->a, "%s %.*s", buf_cstr(&lacks), (int)type.n, type.p));
	}
	if (r.dn != NULL)
		buf_printf(&u->lacks, " olcDbIndex");
	record_end(&r);
}

/* --- modules: "/usr/lib/ldap/argon2.la m=19456" is argon2, and what follows the administrator's --- */

static struct slice module_name(const char *value)
{
	size_t n = strcspn(value, " ");
	for (size_t i = 0; i < n; i++)
		if (value[i] == '/') {
			value += i + 1;
			n -= i + 1;
			i = (size_t)-1;
		}
	for (size_t i = 0; i < n; i++)
		if (value[i] == '.')
			n = i;
	return slice_mem(value, n);
}

static bool loaded(const struct upgrade *u, struct slice name)
{
	for (size_t i = 0; i < u->nconfig; i++) {
		const struct attr *now = entry_attr(&u->config[i], "olcModuleLoad");
		for (size_t j = 0; now != NULL && j < now->n; j++)
			if (slice_eq(module_name(plain_value(u->c->a, now->vals[j])), name))
				return true;
	}
	return false;
}

/* They are added to the first list there is; a slapd without any has them built in. */
static void modules(struct upgrade *u, const struct shipped_entry *s)
{
	struct record r = { .u = u };
	const char *list = NULL;
	for (size_t i = u->nconfig; i-- > 0;)
		if (entry_has(&u->config[i], "objectClass", "olcModuleList"))
			list = u->config[i].dn;
	for (size_t i = 0; list != NULL && i < s->n; i++)
		if (strcmp(s->vals[i].name, "olcModuleLoad") == 0 && !loaded(u, module_name(s->vals[i].text))) {
			record_change(&r, list, "add", s->vals[i].why, s->vals[i].name, -1, s->vals[i].text);
			buf_printf(&u->lacks, " %s", s->vals[i].text);
		}
	record_end(&r);
}

/* --- all of it --- */

static void compare_entry(struct upgrade *u, const struct shipped_entry *s, const struct ldap_entry *e, const char *dn)
{
	if (e == NULL) {
		add_entry(u, s, dn);
		return;
	}
	outgrown(u, s, e);
	indexes(u, s, e);
	upgrade_lists(u, s, e);
}

static const char *data_folder(struct upgrade *u, const struct ldap_entry *tree)
{
	const char *data = entry_str(tree, "olcDbDirectory");
	size_t n = data != NULL ? strlen(data) : 0;
	if (n > 5 && strcmp(data + n - 5, "/data") == 0)
		return arena_printf(u->c->a, "%.*s", (int)(n - 5), data);
	return n > 0 ? data : u->names.dir;
}

/* Its database, or what holds for all: cn=config, the frontend. */
static bool read_only(const struct upgrade *u, const struct ldap_entry *tree, const char **why)
{
	for (size_t i = 0; i < u->nconfig; i++)
		if (entry_has(&u->config[i], "olcReadOnly", "TRUE") && (&u->config[i] == tree || entry_attr(&u->config[i], "olcSuffix") == NULL)) {
			*why = arena_printf(u->c->a, "%s is read-only (olcReadOnly)", u->config[i].dn);
			return true;
		}
	return false;
}

static bool is_replica(const struct ldap_entry *tree)
{
	return entry_attr(tree, "olcSyncrepl") != NULL && !entry_has(tree, "olcMultiProvider", "TRUE") && !entry_has(tree, "olcMirrorMode", "TRUE");
}

int upgrade_config(struct upgrade *u, const char **why)
{
	const struct ldap_entry *tree = database(u, u->names.suffix), *log;
	if (tree == NULL) {
		*why = arena_printf(u->c->a, "no database that you may see in cn=config holds %s", u->names.suffix);
		return E_INPUT;
	}
	if (read_only(u, tree, why))
		return E_INPUT;
	u->replica = is_replica(tree);
	log = overlay(u, "accesslog", tree->dn);
	if (log != NULL && entry_str(log, "olcAccessLogDB") != NULL)
		u->names.changes = entry_str(log, "olcAccessLogDB");
	u->names.dir = data_folder(u, tree);
	struct shipped config = shipped_config(u->c->a, &u->names);
	for (size_t i = 0; i < config.n; i++) {
		const struct shipped_entry *s = &config.entries[i];
		const char *suffix = shipped_str(s, "olcSuffix"), *over = shipped_str(s, "olcOverlay");
		if (strcmp(s->dn, "cn=schema,cn=config") == 0)
			upgrade_schema(u, u->config, u->nconfig);
		else if (shipped_str(s, "olcModuleLoad") != NULL)
			modules(u, s);
		else if (suffix != NULL)
			compare_entry(u, s, database(u, suffix), "olcDatabase=mdb,cn=config");
		else if (over != NULL)
			compare_entry(u, s, overlay(u, over, tree->dn), arena_printf(u->c->a, "olcOverlay=%s,%s", over, tree->dn));
	}
	return OK;
}
