/* Reads comma-separated values (RFC 4180). */
#include "base/buf.h"
#include "csamctl/csv.h"

struct reader {
	struct csv *c;
	struct arena *a;
	struct slice *fields;
	size_t n, bytes;
	const char *why;
};

static int next_byte(struct reader *r)
{
	int ch = getc(r->c->f);
	if (ch != EOF && ++r->bytes > CSV_RECORD)
		r->why = "longer than 65536 bytes: is a quote missing?";
	if (ch == '\n')
		r->c->lines++;
	return ch;
}

/* Behind a field: CR LF counts as one line end, a lone CR is content nobody meant. */
static int line_end(struct reader *r, int ch)
{
	if (ch != '\r')
		return ch;
	ch = next_byte(r);
	if (ch == '\n' || ch == EOF)
		return '\n';
	r->why = "a carriage return in the middle of a line";
	return ch;			/* the rest of the line is no record */
}

/* RFC 4180 2.5 to 2.7: everything up to the closing quote, two quotes stand for one. */
static int quoted(struct reader *r, struct buf *b)
{
	while (r->why == NULL) {
		int ch = next_byte(r);
		if (ch == EOF) {
			r->why = "the file ends inside quotes";
			return EOF;
		}
		if (ch == '"' && (ch = next_byte(r)) != '"') {
			ch = line_end(r, ch);
			if (ch != r->c->separator && ch != '\n' && ch != EOF)
				r->why = "text behind a closing quote";
			return ch;
		}
		buf_char(b, (char)ch);
	}
	return '\0';
}

static int plain(struct reader *r, struct buf *b, int ch)
{
	while (r->why == NULL && ch != EOF && ch != r->c->separator && ch != '\n' && ch != '\r') {
		if (ch == '"')
			r->why = "a quote inside a field that does not begin with one";
		buf_char(b, (char)ch);
		ch = next_byte(r);
	}
	return line_end(r, ch);
}

/* One field; gives the byte that ended it. */
static int field(struct reader *r, int ch)
{
	struct buf b = buf_new(r->a);
	ch = ch == '"' ? quoted(r, &b) : plain(r, &b, ch);
	if (r->n == CSV_FIELDS)
		r->why = "more than 64 fields";
	else
		r->fields[r->n++] = buf_slice(&b);
	return ch;
}

static void skip_line(struct reader *r, int ch)
{
	while (ch != '\n' && ch != EOF) {
		ch = getc(r->c->f);
		if (ch == '\n')
			r->c->lines++;
	}
}

int csv_next(struct csv *c, struct arena *a, struct slice fields[CSV_FIELDS], size_t *n, const char **why)
{
	struct reader r = { .c = c, .a = a, .fields = fields };
	int ch;
	do {
		c->line = c->lines + 1;
		ch = line_end(&r, next_byte(&r));
	} while (ch == '\n' && r.why == NULL);		/* empty lines are nothing */
	if (ch == EOF)
		return E_NOENT;
	while (r.why == NULL && (ch = field(&r, ch)) == c->separator && r.why == NULL)
		ch = next_byte(&r);
	if (r.why != NULL) {
		skip_line(&r, ch);
		*why = r.why;
		return E_INPUT;
	}
	for (size_t i = 0; i < r.n; i++)
		if (!slice_is_text(fields[i], "\t\n\r")) {
			*why = "not UTF-8 text: save the file as UTF-8";
			return E_INPUT;
		}
	*n = r.n;
	return OK;
}

/* The separator is what the header has more of: it names columns, so it has no other use for either. */
static char separator_of(struct slice line)
{
	size_t commas = 0, semicolons = 0;
	for (size_t i = 0; i < line.n; i++) {
		commas += line.p[i] == ',';
		semicolons += line.p[i] == ';';
	}
	return semicolons > commas ? ';' : ',';
}

int csv_header(struct csv *c, struct arena *a, struct slice fields[CSV_FIELDS], size_t *n, const char **why)
{
	struct buf b = buf_new(a);
	for (int ch; b.n < CSV_RECORD && (ch = getc(c->f)) != EOF && ch != '\n';)
		buf_char(&b, (char)ch);
	struct slice line = buf_slice(&b);
	if (slice_starts(line, S("\xef\xbb\xbf")))	/* byte order mark */
		line = slice_mem(line.p + 3, line.n - 3);
	if (line.n == 0)
		return E_NOENT;
	c->separator = separator_of(line);
	struct csv header = { .f = fmemopen((void *)line.p, line.n, "r"), .separator = c->separator };
	if (header.f == NULL)
		return E_BUG;
	int rc = csv_next(&header, a, fields, n, why);
	fclose(header.f);
	c->line = c->lines = 1;
	return rc;
}
