/* One arena per request: a list of blocks, wiped together. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/digest.h"

enum { BLOCK = 16 * 1024, ALIGN = 16 };

struct block {
	struct block *next;
	size_t used, size;
	char data[] __attribute__((aligned(ALIGN)));
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *obj;
};

struct arena {
	struct block *blocks;
	struct deferred *deferred;
};

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* Each thread keeps a block or two for its next arena: they are wiped, so they need no zeroing again. Not under AddressSanitizer,
 * which would not see what is used after its arena has ended. */
#if defined(__SANITIZE_ADDRESS__)
enum { KEPT = 0 };
#else
enum { KEPT = 2 };
#endif
static _Thread_local struct { struct block *first; unsigned n; } kept;
static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;

static void kept_free(void *unused)
{
	(void)unused;
	for (struct block *b; (b = kept.first) != NULL; free(b))
		kept.first = b->next;
	kept.n = KEPT;			/* what still comes while the thread ends is not kept */
}

static void kept_key_make(void)
{
	if (pthread_key_create(&kept_key, kept_free) != 0)
		abort();
}

static struct block *block_new(size_t n, struct block *next)
{
	size_t size = n > BLOCK ? n : BLOCK;
	struct block *b = kept.first;
	if (size == BLOCK && b != NULL) {
		kept.first = b->next;
		kept.n--;
	} else {
		b = must(calloc(1, sizeof *b + size));
		b->size = size;
	}
	b->next = next;
	return b;
}

static void block_free(struct block *b)
{
	wipe(b->data, b->used);
	if (b->size != BLOCK || kept.n + 1 > KEPT) {	/* "n >= 0" would be a warning where nothing is kept */
		free(b);
		return;
	}
	pthread_once(&kept_once, kept_key_make);
	pthread_setspecific(kept_key, &kept);
	b->used = 0;
	b->next = kept.first;
	kept.first = b;
	kept.n++;
}

struct arena *arena_new(void)
{
	return must(calloc(1, sizeof(struct arena)));
}

struct arena *arena_free(struct arena *a)
{
	if (a == NULL)
		return NULL;
	for (struct deferred *d = a->deferred; d != NULL; d = d->next)
		d->fn(d->obj);
	for (struct block *b = a->blocks, *next; b != NULL; b = next) {
		next = b->next;
		block_free(b);
	}
	free(a);
	return NULL;
}

void arena_free_p(struct arena **a)
{
	*a = arena_free(*a);
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > SIZE_MAX / 2)
		abort();
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	struct block *b = a->blocks;
	if (b == NULL || b->size - b->used < n) {
		if (b != NULL && n > BLOCK / 4) {
			/* A large piece gets a block of its own behind the current one, whose room stays in use. */
			struct block *own = block_new(n, b->next);
			b->next = own;
			own->used = n;
			return own->data;
		}
		b = a->blocks = block_new(n, b);
	}
	void *p = b->data + b->used;
	b->used += n;
	return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		abort();
	return arena_alloc(a, total);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct slice){ p, s.n };
}

char *arena_str(struct arena *a, struct slice s)
{
	return (char *)arena_copy(a, s).p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_str(a, slice_of(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *obj)
{
	struct deferred *d = ARENA_NEW(a, struct deferred);
	*d = (struct deferred){ a->deferred, fn, obj };
	a->deferred = d;
}
