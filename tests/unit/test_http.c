/* What a request must look like, whom it reaches, and what its answer carries: a real server, raw bytes. */
#include "http_client.h"

static atomic_int runs;
static unsigned short card_port;
static atomic_bool is_ready = true;

static int echo(struct request *r, struct response *resp)
{
	struct slice a = http_param(r, "a"), c = http_cookie(r, "__Host-csam-s"), d = http_cookie(r, "d"), h = http_header(r, "X-Test");
	char *text = arena_printf(r->a, "%s %s peer=%s a=%s c=%s d=%s h=%s n=%zu q=%s", r->method, r->path, r->peer, arena_str(r->a, a),
	    arena_str(r->a, c), arena_str(r->a, d), arena_str(r->a, h), ((const struct exchange *)r->in)->body_n, arena_str(r->a, http_query_text(r)));
	*resp = (struct response){ .status = 200, .body = slice_of(text), .type = "text/plain" };
	return OK;
}

/* Leaves a mark before it asks: the second run must find a response without it. */
static int blocking(struct request *r, struct response *resp)
{
	atomic_fetch_add(&runs, 1);
	if (resp->headers != NULL || resp->status != 0)
		return E_BUG;
	http_set(r, resp, "X-Run", "one");
	resp->status = 201;
	if (would_block())
		return E_WAIT;
	return echo(r, resp);
}

static int on_worker(struct request *r, struct response *resp)
{
	return would_block() ? E_BUG : echo(r, resp);
}

/* Not before it runs where hashes are made, and not at once there either. */
static int on_hash_worker(struct request *r, struct response *resp)
{
	return would_hash() ? E_WAIT : on_worker(r, resp);
}

static int failing(struct request *r, struct response *resp)
{
	http_set(r, resp, "X-Leak", "yes");
	return -(int)strtol(arena_str(r->a, http_query(r, "e")), NULL, 10);
}

static int setting(struct request *r, struct response *resp)
{
	http_set_cookie(r, resp, "__Host-csam-s", S("v"), 60);
	http_set_cookie(r, resp, "__Host-csam-b", S("w"), -1);
	http_set(r, resp, "Referrer-Policy", "same-origin");
	resp->cacheable = true;
	return http_redirect(r, resp, 303, "/elsewhere");
}

static int no_status(struct request *r, struct response *resp)
{
	(void)r;
	resp->body = S("half done");
	return OK;
}

static int certificate(struct request *r, struct response *resp)
{
	struct slice der = http_client_certificate(r);
	*resp = (struct response){ .status = 200, .body = slice_of(arena_printf(r->a, "%s certificate=%.*s.", r->origin, (int)der.n, der.n > 0 ? der.p : "")) };
	return OK;
}

static int page(struct request *r, struct response *resp, int error)
{
	if (strcmp(r->path, "/bare") == 0)
		return E_DOWN;
	resp->body = slice_of(arena_printf(r->a, "PAGE %d %s", error, arena_str(r->a, http_query(r, "lang"))));
	resp->type = "text/html";
	return OK;
}

#define ROW(method, path, fn, flags) { method, path, sizeof path - 1, fn, flags }
const struct endpoint http_endpoints[] = {
	ROW("GET", "/", echo, EP_PAGE), ROW("GET", "/echo", echo, EP_PAGE), ROW("POST", "/echo", echo, EP_PAGE),
	ROW("GET", "/below/", echo, EP_PAGE), ROW("GET", "/api", echo, EP_API | EP_CORS), ROW("POST", "/api", echo, EP_API | EP_PUBLIC),
	ROW("POST", "/repeat", echo, EP_API | EP_PUBLIC | EP_REPEAT), ROW("GET", "/block", blocking, EP_API),
	ROW("POST", "/wait", on_worker, EP_API | EP_WAIT | EP_PUBLIC), ROW("POST", "/hash", on_hash_worker, EP_PAGE),
	ROW("POST", "/wait-hash", on_hash_worker, EP_PAGE | EP_WAIT),
	ROW("GET", "/fail", failing, EP_PAGE), ROW("GET", "/fail.json", failing, EP_API), ROW("GET", "/set", setting, EP_PAGE),
	ROW("GET", "/card", certificate, EP_PAGE | EP_CARD), ROW("GET", "/both", certificate, EP_PAGE | EP_BOTH), ROW("POST", "/away", on_worker, EP_PAGE | EP_AWAY),
	ROW("GET", "/nothing", no_status, EP_API), ROW("GET", "/bare", failing, EP_PAGE),
	ROW("GET", "/healthz", http_healthz, EP_API), ROW("GET", "/readyz", http_readyz, EP_API), ROW("GET", "/metrics", http_metrics, EP_API),
};
const size_t http_nendpoints = sizeof http_endpoints / sizeof *http_endpoints;

/* One that must ask somebody first. */
static int ready(void)
{
	return would_block() ? E_WAIT : atomic_load(&is_ready) ? OK : E_DOWN;
}

static int start(void **state)
{
	static const char *listen[2], *cards[2], *const proxies[] = { "127.0.0.2", NULL };
	static char card_text[64];
	(void)state;
	listen[0] = plain_listener();
	card_port = free_port();
	snprintf(card_text, sizeof card_text, "127.0.0.1:%u", card_port);
	cards[0] = card_text;
	log_open("test", LOG_LEVEL_ERR);
	struct http_conf conf = { .origin = "https://idp.example", .listen = listen, .proxies = proxies, .card_origin = "https://card.example", .card_listen = cards, .threads = 2, .workers = 2,
		.hash_workers = 1, .error_page = page, .ready = ready };
	return http_start(&conf);
}

static int stop(void **state)
{
	(void)state;
	http_stop();
	return 0;
}

static void answers(void **state)
{
	(void)state;
	char *t = ask("GET /echo?a=x+%26 HTTP/1.1\nX-Test:  hi \n");
	assert_int_equal(status_of(t), 200);
	assert_string_equal(body_of(t), "GET /echo peer=127.0.0.1 a=x & c= d= h=hi n=0 q=a=x+%26");
	assert_has(t, "\r\nStrict-Transport-Security: max-age=");
	assert_has(t, "\r\nX-Content-Type-Options: nosniff\r\n");
	assert_has(t, "\r\nReferrer-Policy: no-referrer\r\n");
	assert_has(t, "\r\nCache-Control: no-store\r\n");
	t = post("POST /echo?b=1 HTTP/1.1\n", "a=form&c=2");
	assert_has(body_of(t), "POST /echo peer=127.0.0.1 a=form ");
	t = ask("GET https://other.example/echo HTTP/1.1\n");
	assert_has(body_of(t), "GET /echo ");
}

static void head_has_no_body(void **state)
{
	(void)state;
	int fd = dial();
	char line[] = "HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nGET /echo?a=2 HTTP/1.1\r\nHost: x\r\n\r\n";
	say(fd, line, sizeof line - 1);
	char *t = hear_kind(fd, true);
	assert_int_equal(status_of(t), 200);
	assert_lacks(t, "Content-Length: 0");
	t = hear(fd);
	assert_has(body_of(t), "a=2");
	close(fd);
}

static void routes(void **state)
{
	(void)state;
	assert_int_equal(status_of(ask("GET / HTTP/1.1\n")), 200);
	assert_int_equal(status_of(ask("GET /below/x/y.css HTTP/1.1\n")), 200);
	static const char *const none[] = { "/nowhere", "/echo/", "/ECHO", "//echo", "/./echo", "/%65cho", "/below", "/below/../echo", "/below/%2e" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		char line[64];
		snprintf(line, sizeof line, "GET %s HTTP/1.1\n", none[i]);
		char *t = ask(line);
		assert_int_equal(status_of(t), 404);
		assert_string_equal(body_of(t), "PAGE -2 ");
	}
	char *t = ask("DELETE /echo HTTP/1.1\n");
	assert_int_equal(status_of(t), 405);
	assert_has(t, "\r\nAllow: GET, HEAD, POST\r\n");
	t = ask("OPTIONS /echo HTTP/1.1\n");
	assert_int_equal(status_of(t), 405);
}

static void cors(void **state)
{
	(void)state;
	char *t = ask("OPTIONS /api HTTP/1.1\nOrigin: https://app.example\nAccess-Control-Request-Method: GET\n");
	assert_int_equal(status_of(t), 204);
	assert_has(t, "\r\nAccess-Control-Allow-Origin: *\r\n");
	assert_has(t, "\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n");
	assert_has(ask("GET /api HTTP/1.1\n"), "\r\nAccess-Control-Allow-Origin: *\r\n");
	t = ask("GET /api?a=%zz HTTP/1.1\n");
	assert_int_equal(status_of(t), 400);
	assert_has(t, "\r\nAccess-Control-Allow-Origin: *\r\n");
	assert_lacks(ask("GET /echo HTTP/1.1\n"), "Access-Control");
}

static void errors(void **state)
{
	(void)state;
	static const struct { const char *e; int status; const char *code; } all[] = {
		{ "1", 400, "invalid_request" }, { "2", 404, "not_found" }, { "3", 409, "conflict" }, { "4", 429, "temporarily_unavailable" },
		{ "5", 503, "temporarily_unavailable" }, { "6", 500, "server_error" }, { "7", 500, "server_error" }, { "99", 500, "server_error" } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char line[64], want[64];
		snprintf(line, sizeof line, "GET /fail.json?e=%s HTTP/1.1\n", all[i].e);
		snprintf(want, sizeof want, "{\"error\":\"%s\"}", all[i].code);
		char *t = ask(line);
		assert_int_equal(status_of(t), all[i].status);
		assert_string_equal(body_of(t), want);
		assert_lacks(t, "X-Leak");
		bool later = all[i].status == 429 || all[i].status == 503;
		assert_int_equal(strstr(t, "\r\nRetry-After: ") != NULL, later);
		snprintf(line, sizeof line, "GET /fail?lang=nl&e=%s HTTP/1.1\n", all[i].e);
		t = ask(line);
		assert_int_equal(status_of(t), all[i].status);
		snprintf(want, sizeof want, "PAGE -%s nl", all[i].e);
		assert_string_equal(body_of(t), want);
	}
	assert_int_equal(status_of(ask("GET /nothing HTTP/1.1\n")), 500);
	char *t = ask("GET /bare?e=2 HTTP/1.1\n");
	assert_int_equal(status_of(t), 404);
	assert_string_equal(body_of(t), "There is nothing here.\n");
}

static void own_headers(void **state)
{
	(void)state;
	char *t = ask("GET /set HTTP/1.1\n");
	assert_int_equal(status_of(t), 303);
	assert_has(t, "\r\nLocation: /elsewhere\r\n");
	assert_has(t, "\r\nSet-Cookie: __Host-csam-s=v; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60\r\n");
	assert_has(t, "\r\nSet-Cookie: __Host-csam-b=w; Path=/; Secure; HttpOnly; SameSite=Lax\r\n");
	assert_has(t, "\r\nReferrer-Policy: same-origin\r\n");
	assert_lacks(t, "no-referrer");
	assert_has(t, "\r\nCache-Control: public, max-age=300\r\n");
}

static void workers(void **state)
{
	(void)state;
	atomic_store(&runs, 0);
	char *t = ask("GET /block?a=7 HTTP/1.1\n");
	assert_int_equal(status_of(t), 200);
	assert_has(body_of(t), "a=7");
	assert_int_equal(atomic_load(&runs), 2);
	t = post("POST /wait HTTP/1.1\n", "a=8");
	assert_int_equal(status_of(t), 200);
	assert_has(body_of(t), "a=8");
	t = post("POST /hash HTTP/1.1\n", "a=9");
	assert_int_equal(status_of(t), 200);
}

static void bodies(void **state)
{
	(void)state;
	static char big[66 * 1024];
	memset(big, 'x', sizeof big - 1);
	memcpy(big, "a=", 2);
	assert_int_equal(status_of(post("POST /api HTTP/1.1\n", big)), 413);
	big[64 * 1024] = '\0';
	char *t = post("POST /api HTTP/1.1\n", big);
	assert_int_equal(status_of(t), 200);
	assert_has(body_of(t), " n=65536 ");
	t = ask_from("127.0.0.1", "POST /api HTTP/1.1\nContent-Type: application/json\n", "{}");
	assert_int_equal(status_of(t), 415);
	assert_int_equal(status_of(ask_from("127.0.0.1", "POST /api HTTP/1.1\n", "a=1")), 415);
	assert_int_equal(status_of(ask_from("127.0.0.1", "POST /api HTTP/1.1\n", "")), 200);
	t = ask_from("127.0.0.1", "POST /api HTTP/1.1\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\n", "a=1");
	assert_int_equal(status_of(t), 200);
	assert_int_equal(status_of(ask_from("127.0.0.1", "GET /api HTTP/1.1\n", "a=1")), 400);
}

static void parameters(void **state)
{
	(void)state;
	assert_int_equal(status_of(ask("GET /echo?a=1&a=2 HTTP/1.1\n")), 400);
	assert_int_equal(status_of(ask("GET /echo?a=1&%61=2 HTTP/1.1\n")), 400);
	assert_int_equal(status_of(ask("GET /echo?resource=1&resource=2 HTTP/1.1\n")), 400);
	assert_int_equal(status_of(post("POST /echo?a=1 HTTP/1.1\n", "a=1")), 400);
	assert_int_equal(status_of(post("POST /echo HTTP/1.1\n", "b=1&b=1")), 400);
	assert_int_equal(status_of(post("POST /echo HTTP/1.1\n", "b=%00")), 400);
	assert_int_equal(status_of(post("POST /echo HTTP/1.1\n", "b=%4")), 400);
	assert_int_equal(status_of(post("POST /repeat HTTP/1.1\n", "resource=1&resource=2&audience=1&audience=2")), 200);
	assert_int_equal(status_of(post("POST /repeat HTTP/1.1\n", "resource=1&resource=2&b=1&b=2")), 400);
	assert_int_equal(status_of(post("POST /wait HTTP/1.1\n", "b=1&b=1")), 400);
	char line[2048] = "GET /echo?0";
	for (int i = 1; i < 100; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), "&%d", i);
	size_t n = strlen(line);
	snprintf(line + n, sizeof line - n, " HTTP/1.1\n");
	assert_int_equal(status_of(ask(line)), 200);
	snprintf(line + n, sizeof line - n, "&100 HTTP/1.1\n");
	assert_int_equal(status_of(ask(line)), 400);
}

static void cookies(void **state)
{
	(void)state;
	assert_has(ask("GET /echo HTTP/1.1\nCookie: d=1; __Host-csam-s=abc; d=2\n"), " c=abc d=1 ");
	assert_has(ask("GET /echo HTTP/1.1\nCookie: __Host-csam-s=abc; __Host-csam-s=def\n"), " c= d= ");
	assert_has(ask("GET /echo HTTP/1.1\nCookie: __Host-csam-s=abc\nCookie: __Host-csam-s=def\n"), " c= d= ");
	assert_has(ask("GET /echo HTTP/1.1\nCookie: x=1\nCookie: __Host-csam-s=def\n"), " c=def d= ");
}

static void other_sites(void **state)
{
	(void)state;
	static const struct { const char *headers; int status; } all[] = {
		{ "", 200 }, { "Sec-Fetch-Site: same-origin\n", 200 }, { "Sec-Fetch-Site: none\n", 200 }, { "Sec-Fetch-Site: cross-site\n", 403 },
		{ "Sec-Fetch-Site: same-site\n", 403 }, { "Sec-Fetch-Site: \n", 403 }, { "Sec-Fetch-Site: same-origin\nOrigin: null\n", 200 },
		{ "Origin: https://idp.example\n", 200 }, { "Origin: http://idp.example\n", 403 }, { "Origin: null\n", 403 }, { "Origin: \n", 403 },
		{ "Origin: https://idp.example.evil.example\n", 403 } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char line[256];
		snprintf(line, sizeof line, "POST /echo HTTP/1.1\n%s", all[i].headers);
		char *t = post(line, "a=1");
		if (status_of(t) != all[i].status)
			fail_msg("%s: %d", all[i].headers, status_of(t));
		snprintf(line, sizeof line, "POST /api HTTP/1.1\n%s", all[i].headers);
		assert_int_equal(status_of(post(line, "a=1")), 200);
	}
	assert_int_equal(status_of(ask("GET /echo HTTP/1.1\nSec-Fetch-Site: cross-site\n")), 200);
}

/* RFC 9440: a listed proxy's word, at the listeners that are for it; nobody else's, and nowhere else. */
static void certificates_from_proxies(void **state)
{
	(void)state;
	unsigned short usual = port;
	assert_int_equal(status_of(ask_from("127.0.0.2", "GET /card HTTP/1.1\nClient-Cert: :aGVsbG8=:\n", NULL)), 404);
	assert_has(ask_from("127.0.0.2", "GET /both HTTP/1.1\nClient-Cert: :aGVsbG8=:\n", NULL), "https://idp.example certificate=.");
	assert_int_equal(status_of(post("POST /away HTTP/1.1\n", "a=1")), 200);
	port = card_port;
	assert_has(ask_from("127.0.0.2", "GET /card HTTP/1.1\nClient-Cert: :aGVsbG8=:\n", NULL), "https://card.example certificate=hello.");
	assert_has(ask_from("127.0.0.2", "GET /both HTTP/1.1\nClient-Cert:   :aGVsbG8=:  \n", NULL), "https://card.example certificate=hello.");
	assert_has(ask("GET /card HTTP/1.1\nClient-Cert: :aGVsbG8=:\n"), "certificate=.");
	static const char *const bad[] = { "aGVsbG8=", ":aGVsbG8=", ":aGVsbG8:", "::", ":", "", ":aGVsbG8=:, :aGVsbG8=:", ":aGVs bG8=:", "\"aGVsbG8=\"", ":aGVsbG8=:;a=1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char line[128];
		snprintf(line, sizeof line, "GET /card HTTP/1.1\nClient-Cert: %s\n", bad[i]);
		assert_has(ask_from("127.0.0.2", line, NULL), "certificate=.");
	}
	assert_has(ask_from("127.0.0.2", "GET /card HTTP/1.1\nClient-Cert: :aGVsbG8=:\nClient-Cert: :aGVsbG8=:\n", NULL), "certificate=.");
	assert_int_equal(status_of(ask("GET /echo HTTP/1.1\n")), 404);
	assert_int_equal(status_of(ask("GET / HTTP/1.1\n")), 404);
	port = usual;
}

static void proxies(void **state)
{
	(void)state;
	assert_has(ask("GET /echo HTTP/1.1\nX-Forwarded-For: 192.0.2.1\n"), " peer=127.0.0.1 ");
	assert_int_equal(status_of(ask("GET /echo HTTP/1.1\nX-Forwarded-For: a\n")), 200);
	assert_has(ask_from("127.0.0.2", "GET /echo HTTP/1.1\n", NULL), " peer=127.0.0.2 ");
	assert_has(ask_from("127.0.0.2", "GET /echo HTTP/1.1\nX-Forwarded-For: 203.0.113.5, 192.0.2.1\n", NULL), " peer=192.0.2.1 ");
	assert_has(ask_from("127.0.0.2", "GET /echo HTTP/1.1\nX-Forwarded-For: 203.0.113.5\nX-Forwarded-For: 2001:db8::1, 127.0.0.2\n", NULL), " peer=2001:db8::1 ");
	static const char *const bad[] = { "a", "", "192.0.2.1,", "a, 192.0.2.1", "192.0.2.1:99" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char line[128];
		snprintf(line, sizeof line, "GET /echo HTTP/1.1\nX-Forwarded-For: %s\n", bad[i]);
		assert_int_equal(status_of(ask_from("127.0.0.2", line, NULL)), 400);
	}
}

/* Whole requests, as bytes. Each is refused, and the connection does not live on to be confused. */
static void strange_framing(void **state)
{
	(void)state;
#define RAW(lit, status) { lit, sizeof lit - 1, status }
	static const struct { const char *p; size_t n; int status; } all[] = {
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200),
		RAW("GET /echo HTTP/1.0\r\n\r\n", 200),
		RAW("GET /echo HTTP/1.1\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\na=1", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
		RAW("POST /api HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\na=1", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\na=1", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nX-Test: a\0b\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nX-Test: a\0b\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nX-Test: a\r\n b\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nX-Test: a\nHost: x\r\n\r\n", 400),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nX-\0Test: a\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\0\r\n\r\n", 400),
		RAW("GET /ec\0ho HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo?a=\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		RAW("GET  /echo HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nX-Test: a\r\n b\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\nHost: x\n\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nX-Test: a\rb\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\nX Test: a\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", 400),
		RAW("G=T /echo HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		RAW("GET /echo HTTP/1.7\r\nHost: x\r\n\r\n", 505),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n", 200),
		RAW("POST /api HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\na=1\0", 400),
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int status = status_of(ask_bytes(all[i].p, all[i].n));
		if (status != all[i].status)
			fail_msg("%zu: %s: %d", i, all[i].p, status);
	}
}

static void many_headers(void **state)
{
	(void)state;
	static char lines[40 * 1024];
	strcpy(lines, "GET /echo HTTP/1.1\n");
	for (int i = 0; i < 62; i++)
		strcat(lines, "X-A: b\n");
	assert_int_equal(status_of(ask(lines)), 200);
	strcat(lines, "X-A: b\n");
	assert_int_equal(status_of(ask(lines)), 431);
	size_t n = (size_t)sprintf(lines, "GET /echo HTTP/1.1\nX-A: ");
	memset(lines + n, 'x', 36 * 1024);
	strcpy(lines + n + 36 * 1024, "\n");
	assert_int_equal(status_of(ask(lines)), 431);
}

static void health(void **state)
{
	(void)state;
	assert_string_equal(body_of(ask("GET /healthz HTTP/1.1\n")), "{\"status\":\"ok\"}");
	assert_int_equal(status_of(ask("GET /readyz HTTP/1.1\n")), 200);
	atomic_store(&is_ready, false);
	assert_int_equal(status_of(ask("GET /readyz HTTP/1.1\n")), 503);
	atomic_store(&is_ready, true);
}

static void metrics(void **state)
{
	(void)state;
	unsigned long before = 0, after = 0;
	static const char mark[] = "csam_http_requests_total{method=\"GET\",endpoint=\"/healthz\",class=\"2xx\"} ";
	ask("GET /healthz HTTP/1.1\n");
	char *t = ask("GET /metrics HTTP/1.1\n");
	assert_has(t, mark);
	before = strtoul(strstr(t, mark) + sizeof mark - 1, NULL, 10);
	ask("GET /healthz HTTP/1.1\n");
	t = ask("GET /metrics HTTP/1.1\n");
	after = strtoul(strstr(t, mark) + sizeof mark - 1, NULL, 10);
	assert_int_equal(after, before + 1);
	assert_has(t, "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	assert_has(t, "csam_http_queue_length{pool=\"hash\"} 0\n");
	assert_has(t, "csam_http_duration_seconds_sum{method=\"GET\",endpoint=\"/healthz\"} ");
	assert_string_equal(t + strlen(t) - 6, "# EOF\n");
	assert_int_equal(status_of(ask_from("127.0.0.2", "GET /metrics HTTP/1.1\nX-Forwarded-For: 192.0.2.1\n", NULL)), 404);
	assert_int_equal(status_of(ask("GET /metrics HTTP/1.1\nX-Forwarded-For: 192.0.2.1\n")), 404);	/* by a proxy that is not listed */
	assert_int_equal(status_of(ask("GET /metrics HTTP/1.1\nForwarded: for=192.0.2.1\n")), 404);
	assert_int_equal(status_of(ask("GET /metrics HTTP/1.1\nVia: 1.1 front\n")), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers), cmocka_unit_test(head_has_no_body), cmocka_unit_test(routes), cmocka_unit_test(cors),
		cmocka_unit_test(errors), cmocka_unit_test(own_headers), cmocka_unit_test(workers), cmocka_unit_test(bodies),
		cmocka_unit_test(parameters), cmocka_unit_test(cookies), cmocka_unit_test(other_sites), cmocka_unit_test(proxies), cmocka_unit_test(certificates_from_proxies),
		cmocka_unit_test(strange_framing), cmocka_unit_test(many_headers), cmocka_unit_test(health), cmocka_unit_test(metrics),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
