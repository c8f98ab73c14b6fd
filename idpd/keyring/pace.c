/* How much may be asked. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/digest.h"
#include "keyring/pace.h"

enum { VERBS = 64, MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS, SETS = 8192, WAYS = 8 };

/* The minute in the upper half, how many in the lower. */
static struct {
	_Atomic uint64_t window;
	_Atomic unsigned long long asked, refused;
} paces[VERBS];

bool pace_take(unsigned verb, unsigned most)
{
	uint64_t minute = ticks_ms() / MINUTE_MS, seen = paces[verb].window, next;
	do
		next = seen >> 32 == minute ? seen + 1 : minute << 32 | 1;
	while (!atomic_compare_exchange_weak(&paces[verb].window, &seen, next));
	paces[verb].asked++;
	if (most == 0 || (next & UINT32_MAX) <= most)
		return true;
	paces[verb].refused++;
	return false;
}

bool pace_seldom(_Atomic uint64_t *said)
{
	uint64_t t = ticks_ms(), last = atomic_load(said);
	return (last == 0 || t - last >= MINUTE_MS) && atomic_compare_exchange_strong(said, &last, t);
}

void pace_counted(unsigned verb, unsigned long long *asked, unsigned long long *refused)
{
	*asked = atomic_exchange(&paces[verb].asked, 0);
	*refused = atomic_exchange(&paces[verb].refused, 0);
}

/* Secrets with wrong codes, by the SHA-256 of their names; a secret may stand in any of the places of its set. */
static struct guess {
	uint64_t name;		/* 0: free */
	uint64_t first;		/* ticks_ms */
	unsigned wrong;
} (*guesses)[WAYS];
static pthread_mutex_t guessing = PTHREAD_MUTEX_INITIALIZER;

static uint64_t name_of(struct slice ad)
{
	unsigned char hash[SHA256_LEN];
	uint64_t name;
	sha256(ad, hash);
	memcpy(&name, hash, sizeof name);
	return name | 1;
}

/* The place of a secret, or one that is free or may be: expired ones, then who has been wrong once only. NULL: none. */
static struct guess *place(uint64_t name)
{
	uint64_t t = ticks_ms();
	struct guess *found = NULL, *least = NULL;
	if (guesses == NULL && (guesses = calloc(SETS, sizeof *guesses)) == NULL)
		return NULL;
	struct guess *set = guesses[(name >> 8) % SETS];
	for (struct guess *g = set; g < set + WAYS; g++) {
		if (g->name != 0 && t - g->first >= DAY_MS)
			*g = (struct guess){ 0 };
		if (g->name == name)
			found = g;
		if (least == NULL || g->wrong < least->wrong)
			least = g;
	}
	if (found != NULL)
		return found;
	if (least->wrong > 1)
		return NULL;
	*least = (struct guess){ .name = name, .first = t };
	return least;
}

bool guess_take(struct slice ad, unsigned most)
{
	pthread_mutex_lock(&guessing);
	struct guess *g = place(name_of(ad));
	bool may = g != NULL && (most == 0 || g->wrong < most);
	if (may)
		g->wrong++;
	pthread_mutex_unlock(&guessing);
	return may;
}

void guess_right(struct slice ad)
{
	pthread_mutex_lock(&guessing);
	struct guess *g = place(name_of(ad));
	if (g != NULL && g->wrong > 0)
		g->wrong--;
	pthread_mutex_unlock(&guessing);
}
