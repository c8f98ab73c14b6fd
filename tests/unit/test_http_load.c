/* What happens when it is much, late, half or hostile: pools, deadlines, broken peers, TLS, the end. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "http_client.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int slow_runs, hashed;
static atomic_bool held;

static int quick(struct request *r, struct response *resp)
{
	(void)r;
	*resp = (struct response){ .status = 200, .body = S("quick"), .type = "text/plain" };
	return OK;
}

static int slow(struct request *r, struct response *resp)
{
	usleep(300 * 1000);
	atomic_fetch_add(&slow_runs, 1);
	return quick(r, resp);
}

/* Stands for a password hash: waits for the test. */
static int gated(struct request *r, struct response *resp);

static int hashing(struct request *r, struct response *resp)
{
	return would_hash() ? E_WAIT : gated(r, resp);
}

static int gated(struct request *r, struct response *resp)
{
	while (atomic_load(&held))
		usleep(1000);
	usleep(2000);
	atomic_fetch_add(&hashed, 1);
	return quick(r, resp);
}

#define ROW(method, path, fn, flags) { method, path, sizeof path - 1, fn, flags }
const struct endpoint http_endpoints[] = {
	ROW("GET", "/quick", quick, EP_PAGE), ROW("GET", "/slow", slow, EP_API | EP_WAIT), ROW("GET", "/worker", quick, EP_API | EP_WAIT),
	ROW("GET", "/held", gated, EP_API | EP_WAIT),
	ROW("POST", "/hash", hashing, EP_API), ROW("POST", "/quick", quick, EP_API),
};
const size_t http_nendpoints = sizeof http_endpoints / sizeof *http_endpoints;

static int start_with(const char *const *listen, unsigned deadline_s)
{
	static const char *const proxies[] = { "127.0.0.2", NULL };
	struct http_conf conf = { .origin = "http://idp.example", .listen = listen, .proxies = proxies, .threads = 2, .workers = 2,
		.hash_workers = 1, .deadline_s = deadline_s };
	log_open("test", LOG_LEVEL_ERR - 1);	/* faults are meant here: say nothing */
	return http_start(&conf);
}

static int start(void **state)
{
	static const char *listen[2];
	(void)state;
	listen[0] = plain_listener();
	return start_with(listen, 2);
}

static int stop(void **state)
{
	(void)state;
	http_stop();
	return 0;
}

static void alive(void)
{
	assert_string_equal(body_of(ask("GET /quick HTTP/1.1\n")), "quick");
	assert_string_equal(body_of(ask("GET /worker HTTP/1.1\n")), "quick");
}

/* ---- pool ---- */

static char order[64];
static size_t norder;

struct named { struct job job; char name; };

static void note(struct job *j)
{
	pthread_mutex_lock(&gate);
	order[norder++] = ((struct named *)j)->name;
	pthread_mutex_unlock(&gate);
}

static void pool_is_fair(void **state)
{
	(void)state;
	struct named jobs[] = { { { NULL, 1 }, 'a' }, { { NULL, 1 }, 'b' }, { { NULL, 1 }, 'c' }, { { NULL, 1 }, 'd' }, { { NULL, 2 }, 'X' },
		{ { NULL, 3 }, 'Y' }, { { NULL, 2 }, 'Z' }, { { NULL, 1 }, 'e' }, { { NULL, 4 }, '-' }, { { NULL, 5 }, '-' } };
	pthread_mutex_lock(&gate);
	norder = 0;
	struct pool *p = pool_new("test", 1, 7, 3, note);
	assert_int_equal(pool_put(p, &jobs[0].job), OK);
	for (int i = 0; i < 1000 && pool_length(p) > 0; i++)	/* the worker took 'a' and waits at the gate */
		usleep(1000);
	for (int i = 1; i < 7; i++)
		assert_int_equal(pool_put(p, &jobs[i].job), OK);
	assert_int_equal(pool_put(p, &jobs[7].job), E_LIMIT);
	assert_int_equal(pool_put(p, &jobs[8].job), OK);
	assert_int_equal(pool_put(p, &jobs[9].job), E_DOWN);
	assert_int_equal(pool_length(p), 7);
	pthread_mutex_unlock(&gate);
	assert_null(pool_free(p));
	order[norder] = '\0';
	assert_string_equal(order, "abXY-cZd");
}

/* ---- the hash queue ---- */

static int post_hash(const char *source, const char *forwarded)
{
	char raw[512];
	int fd = dial_from(source);
	int n = snprintf(raw, sizeof raw, "POST /hash HTTP/1.1\r\nHost: x\r\n%s%s%sContent-Length: 0\r\n\r\n",
	    forwarded ? "X-Forwarded-For: " : "", forwarded ? forwarded : "", forwarded ? "\r\n" : "");
	say(fd, raw, (size_t)n);
	return fd;
}

static void wait_for_queue(unsigned n)
{
	for (int i = 0; i < 3000 && pool_length(http_server.hash) != n; i++)
		usleep(1000);
	assert_int_equal(pool_length(http_server.hash), n);
}

static void hash_queue_is_shared_fairly(void **state)
{
	(void)state;
	int fds[257];
	atomic_store(&hashed, 0);
	atomic_store(&held, true);
	fds[0] = post_hash("127.0.0.1", NULL);
	usleep(50 * 1000);		/* the one worker has it */
	for (int i = 1; i < 257; i++)
		fds[i] = post_hash("127.0.0.1", NULL);
	wait_for_queue(256);
	int beyond = post_hash("127.0.0.1", NULL);
	char *t = hear(beyond);
	assert_int_equal(status_of(t), 429);
	assert_has(t, "\r\nRetry-After: ");
	assert_string_equal(body_of(t), "{\"error\":\"temporarily_unavailable\"}");
	close(beyond);
	int other = post_hash("127.0.0.2", "192.0.2.1");
	wait_for_queue(257);
	alive();			/* the quick ones do not wait */
	atomic_store(&held, false);
	assert_int_equal(status_of(hear(other)), 200);
	assert_true(atomic_load(&hashed) < 250);	/* it did not wait for all the others */
	close(other);
	for (int i = 0; i < 257; i++) {
		assert_int_equal(status_of(hear(fds[i])), 200);
		close(fds[i]);
	}
}

/* ---- deadlines ---- */

static uint64_t ms_until_end(int fd)
{
	uint64_t from = ticks_ms();
	char c;
	while (recv(fd, &c, 1, 0) > 0)
		;
	close(fd);
	return ticks_ms() - from;
}

static void silence_is_cut(void **state)
{
	(void)state;
	uint64_t ms = ms_until_end(dial());
	assert_in_range(ms, 1000, 4500);
}

static void drip(int fd, const char *text)
{
	uint64_t from = ticks_ms();
	for (size_t i = 0;; i++) {
		char c = text[i % strlen(text)], got;
		if (send(fd, &c, 1, MSG_NOSIGNAL) != 1 || recv(fd, &got, 1, MSG_DONTWAIT) == 0)
			break;
		usleep(50 * 1000);
		assert_in_range(ticks_ms() - from, 0, 6000);
	}
	close(fd);
	assert_in_range(ticks_ms() - from, 1000, 5000);
}

static void drips_are_cut(void **state)
{
	(void)state;
	drip(dial(), "GET");
	int fd = dial();
	static const char head[] = "GET /quick HTTP/1.1\r\nHost: x\r\nX-A: ";
	say(fd, head, sizeof head - 1);
	drip(fd, "x");
	fd = dial();
	static const char body[] = "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n";
	say(fd, body, sizeof body - 1);
	drip(fd, "x");
	alive();
}

static void what_waits_too_long_is_not_run(void **state)
{
	(void)state;
	int fds[3];
	atomic_store(&hashed, 0);
	atomic_store(&held, true);
	for (int i = 0; i < 3; i++) {
		fds[i] = post_hash("127.0.0.1", NULL);
		usleep(20 * 1000);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(ms_until_end(fds[i]), 0, 4500);
	atomic_store(&held, false);
	wait_for_queue(0);
	for (int i = 0; i < 1000 && atomic_load(&http_server.under_way) > 0; i++)
		usleep(1000);
	assert_int_equal(atomic_load(&http_server.under_way), 0);
	assert_int_equal(atomic_load(&hashed), 1);	/* the one that had begun */
	alive();
}

/* ---- peers that break off, or talk nonsense ---- */

static void gone_while_suspended(void **state)
{
	(void)state;
	static const char line[] = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
	atomic_store(&slow_runs, 0);
	for (int i = 0; i < 4; i++) {
		int fd = dial();
		struct linger reset = { i % 2, 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		say(fd, line, sizeof line - 1);
		usleep(20 * 1000);
		close(fd);
	}
	alive();
	for (int i = 0; i < 2000 && atomic_load(&slow_runs) < 4; i++)
		usleep(1000);
	assert_int_equal(atomic_load(&slow_runs), 4);
	alive();
}

/* A peer that says it will send no more is answered from the event thread; while it waits for a worker libmicrohttpd takes it for
 * gone. Neither may hang or hurt. */
static void half_closed(void **state)
{
	(void)state;
	static const char now[] = "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n", later[] = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = dial();
	say(fd, now, sizeof now - 1);
	shutdown(fd, SHUT_WR);
	assert_int_equal(status_of(hear(fd)), 200);
	close(fd);
	fd = dial();
	say(fd, later, sizeof later - 1);
	shutdown(fd, SHUT_WR);
	assert_true(ms_until_end(fd) < 1500);
	fd = dial();
	say(fd, later, 20);
	shutdown(fd, SHUT_WR);
	assert_true(ms_until_end(fd) < 4500);	/* at the latest by its deadline */
	alive();
}

static void pipelined(void **state)
{
	(void)state;
	static const char lines[] = "GET /quick HTTP/1.1\r\nHost: x\r\n\r\nGET /worker HTTP/1.1\r\nHost: x\r\n\r\n"
	    "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n";
	static const int want[] = { 200, 200, 200, 404 };
	int fd = dial();
	say(fd, lines, sizeof lines - 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(status_of(hear(fd)), want[i]);
	close(fd);
}

static void chunked_without_end(void **state)
{
	(void)state;
	static const char head[] = "POST /quick HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";
	static char chunk[8 + 4096 + 2];
	memcpy(chunk, "1000\r\n", 6);
	memset(chunk + 6, 'x', 4096);
	memcpy(chunk + 6 + 4096, "\r\n", 2);
	int fd = dial();
	say(fd, head, sizeof head - 1);
	for (int i = 0; i < 17; i++)		/* 68 KiB, then the end: it is told */
		say(fd, chunk, 4096 + 8);
	say(fd, "0\r\n\r\n", 5);
	assert_int_equal(status_of(hear(fd)), 413);
	close(fd);
	fd = dial();
	say(fd, head, sizeof head - 1);
	int i = 0;
	while (i < 4000 && send(fd, chunk, 4096 + 8, MSG_NOSIGNAL) > 0)
		i++;
	assert_in_range(i, 200, 3999);		/* cut off somewhere behind 1 MiB */
	close(fd);
	alive();
}

static void garbage(void **state)
{
	(void)state;
	static const char good[] = "POST /quick?a=%41&b HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nx=1";
	unsigned seed = 7;
	for (int round = 0; round < 600; round++) {
		char raw[sizeof good];
		memcpy(raw, good, sizeof good);
		for (int i = round % 20; i >= 0; i--)
			raw[(unsigned)rand_r(&seed) % (sizeof good - 1)] = (char)rand_r(&seed);
		if (round % 10 == 0)
			for (size_t i = 0; i < sizeof raw; i++)
				raw[i] = (char)rand_r(&seed);
		int fd = dial();
		say(fd, raw, sizeof good - 1);
		shutdown(fd, SHUT_WR);
		hear(fd);
		close(fd);
	}
	alive();
}

static void thousand_silent(void **state)
{
	(void)state;
	static int fds[1000];
	unsigned before = atomic_load(&http_server.connections);	/* half-closed ones may stay for their idle time */
	for (int i = 0; i < 1000; i++)
		fds[i] = dial();
	alive();
	assert_true(atomic_load(&http_server.connections) >= 900);
	for (int i = 0; i < 1000; i++)
		close(fds[i]);
	for (int i = 0; i < 6000 && atomic_load(&http_server.connections) > before; i++)
		usleep(1000);
	assert_true(atomic_load(&http_server.connections) <= before);
}

/* ---- the end ---- */

static void *ask_held(void *arg)
{
	static const char line[] = "GET /held HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = dial();
	say(fd, line, sizeof line - 1);
	char got[512] = "";
	size_t n = 0;
	for (ssize_t more; n < sizeof got - 1 && (more = recv(fd, got + n, sizeof got - 1 - n, 0)) > 0;)
		n += (size_t)more;
	*(int *)arg = strstr(got, "\r\nConnection: close\r\n") != NULL ? status_of(got) : 0;
	close(fd);
	return NULL;
}

static void *let_go_at_stop(void *arg)
{
	while (!atomic_load(&http_server.stopping))
		usleep(1000);
	usleep(1200 * 1000);
	atomic_store(&held, false);
	say(*(int *)arg, "=1", 2);
	return NULL;
}

static void stop_answers_what_is_under_way(void **state)
{
	(void)state;
	pthread_t threads[6], opener;
	static const char head[] = "POST /hash HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na";
	int got[6] = { 0 }, idle = dial(), half = dial();
	say(half, head, sizeof head - 1);
	atomic_store(&held, true);
	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, ask_held, &got[i]);
	pthread_create(&opener, NULL, let_go_at_stop, &half);
	for (int i = 0; i < 1000 && atomic_load(&http_server.under_way) < 7; i++)
		usleep(1000);
	http_stop();
	pthread_join(opener, NULL);
	assert_int_equal(status_of(hear(half)), 200);
	close(half);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(got[i], 200);
	}
	assert_int_equal(ms_until_end(idle) < 100, 1);
	assert_int_equal(start(NULL), OK);
	alive();
}

/* ---- listeners and certificates ---- */

static void listen_faults(void **state)
{
	(void)state;
	http_stop();
	const char *taken[2] = { plain_listener() }, *const bad[] = { "nonsense", NULL }, *const tls[] = { "127.0.0.1:0 tls", NULL };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sin = loopback("127.0.0.1", port);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(start_with(taken, 2), E_DOWN);
	close(fd);
	assert_int_equal(start_with(bad, 2), E_INPUT);
	assert_int_equal(start_with(tls, 2), E_INPUT);
	assert_int_equal(start(NULL), OK);
	alive();
}

static void local_socket(void **state)
{
	(void)state;
	char dir[] = "/tmp/csam-http-XXXXXX", path[64], text[80];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	snprintf(text, sizeof text, "unix:%s", path);
	const char *listen[3] = { text, plain_listener() };
	http_stop();
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);	/* what a daemon that died leaves */
	assert_int_equal(bind(stale, (struct sockaddr *)&sun, sizeof sun), 0);
	close(stale);
	assert_int_equal(start_with(listen, 2), OK);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	static const char line[] = "GET /worker HTTP/1.1\r\nHost: x\r\n\r\n";
	say(fd, line, sizeof line - 1);
	assert_string_equal(body_of(hear(fd)), "quick");
	close(fd);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	alive();
	http_stop();
	assert_int_equal(access(path, F_OK), -1);
	rmdir(dir);
	assert_int_equal(start(NULL), OK);
}

static void write_certificate(const char *cert_file, const char *key_file, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	FILE *f = fopen(cert_file, "w");
	PEM_write_X509(f, cert);
	fclose(f);
	if (key_file != NULL) {
		f = fopen(key_file, "w");
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
		fclose(f);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}

struct tls { int fd; SSL_CTX *ctx; SSL *ssl; };

static struct tls tls_dial(int most)
{
	struct tls t = { dial(), SSL_CTX_new(TLS_client_method()), NULL };
	SSL_CTX_set_min_proto_version(t.ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(t.ctx, most);
	SSL_CTX_set_cipher_list(t.ctx, "ALL:@SECLEVEL=0");
	t.ssl = SSL_new(t.ctx);
	SSL_set_fd(t.ssl, t.fd);
	return t;
}

static void tls_hang_up(struct tls *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	close(t->fd);
}

static void tls_ask(struct tls *t, const char *name)
{
	static const char line[] = "GET /worker HTTP/1.1\r\nHost: x\r\n\r\n";
	char got[2048], cn[64] = "";
	assert_int_equal(SSL_write(t->ssl, line, sizeof line - 1), sizeof line - 1);
	int n = SSL_read(t->ssl, got, sizeof got - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_int_equal(status_of(got), 200);
	X509 *peer = SSL_get1_peer_certificate(t->ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, cn, sizeof cn);
	X509_free(peer);
	assert_string_equal(cn, name);
}

static void tls_once(int most, const char *name)
{
	struct tls t = tls_dial(most);
	int rc = SSL_connect(t.ssl);
	assert_int_equal(rc == 1, name != NULL);
	if (name != NULL)
		tls_ask(&t, name);
	tls_hang_up(&t);
}

static void certificates(void **state)
{
	(void)state;
	char dir[] = "/tmp/csam-http-XXXXXX", cert[64], key[64], text[96];
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	write_certificate(cert, key, "one");
	http_stop();
	snprintf(text, sizeof text, "%s tls", plain_listener());
	const char *const listen[] = { text, NULL };
	struct http_conf conf = { .origin = "https://idp.example", .listen = listen, .cert_file = cert, .key_file = key, .deadline_s = 5 };
	assert_int_equal(http_start(&conf), OK);
	tls_once(TLS1_3_VERSION, "one");
	tls_once(TLS1_2_VERSION, "one");
	tls_once(TLS1_1_VERSION, NULL);
	struct tls old = tls_dial(TLS1_3_VERSION);
	assert_int_equal(SSL_connect(old.ssl), 1);
	write_certificate(cert, NULL, "foreign");	/* not of that key: the old pair stays */
	assert_int_equal(http_reload_certificate(), E_INPUT);
	tls_once(TLS1_3_VERSION, "one");
	write_certificate(cert, key, "two");
	assert_int_equal(http_reload_certificate(), OK);
	assert_int_equal(http_reload_certificate(), OK);
	tls_once(TLS1_3_VERSION, "two");
	tls_ask(&old, "one");
	tls_hang_up(&old);
	unlink(key);
	assert_int_equal(http_reload_certificate(), E_INPUT);
	tls_once(TLS1_2_VERSION, "two");
	http_stop();
	assert_int_equal(http_start(&conf), E_INPUT);
	unlink(cert);
	rmdir(dir);
	assert_int_equal(start(NULL), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_is_fair), cmocka_unit_test(hash_queue_is_shared_fairly), cmocka_unit_test(silence_is_cut),
		cmocka_unit_test(drips_are_cut), cmocka_unit_test(what_waits_too_long_is_not_run), cmocka_unit_test(gone_while_suspended),
		cmocka_unit_test(half_closed), cmocka_unit_test(pipelined), cmocka_unit_test(chunked_without_end), cmocka_unit_test(garbage),
		cmocka_unit_test(thousand_silent), cmocka_unit_test(stop_answers_what_is_under_way), cmocka_unit_test(listen_faults),
		cmocka_unit_test(local_socket), cmocka_unit_test(certificates),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
