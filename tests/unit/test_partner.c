/* Calls to others: what is allowed, and servers that are slow, endless, lying or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/partner.h"

/* ---- a server that answers as the path says, and remembers what it was asked ---- */

static struct {
	int fd;
	unsigned port;
	atomic_uint connections, requests;
	char last[8192];
	pthread_mutex_t lock;
} srv = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void tell(int fd, const char *s)
{
	if (send(fd, s, strlen(s), MSG_NOSIGNAL) < 0)
		return;
}

/* Head and body of one request; false when the client is gone. */
static bool hear(int fd, char *buf, size_t max)
{
	size_t n = 0;
	for (;;) {
		ssize_t got = recv(fd, buf + n, max - 1 - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
		const char *end = strstr(buf, "\r\n\r\n"), *len = strcasestr(buf, "Content-Length: ");
		if (end != NULL && n >= (size_t)(end + 4 - buf) + (len != NULL && len < end ? strtoul(len + 16, NULL, 10) : 0))
			return true;
	}
}

static void drip(int fd)
{
	tell(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	for (int i = 0; i < 60; i++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			return;
		usleep(100 * 1000);
	}
}

static void flood(int fd, const char *head)
{
	static const char kilobyte[1025] = { [0 ... 1023] = 'x' };
	tell(fd, head);
	for (int i = 0; i < 4096; i++)
		if (send(fd, kilobyte, 1024, MSG_NOSIGNAL) < 0)
			return;
}

static bool answer(int fd, const char *path)
{
	char text[512];
	if (strncmp(path, "/ok", 3) == 0)
		tell(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	else if (strncmp(path, "/busy", 5) == 0)
		tell(fd, "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy");
	else if (strncmp(path, "/to/", 4) == 0) {		/* /to/PORT/path */
		snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%.*s\r\nContent-Length: 0\r\n\r\n", (int)strcspn(path + 4, " "), path + 4);
		tell(fd, text);
	} else if (strncmp(path, "/drip", 5) == 0)
		drip(fd);
	else if (strncmp(path, "/long", 5) == 0)
		flood(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
	else if (strncmp(path, "/endless", 8) == 0)
		flood(fd, "HTTP/1.1 200 OK\r\n\r\n");
	else if (strncmp(path, "/heads", 6) == 0)
		flood(fd, "HTTP/1.1 200 OK\r\nX: ");
	else if (strncmp(path, "/silent", 7) == 0)
		sleep(6);
	else if (strncmp(path, "/gone", 5) != 0)
		tell(fd, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	return strncmp(path, "/ok", 3) == 0 || strncmp(path, "/to/", 4) == 0 || strncmp(path, "/busy", 5) == 0;
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[8192];
	while (hear(fd, buf, sizeof buf)) {
		pthread_mutex_lock(&srv.lock);
		memcpy(srv.last, buf, sizeof buf);
		pthread_mutex_unlock(&srv.lock);
		atomic_fetch_add(&srv.requests, 1);
		if (!answer(fd, strchr(buf, ' ') + 1))
			break;
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	for (int fd; (fd = accept(srv.fd, NULL, NULL)) >= 0;) {
		pthread_t t;
		atomic_fetch_add(&srv.connections, 1);
		if (pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	}
	return arg;
}

static struct arena *a;
static const char *allow[3];
static char other[40];		/* same server, another name for it: another origin */

static int start(void **s)
{
	pthread_t t;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	(void)s;
	signal(SIGPIPE, SIG_IGN);
	setenv("http_proxy", "http://127.0.0.1:9", 1);		/* of the environment: ignored */
	setenv("HTTPS_PROXY", "http://127.0.0.1:9", 1);
	srv.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(srv.fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(srv.fd, 64) != 0 || getsockname(srv.fd, (struct sockaddr *)&at, &n) != 0)
		return -1;
	srv.port = ntohs(at.sin_port);
	snprintf(other, sizeof other, "http://localhost:%u/", srv.port);
	static const struct partner_conf none;
	partner_open(&none);
	return pthread_create(&t, NULL, serve, NULL);
}

static int setup(void **s)
{
	(void)s;
	a = arena_new();
	allow[0] = arena_printf(a, "http://127.0.0.1:%u/", srv.port);
	allow[1] = NULL;
	partner_close();
	return 0;
}

static int teardown(void **s)
{
	(void)s;
	a = arena_free(a);
	return 0;
}

static int call_path(const char *path, struct partner_answer *out)
{
	*out = (struct partner_answer){ 0 };
	return partner_call(a, &(struct partner_call){ .url = arena_printf(a, "http://127.0.0.1:%u%s", srv.port, path), .allow = allow, .plain_http = true,
		.redirects = 2, .timeout_ms = 500, .quiet = true }, out);
}

/* ---- tests ---- */

static void prefixes(void **s)
{
	(void)s;
	static const char *const list[] = { "https://sms.example/v1", "http://ocsp.example:8080", NULL };
	static const char *const right[] = { "https://sms.example/v1", "https://sms.example/v1/send", "https://sms.example/v1?x=1", "https://sms.example/v1?x=../%2F", "https://SMS.example:443/v1/",
		"http://ocsp.example:8080", "http://ocsp.example:8080/a" };
	static const char *const wrong[] = { "", "x", "https://sms.example", "https://sms.example/", "https://sms.example/v10", "https://sms.example/v", "http://sms.example/v1",
		"https://sms.example:444/v1", "https://sms.example.evil/v1", "https://evil/sms.example/v1", "https://sms.example@evil/v1", "https://u:p@sms.example/v1",
		"https://sms.example/v1/../admin", "https://sms.example/v1/%2E./admin?x", "https://sms.example/v1/%2e%2e/admin", "https://sms.example/v1%2f..%2fadmin", "https://sms.example/v1\\..\\admin",
		"https://sms.example/v1#f", "https://sms.example/v1\r\nX: y", "https://sms.example/v1 x", "https://sms.example\t/v1", "https://sms.example./v1",
		"https:sms.example/v1", "https:///sms.example/v1", "https:/sms.example/v1", "//sms.example/v1", "file:///v1", "ftp://ocsp.example:8080/", "http://ocsp.example/", "http://ocsp.example:08080000/", "https://sms.ex%61mple.evil/v1" };
	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		if (!partner_allows(list, right[i]))
			assert_string_equal(right[i], "allowed");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (partner_allows(list, wrong[i]))
			assert_string_equal(wrong[i], "refused");
	static const char *const none[] = { NULL };
	assert_false(partner_allows(none, "https://sms.example/v1"));
	assert_false(partner_allows(NULL, "https://sms.example/v1"));
	char *endless = arena_alloc(a, 4096);
	memset(endless, 'a', 4095);
	memcpy(endless, right[1], strlen(right[1]));
	assert_false(partner_allows(list, endless));
}

static void get_and_post(void **s)
{
	(void)s;
	struct partner_answer r;
	static const char *const headers[] = { "X-Secret: s3", NULL };
	assert_int_equal(call_path("/ok", &r), OK);
	assert_int_equal(r.status, 200);
	assert_true(slice_is(r.body, "{}"));
	assert_string_equal(r.type, "application/json");
	assert_non_null(strstr(srv.last, "GET /ok HTTP/1.1\r\n"));
	assert_int_equal(call_path("/busy", &r), OK);
	assert_int_equal(r.status, 503);
	assert_true(partner_may_retry(r.status));
	struct partner_call c = { .url = arena_printf(a, "http://127.0.0.1:%u/ok", srv.port), .allow = allow, .plain_http = true, .type = "text/x",
		.body = S("a\0b"), .headers = headers, .accept = "application/json" };
	assert_int_equal(partner_call(a, &c, &r), OK);
	assert_non_null(strstr(srv.last, "POST /ok HTTP/1.1\r\n"));
	assert_non_null(strstr(srv.last, "\r\nContent-Type: text/x\r\n"));
	assert_non_null(strstr(srv.last, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(srv.last, "\r\nX-Secret: s3\r\n"));
	assert_non_null(strstr(srv.last, "\r\nContent-Length: 3\r\n"));
	assert_memory_equal(strstr(srv.last, "\r\n\r\n") + 4, "a\0b", 3);
	c.body = S_NONE;
	c.method = "PUT";
	assert_int_equal(partner_call(a, &c, &r), OK);
	assert_non_null(strstr(srv.last, "PUT /ok"));
	assert_non_null(strstr(srv.last, "\r\nContent-Length: 0\r\n"));
}

/* What is not on the list is not asked, and nothing goes on the wire. */
static void refuses(void **s)
{
	(void)s;
	struct partner_answer r;
	unsigned before = srv.connections;
	static const char *const smuggled[] = { "X: y\r\nZ: q", NULL };
	struct partner_call c = { .url = arena_printf(a, "http://127.0.0.1:%u/ok", srv.port), .allow = allow, .plain_http = false };
	assert_int_equal(partner_call(a, &c, &r), E_INPUT);		/* http only where said */
	c.plain_http = true;
	c.headers = smuggled;
	assert_int_equal(partner_call(a, &c, &r), E_INPUT);
	c.headers = NULL;
	c.allow = NULL;
	assert_int_equal(partner_call(a, &c, &r), E_INPUT);
	c.allow = allow;
	c.url = arena_printf(a, "http://localhost:%u/ok", srv.port);
	assert_int_equal(partner_call(a, &c, &r), E_INPUT);
	c.url = "file:///etc/passwd";
	assert_int_equal(partner_call(a, &c, &r), E_INPUT);
	wait_forbid();
	c.url = allow[0];
	assert_int_equal(partner_call(a, &c, &r), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(srv.connections, before);
}

static void redirects(void **s)
{
	(void)s;
	struct partner_answer r;
	const char *once = arena_printf(a, "/to/%u/ok", srv.port), *twice = arena_printf(a, "/to/%u%s", srv.port, once);
	assert_int_equal(call_path(once, &r), OK);
	assert_int_equal(r.status, 200);
	assert_int_equal(call_path(twice, &r), OK);
	assert_int_equal(r.status, 200);
	assert_int_equal(call_path(arena_printf(a, "/to/%u%s", srv.port, twice), &r), OK);
	assert_int_equal(r.status, 302);			/* no further than said */
	assert_int_equal(call_path("/to/1/ok", &r), E_INPUT);	/* another port is another server */
	struct partner_call c = { .url = arena_printf(a, "http://127.0.0.1:%u%s", srv.port, once), .allow = allow, .plain_http = true };
	assert_int_equal(partner_call(a, &c, &r), OK);
	assert_int_equal(r.status, 302);
	c.redirects = 1;
	c.type = "text/plain";
	assert_int_equal(partner_call(a, &c, &r), OK);
	assert_int_equal(r.status, 302);			/* what was posted goes nowhere else */
}

static void bounded(void **s)
{
	(void)s;
	struct partner_answer r;
	static const char *const paths[] = { "/long", "/endless", "/heads", "/drip", "/silent", "/gone" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		uint64_t t = ticks_ms();
		int rc = call_path(paths[i], &r);
		if (rc != E_DOWN || ticks_ms() - t > 2500 || *r.why == '\0') {
			print_error("%s: %d after %llu ms, %s\n", paths[i], rc, (unsigned long long)(ticks_ms() - t), r.why);
			_fail(__FILE__, __LINE__);
		}
	}
	allow[0] = "http://127.0.0.1:1/";
	struct partner_call c = { .url = "http://127.0.0.1:1/", .allow = allow, .plain_http = true, .quiet = true };
	assert_int_equal(partner_call(a, &c, &r), E_DOWN);
}

static void keeps_connections(void **s)
{
	(void)s;
	struct partner_answer r;
	unsigned before = srv.connections;
	for (int i = 0; i < 20; i++)
		assert_int_equal(call_path("/ok", &r), OK);
	assert_int_equal(srv.connections - before, 1);
	allow[1] = other;
	for (int i = 0; i < 20; i++) {		/* two servers in turn */
		struct partner_call c = { .url = arena_printf(a, "%sok", other), .allow = allow, .plain_http = true };
		assert_int_equal(partner_call(a, &c, &r), OK);
		assert_int_equal(call_path("/ok", &r), OK);
	}
	assert_int_equal(srv.connections - before, 2);
}

static void *many(void *failed)
{
	for (int i = 0; i < 200; i++) {
		AUTO_ARENA mine = arena_new();
		struct partner_answer r;
		struct partner_call c = { .url = arena_printf(mine, "http://127.0.0.1:%u/ok", srv.port), .allow = allow, .plain_http = true };
		if (partner_call(mine, &c, &r) != OK || r.status != 200)
			atomic_fetch_add((atomic_uint *)failed, 1);
	}
	return NULL;
}

static void from_many_threads(void **s)
{
	(void)s;
	pthread_t t[8];
	atomic_uint failed = 0;
	unsigned before = srv.connections;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, &failed), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(failed, 0);
	assert_in_range(srv.connections - before, 1, 16);
}

static void *call_silent(void *took)
{
	AUTO_ARENA mine = arena_new();
	struct partner_answer r;
	uint64_t t = ticks_ms();
	struct partner_call c = { .url = arena_printf(mine, "http://127.0.0.1:%u/silent", srv.port), .allow = allow, .plain_http = true, .timeout_ms = 20000, .quiet = true };
	partner_call(mine, &c, &r);
	*(uint64_t *)took = ticks_ms() - t;
	return NULL;
}

/* Runs last: a process that ends waits for nobody. */
static void ends_soon(void **s)
{
	(void)s;
	pthread_t t;
	uint64_t took;
	struct partner_answer r;
	assert_int_equal(pthread_create(&t, NULL, call_silent, &took), 0);
	usleep(100 * 1000);
	partner_end_soon(200);
	pthread_join(t, NULL);
	assert_in_range(took, 250, 2500);
	assert_int_equal(call_path("/ok", &r), E_DOWN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(prefixes), T(get_and_post), T(refuses), T(redirects), T(bounded), T(keeps_connections), T(from_many_threads), T(ends_soon),
	};
	log_open("test", LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, start, NULL);
}
