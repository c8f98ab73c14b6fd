/* Workers behind a bounded queue that is fair to sources. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "http/pool.h"

enum { CHAINS = 256 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK = 2 * 1024 * 1024 };
#else
enum { STACK = 256 * 1024 };
#endif

/* A source exists while a job of it waits. All of them stand in a ring; a worker takes one job of the source whose turn it is. */
struct source {
	struct source *next, *prev, *chain;
	uint64_t from;
	struct job *head, *tail;
	unsigned length;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct source *turn, *chains[CHAINS];
	unsigned length, room, share, nthreads;
	bool ending;
	void (*work)(struct job *);
	pthread_t threads[];
};

static struct source **chain_of(struct pool *p, uint64_t from)
{
	struct source **at = &p->chains[(from * 0x9e3779b97f4a7c15u) >> 56];
	while (*at != NULL && (*at)->from != from)
		at = &(*at)->chain;
	return at;
}

/* The new source stands last: before the one whose turn it is. */
static struct source *source_new(struct pool *p, struct source **at, uint64_t from)
{
	struct source *s = calloc(1, sizeof *s);
	if (s == NULL)
		abort();
	s->from = from;
	*at = s;
	if (p->turn == NULL) {
		p->turn = s->next = s->prev = s;
		return s;
	}
	s->next = p->turn;
	s->prev = p->turn->prev;
	s->prev->next = s->next->prev = s;
	return s;
}

static void source_end(struct pool *p, struct source *s)
{
	struct source **at = chain_of(p, s->from);
	*at = s->chain;
	if (s->next == s)
		p->turn = NULL;
	else if (p->turn == s)
		p->turn = s->next;
	s->next->prev = s->prev;
	s->prev->next = s->next;
	free(s);
}

static int put(struct pool *p, struct job *j)
{
	struct source **at = chain_of(p, j->from), *s = *at;
	if (s != NULL && s->length >= p->share)
		return E_LIMIT;
	if (p->length >= p->room || p->ending)
		return E_DOWN;
	if (s == NULL)
		s = source_new(p, at, j->from);
	j->next = NULL;
	if (s->tail != NULL)
		s->tail->next = j;
	else
		s->head = j;
	s->tail = j;
	s->length++;
	p->length++;
	return OK;
}

int pool_put(struct pool *p, struct job *j)
{
	pthread_mutex_lock(&p->lock);
	int rc = put(p, j);
	if (rc == OK)
		pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static struct job *take(struct pool *p)
{
	struct source *s = p->turn;
	if (s == NULL)
		return NULL;
	struct job *j = s->head;
	s->head = j->next;
	if (s->head == NULL)
		s->tail = NULL;
	s->length--;
	p->length--;
	p->turn = s->next;
	if (s->length == 0)
		source_end(p, s);
	return j;
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	for (;;) {
		pthread_mutex_lock(&p->lock);
		struct job *j;
		while ((j = take(p)) == NULL && !p->ending)
			pthread_cond_wait(&p->more, &p->lock);
		pthread_mutex_unlock(&p->lock);
		if (j == NULL)
			return NULL;
		p->work(j);
	}
}

struct pool *pool_new(const char *name, unsigned threads, unsigned room, unsigned share, void (*work)(struct job *))
{
	struct pool *p = calloc(1, sizeof *p + threads * sizeof *p->threads);
	pthread_attr_t attr;
	if (p == NULL)
		abort();
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	p->room = room;
	p->share = share;
	p->work = work;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (; p->nthreads < threads; p->nthreads++) {
		int rc = pthread_create(&p->threads[p->nthreads], &attr, worker, p);
		if (rc != 0) {
			log_err("%s workers: %s", name, strerror(rc));
			break;
		}
		pthread_setname_np(p->threads[p->nthreads], name);
	}
	pthread_attr_destroy(&attr);
	return p->nthreads == threads ? p : pool_free(p);
}

unsigned pool_length(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	unsigned n = p->length;
	pthread_mutex_unlock(&p->lock);
	return n;
}

struct pool *pool_free(struct pool *p)
{
	if (p == NULL)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}
