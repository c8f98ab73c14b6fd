/* Where each key stands at a time. Nothing is written when a key begins to sign or ceases to: the clock says so, to every node alike. */
#include <stdint.h>
#include "base/buf.h"
#include "keyring/keystore.h"

static bool same_kind(const struct ring_key *a, const struct ring_key *b)
{
	return a->kind == b->kind;
}

/* Does b come after a? Of two that begin together the one that stands later in the file. */
static bool follows(const struct ring_key *a, const struct ring_key *b)
{
	return b->from > a->from || (b->from == a->from && b > a);
}

static bool is_use(const struct ring_key *k, const char *use)
{
	return strcmp(k->kind->use, use) == 0;
}

/* When the key that follows this one begins; the clock's end: none follows yet. */
static time_t until(const struct keystore *s, const struct ring_key *key)
{
	time_t next = INT64_MAX;
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++)
		if (same_kind(k, key) && follows(key, k) && k->from < next)
			next = k->from;
	return next;
}

const struct ring_key *keystore_current(const struct keystore *s, const char *use, const char *alg, time_t at)
{
	const struct ring_key *best = NULL;
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++) {
		if (!is_use(k, use) || (alg != NULL && strcmp(k->kind->alg, alg) != 0))
			continue;
		/* A clock that went back must not stop us: before the first of them the first one signs. */
		bool begun = best != NULL && best->from <= at;
		if (best == NULL || (k->from <= at ? !begun || follows(best, k) : !begun && follows(k, best)))
			best = k;
	}
	return best;
}

enum ring_state keystore_state(const struct keystore *s, const struct ring_key *key, time_t at, unsigned keep_s)
{
	if (key == keystore_current(s, key->kind->use, key->kind->alg, at))
		return RING_SIGNING;
	if (key->from > at)
		return RING_PUBLISHED;
	if (is_use(key, "seal"))
		return RING_LEAVING;	/* until nothing names it any more, which the directory knows */
	/* The key of yesterday opens what was sealed yesterday, and a day's key is that of its beginning. */
	time_t keep = is_use(key, "day") ? (time_t)3 * KEYSTORE_DAY_S : (time_t)keep_s;
	return at - until(s, key) < keep ? RING_LEAVING : RING_GONE;
}

const struct ring_key *keystore_by_id(const struct keystore *s, const char *use, const unsigned char id[RING_ID])
{
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++)
		if (is_use(k, use) && memcmp(k->id, id, RING_ID) == 0)
			return k;
	return NULL;
}

const struct ring_key *keystore_by_kid(const struct keystore *s, struct slice kid)
{
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++)
		if (slice_is(kid, k->kid))
			return k;
	return NULL;
}

struct slice keystore_jwks(struct arena *a, const struct keystore *s, time_t at, unsigned keep_s)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "{\"keys\":[");
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++) {
		if (k->jwk.n == 0 || keystore_state(s, k, at, keep_s) == RING_GONE)
			continue;
		if (b.p[b.n - 1] == '}')
			buf_char(&b, ',');
		buf_raw(&b, k->jwk);
	}
	buf_lit(&b, "]}");
	return buf_slice(&b);
}
