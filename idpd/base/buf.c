/* A string that grows in an arena. */
#include <openssl/evp.h>
#include <stdio.h>
#include "base/buf.h"

struct buf buf_new(struct arena *a)
{
	return (struct buf){ .a = a };
}

/* Room for n more bytes and the NUL. The old copy stays in the arena: it is wiped with it. */
static char *room(struct buf *b, size_t n)
{
	if (b->cap - b->n < n + 1 || b->p == NULL) {
		size_t cap = (b->n + n + 1) * 2;
		char *p = arena_alloc(b->a, cap < 64 ? 64 : cap);
		if (b->p != NULL)
			memcpy(p, b->p, b->n);
		b->p = p;
		b->cap = cap < 64 ? 64 : cap;
	}
	return b->p + b->n;
}

void buf_raw(struct buf *b, struct slice s)
{
	char *p = room(b, s.n);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void buf_char(struct buf *b, char c)
{
	buf_raw(b, slice_mem(&c, 1));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(room(b, (size_t)n), (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void buf_num(struct buf *b, long long n)
{
	char digits[24], *p = digits + sizeof digits;
	unsigned long long u = n < 0 ? -(unsigned long long)n : (unsigned long long)n;
	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (n < 0)
		*--p = '-';
	buf_raw(b, slice_mem(p, (size_t)(digits + sizeof digits - p)));
}

const char *buf_cstr(const struct buf *b)
{
	return b->p ? b->p : "";
}

void buf_html(struct buf *b, struct slice s)
{
	size_t plain = 0;	/* where the run began that needs no escape */
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		const char *escape = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" :
		    c == '\'' ? "&#39;" : NULL;
		if (escape == NULL)
			continue;
		buf_raw(b, slice_mem(s.p + plain, i - plain));
		buf_raw(b, slice_of(escape));
		plain = i + 1;
	}
	if (plain < s.n)
		buf_raw(b, slice_mem(s.p + plain, s.n - plain));
}

void buf_csv(struct buf *b, struct slice s)
{
	const struct slice formula = S("=+-@\t\r");	/* what a spreadsheet would calculate */
	buf_char(b, '"');
	if (s.n > 0 && memchr(formula.p, s.p[0], formula.n) != NULL)
		buf_char(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_char(b, '"');
		buf_char(b, s.p[i]);
	}
	buf_char(b, '"');
}

static void hex_byte(struct buf *b, const char *before, const char digits[16], unsigned char c)
{
	const char two[2] = { digits[c >> 4], digits[c & 15] };
	buf_raw(b, slice_of(before));
	buf_raw(b, slice_mem(two, sizeof two));
}

static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

static bool unreserved(unsigned char c)	/* RFC 3986 2.3 */
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void buf_url(struct buf *b, struct slice s)
{
	size_t plain = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (unreserved(c))
			continue;
		buf_raw(b, slice_mem(s.p + plain, i - plain));
		hex_byte(b, "%", upper, c);
		plain = i + 1;
	}
	if (plain < s.n)
		buf_raw(b, slice_mem(s.p + plain, s.n - plain));
}

/* RFC 8259 7 and 8.1: quote, backslash and control characters (C1 too: a terminal obeys them) are escaped, and the text is UTF-8. */
void buf_json(struct buf *b, struct slice s)
{
	size_t plain = 0;	/* where the run began that needs no escape */
	for (size_t i = 0, len; i < s.n; i += len) {
		unsigned char c = (unsigned char)s.p[i];
		len = c < 0x80 ? 1 : slice_utf8_len(slice_mem(s.p + i, s.n - i));
		bool c1 = len == 2 && c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0;
		if (len > 0 && !c1 && c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
			continue;
		buf_raw(b, slice_mem(s.p + plain, i - plain));
		if (len == 0) {
			buf_lit(b, "\xef\xbf\xbd");
			len = 1;
		} else if (c == '"' || c == '\\') {
			buf_char(b, '\\');
			buf_char(b, (char)c);
		} else {
			hex_byte(b, "\\u00", lower, c1 ? (unsigned char)s.p[i + 1] : c);
		}
		plain = i + len;
	}
	buf_raw(b, slice_mem(s.p + plain, s.n - plain));
}

void buf_filter(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '*' || c == '(' || c == ')' || c == '\\' || c < 0x20 || c >= 0x7f)
			hex_byte(b, "\\", lower, c);
		else
			buf_char(b, (char)c);
	}
}

void buf_dn(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == s.n && c == ' ');
		if (c < 0x20 || c >= 0x7f)
			hex_byte(b, "\\", lower, c);
		else if (edge || strchr("\"+,;<>\\=", c) != NULL) {
			buf_char(b, '\\');
			buf_char(b, (char)c);
		} else
			buf_char(b, (char)c);
	}
}

void buf_b64(struct buf *b, struct slice s)
{
	char *p = room(b, (s.n + 2) / 3 * 4);
	int n = EVP_EncodeBlock((unsigned char *)p, (const unsigned char *)s.p, (int)s.n);
	b->n += (size_t)n;
	b->p[b->n] = '\0';
}

void buf_b64url(struct buf *b, struct slice s)
{
	size_t from = b->n;
	buf_b64(b, s);
	while (b->n > from && b->p[b->n - 1] == '=')
		b->p[--b->n] = '\0';
	for (size_t i = from; i < b->n; i++)
		b->p[i] = b->p[i] == '+' ? '-' : b->p[i] == '/' ? '_' : b->p[i];
}

void buf_hex(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		hex_byte(b, "", lower, (unsigned char)s.p[i]);
}
