/* The keys in use, and how they are exchanged. */
#include <stdint.h>
#include "base/clock.h"
#include "base/log.h"
#include "keyring/confine.h"
#include "keyring/ring.h"
#include "keyring/trail.h"

enum { TIDY_MAX_MS = 10 * 1000, RETRY_MS = 60 * 1000 };

int ring_open(struct ring *r, const char *dir, const struct ring_terms *terms)
{
	struct arena *a = arena_new();
	struct keystore *s = ARENA_NEW(a, struct keystore);
	int e = keystore_open(a, dir, s);
	if (e != OK) {
		arena_free(a);
		return e;
	}
	pthread_rwlock_init(&r->lock, NULL);
	pthread_mutex_init(&r->changing, NULL);
	r->store = s;
	r->terms = *terms;
	return OK;
}

const struct keystore *ring_use(struct ring *r)
{
	pthread_rwlock_rdlock(&r->lock);
	return r->store;
}

void ring_done(struct ring *r)
{
	pthread_rwlock_unlock(&r->lock);
}

struct keystore *ring_begin(struct ring *r)
{
	pthread_mutex_lock(&r->changing);
	return r->store;
}

void ring_end(struct ring *r)
{
	pthread_mutex_unlock(&r->changing);
}

int ring_change(struct ring *r, json_t *root)
{
	struct arena *a = arena_new();
	struct keystore *next = ARENA_NEW(a, struct keystore), *old = r->store;
	int e = keystore_change(a, old, root, next);
	if (e != OK) {
		arena_free(a);
		return e;
	}
	confine_lock_again();
	pthread_rwlock_wrlock(&r->lock);
	r->store = next;
	pthread_rwlock_unlock(&r->lock);
	arena_free(old->a);
	return OK;
}

static int rotate(struct ring *r, struct arena *a)
{
	json_t *root;
	int e = rotation_next(a, r->store, S("sign"), false, &r->terms, &root);
	if (e != OK)
		return e;
	e = trail_line(&(struct trail_line){ .event = "rotate", .why = "age" });
	return e == OK ? ring_change(r, root) : e;
}

/* What is gone is no loss for anybody: it needs no line before it goes. */
static int prune(struct ring *r, struct arena *a)
{
	json_t *root;
	int e = rotation_prune(a, r->store, now(), r->terms.keep_s, &root);
	return e == OK ? ring_change(r, root) : e == E_NOENT ? OK : e;
}

int ring_tidy(struct ring *r)
{
	AUTO_ARENA a = arena_new();
	pthread_mutex_lock(&r->changing);
	int e = prune(r, a);
	if (e == OK && rotation_due(r->store, &r->terms) <= now())
		e = rotate(r, a);
	time_t due = rotation_due(r->store, &r->terms), left = due == INT64_MAX ? TIDY_MAX_MS : due - now();
	pthread_mutex_unlock(&r->changing);
	if (e != OK && e != E_EXISTS) {
		log_err("keyring: its keys cannot be changed now; it tries again");
		return RETRY_MS;
	}
	return left < TIDY_MAX_MS / 1000 ? (left > 0 ? (int)left * 1000 : 1000) : TIDY_MAX_MS;
}
