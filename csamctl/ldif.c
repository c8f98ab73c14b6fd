/* Writes LDIF (RFC 2849). */
#include "csamctl/ldif.h"

enum { FOLD = 76 };	/* RFC 2849 note 2: implementations should fold before column 76 */

/* RFC 2849: SAFE-STRING. A space at the end is allowed there but lost by editors, hence note 8. */
static bool safe(struct slice v)
{
	if (v.n == 0)
		return true;
	if (strchr(" :<", v.p[0]) != NULL || v.p[v.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (c < 0x20 || c >= 0x7f)
			return false;
	}
	return true;
}

/* The line that begins at `from`, folded: a line feed and one space (RFC 2849 note 2). */
static void fold(struct buf *b, struct slice line)
{
	for (size_t width = FOLD; line.n > width; width = FOLD - 1) {
		buf_raw(b, slice_mem(line.p, width));
		buf_lit(b, "\n ");
		line = slice_mem(line.p + width, line.n - width);
	}
	buf_raw(b, line);
	buf_char(b, '\n');
}

void ldif_attr(struct buf *b, const char *name, struct slice value)
{
	struct buf line = buf_new(b->a);
	buf_raw(&line, slice_of(name));
	if (safe(value)) {
		buf_raw(&line, value.n > 0 ? S(": ") : S(":"));
		buf_raw(&line, value);
	} else {
		buf_lit(&line, ":: ");
		buf_b64(&line, value);
	}
	fold(b, buf_slice(&line));
}

void ldif_str(struct buf *b, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		ldif_attr(b, name, slice_of(value));
}

void ldif_folded(struct buf *b, const char *name, const char *value)
{
	struct buf flat = buf_new(b->a), lines = buf_new(b->a);
	for (; *value != '\0'; value++) {
		buf_char(&lines, *value);
		if (*value == '\n')
			buf_char(&lines, ' ');
		else
			buf_char(&flat, *value);
	}
	if (safe(buf_slice(&flat)))
		buf_printf(b, "%s: %s\n", name, buf_cstr(&lines));
	else
		ldif_attr(b, name, buf_slice(&flat));
}

/* Words that are longer than a line stay whole. */
void ldif_comment(struct buf *b, const char *text)
{
	struct slice rest = slice_of(text), word;
	size_t column = 0;
	while (rest.n > 0 && slice_cut(&rest, ' ', &word)) {
		if (column > 0 && column + word.n >= FOLD) {
			buf_char(b, '\n');
			column = 0;
		}
		buf_raw(b, column == 0 ? S("# ") : S(" "));
		buf_raw(b, word);
		column += word.n + (column == 0 ? 2 : 1);
	}
	if (column > 0)
		buf_char(b, '\n');
}

void ldif_record(struct buf *b, const char *dn, const char *changetype)
{
	ldif_str(b, "dn", dn);
	ldif_str(b, "changetype", changetype);
}

void ldif_end(struct buf *b)
{
	buf_char(b, '\n');
}

void ldif_mod(struct buf *b, const char *op, const char *name, const char *value)
{
	ldif_str(b, op, name);
	ldif_str(b, name, value);
	buf_lit(b, "-\n");
}

const char *dn_below(struct arena *a, const char *type, const char *value, const char *parent)
{
	struct buf b = buf_new(a);
	buf_raw(&b, slice_of(type));
	buf_char(&b, '=');
	buf_dn(&b, slice_of(value));
	buf_char(&b, ',');
	buf_raw(&b, slice_of(parent));
	return buf_cstr(&b);
}
