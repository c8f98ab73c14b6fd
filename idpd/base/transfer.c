/* Curl as all programs of ours use it. */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/digest.h"
#include "base/transfer.h"

/* curl copies what it sends, and does not wipe it. We do, whatever it frees. */
static void *wiping_realloc(void *p, size_t n)
{
	void *bigger = malloc(n);
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	if (bigger == NULL || p == NULL)
		return bigger;
	memcpy(bigger, p, had < n ? had : n);
	wipe_free(p);
	return bigger;
}

static void init(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wiping_realloc, strdup, calloc) != CURLE_OK)
		abort();
}

CURL *transfer_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init);
	CURL *c = curl_easy_init();
	if (c == NULL)
		abort();
	transfer_defaults(c);
	return c;
}

void transfer_defaults(CURL *c)
{
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");			/* "": also none of the environment */
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);		/* a name server that is silent holds nobody beyond the time limit */
	curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, 20L);		/* most servers hang up on who was silent for 30 s: be first */
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
}

void transfer_trust(CURL *c, const char *ca_file)
{
	if (ca_file == NULL || *ca_file == '\0')
		return;
	curl_easy_setopt(c, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);	/* else the system's authorities would be believed besides */
}

static size_t keep(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer_body *b = ctx;
	b->too_long = b->text.n + size * n > b->max;
	if (b->too_long)
		return 0;
	buf_raw(&b->text, slice_mem(p, size * n));
	return size * n;
}

void transfer_keep(CURL *c, struct transfer_body *b)
{
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)b->max);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, b);
}
