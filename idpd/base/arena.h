/* One arena per request: allocations that are never freed by hand, and that are wiped all at once. */
#ifndef CSAM_ARENA_H
#define CSAM_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include "base/slice.h"

struct arena;

struct arena *arena_new(void);

/* Runs the deferred functions in reverse order, wipes every byte, frees. Takes NULL, returns NULL. */
struct arena *arena_free(struct arena *a);

/* Zeroed, aligned for any type. Never NULL: a process that has no memory aborts. */
void *arena_alloc(struct arena *a, size_t n);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc_array((a), (n), sizeof(type)))
void *arena_alloc_array(struct arena *a, size_t n, size_t size);

char *arena_str(struct arena *a, struct slice s);		/* NUL-terminated copy; cut at the first NUL inside */
char *arena_strdup(struct arena *a, const char *s);		/* NULL gives NULL */
struct slice arena_copy(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* fn(obj) when the arena ends: for foreign objects that live as long as the request. */
void arena_defer(struct arena *a, void (*fn)(void *), void *obj);

#define AUTO(fn) __attribute__((cleanup(fn)))
void arena_free_p(struct arena **a);
#define AUTO_ARENA AUTO(arena_free_p) struct arena *

#endif
