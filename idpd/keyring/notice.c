/* What must stand in the audit trail before it is answered: a short list that the front comes for. */
#include <pthread.h>
#include <time.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "keyring/notice.h"

enum { PENDING = 16, WRITE_WAIT_MS = 1500, TAKE_WAIT_MS = 500, TEXT_MAX = 1024 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t came, done;
	uint64_t last;			/* number given; begins at random, so that no number of a keyring before this one is ours */
	struct pending {
		uint64_t number;	/* 0: empty */
		bool done, posted;	/* posted: nobody waits */
		char json[TEXT_MAX];
		size_t n;
	} of[PENDING];
} notices = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

/* Numbers of another start are none of this one's. */
static void choose_first(void)
{
	random_bytes(&notices.last, sizeof notices.last);
	notices.last >>= 2;
}

static void begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, choose_first);
	pthread_mutex_lock(&notices.lock);
}

static void member(struct buf *b, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(b, ",\"%s\":\"", name);
	buf_json(b, slice_mem(value, strnlen(value, 128)));
	buf_char(b, '"');
}

static struct pending *room(const struct notice *n)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_printf(&b, "{\"by\":\"uid %u\"", (unsigned)n->uid);
	member(&b, "what", n->what);
	member(&b, "why", n->why);
	member(&b, "key", n->key);
	buf_char(&b, '}');
	for (struct pending *p = notices.of; p < notices.of + PENDING && b.n <= TEXT_MAX; p++)
		if (p->number == 0) {
			memcpy(p->json, b.p, b.n);
			p->n = b.n;
			p->done = p->posted = false;
			p->number = ++notices.last;
			return p;
		}
	return NULL;
}

int notice_write(const struct notice *n)
{
	struct timespec until = ticks_after(WRITE_WAIT_MS);
	begin();
	struct pending *p = room(n);
	pthread_cond_signal(&notices.came);
	while (p != NULL && !p->done && pthread_cond_clockwait(&notices.done, &notices.lock, CLOCK_MONOTONIC, &until) == 0)
		;
	bool done = p != NULL && p->done;
	if (p != NULL)
		p->number = 0;
	pthread_mutex_unlock(&notices.lock);
	return done ? OK : fail(E_DOWN, "keyring: refused %s: the audit trail did not take its line", n->what);
}

void notice_post(const struct notice *n)
{
	begin();
	struct pending *p = room(n);
	if (p != NULL)
		p->posted = true;
	pthread_cond_signal(&notices.came);
	pthread_mutex_unlock(&notices.lock);
	if (p == NULL)
		log_warn("keyring: %s does not come to the audit trail: the front does not fetch what is told", n->what);
}

static struct pending *oldest(void)
{
	struct pending *best = NULL;
	for (struct pending *p = notices.of; p < notices.of + PENDING; p++)
		if (p->number != 0 && !p->done && (best == NULL || p->number < best->number))
			best = p;
	return best;
}

int notice_take(struct arena *a, uint64_t done, uint64_t *number, struct slice *json)
{
	struct timespec until = ticks_after(TAKE_WAIT_MS);
	struct pending *p;
	begin();
	for (size_t i = 0; done != 0 && i < PENDING; i++)
		if (notices.of[i].number == done) {
			notices.of[i].done = true;
			notices.of[i].number = notices.of[i].posted ? 0 : done;
		}
	pthread_cond_broadcast(&notices.done);
	while ((p = oldest()) == NULL && pthread_cond_clockwait(&notices.came, &notices.lock, CLOCK_MONOTONIC, &until) == 0)
		;
	if (p != NULL) {
		*number = p->number;
		*json = arena_copy(a, slice_mem(p->json, p->n));
	}
	pthread_mutex_unlock(&notices.lock);
	return p != NULL ? OK : E_NOENT;
}
