/* The eID listener: takes the certificate that the browser's TLS connection has shown, and leads back to the login with it, sealed. It decides nothing. */
#include "base/buf.h"
#include "base/clock.h"
#include "core/eid.h"
#include "svc/sealed.h"
#include "web/web.h"

enum { CONVERSATION = 22, NONCE = 44, MAX_CERTIFICATE = 6 * 1024, LIFE_S = 60 };

static bool is_made_of(struct slice s, const char *more, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		    (s.p[i] != '\0' && strchr(more, s.p[i]) != NULL)))
			return false;
	return s.n == n;
}

/* The seal holds for this challenge, which the conversation remembers and which works once there; so nothing is kept here. */
int web_eid(struct request *r, struct response *resp)
{
	struct slice c = http_query(r, "c"), n = http_query(r, "n"), der = http_client_certificate(r), sealed;
	struct buf to = buf_new(r->a);
	if (!is_made_of(c, "-_", CONVERSATION) || !is_made_of(n, "+/=", NONCE))
		return web_error(r, resp, 404, "expired", NULL);
	buf_printf(&to, "%s/login/eid?c=%.*s", eid_conf.origin, (int)c.n, c.p);
	if (der.n > 0 && der.n <= MAX_CERTIFICATE) {
		int e = sealed_make(r->a, eid_tls_purpose(r->a, arena_str(r->a, n)), der, now() + LIFE_S, &sealed);
		if (e != OK)
			return e;
		buf_lit(&to, "&p=");
		buf_raw(&to, sealed);
	}
	http_set(r, resp, "Connection", "close");	/* the next login signs a handshake of its own */
	return http_redirect(r, resp, 303, buf_cstr(&to));
}
