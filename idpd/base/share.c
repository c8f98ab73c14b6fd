/* What each of many sources took lately. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/share.h"

enum { WAYS = 8 };

static uint64_t number_of(struct slice source)
{
	unsigned char h[SHA256_LEN];
	uint64_t n;
	sha256(source, h);
	memcpy(&n, h, sizeof n);
	return n;
}

static uint64_t total(const struct share_place *p)
{
	return p->now + p->before;
}

static void turn_to(struct share_place *p, uint64_t window)
{
	if (p->window == window)
		return;
	p->before = p->window + 1 == window ? p->now : 0;
	p->now = 0;
	p->window = window;
}

/* The source's place, or that of whoever took least: a heavy one is not washed out by many light ones. */
static struct share_place *place_of(struct share *s, uint64_t source, uint64_t window)
{
	struct share_place *set = &s->places[source % (SHARE_PLACES / WAYS) * WAYS], *least = set;
	for (struct share_place *p = set; p < set + WAYS; p++) {
		turn_to(p, window);
		if (p->source == source)
			return p;
		if (total(p) < total(least))
			least = p;
	}
	*least = (struct share_place){ .source = source, .window = window };
	return least;
}

bool share_take(struct share *s, struct slice source, uint64_t n, uint64_t most)
{
	uint64_t number = number_of(source), window = ticks_ms() / 1000 / s->window_s + 1;
	pthread_mutex_lock(&s->lock);
	struct share_place *p = place_of(s, number, window);
	bool ok = total(p) + n <= most;
	if (ok)
		p->now += n;
	pthread_mutex_unlock(&s->lock);
	return ok;
}
