/* One call by HTTP or HTTPS, within a list of addresses, a time and a size. */
#include <strings.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/partner_parts.h"

enum { URL_MAX = 2048, BODY_MAX = 64 * 1024, TIME_MS = 3000 };

/* ---- addresses ---- */

struct place {
	const char *scheme, *host, *port, *path;
};

static void url_end(void *u)
{
	curl_url_cleanup(u);
}

static const char *url_part(struct arena *a, CURLU *u, CURLUPart what, unsigned flags)
{
	char *p = NULL;
	if (curl_url_get(u, what, &p, flags) != CURLUE_OK)
		return NULL;
	const char *copy = arena_strdup(a, p);
	curl_free(p);
	return copy;
}

/* Curl's own parser, so that what is compared is what is called. */
static bool url_place(struct arena *a, const char *url, struct place *out)
{
	CURLU *u = curl_url();
	if (u == NULL)
		return false;
	arena_defer(a, url_end, u);
	if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS) != CURLUE_OK ||
	    url_part(a, u, CURLUPART_USER, 0) != NULL || url_part(a, u, CURLUPART_PASSWORD, 0) != NULL ||
	    url_part(a, u, CURLUPART_FRAGMENT, 0) != NULL)
		return false;
	*out = (struct place){
		url_part(a, u, CURLUPART_SCHEME, 0), url_part(a, u, CURLUPART_HOST, 0),
		url_part(a, u, CURLUPART_PORT, CURLU_DEFAULT_PORT), url_part(a, u, CURLUPART_PATH, 0),
	};
	return out->scheme != NULL && out->host != NULL && out->port != NULL && out->path != NULL;
}

/* Nothing that servers and proxies may read in two ways: a path that climbs, in whatever writing. */
static bool is_plain(const char *url)
{
	static const char *const odd[] = { "..", "%2e", "%2f", "%5c" };
	struct slice s = slice_of(url);
	if (s.n > URL_MAX || !slice_is_text(s, "") || strpbrk(url, " \\#\"<>^`{|}") != NULL)
		return false;
	const char *query = strchr(url, '?'), *host = strstr(url, "://");
	if (host == NULL || host[3] == '/')		/* curl would take one slash or three */
		return false;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		const char *at = strcasestr(url, odd[i]);
		if (at != NULL && (query == NULL || at < query))
			return false;
	}
	return true;
}

static bool covers(const struct place *prefix, const struct place *p)
{
	size_t n = strlen(prefix->path);
	if (strcasecmp(prefix->scheme, p->scheme) != 0 || strcasecmp(prefix->host, p->host) != 0 || strcmp(prefix->port, p->port) != 0 ||
	    strncmp(prefix->path, p->path, n) != 0)
		return false;
	return p->path[n] == '\0' || p->path[n] == '/' || (n > 0 && prefix->path[n - 1] == '/');
}

bool partner_allows(const char *const *allow, const char *url)
{
	AUTO_ARENA a = arena_new();
	struct place p, prefix;
	if (!is_plain(url) || !url_place(a, url, &p))
		return false;
	for (; allow != NULL && *allow != NULL; allow++)
		if (is_plain(*allow) && url_place(a, *allow, &prefix) && covers(&prefix, &p))
			return true;
	return false;
}

/* ---- one call ---- */

static void list_end(void *l)
{
	curl_slist_free_all(l);
}

/* A header that ends a line would begin another one. */
static int headers_of(struct arena *a, const struct partner_call *call, struct curl_slist **out)
{
	struct curl_slist *l = curl_slist_append(NULL, "Expect:");	/* no second round trip for a body */
	if (call->type != NULL)
		l = curl_slist_append(l, arena_printf(a, "Content-Type: %s", call->type));
	if (call->accept != NULL)
		l = curl_slist_append(l, arena_printf(a, "Accept: %s", call->accept));
	for (const char *const *h = call->headers; h != NULL && *h != NULL; h++)
		l = curl_slist_append(l, *h);
	arena_defer(a, list_end, l);
	for (struct curl_slist *h = l; h != NULL; h = h->next)
		if (!slice_is_text(slice_of(h->data), "\t"))
			return fail(E_INPUT, "partner: %s: a header with control characters", call->url);
	*out = l;
	return OK;
}

static void method_set(CURL *c, const struct partner_call *call)
{
	if (call->type != NULL) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, call->body.n > 0 ? call->body.p : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
	} else {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	}
	if (call->method != NULL)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call->method);
}

/* One request and its answer; *next is where the answer sends us, in the arena, or NULL. */
static int once(struct arena *a, const struct partner_call *call, const char *url, uint64_t deadline, struct partner_answer *out, const char **next)
{
	char error[CURL_ERROR_SIZE] = "", *type = NULL, *location = NULL;
	struct place p;
	struct curl_slist *headers;
	uint64_t t = ticks_ms();
	if (!partner_allows(call->allow, url) || !url_place(a, url, &p) || (!call->plain_http && strcasecmp(p.scheme, "https") != 0))
		return fail(E_INPUT, "partner: %s is not an address that may be called", url);
	if (headers_of(a, call, &headers) != OK)
		return E_INPUT;
	if (t >= deadline) {
		out->why = "no time left";
		return E_DOWN;
	}
	const char *origin = arena_printf(a, "%s://%s:%s", p.scheme, p.host, p.port);
	struct transfer_body body = { buf_new(a), call->max != 0 ? call->max : BODY_MAX, false };
	CURL *c = handle_take(origin);
	handle_trust(c, call->ca_file);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, call->plain_http ? "http,https" : "https");
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(deadline - t));
	curl_easy_setopt(c, CURLOPT_USERAGENT, "csam-idpd/" VERSION);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	transfer_keep(c, &body);
	method_set(c, call);
	CURLcode rc = curl_easy_perform(c);
	if (rc == CURLE_OK) {
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
		curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
		curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &location);
		out->type = type != NULL ? arena_strdup(a, type) : "";
		out->body = buf_slice(&body.text);
		*next = arena_strdup(a, location);
	} else {
		out->why = body.too_long || rc == CURLE_FILESIZE_EXCEEDED ? arena_printf(a, "the answer is longer than %zu bytes", body.max) :
		    arena_strdup(a, *error ? error : curl_easy_strerror(rc));
	}
	handle_give(c, origin, rc == CURLE_OK);
	return rc == CURLE_OK ? OK : E_DOWN;
}

int partner_call(struct arena *a, const struct partner_call *call, struct partner_answer *out)
{
	uint64_t deadline = ticks_ms() + (call->timeout_ms != 0 ? call->timeout_ms : TIME_MS);
	struct partner_answer answer = { .type = "", .why = "" };
	const char *url = call->url, *next = NULL;
	if (would_block())
		return E_WAIT;
	int rc = once(a, call, url, deadline, &answer, &next);
	for (unsigned left = call->type == NULL ? call->redirects : 0; rc == OK && next != NULL && left > 0; left--) {
		url = next;
		next = NULL;
		rc = once(a, call, url, deadline, &answer, &next);
	}
	if (rc == E_DOWN && !call->quiet)
		log_err("partner: %s: %s", url, answer.why);
	if (rc == OK || rc == E_DOWN)
		*out = answer;
	return rc;
}
