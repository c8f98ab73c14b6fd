/* Group commit: changes of all threads that wait go to the store together, from one thread. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/state_store.h"

enum { BATCH = 256, TICK_MS = 1000, ACTS = 6 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct state_job *first, **last;
	bool running;
	pthread_t writer;
} q = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER };

/* Waits a tick at most for jobs. *running false: the store closes, and what is queued now is the last. */
static struct state_job *jobs_next(unsigned *n, bool *running)
{
	struct timespec until = ticks_after(TICK_MS);
	pthread_mutex_lock(&q.lock);
	int rc = 0;
	while (q.first == NULL && q.running && rc == 0)
		rc = pthread_cond_clockwait(&q.work, &q.lock, CLOCK_MONOTONIC, &until);
	if (q.first != NULL) {		/* threads that are about to come join this commit, which costs more than they wait */
		pthread_mutex_unlock(&q.lock);
		sched_yield();
		pthread_mutex_lock(&q.lock);
	}
	struct state_job *jobs = q.first, **end = &q.first;
	for (*n = 0; *end != NULL && *n < BATCH; ++*n)
		end = &(*end)->next;
	if (*n > 0) {
		q.first = *end;
		*end = NULL;
		if (q.first == NULL)
			q.last = &q.first;
	}
	*running = q.running;
	pthread_mutex_unlock(&q.lock);
	return jobs;
}

static void job_end(struct state_job *j)
{
	if (j->later == NULL) {
		sem_post(&j->done);
		return;
	}
	if (j->rc != OK)
		log_warn("state: what nobody waited for was not written (%d)", j->rc);
	arena_free(j->later);
}

static void *writer(void *unused)
{
	uint64_t tidied = ticks_ms();
	for (bool running = true;;) {
		unsigned n;
		struct state_job *jobs = jobs_next(&n, &running);
		if (jobs != NULL)
			store_run(jobs, n);
		else if (!running)
			return unused;
		for (struct state_job *j = jobs, *next; j != NULL; j = next) {
			next = j->next;		/* once told, its thread goes on and takes the job with it */
			job_end(j);
		}
		uint64_t at = ticks_ms();
		if (at - tidied >= TICK_MS) {
			tidied = at;
			store_tidy();
		}
	}
}

/* False: the store is closed. */
static bool queue(struct state_job *j)
{
	pthread_mutex_lock(&q.lock);
	bool running = q.running;
	if (running) {
		*q.last = j;
		q.last = &j->next;
		pthread_cond_signal(&q.work);
	}
	pthread_mutex_unlock(&q.lock);
	return running;
}

/* OK: the writer has run it, and what is OK is on disk. */
static int submit(struct state_job *j)
{
	sem_init(&j->done, 0, 0);
	bool running = queue(j);
	while (running && sem_wait(&j->done) != 0)
		;	/* EINTR: the job is still queued */
	sem_destroy(&j->done);
	return running ? j->rc : store_down("write", EBADF);
}

int state_update_all(const struct state_act *acts, size_t n)
{
	struct state_job jobs[ACTS];
	if (n == 0 || n > ACTS)
		abort();
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct state_job){ .fn = acts[i].fn, .change = { .a = a, .ctx = acts[i].ctx }, .also = i + 1 < n ? &jobs[i + 1] : NULL };
		jobs[i].key_len = store_key(jobs[i].key, acts[i].ns, acts[i].key);
	}
	return submit(jobs);
}

void state_update_later(struct arena *a, const struct state_act *act)
{
	struct state_job *j = ARENA_NEW(a, struct state_job);
	*j = (struct state_job){ .fn = act->fn, .change = { .a = a, .ctx = act->ctx }, .later = a };
	j->key_len = store_key(j->key, act->ns, act->key);
	if (would_block() || !queue(j))
		arena_free(a);
}

int state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	return state_update_all(&(struct state_act){ ns, key, fn, ctx }, 1);
}

int state_open(const char *dir, unsigned map_mib)
{
	if (q.running)
		return fail(E_INPUT, "state: open already");
	int rc = store_open(dir, map_mib);
	if (rc != OK)
		return rc;
	if ((rc = alive_open(dir)) != OK) {
		store_close();
		return rc;
	}
	q.first = NULL;
	q.last = &q.first;
	q.running = true;
	if (pthread_create(&q.writer, NULL, writer, NULL) == 0)
		return OK;
	q.running = false;
	alive_close();
	store_close();
	return fail(E_DOWN, "state: no thread to write with");
}

void state_close(void)
{
	pthread_mutex_lock(&q.lock);
	bool running = q.running;
	q.running = false;
	pthread_cond_signal(&q.work);
	pthread_mutex_unlock(&q.lock);
	if (!running)
		return;
	pthread_join(q.writer, NULL);
	alive_close();
	store_close();
}
