/* Curl handles with their open connections, kept while nobody needs them. */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/digest.h"
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

/* curl copies what it sends, and does not wipe it. We do, whatever it frees. */
static void wiping_free(void *p)
{
	if (p != NULL)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t n)
{
	void *bigger = malloc(n);
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	if (bigger == NULL || p == NULL)
		return bigger;
	memcpy(bigger, p, had < n ? had : n);
	wiping_free(p);
	return bigger;
}

static void init(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc) != CURLE_OK)
		abort();
}

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
	if (ca_file == NULL || *ca_file == '\0')
		ca_file = pool.conf.ca_file;
	if (ca_file == NULL || *ca_file == '\0')
		return;
	curl_easy_setopt(c, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);	/* else the system's authorities would be believed besides */
}

CURL *handle_take(const char *origin)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init);
	CURL *c = idle_take(origin);
	if (c == NULL && (c = curl_easy_init()) == NULL)
		abort();
	curl_easy_reset(c);		/* keeps the connections */
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);		/* a name server that is silent holds nobody beyond the time limit */
	curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 2L);
	curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, 20L);		/* most servers hang up later: be first */
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 16384L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (pool.conf.proxy != NULL && *pool.conf.proxy != '\0')
		curl_easy_setopt(c, CURLOPT_PROXY, pool.conf.proxy);
	else
		curl_easy_setopt(c, CURLOPT_PROXY, "");		/* "": also none of the environment */
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
