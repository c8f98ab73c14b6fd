/* Changes that may be late or lost: when a key was last used, how far its counter is. One thread writes them, a few a second.
 *
 * A change of an entry that waits already replaces what waits; when there is no room it is dropped: the state store is the arbiter,
 * these are a floor for the day it is empty, and a courtesy. */
#include <pthread.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "svc/directory_parts.h"

enum { SLOTS = 1024, TRIES = 8, MAX_DN = 256, DRAIN_MS = 1000, PAUSE_MS = 1000 };

struct slot {
	char dn[MAX_DN];		/* "" is free */
	struct behind change;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	bool started, stop;
	struct slot slots[SLOTS];
	size_t waiting, next;		/* next: where the writer looks first, so that everyone gets a turn */
} behind = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static size_t place(const char *dn)
{
	size_t h = 5381;
	for (; *dn != '\0'; dn++)
		h = h * 33 ^ (unsigned char)*dn;
	return h % SLOTS;
}

void behind_put(const struct behind *change)
{
	struct slot *free_slot = NULL, *s = NULL;
	if (strlen(change->dn) >= MAX_DN)
		return;
	pthread_mutex_lock(&behind.lock);
	for (size_t i = 0, at = place(change->dn); i < TRIES && behind.started; i++) {
		struct slot *t = &behind.slots[(at + i) % SLOTS];
		if (t->dn[0] == '\0')
			free_slot = free_slot == NULL ? t : free_slot;
		else if (strcmp(t->dn, change->dn) == 0)
			s = t;
	}
	uint64_t number = change->number;
	if (s != NULL && !change->password && s->change.number > number)
		number = s->change.number;	/* counters only grow */
	if (s == NULL && (s = free_slot) != NULL) {
		memcpy(s->dn, change->dn, strlen(change->dn) + 1);
		behind.waiting++;
		pthread_cond_signal(&behind.more);
	}
	if (s != NULL) {
		s->change = *change;
		s->change.dn = s->dn;
		s->change.number = number;
	}
	pthread_mutex_unlock(&behind.lock);
}

static bool take_one(struct slot *out)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &behind.slots[(behind.next + i) % SLOTS];
		if (s->dn[0] == '\0')
			continue;
		*out = *s;
		out->change.dn = out->dn;
		s->dn[0] = '\0';
		behind.waiting--;
		behind.next = (size_t)(s - behind.slots) + 1;
		return true;
	}
	return false;
}

static int write_key(struct arena *a, const struct behind *b)
{
	struct change changes[] = {
		{ CHANGE_REPLACE, "csamKeyLastUsed", slice_of(time_ldap(a, b->when)) },
		{ CHANGE_REPLACE, "csamKeyCounter", slice_of(arena_printf(a, "%llu", (unsigned long long)b->number)) },
	};
	if (b->number == 0)
		return dir_modify(b->dn, changes, 1, NULL);
	const char *greater = arena_printf(a, "(!(csamKeyCounter>=%llu))", (unsigned long long)b->number);
	return dir_modify(b->dn, changes, 2, greater);
}

static int write_password(struct arena *a, const struct behind *b)
{
	struct change change = { CHANGE_REPLACE, "csamKeyFailures", S_NONE };	/* RFC 4511 4.6: replace by nothing deletes */
	if (b->number > 0)
		change.value = slice_of(arena_printf(a, "%llu", (unsigned long long)b->number));
	return dir_modify(b->dn, &change, 1, NULL);
}

/* Waits until there is something to write, or false: the end. */
static bool wait_for_work(uint64_t *end)
{
	while (behind.waiting == 0 && !behind.stop)
		pthread_cond_wait(&behind.more, &behind.lock);
	if (behind.stop && *end == 0)
		*end = ticks_ms() + DRAIN_MS;
	return behind.waiting > 0 && (*end == 0 || ticks_ms() < *end);
}

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

static void *writer(void *arg)
{
	uint64_t end = 0;
	struct slot s;
	(void)arg;
	pthread_mutex_lock(&behind.lock);
	while (wait_for_work(&end) && take_one(&s)) {
		pthread_mutex_unlock(&behind.lock);
		AUTO_ARENA a = arena_new();
		int e = s.change.password ? write_password(a, &s.change) : write_key(a, &s.change);
		if (end == 0)
			pause_ms(e == E_DOWN ? PAUSE_MS : 1000 / dir_conf.behind_per_s);
		pthread_mutex_lock(&behind.lock);
	}
	pthread_mutex_unlock(&behind.lock);
	return NULL;
}

int behind_start(void)
{
	behind.stop = false;
	behind.started = pthread_create(&behind.thread, NULL, writer, NULL) == 0;
	return behind.started ? OK : fail(E_BUG, "directory: no thread");
}

void behind_stop(void)
{
	pthread_mutex_lock(&behind.lock);
	bool started = behind.started;
	behind.started = false;
	behind.stop = true;
	pthread_cond_signal(&behind.more);
	pthread_mutex_unlock(&behind.lock);
	if (started)
		pthread_join(behind.thread, NULL);
}
