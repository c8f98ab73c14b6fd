/* The server: its listeners, one libmicrohttpd daemon each, its start and its end. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "http/internal.h"

/* hash: what is behind 1,000 password hashes has lost its patience. A source may hold a quarter of it. */
enum { QUICK_ROOM = 4096, HASH_ROOM = 1024, POOL_MEMORY = 32 * 1024 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK = 2 * 1024 * 1024 };
#else
enum { STACK = 256 * 1024 };
#endif

/* TLS 1.2 and 1.3, nothing weaker than 128 bits, keys of the moment (RFC 9325 4.1, 4.2). */
#define PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:%SERVER_PRECEDENCE"

struct server http_server;

static struct door doors[HTTP_LISTEN_MAX];
static size_t ndoors;
static bool swept;

static void log_from_mhd(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void log_from_mhd(void *cls, const char *fmt, va_list ap)	/* what strangers did wrong is no news */
{
	char line[256];
	(void)cls;
	vsnprintf(line, sizeof line, fmt, ap);
	log_debug("libmicrohttpd: %s", line);
}

/* A socket file that nobody listens on was left by a daemon that died. */
static void remove_stale(const struct listener *l)
{
	const struct sockaddr_un *sun = (const void *)&l->sa;
	struct stat st;
	if (lstat(sun->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&l->sa, l->len) != 0 && errno == ECONNREFUSED)
		unlink(sun->sun_path);
	if (fd >= 0)
		close(fd);
}

static int bind_to(int fd, const struct listener *l)
{
	int on = 1;
	if (l->sa.ss_family == AF_UNIX) {
		remove_stale(l);
		mode_t old = umask(0117);	/* owner and group: the proxy's */
		int rc = bind(fd, (const struct sockaddr *)&l->sa, l->len);
		umask(old);
		return rc;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (l->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return bind(fd, (const struct sockaddr *)&l->sa, l->len);
}

static int open_socket(const char *text, struct listener *l, int *out)
{
	if (listener_parse(text, l) != OK) {
		log_err("listen: \"%s\" is not ADDR:PORT [tls], [ADDR]:PORT [tls] or unix:/path", text);
		return E_INPUT;
	}
	int fd = socket(l->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind_to(fd, l) != 0 || listen(fd, SOMAXCONN) != 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return fail(E_DOWN, "listen: %s: %s", text, e == EADDRINUSE ? "another program listens there already" : strerror(e));
	}
	*out = fd;
	return OK;
}

static struct MHD_Daemon *start_daemon(const struct door *d)
{
	const struct http_conf *c = &http_server.conf;
	struct MHD_OptionItem items[] = {
		{ MHD_OPTION_LISTEN_SOCKET, d->fd, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_MEMORY, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->max_connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL },
		{ MHD_OPTION_THREAD_POOL_SIZE, c->threads > 1 ? (intptr_t)c->threads : 0, NULL },
		{ MHD_OPTION_THREAD_STACK_SIZE, STACK, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_open, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_close, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)conn_notify, (void *)(uintptr_t)d },
		{ d->tls ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, 0, (void *)(uintptr_t)PRIORITIES },
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tls_callback() },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (d->tls ? MHD_USE_TLS : 0);
	return MHD_start_daemon(flags, 0, NULL, NULL, exchange_step, NULL,
	    MHD_OPTION_EXTERNAL_LOGGER, log_from_mhd, NULL, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

static int bind_door(const char *text, bool card, uid_t uid, gid_t gid)
{
	struct listener l;
	struct door *d = &doors[ndoors];
	int fd, rc;
	if (ndoors == HTTP_LISTEN_MAX) {
		log_err("listen: at most %d addresses", HTTP_LISTEN_MAX);
		return E_INPUT;
	}
	if ((rc = open_socket(text, &l, &fd)) != OK)
		return rc;
	*d = (struct door){ .fd = fd, .tls = l.tls, .card = card };
	if (l.sa.ss_family == AF_UNIX)
		snprintf(d->path, sizeof d->path, "%s", ((const struct sockaddr_un *)(const void *)&l.sa)->sun_path);
	ndoors++;
	if (l.sa.ss_family == AF_UNIX && uid != (uid_t)-1 && lchown(d->path, uid, gid) != 0)
		return fail(E_DOWN, "listen: %s: cannot be given to its user: %s", text, strerror(errno));
	log_info("listening on %s", text);
	return OK;
}

int http_bind(const char *const *listen, const char *const *cards, uid_t uid, gid_t gid)
{
	int rc = OK;
	for (size_t i = 0; rc == OK && listen[i] != NULL; i++)
		rc = bind_door(listen[i], false, uid, gid);
	for (size_t i = 0; rc == OK && cards != NULL && cards[i] != NULL; i++)
		rc = bind_door(cards[i], true, uid, gid);
	if (rc != OK)
		http_unbind();
	return rc;
}

size_t http_bound(int fds[HTTP_LISTEN_MAX])
{
	for (size_t i = 0; i < ndoors; i++)
		fds[i] = doors[i].fd;
	return ndoors;
}

void http_unbind(void)
{
	for (size_t i = 0; i < ndoors; i++) {
		close(doors[i].fd);
		if (doors[i].path[0] != '\0')
			unlink(doors[i].path);
	}
	memset(doors, 0, sizeof doors);
	ndoors = 0;
}

static int open_door(struct door *d)
{
	const struct http_conf *c = &http_server.conf;
	if (d->tls && (tls_load(c->cert_file, c->key_file) != OK || (d->card && tls_load_authorities(c->card_authorities) != OK)))
		return E_INPUT;
	d->daemon = start_daemon(d);
	return d->daemon != NULL ? OK : fail(E_DOWN, "listen: libmicrohttpd could not start");
}

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value != 0 ? value : otherwise;
}

static void set_conf(const struct http_conf *conf)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned cores = n > 0 ? (unsigned)n : 1;
	struct http_conf c = *conf;
	c.threads = or_default(c.threads, cores);
	c.workers = or_default(c.workers, 8);
	c.hash_workers = or_default(c.hash_workers, cores);
	c.away_workers = or_default(c.away_workers, 8);
	c.max_connections = or_default(c.max_connections, 4096);
	c.deadline_s = or_default(c.deadline_s, 20);
	if (c.max_connections < c.threads)
		c.max_connections = c.threads;
	http_server.conf = c;
}

static int set_proxies(const char *const *list)
{
	size_t n = 0;
	while (list != NULL && list[n] != NULL)
		n++;
	http_server.proxies = calloc(n + 1, sizeof *http_server.proxies);
	if (http_server.proxies == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		if (range_parse(slice_of(list[i]), &http_server.proxies[i]) != OK) {
			log_err("proxies: \"%s\" is no address or network", list[i]);
			return E_INPUT;
		}
	http_server.nproxies = n;
	return OK;
}

/* Every connection is a descriptor; the rest of the daemon needs some too. */
static void raise_descriptors(void)
{
	struct rlimit l;
	rlim_t wanted = http_server.conf.max_connections + 256;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= wanted)
		return;
	l.rlim_cur = l.rlim_max < wanted ? l.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur < wanted)
		log_warn("only %llu descriptors for %u connections", (unsigned long long)l.rlim_cur, http_server.conf.max_connections);
}

static bool has_cards(const struct http_conf *conf)
{
	return conf->card_origin != NULL && *conf->card_origin != '\0' && conf->card_listen != NULL;
}

static int start_all(const struct http_conf *conf)
{
	struct http_conf *c = &http_server.conf;
	if (conf->origin == NULL || conf->listen == NULL || conf->listen[0] == NULL) {
		log_err("http: an origin and an address to listen on are needed");
		return E_INPUT;
	}
	if (set_proxies(conf->proxies) != OK)
		return E_INPUT;
	raise_descriptors();
	http_server.quick = pool_new("http quick", c->workers, QUICK_ROOM, QUICK_ROOM, exchange_on_worker);
	http_server.hash = pool_new("http hash", c->hash_workers, HASH_ROOM, HASH_ROOM / 4, exchange_on_worker);
	http_server.away = pool_new("http away", c->away_workers, HASH_ROOM, HASH_ROOM / 4, exchange_on_worker);
	if (http_server.quick == NULL || http_server.hash == NULL || http_server.away == NULL || sweep_start() != OK)
		return E_DOWN;
	swept = true;
	int rc = ndoors == 0 ? http_bind(conf->listen, has_cards(conf) ? conf->card_listen : NULL, (uid_t)-1, (gid_t)-1) : OK;
	for (size_t i = 0; rc == OK && i < ndoors; i++)
		rc = open_door(&doors[i]);
	return rc;
}

/* Our threads take no signals: they are the main thread's. A peer that went away is an error of write(), not a signal. */
int http_start(const struct http_conf *conf)
{
	sigset_t all, old;
	memset(&http_server, 0, sizeof http_server);
	set_conf(conf);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = start_all(conf);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != OK)
		http_stop();
	return rc;
}

int http_reload_certificate(void)
{
	if (http_server.conf.cert_file == NULL)
		return OK;
	return tls_load(http_server.conf.cert_file, http_server.conf.key_file);
}

int http_reload_authorities(void)
{
	for (size_t i = 0; i < ndoors; i++)
		if (doors[i].tls && doors[i].card)
			return tls_load_authorities(http_server.conf.card_authorities);
	return OK;
}

static void wait_until_answered(uint64_t at_most_ms)
{
	uint64_t end = ticks_ms() + at_most_ms;
	while (atomic_load(&http_server.under_way) > 0 && ticks_ms() < end)
		usleep(2000);
}

/* libmicrohttpd aborts when it is stopped with a suspended connection. So: no new connections; what is under way gets its time;
 * then nothing goes to a worker any more, and the workers finish what they have (services have time-outs of their own). */
void http_stop(void)
{
	atomic_store(&http_server.stopping, true);
	for (size_t i = 0; i < ndoors; i++)
		if (doors[i].daemon != NULL)
			MHD_quiesce_daemon(doors[i].daemon);
	wait_until_answered(http_server.conf.deadline_s * 1000ull);
	atomic_store(&http_server.closed, true);
	wait_until_answered(1000);
	http_server.quick = pool_free(http_server.quick);
	http_server.hash = pool_free(http_server.hash);
	http_server.away = pool_free(http_server.away);
	for (size_t i = 0; i < ndoors; i++)
		if (doors[i].daemon != NULL)
			MHD_stop_daemon(doors[i].daemon);
	http_unbind();
	if (swept)
		sweep_stop();
	swept = false;
	free(http_server.proxies);
	http_server.proxies = NULL;
	tls_end();
}
