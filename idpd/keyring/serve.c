/* Accepts connections to the keyring and answers each in a thread of its own. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/log.h"
#include "keyring/serve.h"

enum { DOORS = 4, STACK = 128 * 1024, CONNECTIONS_MAX = 512, SEND_WAIT_S = 2 };

struct peer {
	int fd;
	pid_t pid;
	enum asker asker;
	const struct keystore *store;
	unsigned char message[WIRE_MAX + 1];	/* one more than is allowed, to notice; pages that no message reached are never touched */
};

static atomic_uint connections, malformed;

static bool reply(const struct peer *p, const struct wire *out)
{
	struct wire_pieces pieces;
	if (wire_pieces(out, &pieces) != OK)
		return false;
	struct msghdr m = { .msg_iov = pieces.io, .msg_iovlen = pieces.n };
	return sendmsg(p->fd, &m, MSG_NOSIGNAL) == (ssize_t)pieces.total;
}

/* One message. False: this connection is not worth going on with. */
static bool answer(struct peer *p, size_t n)
{
	struct wire in;
	if (n > WIRE_MAX || wire_parse(slice_mem(p->message, n), &in) != OK) {
		log_warn("keyring: malformed message from process %d, connection closed (%u so far)", (int)p->pid, ++malformed);
		return false;
	}
	AUTO_ARENA a = arena_new();
	struct call c = { .a = a, .store = p->store, .asker = p->asker, .in = &in };
	int e = verb_run(&c);
	/* Here, before anything is replied, is the place for the keyring's own audit line: verb, key, peer, result. */
	if (e == E_BUG)
		return false;
	if (e != OK)
		c.out = (struct wire){ .code = (unsigned)-e };
	return reply(p, &c.out);
}

static void *converse(void *arg)
{
	struct peer *p = arg;
	for (bool go = true; go;) {
		ssize_t n = recv(p->fd, p->message, sizeof p->message, 0);
		if (n < 0 && errno == EINTR)
			continue;
		go = n > 0 && answer(p, (size_t)n);
		if (n > 0)
			wipe(p->message, (size_t)n);
	}
	close(p->fd);
	free(p);
	connections--;
	return NULL;
}

static bool admitted(int fd, const struct door *d, struct ucred *who)
{
	socklen_t n = sizeof *who;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &n) != 0)
		return false;
	if (who->uid == 0 || who->uid == d->uid)
		return true;
	log_warn("keyring: refused user %d (process %d) on the %s socket", (int)who->uid, (int)who->pid,
	    d->asker == ASKER_FRONT ? "front" : "control");
	return false;
}

static int start_thread(struct peer *p)
{
	pthread_attr_t attr;
	pthread_t t;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int rc = pthread_create(&t, &attr, converse, p);
	pthread_attr_destroy(&attr);
	return rc == 0 ? OK : E_LIMIT;
}

static void welcome(const struct keystore *store, const struct door *d)
{
	struct timeval wait = { .tv_sec = SEND_WAIT_S };
	struct ucred who;
	int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			usleep(10000);		/* do not spin while nothing can be accepted */
		return;
	}
	if (!admitted(fd, d, &who)) {
		close(fd);
		return;
	}
	struct peer *p = connections < CONNECTIONS_MAX ? malloc(sizeof *p) : NULL;
	if (p != NULL) {
		p->fd = fd;
		p->pid = who.pid;
		p->asker = d->asker;
		p->store = store;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
		connections++;
		if (start_thread(p) == OK)
			return;
		connections--;
		free(p);
	}
	log_warn("keyring: too many connections (%u), one was closed", connections);
	close(fd);
}

int serve(const struct keystore *store, const struct door *doors, size_t n)
{
	struct pollfd wait[DOORS];
	if (n > DOORS)
		abort();
	for (size_t i = 0; i < n; i++)
		wait[i] = (struct pollfd){ .fd = doors[i].fd, .events = POLLIN };
	for (;;) {
		if (poll(wait, n, -1) < 0 && errno != EINTR)
			return fail(E_DOWN, "keyring: poll: %s", strerror(errno));
		for (size_t i = 0; i < n; i++)
			if ((wait[i].revents & POLLIN) != 0)
				welcome(store, &doors[i]);
			else if (wait[i].revents != 0)
				return fail(E_DOWN, "keyring: its listening socket is gone");
	}
}
