/* Curl handles with their open connections, kept while nobody needs them. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/clock.h"
#include "svc/partner_parts.h"

enum { IDLE_MAX = 32, ORIGIN_MAX = 300 };

static struct {
	pthread_mutex_t lock;
	struct partner_conf conf;
	struct {
		CURL *c;
		char origin[ORIGIN_MAX];
	} idle[IDLE_MAX];		/* the longest idle first */
	size_t nidle;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Atomic uint64_t end;		/* ticks; 0: none */

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	uint64_t t = atomic_load(&end);
	(void)ctx, (void)a, (void)b, (void)c, (void)d;
	return t != 0 && ticks_ms() >= t;
}

void partner_end_soon(unsigned ms)
{
	atomic_store(&end, ticks_ms() + ms);
}

void partner_open(const struct partner_conf *c)
{
	atomic_store(&end, 0);
	pool.conf = *c;
}

void partner_close(void)
{
	pthread_mutex_lock(&pool.lock);
	while (pool.nidle > 0)
		curl_easy_cleanup(pool.idle[--pool.nidle].c);
	pthread_mutex_unlock(&pool.lock);
}

static void forget(size_t i)
{
	pool.nidle--;
	memmove(&pool.idle[i], &pool.idle[i + 1], (pool.nidle - i) * sizeof *pool.idle);
}

static CURL *idle_take(const char *origin)
{
	CURL *c = NULL;
	pthread_mutex_lock(&pool.lock);
	for (size_t i = pool.nidle; c == NULL && i-- > 0;)	/* the freshest: the others may be hung up on soon */
		if (strcmp(pool.idle[i].origin, origin) == 0) {
			c = pool.idle[i].c;
			forget(i);
		}
	pthread_mutex_unlock(&pool.lock);
	return c;
}

void handle_trust(CURL *c, const char *ca_file)
{
	transfer_trust(c, ca_file != NULL && *ca_file != '\0' ? ca_file : pool.conf.ca_file);
}

CURL *handle_take(const char *origin)
{
	CURL *c = idle_take(origin);
	if (c == NULL)
		c = transfer_new();
	else
		transfer_defaults(c);
	curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 2L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 16384L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (pool.conf.proxy != NULL && *pool.conf.proxy != '\0')
		curl_easy_setopt(c, CURLOPT_PROXY, pool.conf.proxy);
	return c;
}

void handle_give(CURL *c, const char *origin, bool keep)
{
	size_t n = strlen(origin);
	CURL *old = NULL;
	curl_easy_reset(c);		/* nothing of this call stays with the handle */
	if (!keep || n >= ORIGIN_MAX) {
		curl_easy_cleanup(c);
		return;
	}
	pthread_mutex_lock(&pool.lock);
	if (pool.nidle == IDLE_MAX) {
		old = pool.idle[0].c;
		forget(0);
	}
	pool.idle[pool.nidle].c = c;
	memcpy(pool.idle[pool.nidle++].origin, origin, n + 1);
	pthread_mutex_unlock(&pool.lock);
	if (old != NULL)
		curl_easy_cleanup(old);		/* may say goodbye to its server: not under the lock */
}
