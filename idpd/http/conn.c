/* Connections: who they come from, and the sweep that cuts those that take too long. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/log.h"
#include "http/internal.h"

/* libmicrohttpd's time-out is of inactivity: a byte now and then keeps a connection forever. So each has an absolute end: for the
 * first request line, for the answer, for the next request. The sweep shuts the socket down; libmicrohttpd then closes it. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t stop;
	pthread_t thread;
	struct conn *list;
	bool ending;
} sweep = { .lock = PTHREAD_MUTEX_INITIALIZER, .stop = PTHREAD_COND_INITIALIZER };

enum { SWEEP_MS = 1000 };

static bool is_proxy(const struct address *a)
{
	for (size_t i = 0; i < http_server.nproxies; i++)
		if (range_has(&http_server.proxies[i], a))
			return true;
	return false;
}

static struct conn *conn_new(struct MHD_Connection *m, const struct door *door)
{
	struct conn *c = calloc(1, sizeof *c);
	if (c == NULL)
		abort();
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(m, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *from = MHD_get_connection_info(m, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	c->fd = fd->connect_fd;
	c->door = door;
	c->addr = address_of(from != NULL ? from->client_addr : NULL);
	address_text(&c->addr, c->peer);
	c->proxy = is_proxy(&c->addr);
	atomic_store(&c->due_ms, ticks_ms() + http_server.conf.deadline_s * 1000ull);
	if (door->tls && door->card)
		tls_ask_card(m);
	return c;
}

static void link_in(struct conn *c)
{
	pthread_mutex_lock(&sweep.lock);
	c->next = sweep.list;
	if (c->next != NULL)
		c->next->prev = c;
	sweep.list = c;
	pthread_mutex_unlock(&sweep.lock);
}

static void unlink_from(struct conn *c)
{
	pthread_mutex_lock(&sweep.lock);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		sweep.list = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&sweep.lock);
}

/* The socket is closed after the second notice: what stands in the list is open. */
void conn_notify(void *cls, struct MHD_Connection *m, void **ctx, enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		struct conn *c = conn_new(m, cls);
		link_in(c);
		atomic_fetch_add(&http_server.connections, 1);
		*ctx = c;
	} else if (*ctx != NULL) {
		unlink_from(*ctx);
		atomic_fetch_sub(&http_server.connections, 1);
		free(*ctx);
		*ctx = NULL;
	}
}

struct conn *conn_of(struct MHD_Connection *m)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info->socket_context;
}

static void cut_late(uint64_t at)
{
	for (struct conn *c = sweep.list; c != NULL; c = c->next)
		if (atomic_load_explicit(&c->due_ms, memory_order_relaxed) < at)
			shutdown(c->fd, SHUT_RDWR);
}

static void *sweeper(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&sweep.lock);
	while (!sweep.ending) {
		struct timespec t = ticks_after(SWEEP_MS);
		pthread_cond_clockwait(&sweep.stop, &sweep.lock, CLOCK_MONOTONIC, &t);
		cut_late(ticks_ms());
	}
	pthread_mutex_unlock(&sweep.lock);
	return NULL;
}

int sweep_start(void)
{
	sweep.ending = false;
	int rc = pthread_create(&sweep.thread, NULL, sweeper, NULL);
	if (rc != 0)
		return fail(E_DOWN, "http sweep: %s", strerror(rc));
	pthread_setname_np(sweep.thread, "http sweep");
	return OK;
}

void sweep_stop(void)
{
	pthread_mutex_lock(&sweep.lock);
	sweep.ending = true;
	pthread_cond_signal(&sweep.stop);
	pthread_mutex_unlock(&sweep.lock);
	pthread_join(sweep.thread, NULL);
}
