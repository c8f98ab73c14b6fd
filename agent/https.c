/* HTTPS to the identity provider, by curl. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "agent/https.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/transfer.h"

enum { IDLE_MAX = 4, REST_MAX = 1 };	/* connections kept while nobody needs them; and when nobody has for some time */

struct https {
	pthread_mutex_t lock;
	const char *ca_file;
	long connect_ms;
	CURL *idle[IDLE_MAX];
	size_t nidle;
};

static atomic_bool stopping;

struct https *https_new(const char *ca_file, long connect_ms)
{
	struct https *h = calloc(1, sizeof *h);
	if (h == NULL)
		abort();
	pthread_mutex_init(&h->lock, NULL);
	h->ca_file = ca_file;
	h->connect_ms = connect_ms;
	return h;
}

struct https *https_free(struct https *h)
{
	for (size_t i = 0; h != NULL && i < h->nidle; i++)
		curl_easy_cleanup(h->idle[i]);
	if (h != NULL)
		pthread_mutex_destroy(&h->lock);
	free(h);
	return NULL;
}

void https_stop_all(void)
{
	atomic_store(&stopping, true);
}

void https_rest(struct https *h)
{
	CURL *dropped[IDLE_MAX];
	size_t n = 0;
	pthread_mutex_lock(&h->lock);
	while (h->nidle > REST_MAX)
		dropped[n++] = h->idle[--h->nidle];
	pthread_mutex_unlock(&h->lock);
	while (n > 0)
		curl_easy_cleanup(dropped[--n]);
}

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)ctx, (void)a, (void)b, (void)c, (void)d;
	return atomic_load(&stopping);
}

/* What is the same for every call. */
static CURL *handle_new(const struct https *h)
{
	CURL *c = transfer_new();
	if (*h->ca_file != '\0')
		transfer_trust(c, h->ca_file);
	else
		curl_easy_setopt(c, CURLOPT_CAINFO, NULL);	/* the one that is needed from the system's folder: a connection would keep all of their file */
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, h->connect_ms);
	curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 8192L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "csam-agent/" VERSION);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	return c;
}

static CURL *handle_take(struct https *h)
{
	pthread_mutex_lock(&h->lock);
	CURL *c = h->nidle > 0 ? h->idle[--h->nidle] : NULL;
	pthread_mutex_unlock(&h->lock);
	return c != NULL ? c : handle_new(h);
}

static void handle_give(struct https *h, CURL *c)
{
	pthread_mutex_lock(&h->lock);
	if (h->nidle < IDLE_MAX) {
		h->idle[h->nidle++] = c;
		c = NULL;
	}
	pthread_mutex_unlock(&h->lock);
	if (c != NULL)
		curl_easy_cleanup(c);
}

int https_call(struct https *h, struct arena *a, const char *url, struct slice form, uint64_t deadline, struct https_answer *out)
{
	char error[CURL_ERROR_SIZE] = "";
	struct transfer_body body = { buf_new(a), HTTPS_BODY_MAX, false };
	uint64_t t = ticks_ms();
	if (t >= deadline)
		return fail(E_DOWN, "%s: no time left for it", url);
	CURL *c = handle_take(h);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(deadline - t));
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	transfer_keep(c, &body);
	if (form.p == NULL) {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	} else {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, form.p);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)form.n);
	}
	CURLcode rc = curl_easy_perform(c);
	long status = 0;
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL);	/* nothing of this call stays with the handle */
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	handle_give(h, c);
	if (rc != CURLE_OK)
		return fail(E_DOWN, "%s: %s", url, *error ? error : curl_easy_strerror(rc));
	*out = (struct https_answer){ status, buf_slice(&body.text) };
	return OK;
}
