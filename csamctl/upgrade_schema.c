/* Schema: definitions below our OID, found by OID wherever they stand, with or without macros. */
#include <strings.h>
#include "csamctl/upgrade.h"

struct schema {
	struct upgrade *u;
	const struct shipped_entry *ours;	/* cn=csam */
	const struct ldap_entry *entries;
	size_t n;
	const char *home;		/* the entry that holds most of it: what is new goes there */
	bool newer;			/* the directory knows definitions below our OID that this version does not */
	struct record record;
};

static bool is_definition(const char *name)
{
	return strcmp(name, "olcAttributeTypes") == 0 || strcmp(name, "olcObjectClasses") == 0;
}

/* "csamAttribute:1" by the shipped olcObjectIdentifier values: "csamAttribute csam:1", "csam 2.25...". */
static const char *expand(const struct schema *s, struct slice oid)
{
	struct slice macro, rest = oid;
	slice_cut(&rest, ':', &macro);
	for (size_t i = 0; i < s->ours->n; i++) {
		struct slice value = slice_of(s->ours->vals[i].text), name;
		if (strcmp(s->ours->vals[i].name, "olcObjectIdentifier") != 0 || !slice_cut(&value, ' ', &name) || !slice_eq(name, macro))
			continue;
		const char *arc = expand(s, value);
		return rest.p != NULL ? arena_printf(s->u->c->a, "%s.%.*s", arc, (int)rest.n, rest.p) : arc;
	}
	return arena_str(s->u->c->a, oid);
}

/* "( OID rest" with the OID in numbers. */
static const char *definition(const struct schema *s, const char *text, const char **oid)
{
	struct slice rest = slice_of(text), paren, first;
	slice_cut(&rest, ' ', &paren);
	slice_cut(&rest, ' ', &first);
	*oid = expand(s, first);
	return arena_printf(s->u->c->a, "( %s %.*s", *oid, (int)rest.n, rest.p != NULL ? rest.p : "");
}

static struct slice name_of(const char *definition)
{
	const char *quote = strchr(definition, '\'');
	return quote != NULL ? slice_mem(quote + 1, strcspn(quote + 1, "'")) : slice_of(definition);
}

struct found {
	const char *dn, *raw, *text;	/* the entry; the value as it stands there; as definition() has it */
};

/* In cn=subschema the attributes are called attributeTypes and objectClasses. */
static const struct attr *values(const struct ldap_entry *e, const char *name)
{
	const struct attr *at = entry_attr(e, name);
	return at != NULL ? at : entry_attr(e, name + 3);
}

static bool look_up(const struct schema *s, const char *name, const char *oid, struct found *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct attr *at = values(&s->entries[i], name);
		for (size_t j = 0; at != NULL && j < at->n; j++) {
			const char *is, *text = definition(s, plain_value(s->u->c->a, at->vals[j]), &is);
			if (strcmp(is, oid) == 0) {
				*out = (struct found){ s->entries[i].dn, at->vals[j].p, text };
				return true;
			}
		}
	}
	return false;
}

static bool ships(const struct schema *s, const char *name, const char *oid)
{
	for (size_t i = 0; i < s->ours->n; i++) {
		const char *is;
		if (strcmp(s->ours->vals[i].name, name) == 0) {
			definition(s, s->ours->vals[i].text, &is);
			if (strcmp(is, oid) == 0)
				return true;
		}
	}
	return false;
}

/* What is below our OID and not of this version comes from a later one: then nothing is set back. */
static void look_for_newer(struct schema *s, const char *name)
{
	const char *arc = expand(s, S("csam")), *oid;
	for (size_t i = 0; i < s->n; i++) {
		const struct attr *at = values(&s->entries[i], name);
		for (size_t j = 0; at != NULL && j < at->n; j++) {
			const char *text = definition(s, plain_value(s->u->c->a, at->vals[j]), &oid);
			if (strncmp(oid, arc, strlen(arc)) != 0 || oid[strlen(arc)] != '.' || ships(s, name, oid))
				continue;
			struct slice known = name_of(text);
			s->newer = true;
			upgrade_note(s->u, "schema: this version does not know %.*s → is the directory of a later version?", (int)known.n, known.p);
		}
	}
}

static struct slice behind_text(const char *definition)
{
	const char *desc = strstr(definition, " DESC '"), *end = desc != NULL ? strchr(desc + 7, '\'') : NULL;
	return slice_of(end != NULL ? end + 1 : definition);
}

/* A word of the class there that ours lacks, an attribute of somebody else's: a class loses nothing. */
static bool has_more(const char *there, const char *ours, struct slice *out)
{
	struct slice words = behind_text(there), known = behind_text(ours), word;
	while (slice_cut(&words, ' ', &word))
		if (word.n > 1 && !slice_has_word(known, word)) {
			*out = word;
			return true;
		}
	return false;
}

static void replace(struct schema *s, const struct shipped_value *v, const struct found *f, const char *ours)
{
	struct slice more, name = name_of(ours);
	bool class = strcmp(v->name, "olcObjectClasses") == 0;
	if (s->newer || (class && has_more(f->text, ours, &more))) {
		upgrade_note(s->u, "schema: %.*s differs from this version's, but %s → it is left as it is", (int)name.n, name.p,
		    s->newer ? "the directory has what this version does not know" : arena_printf(s->u->c->a, "has %.*s besides", (int)more.n, more.p));
		return;
	}
	int index = value_index(f->raw);
	record_change(&s->record, f->dn, "delete", arena_printf(s->u->c->a, "%.*s has changed.", (int)name.n, name.p), v->name, -1, f->raw);
	record_change(&s->record, f->dn, "add", "", v->name, index, v->folded);
	buf_printf(&s->u->lacks, " %.*s", (int)name.n, name.p);
}

static void compare(struct schema *s, const struct shipped_value *v, bool add)
{
	struct found f;
	const char *oid, *ours = definition(s, v->text, &oid);
	struct slice name = name_of(ours);
	bool there = look_up(s, v->name, oid, &f);
	if (add && !there) {
		record_change(&s->record, s->home, "add", arena_printf(s->u->c->a, "%.*s is new.", (int)name.n, name.p), v->name, -1, v->folded);
		buf_printf(&s->u->lacks, " %.*s", (int)name.n, name.p);
	}
	if (!add && there && strcmp(f.text, ours) != 0)
		replace(s, v, &f, ours);
}

static void find_home(struct schema *s)
{
	struct found f;
	const char *oid;
	for (size_t i = 0; s->home == NULL && i < s->ours->n; i++)
		if (is_definition(s->ours->vals[i].name)) {
			definition(s, s->ours->vals[i].text, &oid);
			if (look_up(s, s->ours->vals[i].name, oid, &f))
				s->home = f.dn;
		}
}

static bool has_macro(const struct schema *s, const char *text)
{
	size_t n = strcspn(text, " ");
	for (size_t i = 0; i < s->n; i++) {
		const struct attr *at = entry_attr(&s->entries[i], "olcObjectIdentifier");
		for (size_t j = 0; at != NULL && j < at->n; j++)
			if (strncasecmp(plain_value(s->u->c->a, at->vals[j]), text, n + 1) == 0)
				return true;
	}
	return false;
}

/* Macros, then attributes, then the classes that hold them; of each what is new before what has changed. */
void upgrade_schema(struct upgrade *u, const struct ldap_entry *entries, size_t n)
{
	static const char *const kinds[] = { "olcAttributeTypes", "olcObjectClasses" };
	struct shipped file = shipped_schema(u->c->a);
	struct schema s = { .u = u, .ours = &file.entries[0], .entries = entries, .n = n, .record = { .u = u } };
	find_home(&s);
	if (s.home == NULL) {
		upgrade_add(u, s.ours, s.ours->dn, "The schema.");
		return;
	}
	for (size_t i = 0; i < s.ours->n; i++)
		if (u->blind == NULL && strcmp(s.ours->vals[i].name, "olcObjectIdentifier") == 0 && !has_macro(&s, s.ours->vals[i].text))
			record_change(&s.record, s.home, "add", "A name for a number.", "olcObjectIdentifier", -1, s.ours->vals[i].text);
	for (size_t k = 0; k < 2; k++)
		look_for_newer(&s, kinds[k]);
	for (size_t pass = 0; pass < 4; pass++)
		for (size_t i = 0; i < s.ours->n; i++)
			if (strcmp(s.ours->vals[i].name, kinds[pass / 2]) == 0)
				compare(&s, &s.ours->vals[i], pass % 2 == 0);
	record_end(&s.record);
}
