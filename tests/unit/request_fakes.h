/* Requests made by hand: "name=value&name=value", decoded as the door does, and two cookies; what handlers see of http/. */
#ifndef CSAM_TEST_REQUEST_FAKES_H
#define CSAM_TEST_REQUEST_FAKES_H

#include "base/codec.h"
#include "response_fakes.h"

/* no test needs all of it */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

#define ORIGIN "https://login.example"

static struct { const char *query, *form, *path, *authorization, *browser, *session; } in;

static struct slice field(struct arena *a, const char *text, const char *name)
{
	struct slice rest = slice_of(text), part, key, value;
	while (slice_cut(&rest, '&', &part)) {
		value = part;
		if (slice_cut(&value, '=', &key) && slice_is(key, name) && form_decode(a, value.p ? value : S(""), &value) == OK)
			return value;
	}
	return S_NONE;
}

struct slice http_query(const struct request *r, const char *name) { return field(r->a, in.query, name); }
struct slice http_form(const struct request *r, const char *name) { return field(r->a, in.form, name); }
struct slice http_query_text(const struct request *r) { (void)r; return slice_of(in.query); }

struct slice http_header(const struct request *r, const char *name)
{
	(void)r;
	return strcmp(name, "Authorization") == 0 ? slice_of(in.authorization) : strcmp(name, "Cookie") == 0 ? slice_of(in.browser) : S_NONE;
}

struct slice http_cookie(const struct request *r, const char *name)
{
	(void)r;
	return slice_of(strcmp(name, "__Host-csam-b") == 0 ? in.browser : strcmp(name, "__Host-csam-s") == 0 ? in.session : NULL);
}

int http_json(struct request *r, struct response *resp, unsigned status, const json_t *v)
{
	resp->status = status;
	resp->body = json_text(r->a, v);
	resp->type = "application/json";
	return OK;
}

/* --- one request --- */

static struct arena *arena;
static struct request req;
static struct response resp;

static int ask(http_handler *fn, const char *method, const char *query, const char *form)
{
	in.query = query;
	in.form = form;
	resp = (struct response){ 0 };
	req = (struct request){ .a = arena, .method = method, .path = in.path, .peer = "192.0.2.1", .origin = ORIGIN };
	return fn(&req, &resp);
}

static const char *header_of(const char *name)
{
	return header_in(&resp, name);
}

static json_t *body_json(void)
{
	json_t *v = NULL;
	assert_int_equal(json_parse(arena, resp.body, &v, NULL), OK);
	return v;
}

/* A parameter of the Location we were sent to; NULL when absent. */
static const char *sent(const char *name)
{
	const char *to = header_of("Location");
	const char *query = to ? strchr(to, '?') : NULL;
	struct slice v = query ? field(arena, query + 1, name) : S_NONE;
	return v.p ? arena_str(arena, v) : NULL;
}

static const char *encoded(const char *s)
{
	struct buf b = buf_new(arena);
	buf_url(&b, slice_of(s));
	return buf_cstr(&b);
}

#endif
