/* A request made by hand, and the engine behind the pages as a table of answers: for the tests of web/. */
#ifndef WEB_FAKES_H
#define WEB_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "core/conversation.h"
#include "response_fakes.h"
#include "svc/directory.h"
#include "svc/sealed.h"
#include "svc/texts.h"
#include "web/web.h"

#define BROWSER_COOKIE "0123456789012345678901234567890123456789abc"

struct pair { const char *name, *value; };
static struct {
	struct pair query[8], form[8], cookies[8], headers[8];
	const char *raw_query;
} in;

static struct slice among(const struct pair *p, const char *name)
{
	for (size_t i = 0; i < 8 && p[i].name != NULL; i++)
		if (strcmp(p[i].name, name) == 0)
			return slice_of(p[i].value);
	return S_NONE;
}

struct slice http_query(const struct request *r, const char *name) { (void)r; return among(in.query, name); }
struct slice http_form(const struct request *r, const char *name) { (void)r; return among(in.form, name); }
struct slice http_cookie(const struct request *r, const char *name) { (void)r; return among(in.cookies, name); }
struct slice http_query_text(const struct request *r) { (void)r; return slice_of(in.raw_query); }

struct slice http_header(const struct request *r, const char *name)
{
	(void)r;
	return strcmp(name, "Cookie") == 0 && in.cookies[0].name != NULL ? S("some=thing") : among(in.headers, name);
}

/* ---- the engine ---- */
static struct {
	const char *kind_notice;
	int begin_error, show_error, answer_error, service_error, session_error, end_error;
	struct turn turn;
	struct answer got;
	struct want want;
	struct slice got_ticket, got_binding, ended;
	struct person person;
	struct login login;
} engine;

int conversation_begin(struct arena *a, const struct want *want, const char *peer, struct turn *out)
{
	(void)a, (void)peer;
	engine.want = *want;
	*out = engine.turn;
	return engine.begin_error;
}

int conversation_show(struct arena *a, struct slice conversation, struct slice binding, struct turn *out)
{
	(void)a, (void)conversation;
	engine.got_binding = binding;
	*out = engine.turn;
	return engine.show_error;
}

int conversation_answer(struct arena *a, struct slice ticket, struct slice binding, const char *peer, const struct answer *answer, struct turn *out)
{
	(void)a, (void)peer;
	engine.got = *answer;
	engine.got_ticket = ticket;
	engine.got_binding = binding;
	*out = engine.turn;
	return engine.answer_error;
}

int directory_service(struct arena *a, const char *id, const struct service **out)
{
	(void)a, (void)id;
	static const struct service s = { .notice = "Back on Monday <8:00>" };
	*out = &s;
	return engine.service_error;
}

const char *directory_kind_notice(struct arena *a, const char *kind, const char *lang)
{
	(void)a, (void)kind, (void)lang;
	return engine.kind_notice;
}

const char *service_name(const struct service *service, const char *lang)
{
	(void)service, (void)lang;
	return "Tax-on-web";
}

int session_login(struct arena *a, struct slice cookie, struct login *out)
{
	(void)a, (void)cookie;
	engine.login.person = &engine.person;
	*out = engine.login;
	return engine.session_error;
}

int session_end(struct slice cookie)
{
	engine.ended = cookie;
	return engine.end_error;
}

/* What sealed.c promises, under one key that never changes. */
static const unsigned char test_key[AEAD_KEY_LEN] = "of the day";

int sealed_make(struct arena *a, const char *kind, struct slice plain, time_t expires, struct slice *out)
{
	struct slice sealed;
	const char *with_end = arena_printf(a, "%020lld%.*s", (long long)expires, (int)plain.n, plain.p);
	aead_seal(a, test_key, slice_of(with_end), slice_of(kind), &sealed);
	struct buf b = buf_new(a);
	buf_b64url(&b, sealed);
	*out = buf_slice(&b);
	return OK;
}

int sealed_open(struct arena *a, const char *kind, struct slice text, struct slice *plain)
{
	struct slice sealed, opened;
	if (b64url_decode(a, text, &sealed) != OK || aead_open(a, test_key, sealed, slice_of(kind), &opened) != OK)
		return E_INPUT;
	if (atoll(arena_str(a, slice_mem(opened.p, 20))) < now())
		return E_NOENT;
	*plain = slice_mem(opened.p + 20, opened.n - 20);
	return OK;
}

/* ---- one request ---- */
static struct arena *arena;
static struct request req;
static struct response resp;

static void fresh(const char *method, const char *path)
{
	memset(&in, 0, sizeof in);
	memset(&engine, 0, sizeof engine);
	resp = (struct response){ 0 };
	req = (struct request){ .a = arena, .method = method, .path = path, .peer = "192.0.2.1", .origin = "https://localhost:8443" };
	in.cookies[0] = (struct pair){ "__Host-csam-b", BROWSER_COOKIE };
}

static int open_web(void **state)
{
	(void)state;
	arena = arena_new();
	return texts_open("share/texts", "en fr") == OK ? web_open("share") : -1;
}

static int close_web(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static const char *body(void)
{
	return arena_str(arena, resp.body);
}
#define has(what) assert_non_null(strstr(body(), (what)))
#define has_not(what) assert_null(strstr(body(), (what)))

#endif
