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
		if (b->n > 0)
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
	buf_printf(b, "%lld", n);
}

const char *buf_cstr(const struct buf *b)
{
	return b->p ? b->p : "";
}

void buf_html(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&': buf_lit(b, "&amp;"); break;
		case '<': buf_lit(b, "&lt;"); break;
		case '>': buf_lit(b, "&gt;"); break;
		case '"': buf_lit(b, "&quot;"); break;
		case '\'': buf_lit(b, "&#39;"); break;
		default: buf_char(b, s.p[i]);
		}
}

static bool unreserved(unsigned char c)	/* RFC 3986 2.3 */
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void buf_url(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (unreserved(c))
			buf_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

void buf_json(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\') {
			buf_char(b, '\\');
			buf_char(b, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(b, "\\u%04x", c);
		} else {
			buf_char(b, (char)c);
		}
	}
}

void buf_filter(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '*' || c == '(' || c == ')' || c == '\\' || c < 0x20 || c >= 0x7f)
			buf_printf(b, "\\%02x", c);
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
			buf_printf(b, "\\%02x", c);
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
		buf_printf(b, "%02x", (unsigned char)s.p[i]);
}
