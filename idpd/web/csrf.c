/* The browser's own cookies, and the token that ties a form to one of them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "svc/sealed.h"
#include "web/web.h"

enum { FORM_LIFE = 3600, BROWSER_BYTES = 32, BROWSER_LEN = 43 };

#define BROWSER "__Host-csam-b"
#define SESSION "__Host-csam-s"
#define ACTIVATION "__Host-csam-a"

/* Only what we could have made: base64url of 32 bytes. */
static bool is_browser(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return s.n == BROWSER_LEN;
}

/* The one this answer sets already: asked twice, there is still one browser. */
static struct slice being_set(const struct response *resp)
{
	for (const struct header *h = resp->headers; h != NULL; h = h->next) {
		struct slice v = slice_of(h->value);
		if (strcmp(h->name, "Set-Cookie") != 0 || !slice_starts(v, S(BROWSER "=")) || v.n < sizeof BROWSER + BROWSER_LEN)
			continue;
		return slice_mem(v.p + sizeof BROWSER, BROWSER_LEN);
	}
	return S_NONE;
}

struct slice web_browser(struct request *r, struct response *resp)
{
	struct slice b = http_cookie(r, BROWSER);
	if (is_browser(b))
		return b;
	b = being_set(resp);
	if (b.p != NULL)
		return b;
	b = slice_of(random_id(r->a, BROWSER_BYTES));
	http_set_cookie(r, resp, BROWSER, b, -1);
	return b;
}

struct slice web_session_cookie(const struct request *r)
{
	return http_cookie(r, SESSION);
}

void web_set_session(struct request *r, struct response *resp, struct slice value)
{
	http_set_cookie(r, resp, SESSION, value, value.n > 0 ? -1 : 0);
}

struct slice web_activation_cookie(const struct request *r)
{
	return http_cookie(r, ACTIVATION);
}

void web_set_activation(struct request *r, struct response *resp, struct slice value)
{
	http_set_cookie(r, resp, ACTIVATION, value, value.n > 0 ? -1 : 0);
}

/* The purpose and a hash of the cookie: a token that leaks does not show the cookie. */
static struct slice bound_to(struct request *r, struct slice browser, const char *purpose)
{
	unsigned char sum[SHA256_LEN];
	sha256(browser, sum);
	struct buf b = buf_new(r->a);
	buf_raw(&b, slice_of(purpose));
	buf_char(&b, ' ');
	buf_hex(&b, slice_mem(sum, sizeof sum));
	return buf_slice(&b);
}

int web_csrf(struct request *r, struct slice browser, const char *purpose, const char **out)
{
	struct slice token;
	int e = sealed_make(r->a, "csrf", bound_to(r, browser, purpose), now() + FORM_LIFE, &token);
	if (e == OK)
		*out = token.p;
	return e;
}

bool web_csrf_ok(struct request *r, const char *purpose)
{
	struct slice browser = http_cookie(r, BROWSER), token = http_form(r, "csrf_token"), plain;
	if (!is_browser(browser) || token.n == 0 || sealed_open(r->a, "csrf", token, &plain) != OK)
		return false;
	return slice_same_secret(plain, bound_to(r, browser, purpose));
}
