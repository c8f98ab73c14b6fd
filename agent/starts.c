/* How often those who ask about themselves may begin. */
#include <pthread.h>
#include <stdint.h>
#include "agent/starts.h"
#include "base/clock.h"

enum { MINUTE_MS = 60 * 1000, PLACES = 512, MOST = 20 };

static const unsigned limit[] = { [START_LOGIN] = 5, [START_ACCOUNT] = MOST };

/* The times of the last starts, as a ring: any sixty seconds hold at most the limit, not only those that begin on the minute. */
struct place {
	uid_t uid;
	bool used;
	uint64_t at[2][MOST];
	unsigned next[2];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place places[PLACES];

static uint64_t last_of(const struct place *p)
{
	uint64_t last = 0;
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < limit[k]; i++)
			last = p->at[k][i] > last ? p->at[k][i] : last;
	return last;
}

/* The user's place, or a free one, or that of somebody who has been quiet for a minute. NULL when so many users are busy at once. */
static struct place *place_of(uid_t uid, uint64_t t)
{
	struct place *found = NULL;
	for (struct place *p = places; p < places + PLACES; p++) {
		if (p->used && p->uid == uid)
			return p;
		if (found == NULL && (!p->used || t - last_of(p) >= MINUTE_MS))
			found = p;
		if (!p->used)
			break;
	}
	if (found != NULL)
		*found = (struct place){ .uid = uid, .used = true };
	return found;
}

bool starts_take(uid_t uid, enum start what)
{
	uint64_t t = ticks_ms() + MINUTE_MS;	/* 0: never */
	bool ok = false;
	pthread_mutex_lock(&lock);
	struct place *p = place_of(uid, t);
	if (p != NULL && t - p->at[what][p->next[what]] >= MINUTE_MS) {
		p->at[what][p->next[what]] = t;
		p->next[what] = (p->next[what] + 1) % limit[what];
		ok = true;
	}
	pthread_mutex_unlock(&lock);
	return ok;
}
