/* Records as flat bytes: numbers of eight bytes, texts with their length before them. */
#include <limits.h>
#include "core/pack.h"

static const uint64_t ABSENT = UINT64_MAX, LAST_TIME = 253402300799;	/* the end of the year 9999: sums of times fit */

struct pack pack_writer(struct arena *a, uint64_t version)
{
	struct pack p = { .a = a, .out = buf_new(a) };
	pack_u64(&p, &version);
	return p;
}

struct pack pack_reader(struct arena *a, uint64_t version, struct slice bytes)
{
	struct pack p = { .a = a, .in = bytes, .reading = true };
	uint64_t found = 0;
	pack_u64(&p, &found);
	p.bad = p.bad || found != version;
	return p;
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

void pack_u64(struct pack *p, uint64_t *v)
{
	unsigned char b[8];
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
	uint64_t n = v->p == NULL ? ABSENT : v->n;
	pack_u64(p, &n);
	if (!p->reading) {
		buf_raw(&p->out, *v);
		return;
	}
	const char *at = n == ABSENT || p->bad ? NULL : next(p, n);
	*v = at == NULL ? S_NONE : arena_copy(p->a, slice_mem(at, (size_t)n));
}

void pack_str(struct pack *p, const char **v)
{
	struct slice s = slice_of(*v);
	pack_slice(p, &s);
	if (p->reading)
		*v = s.p;	/* arena_copy ends it with NUL */
}
