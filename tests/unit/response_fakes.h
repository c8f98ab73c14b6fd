/* What handlers put into a response, as http/ would: for tests that look at it there. Their file says what http_query and http_form give. */
#ifndef CSAM_TEST_RESPONSE_FAKES_H
#define CSAM_TEST_RESPONSE_FAKES_H

#include "http/http.h"

struct slice http_param(const struct request *r, const char *name)
{
	return strcmp(r->method, "POST") == 0 ? http_form(r, name) : http_query(r, name);
}

void http_set(struct request *r, struct response *resp, const char *name, const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	struct header *h = ARENA_NEW(r->a, struct header);
	*h = (struct header){ name, value, resp->headers };
	resp->headers = h;
}

void http_set_cookie(struct request *r, struct response *resp, const char *name, struct slice value, long max_age_s)
{
	http_set(r, resp, "Set-Cookie", arena_printf(r->a, "%s=%.*s; Max-Age=%ld", name, (int)value.n, value.n > 0 ? value.p : "", max_age_s));
}

int http_redirect(struct request *r, struct response *resp, unsigned status, const char *location)
{
	http_set(r, resp, "Location", location);
	resp->status = status;
	return OK;
}

static inline const char *header_in(const struct response *resp, const char *name)
{
	for (const struct header *h = resp->headers; h != NULL; h = h->next)
		if (strcmp(h->name, name) == 0)
			return h->value;
	return NULL;
}

#endif
