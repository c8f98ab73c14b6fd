/* Records as flat bytes: numbers of eight bytes, texts with their length before them. */
#include <limits.h>
#include "core/pack.h"

static const uint64_t LAST_TIME = 253402300799;	/* the end of the year 9999: sums of times fit */

static struct pack writer(struct arena *a, uint64_t version, bool compact)
{
	struct pack p = { .a = a, .out = buf_new(a), .compact = compact };
	pack_u64(&p, &version);
	return p;
}

static struct pack reader(struct arena *a, uint64_t version, struct slice bytes, bool compact)
{
	struct pack p = { .a = a, .in = bytes, .reading = true, .compact = compact };
	uint64_t found = 0;
	pack_u64(&p, &found);
	p.bad = p.bad || found != version;
	return p;
}

struct pack pack_writer(struct arena *a, uint64_t version)
{
	return writer(a, version, false);
}

struct pack pack_reader(struct arena *a, uint64_t version, struct slice bytes)
{
	return reader(a, version, bytes, false);
}

struct pack pack_compact_writer(struct arena *a, uint64_t version)
{
	return writer(a, version, true);
}

struct pack pack_compact_reader(struct arena *a, uint64_t version, struct slice bytes)
{
	return reader(a, version, bytes, true);
}

int pack_done(const struct pack *p)
{
	return p->bad || p->in.n != 0 ? E_NOENT : OK;
}

/* The next n bytes; NULL, and everything after reads as nothing, when there are not so many. */
static const char *next(struct pack *p, uint64_t n)
{
	if (p->bad || n > p->in.n) {
		p->bad = true;
		return NULL;
	}
	const char *at = p->in.p;
	p->in = (struct slice){ at + n, p->in.n - (size_t)n };
	return at;
}

void pack_bytes(struct pack *p, void *bytes, size_t n)
{
	if (!p->reading) {
		buf_raw(&p->out, slice_mem(bytes, n));
		return;
	}
	const char *at = next(p, n);
	if (at != NULL)
		memcpy(bytes, at, n);
	else
		memset(bytes, 0, n);
}

static void write_compact(struct pack *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_char(&p->out, (char)(0x80 | (v & 0x7f)));
	buf_char(&p->out, (char)v);
}

/* One text for one value: no zeros at the end, nothing beyond 64 bits. */
static uint64_t read_compact(struct pack *p)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		const char *at = next(p, 1);
		uint64_t c = at != NULL ? (unsigned char)*at : 0, bits = c & 0x7f;
		v |= bits << shift;
		if (c < 0x80) {
			p->bad = p->bad || (c == 0 && shift > 0) || bits << shift >> shift != bits;
			return p->bad ? 0 : v;
		}
	}
	p->bad = true;
	return 0;
}

void pack_u64(struct pack *p, uint64_t *v)
{
	unsigned char b[8];
	if (p->compact && p->reading)
		*v = read_compact(p);
	else if (p->compact)
		write_compact(p, *v);
	if (p->compact)
		return;
	for (unsigned i = 0; i < sizeof b; i++)
		b[i] = (unsigned char)(*v >> 8 * i);
	pack_bytes(p, b, sizeof b);
	if (!p->reading)
		return;
	*v = 0;
	for (unsigned i = 0; i < sizeof b; i++)
		*v |= (uint64_t)b[i] << 8 * i;
}

void pack_uint(struct pack *p, unsigned *v)
{
	uint64_t n = *v;
	pack_u64(p, &n);
	p->bad = p->bad || n > UINT_MAX;
	*v = p->bad ? 0 : (unsigned)n;
}

void pack_bool(struct pack *p, bool *v)
{
	unsigned n = *v;
	pack_uint(p, &n);
	p->bad = p->bad || n > 1;
	*v = n == 1;
}

void pack_time(struct pack *p, time_t *v)
{
	uint64_t n = (uint64_t)*v;
	pack_u64(p, &n);
	p->bad = p->bad || n > LAST_TIME;
	*v = p->bad ? 0 : (time_t)n;
}

void pack_slice(struct pack *p, struct slice *v)
{
	uint64_t absent = p->compact ? 0 : UINT64_MAX, before = p->compact ? 1 : 0, n = v->p == NULL ? absent : v->n + before;
	pack_u64(p, &n);
	if (!p->reading) {
		buf_raw(&p->out, *v);
		return;
	}
	const char *at = n == absent || p->bad ? NULL : next(p, n - before);
	*v = at == NULL ? S_NONE : arena_copy(p->a, slice_mem(at, (size_t)(n - before)));
}

void pack_str(struct pack *p, const char **v)
{
	struct slice s = slice_of(*v);
	pack_slice(p, &s);
	if (p->reading)
		*v = s.p;	/* arena_copy ends it with NUL */
}

void pack_text(struct pack *p, const char **v)
{
	const char *s = *v != NULL ? *v : "";
	pack_str(p, &s);
	p->bad = p->bad || s == NULL;
	*v = s != NULL ? s : "";
}
