/* SMTP by curl. What curl lets through (CR LF in an address, AUTH in the clear) is refused before it is asked. */
#include "base/buf.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/outbox.h"
#include "svc/partner_parts.h"
#include "svc/partner_smtp.h"

struct upload {
	struct slice left;
	bool ended;
};

static size_t give(char *p, size_t size, size_t n, void *ctx)
{
	struct upload *u = ctx;
	size_t len = u->left.n < size * n ? u->left.n : size * n;
	if (len == 0) {
		u->ended = true;
		return 0;
	}
	memcpy(p, u->left.p, len);
	u->left = slice_mem(u->left.p + len, u->left.n - len);
	return len;
}

static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
	(void)p, (void)ctx;
	return size * n;
}

static bool has(const char *s)
{
	return s != NULL && *s != '\0';
}

static CURL *handle_for(struct arena *a, const struct smtp_server *s, char error[CURL_ERROR_SIZE])
{
	CURL *c = handle_take(s->url);
	handle_trust(c, s->ca_file);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(c, CURLOPT_URL, arena_printf(a, "%s/%s", s->url, s->name));	/* the path is what EHLO says */
	curl_easy_setopt(c, CURLOPT_USE_SSL, (long)(s->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(s->timeout_ms / 2));
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	if (has(s->user)) {
		curl_easy_setopt(c, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, s->password);
	}
	return c;
}

/* One try; *fresh: over a new connection. */
static int once(struct arena *a, const struct smtp_server *s, struct upload *u, const char *from, struct curl_slist *to, bool *fresh,
    struct smtp_answer *out)
{
	char error[CURL_ERROR_SIZE] = "";
	long connects = 0;
	CURL *c = handle_for(a, s, error);
	if (u != NULL) {
		curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
		curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
		curl_easy_setopt(c, CURLOPT_READDATA, u);
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	} else {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "NOOP");
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	}
	if (*fresh)
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	CURLcode rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->code);
	curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &connects);
	*fresh = connects > 0;
	out->handed_over = u != NULL && u->ended;
	out->why = rc == CURLE_OK ? "" : arena_strdup(a, *error ? error : curl_easy_strerror(rc));
	out->sender_refused = strncmp(out->why, "MAIL failed", 11) == 0;
	out->at_rcpt = out->handed_over || strncmp(out->why, "RCPT failed", 11) == 0 || strncmp(out->why, "DATA failed", 11) == 0;
	handle_give(c, s->url, rc == CURLE_OK);
	return rc == CURLE_OK ? OK : E_DOWN;
}

static int check(const struct smtp_server *s)
{
	if (has(s->user) && s->plain && strncmp(s->url, "smtps:", 6) != 0)
		return fail(E_INPUT, "smtp: a password for %s would go in the clear", s->url);
	return would_block() ? E_WAIT : OK;
}

int partner_smtp(struct arena *a, const struct smtp_server *s, const char *from, const char *to, struct slice mail, struct smtp_answer *out)
{
	struct upload u = { mail, false };
	struct smtp_answer answer = { .why = "" };
	bool fresh = false;
	int rc = check(s);
	if (rc != OK)
		return rc;
	if (!outbox_mail_address(slice_of(from)) || !outbox_mail_address(slice_of(to)))
		return fail(E_INPUT, "smtp: an address that is none");
	struct curl_slist *list = curl_slist_append(NULL, arena_printf(a, "<%s>", to));
	rc = once(a, s, &u, arena_printf(a, "<%s>", from), list, &fresh, &answer);
	if (rc == E_DOWN && !fresh && !answer.handed_over) {	/* the server has hung up on a connection that lay idle */
		fresh = true;
		u = (struct upload){ mail, false };
		rc = once(a, s, &u, arena_printf(a, "<%s>", from), list, &fresh, &answer);
	}
	curl_slist_free_all(list);
	*out = answer;
	return rc;
}

int partner_smtp_check(struct arena *a, const struct smtp_server *s, struct smtp_answer *out)
{
	bool fresh = true;
	int rc = check(s);
	*out = (struct smtp_answer){ .why = "" };
	return rc == OK ? once(a, s, NULL, NULL, NULL, &fresh, out) : rc;
}
