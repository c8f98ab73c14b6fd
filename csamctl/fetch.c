/* Fetches one page over https. */
#include "base/err.h"
#include "base/transfer.h"
#include "csamctl/fetch.h"

enum { MAX_BODY = 256 * 1024, LIMIT_S = 5 };

struct heading {
	time_t date;
};

static size_t heading(char *p, size_t size, size_t n, void *ctx)
{
	struct heading *h = ctx;
	struct slice line = slice_mem(p, size * n);
	char text[64] = "";
	if (line.n > 6 && line.n < sizeof text + 5 && (slice_starts(line, S("Date: ")) || slice_starts(line, S("date: ")))) {
		memcpy(text, line.p + 6, line.n - 6);
		h->date = curl_getdate(text, NULL);
	}
	return size * n;
}

/* libcurl tells each certificate as lines "Name:value", the server's own first. */
static time_t expires(CURL *c)
{
	struct curl_certinfo *chain = NULL;
	if (curl_easy_getinfo(c, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL || chain->num_of_certs < 1)
		return 0;
	for (struct curl_slist *l = chain->certinfo[0]; l != NULL; l = l->next)
		if (strncmp(l->data, "Expire date:", 12) == 0) {
			time_t t = curl_getdate(l->data + 12, NULL);
			return t > 0 ? t : 0;
		}
	return 0;
}

static void cleanup(CURL **c)
{
	curl_easy_cleanup(*c);
}

int fetch(struct arena *a, const char *url, const char *ca_file, struct page *out, const char **why)
{
	char error[CURL_ERROR_SIZE] = "";
	struct transfer_body body = { buf_new(a), MAX_BODY, false };
	struct heading h = { 0 };
	AUTO(cleanup) CURL *c = transfer_new();
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)LIMIT_S);
	curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	transfer_keep(c, &body);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, heading);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &h);
	transfer_trust(c, ca_file);
	CURLcode rc = curl_easy_perform(c);
	if (rc != CURLE_OK) {
		*why = arena_strdup(a, *error ? error : curl_easy_strerror(rc));
		return E_DOWN;
	}
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
	out->body = buf_slice(&body.text);
	out->date = h.date;
	out->expires = expires(c);
	return OK;
}
