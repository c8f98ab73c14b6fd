/* The template compiler and renderer: text to a flat list of nodes, nodes and values to a page. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "base/file.h"
#include "base/log.h"
#include "svc/texts.h"
#include "web/static.h"
#include "web/template.h"

enum { MAX_OPEN = 8, MAX_INCLUDE = 4, MAX_FILE = 64 * 1024 };

enum what { LITERAL, VALUE, ADDRESS, TEXT, LIST, ABSENT, BLOCK, INSERT };

struct node {
	enum what what;
	struct slice s;		/* the literal, or a name that ends in NUL */
	size_t end;		/* LIST, ABSENT, BLOCK: the node behind the last inner one */
};

struct template {
	struct node *nodes;
	size_t n;
};

/* Where in the HTML the compiler stands: what may be written there depends on it. */
struct place {
	bool tag, fresh;	/* fresh: at the first character of an attribute's value */
	char quote;
	char attr[24];
	size_t nattr;
};

struct compiler {
	struct arena *a;
	const char *dir, *lang, *file;
	unsigned line, depth;
	struct node *nodes;
	size_t n, cap;
	struct buf lit;		/* text since the last node */
	struct place place;
	struct { size_t node; struct slice name; } open[MAX_OPEN];
	size_t nopen;
};

static int wrong(const struct compiler *c, const char *what, struct slice tag)
{
	return fail(E_INPUT, "%s:%u: %s: {{%.*s}}", c->file, c->line, what, (int)tag.n, tag.p);
}

static size_t add(struct compiler *c, enum what what, struct slice s)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 64 : c->cap * 2;
		struct node *more = ARENA_ARRAY(c->a, struct node, cap);
		if (c->n > 0)
			memcpy(more, c->nodes, c->n * sizeof *more);
		c->nodes = more;
		c->cap = cap;
	}
	c->nodes[c->n] = (struct node){ .what = what, .s = s };
	return c->n++;
}

static void flush(struct compiler *c)
{
	if (c->lit.n > 0)
		add(c, LITERAL, buf_slice(&c->lit));
	c->lit = buf_new(c->a);
}

static size_t add_named(struct compiler *c, enum what what, struct slice name)
{
	flush(c);
	return add(c, what, slice_mem(arena_str(c->a, name), name.n));
}

static void follow(struct place *p, char ch)
{
	p->fresh = false;
	if (p->quote != 0) {
		if (ch == p->quote)
			p->quote = 0;
	} else if (!p->tag) {
		p->tag = ch == '<';
		p->nattr = 0;
	} else if (ch == '>') {
		p->tag = false;
	} else if (ch == '"' || ch == '\'') {
		p->quote = ch;
		p->fresh = true;
	} else if (ch == ' ' || ch == '\n' || ch == '\t') {
		p->nattr = 0;
	} else if (ch != '=' && p->nattr < sizeof p->attr - 1) {
		p->attr[p->nattr++] = ch;
	}
	p->attr[p->nattr] = '\0';
}

/* Literal HTML. White space around a line's end becomes the line's end alone. */
static void literal(struct compiler *c, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		c->line += ch == '\n';
		follow(&c->place, ch);
		bool at_start = c->lit.n == 0 ? c->n == 0 : c->lit.p[c->lit.n - 1] == '\n';
		if (at_start && (ch == '\n' || ch == '\t' || ch == ' '))
			continue;
		buf_char(&c->lit, ch);
	}
}

static bool is_address(const struct place *p)
{
	return p->fresh && (strcasecmp(p->attr, "href") == 0 || strcasecmp(p->attr, "src") == 0 ||
	    strcasecmp(p->attr, "action") == 0 || strcasecmp(p->attr, "formaction") == 0);
}

/* Escaping is right in text and in quoted attributes that are neither program nor style: nothing may stand elsewhere. */
static bool may_fill(const struct place *p)
{
	return !p->tag || (p->quote != 0 && strncasecmp(p->attr, "on", 2) != 0 && strcasecmp(p->attr, "style") != 0);
}

static int fill(struct compiler *c, struct slice name)
{
	add_named(c, is_address(&c->place) ? ADDRESS : VALUE, name);
	c->place.fresh = false;
	return OK;
}

static int fill_text(struct compiler *c, struct slice tag, struct slice id)
{
	const char *known = arena_str(c->a, id);
	if (!texts_have(known))
		return wrong(c, "no such text", tag);
	struct slice rest = slice_of(text(c->lang, known)), before, name, after;
	for (; texts_placeholder(rest, &before, &name, &after); rest = after) {
		buf_html(&c->lit, before);
		add_named(c, VALUE, name);
	}
	buf_html(&c->lit, rest);
	return OK;
}

static int fill_static(struct compiler *c, struct slice tag, struct slice name)
{
	const char *address = static_address(arena_str(c->a, name));
	if (address == NULL)
		return wrong(c, "no such static file", tag);
	buf_html(&c->lit, slice_of(address));
	return OK;
}

static int open_section(struct compiler *c, enum what what, struct slice tag, struct slice name)
{
	if (c->nopen == MAX_OPEN)
		return wrong(c, "nested too deep", tag);
	c->open[c->nopen].name = name;
	c->open[c->nopen++].node = add_named(c, what, name);
	return OK;
}

static int close_section(struct compiler *c, struct slice tag, struct slice name)
{
	if (c->nopen == 0 || !slice_eq(c->open[c->nopen - 1].name, name))
		return wrong(c, "closes what is not open", tag);
	flush(c);
	c->nodes[c->open[--c->nopen].node].end = c->n;
	return OK;
}

static int compile_file(struct compiler *c, const char *name);

static int include(struct compiler *c, struct slice tag, struct slice name)
{
	if (c->depth == MAX_INCLUDE)
		return wrong(c, "included too deep", tag);
	const char *file = c->file;
	unsigned line = c->line;
	c->depth++;
	int e = compile_file(c, arena_str(c->a, name));
	c->depth--;
	if (e == E_NOENT)
		e = fail(E_INPUT, "%s:%u: no such template: {{%.*s}}", file, line, (int)tag.n, tag.p);
	c->file = file;
	c->line = line;
	return e;
}

static int tag(struct compiler *c, struct slice t)
{
	struct slice rest = t.n > 0 ? slice_mem(t.p + 1, t.n - 1) : t;
	struct slice id = t.n > 2 ? slice_mem(t.p + 2, t.n - 2) : S_NONE;
	switch (t.n > 0 ? t.p[0] : '\0') {
	case '!': return OK;
	case '#': return open_section(c, LIST, t, rest);
	case '^': return open_section(c, ABSENT, t, rest);
	case '$': return open_section(c, BLOCK, t, rest);
	case '/': return close_section(c, t, rest);
	case '>': return include(c, t, rest);
	case '<': add_named(c, INSERT, rest); return OK;
	}
	if (slice_starts(t, S("s:")))
		return fill_static(c, t, id);
	if (!may_fill(&c->place))
		return wrong(c, "cannot be escaped here: not in a quoted attribute", t);
	if (slice_starts(t, S("t:")))
		return fill_text(c, t, id);
	if (slice_starts(t, S("t="))) {
		add_named(c, TEXT, id);
		return OK;
	}
	for (size_t i = 0; i < t.n; i++)
		if (!((t.p[i] >= 'a' && t.p[i] <= 'z') || t.p[i] == '_' || (t.p[i] == '.' && t.n == 1)))
			return wrong(c, "no name of a value", t);
	return t.n > 0 ? fill(c, t) : wrong(c, "empty", t);
}

static int compile(struct compiler *c, struct slice s)
{
	size_t opened = c->nopen;
	for (const char *at; s.n > 0 && (at = memmem(s.p, s.n, "{{", 2)) != NULL;) {
		size_t before = (size_t)(at - s.p);
		literal(c, slice_mem(s.p, before));
		s = slice_mem(at + 2, s.n - before - 2);
		const char *end = memmem(s.p, s.n, "}}", 2);
		if (end == NULL)
			return wrong(c, "never ends", slice_mem(s.p, s.n < 20 ? s.n : 20));
		struct slice t = { s.p, (size_t)(end - s.p) };
		int e = tag(c, t);
		if (e != OK)
			return e;
		for (size_t i = 0; i < t.n; i++)
			c->line += t.p[i] == '\n';
		s = slice_mem(end + 2, s.n - t.n - 2);
	}
	literal(c, s);
	return c->nopen == opened ? OK : wrong(c, "is never closed", c->open[c->nopen - 1].name);
}

static int compile_file(struct compiler *c, const char *name)
{
	struct slice s;
	const char *path = arena_printf(c->a, "%s/%s.html", c->dir, name);
	int e = file_read(c->a, path, MAX_FILE, &s);
	if (e != OK)
		return e;
	if (!slice_is_text(s, "\n\t"))
		return fail(E_INPUT, "%s: not UTF-8 text", path);
	c->file = path;
	c->line = 1;
	return compile(c, s);
}

int template_load(struct arena *a, const char *dir, const char *name, const char *lang, struct template **out)
{
	struct compiler c = { .a = a, .dir = dir, .lang = lang, .file = dir, .lit = buf_new(a) };
	int e = compile_file(&c, name);
	if (e != OK)
		return e == E_NOENT ? fail(E_INPUT, "%s/%s.html: no such template", dir, name) : E_INPUT;
	flush(&c);
	*out = ARENA_NEW(a, struct template);
	**out = (struct template){ c.nodes, c.n };
	return OK;
}

/* ---- drawing ---- */

struct scope {				/* values that are seen, innermost first */
	const json_t *v;
	const struct scope *up;
};

struct painter {
	struct buf *b;
	const struct template *inner;
	const char *lang;
};

static const json_t *look_up(const struct scope *s, const char *name)
{
	if (strcmp(name, ".") == 0)
		return s->v;
	for (; s != NULL; s = s->up) {
		const json_t *v = json_object_get(s->v, name);
		if (v != NULL)
			return v;
	}
	return NULL;
}

static bool is_there(const json_t *v)
{
	if (v == NULL || json_is_false(v) || json_is_null(v))
		return false;
	return json_is_string(v) ? json_string_length(v) > 0 : !json_is_array(v) || json_array_size(v) > 0;
}

static struct slice string(const json_t *v)
{
	return slice_mem(json_string_value(v), json_string_length(v));
}

static void draw_value(struct buf *b, const json_t *v)
{
	if (json_is_string(v))
		buf_html(b, string(v));
	else if (json_is_integer(v))
		buf_num(b, json_integer_value(v));
}

/* A path of ours ("//host" and "/\host" are none, for browsers) or a web address; never javascript: and its like. */
static void draw_address(struct buf *b, struct slice s)
{
	bool path = s.n > 0 && s.p[0] == '/' && (s.n == 1 || (s.p[1] != '/' && s.p[1] != '\\'));
	bool web = (s.n > 8 && strncasecmp(s.p, "https://", 8) == 0) || (s.n > 7 && strncasecmp(s.p, "http://", 7) == 0);
	if (path || web || (s.n > 0 && s.p[0] == '#'))
		buf_html(b, s);
	else
		buf_lit(b, "#");
}

static void draw_text(struct painter *p, const struct scope *scope, const json_t *id)
{
	if (!json_is_string(id))
		return;
	struct slice rest = slice_of(text(p->lang, json_string_value(id))), before, name, after;
	for (; texts_placeholder(rest, &before, &name, &after); rest = after) {
		buf_html(p->b, before);
		draw_value(p->b, look_up(scope, arena_str(p->b->a, name)));
	}
	buf_html(p->b, rest);
}

static void draw(struct painter *p, const struct template *t, size_t from, size_t to, const struct scope *scope);

static void draw_list(struct painter *p, const struct template *t, size_t at, const struct scope *scope)
{
	const json_t *v = look_up(scope, t->nodes[at].s.p);
	if (!is_there(v))
		return;
	size_t n = json_is_array(v) ? json_array_size(v) : 1;
	for (size_t i = 0; i < n; i++) {
		const struct scope in = { json_is_array(v) ? json_array_get(v, i) : v, scope };
		draw(p, t, at + 1, t->nodes[at].end, json_is_array(v) || json_is_object(v) ? &in : scope);
	}
}

static void draw_insert(struct painter *p, const char *name, const struct scope *scope)
{
	const struct template *t = p->inner;
	if (t == NULL)
		return;
	struct painter in = { p->b, NULL, p->lang };
	if (strcmp(name, "content") == 0)
		draw(&in, t, 0, t->n, scope);
	for (size_t i = 0; i < t->n; i++)
		if (t->nodes[i].what == BLOCK && strcmp(t->nodes[i].s.p, name) == 0)
			draw(&in, t, i + 1, t->nodes[i].end, scope);
}

static void draw(struct painter *p, const struct template *t, size_t from, size_t to, const struct scope *scope)
{
	for (size_t i = from; i < to; i++) {
		const struct node *n = &t->nodes[i];
		switch (n->what) {
		case LITERAL: buf_raw(p->b, n->s); break;
		case VALUE: draw_value(p->b, look_up(scope, n->s.p)); break;
		case ADDRESS: draw_address(p->b, string(look_up(scope, n->s.p))); break;
		case TEXT: draw_text(p, scope, look_up(scope, n->s.p)); break;
		case LIST: draw_list(p, t, i, scope); break;
		case ABSENT:
			if (!is_there(look_up(scope, n->s.p)))
				draw(p, t, i + 1, n->end, scope);
			break;
		case BLOCK: break;
		case INSERT: draw_insert(p, n->s.p, scope); break;
		}
		if (n->end > i)
			i = n->end - 1;
	}
}

void template_draw(struct buf *b, const struct drawing *d)
{
	const struct scope common = { d->common, NULL }, scope = { d->values, &common };
	struct painter p = { b, d->inner, d->lang };
	const struct template *first = d->outer != NULL ? d->outer : d->inner;
	draw(&p, first, 0, first->n, &scope);
}
