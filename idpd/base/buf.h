/* A string that grows in an arena, with one appender for each context it is written into. */
#ifndef CSAM_BUF_H
#define CSAM_BUF_H

#include "base/arena.h"

struct buf {
	struct arena *a;
	char *p;	/* always NUL-terminated once something was appended */
	size_t n, cap;
};

struct buf buf_new(struct arena *a);
#define buf_lit(b, lit) buf_raw((b), S(lit))			/* literals only */
void buf_raw(struct buf *b, struct slice s);			/* as it is: only what was escaped before */
void buf_char(struct buf *b, char c);
void buf_num(struct buf *b, long long n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_html(struct buf *b, struct slice s);			/* text and double-quoted attributes */
void buf_csv(struct buf *b, struct slice s);			/* RFC 4180 2: a cell; what a spreadsheet would take for a formula begins with ' */
void buf_url(struct buf *b, struct slice s);			/* RFC 3986 unreserved stay, all else %XX */
void buf_json(struct buf *b, struct slice s);			/* inside the quotes of a JSON string; what is not UTF-8 becomes U+FFFD */
void buf_filter(struct buf *b, struct slice s);			/* RFC 4515 3: value in an LDAP filter */
void buf_dn(struct buf *b, struct slice s);			/* RFC 4514 2.4: value in a DN */
void buf_b64(struct buf *b, struct slice s);			/* RFC 4648 4, padded */
void buf_b64url(struct buf *b, struct slice s);			/* RFC 4648 5, no padding (as JOSE wants it) */
void buf_hex(struct buf *b, struct slice s);

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->p ? b->p : "", b->n };
}
const char *buf_cstr(const struct buf *b);			/* "" when empty */

#endif
