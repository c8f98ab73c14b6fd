/* What this version ships for the directory: reads the LDIF that is built into the program, with its comments. */
#include <stdlib.h>
#include "base/buf.h"
#include "csamctl/shipped.h"

#define FILE_IN(name, file) __asm__(".pushsection .rodata\n" #name ": .incbin \"" file "\"\n.byte 0\n.popsection"); extern const char name[]
FILE_IN(schema_ldif, "schema/csam.ldif");
FILE_IN(slapd_ldif, "conf/directory/slapd.ldif");
FILE_IN(tree_ldif, "conf/directory/tree.ldif");

enum { ENTRIES = 64, VALUES = 256 };

/* --- names --- */

/* A URL holds no blanks (RFC 4516 2.1); the names are few and DNs else need no escapes there. */
static void put_name(struct buf *b, const char *name, bool url)
{
	for (; *name != '\0'; name++)
		if (url && *name == ' ')
			buf_lit(b, "%20");
		else
			buf_char(b, *name);
}

static const char *fill(struct arena *a, const char *text, const struct shipped_names *n)
{
	const struct { struct slice is; const char *here; } names[] = {
		{ S("ou=people,@SUFFIX@"), n->people }, { S("ou=services,@SUFFIX@"), n->services }, { S("cn=idpd,ou=system,@SUFFIX@"), n->idpd },
		{ S("cn=administrators,ou=system,@SUFFIX@"), n->administrators }, { S("@SUFFIX@"), n->suffix }, { S("@OWNER@"), n->owner },
		{ S("@DIR@"), n->dir }, { S("cn=accesslog"), n->changes },
	};
	enum { NAMES = sizeof names / sizeof *names };
	struct buf b = buf_new(a);
	for (const char *line = text; *text != '\0';) {
		size_t i = 0;
		while (i < NAMES && strncmp(text, names[i].is.p, names[i].is.n) != 0)
			i++;
		if (i < NAMES) {
			put_name(&b, names[i].here, strncmp(line, "olcUniqueURI:", 13) == 0);
			text += names[i].is.n;
		} else {
			buf_char(&b, *text);
			if (*text++ == '\n')
				line = text;
		}
	}
	return buf_cstr(&b);
}

/* --- values --- */

int value_index(const char *value)
{
	char *end;
	long n = *value == '{' ? strtol(value + 1, &end, 10) : -1;
	return n >= 0 && n < 100000 && *end == '}' ? (int)n : -1;
}

static const char *without_index(const char *value)
{
	return value_index(value) >= 0 ? strchr(value, '}') + 1 : value;
}

const char *plain_value(struct arena *a, struct slice value)
{
	const char *text = without_index(arena_str(a, value));
	struct buf b = buf_new(a);
	for (bool blank = false; *text != '\0'; text++)
		if (*text == ' ' || *text == '\t') {
			blank = b.n > 0;
		} else {
			if (blank)
				buf_char(&b, ' ');
			buf_char(&b, *text);
			blank = false;
		}
	return buf_cstr(&b);
}

const char *shipped_str(const struct shipped_entry *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->vals[i].former && strcmp(e->vals[i].name, name) == 0)
			return e->vals[i].text;
	return NULL;
}

/* --- the file --- */

struct reader {
	struct arena *a;
	struct shipped_entry *entries;
	struct shipped_value *vals;	/* of the last entry */
	size_t n;
	struct buf comment;
};

/* "#was x: y" is a value; other comments are what stands above the next. */
static void comment(struct reader *r, struct slice line)
{
	struct slice words = slice_trim(slice_mem(line.p + 1, line.n - 1), " ");
	if (words.n == 0)
		return;
	if (r->comment.n > 0)
		buf_char(&r->comment, ' ');
	buf_raw(&r->comment, words);
}

static const char *take_comment(struct reader *r)
{
	const char *text = r->comment.n > 0 ? buf_cstr(&r->comment) : NULL;
	r->comment = buf_new(r->a);
	return text;
}

/* A comment goes on for the values of the same name below it. */
static const char *reason(struct reader *r, const struct shipped_entry *e, const char *name)
{
	const char *above = take_comment(r);
	if (above != NULL)
		return above;
	return e->n > 0 && strcmp(e->vals[e->n - 1].name, name) == 0 ? e->vals[e->n - 1].why : e->why;
}

/* `rest` begins behind the line and is moved behind those that continue it (RFC 2849 note 2). */
static void attribute(struct reader *r, struct slice line, struct slice *rest, bool former)
{
	struct slice name, more;
	struct buf folded = buf_new(r->a), flat = buf_new(r->a);
	slice_cut(&line, ':', &name);
	buf_raw(&folded, slice_trim(line, " "));
	buf_raw(&flat, slice_trim(line, " "));
	while (slice_starts(*rest, S(" ")) && slice_cut(rest, '\n', &more)) {
		buf_char(&folded, '\n');
		buf_raw(&folded, slice_mem(more.p + 1, more.n - 1));
		buf_raw(&flat, slice_mem(more.p + 1, more.n - 1));
	}
	if (slice_is(name, "dn")) {
		if (r->n == ENTRIES)
			abort();
		r->vals = ARENA_ARRAY(r->a, struct shipped_value, VALUES);
		const char *why = take_comment(r);
		r->entries[r->n++] = (struct shipped_entry){ buf_cstr(&flat), why != NULL ? why : "", r->vals, 0 };
		return;
	}
	if (r->n == 0)
		return;
	struct shipped_entry *e = &r->entries[r->n - 1];
	if (e->n == VALUES)
		abort();
	const char *attr = arena_str(r->a, name);
	r->vals[e->n] = (struct shipped_value){ attr, plain_value(r->a, buf_slice(&flat)), without_index(buf_cstr(&folded)), reason(r, e, attr), former };
	e->n++;
}

static struct shipped read_text(struct arena *a, const char *text)
{
	struct reader r = { .a = a, .entries = ARENA_ARRAY(a, struct shipped_entry, ENTRIES), .comment = buf_new(a) };
	struct slice rest = slice_of(text), line;
	while (slice_cut(&rest, '\n', &line)) {
		if (slice_starts(line, S("#was ")))
			attribute(&r, slice_mem(line.p + 5, line.n - 5), &rest, true);
		else if (slice_starts(line, S("#")))
			comment(&r, line);
		else if (line.n == 0)
			take_comment(&r);
		else if (!slice_starts(line, S("include:")) && line.p[0] != '@')
			attribute(&r, line, &rest, false);
	}
	return (struct shipped){ r.entries, r.n };
}

struct shipped shipped_schema(struct arena *a)
{
	return read_text(a, schema_ldif);
}

struct shipped shipped_config(struct arena *a, const struct shipped_names *names)
{
	return read_text(a, fill(a, slapd_ldif, names));
}

struct shipped shipped_tree(struct arena *a, const struct shipped_names *names)
{
	return read_text(a, fill(a, tree_ldif, names));
}
