/* Compact records: numbers and texts behind each other. */
#include "oidc/record.h"

void record_num(struct buf *b, uint64_t v)
{
	while (v >= 0x80) {
		buf_char(b, (char)(0x80 | (v & 0x7f)));
		v >>= 7;
	}
	buf_char(b, (char)v);
}

void record_text(struct buf *b, struct slice s)
{
	record_num(b, s.n);
	buf_raw(b, s);
}

static uint64_t broken(struct record *r)
{
	r->bad = true;
	r->rest = S_NONE;
	return 0;
}

uint64_t record_get_num(struct record *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->rest.n == 0)
			return broken(r);
		unsigned char c = (unsigned char)*r->rest.p;
		r->rest.p++;
		r->rest.n--;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	return broken(r);
}

struct slice record_get_text(struct record *r)
{
	uint64_t n = record_get_num(r);
	if (r->bad || n > r->rest.n) {
		broken(r);
		return S("");
	}
	struct slice s = { r->rest.p, (size_t)n };
	r->rest.p += n;
	r->rest.n -= (size_t)n;
	return s;
}

const char *record_get_str(struct record *r)
{
	return arena_str(r->a, record_get_text(r));
}

bool record_get_bytes(struct record *r, void *out, size_t n)
{
	struct slice s = record_get_text(r);
	if (s.n == n) {
		memcpy(out, s.p, n);
		return true;
	}
	if (s.n != 0)
		broken(r);
	return false;
}

bool record_done(const struct record *r)
{
	return !r->bad && r->rest.n == 0;
}
