/* Accepts connections to the keyring and answers each in a thread of its own. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "keyring/pace.h"
#include "keyring/notice.h"
#include "keyring/serve.h"
#include "keyring/trail.h"

enum { DOORS = 4, STACK = 128 * 1024, CONNECTIONS_MAX = 512, SEND_WAIT_S = 2, COUNTS_MS = 10 * 60 * 1000 };

struct peer {
	int fd;
	pid_t pid;
	uid_t uid;
	enum asker asker;
	struct ring *ring;
	const struct limits *limits;
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

/* Whoever changes keys waits for whoever changes them, and nobody else does; nor do those wait for anybody who need none of them. */
static int run(struct call *c)
{
	int e;
	if (verb_waits(c->in->code))
		return verb_run(c);
	if (verb_changes(c->in->code)) {
		ring_begin(c->ring);
		e = verb_run(c);
		ring_end(c->ring);
		if (e == OK)	/* it stands in the keyring's own trail already */
			notice_post(&(struct notice){ .what = verb_name(c->in->code), .uid = c->uid });
		return e;
	}
	c->store = ring_use(c->ring);
	e = verb_run(c);
	ring_done(c->ring);
	return e;
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
	struct call c = { .a = a, .ring = p->ring, .terms = p->ring->terms, .limits = p->limits, .asker = p->asker, .peer = (int)p->pid, .uid = p->uid, .in = &in };
	int e = run(&c);
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
	const char *socket = d->asker == ASKER_FRONT ? "front" : "control";
	log_warn("keyring: refused user %d (process %d) on the %s socket", (int)who->uid, (int)who->pid, socket);
	trail_line(&(struct trail_line){ .event = "stranger", .why = socket, .peer = (int)who->pid });
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

static void welcome(struct ring *ring, const struct limits *limits, const struct door *d)
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
		p->uid = who.uid;
		p->asker = d->asker;
		p->ring = ring;
		p->limits = limits;
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

/* How often each verb was asked: whoever compares it with the audit trail sees signatures that belong to no decision. */
static void tell_counts(uint64_t *told_at)
{
	if (ticks_ms() - *told_at < COUNTS_MS)
		return;
	*told_at = ticks_ms();
	for (unsigned v = 0; v < WIRE_VERBS; v++) {
		unsigned long long asked, refused;
		if (verb_name(v) == NULL)
			continue;
		pace_counted(v, &asked, &refused);
		if (asked > 0)
			trail_line(&(struct trail_line){ .event = "asked", .verb = verb_name(v), .count = asked, .refused = refused });
	}
}

int serve(struct ring *ring, const struct limits *limits, const struct door *doors, size_t n)
{
	struct pollfd wait[DOORS];
	uint64_t told_at = ticks_ms(), tidy_at = 0;
	if (n > DOORS)
		abort();
	for (size_t i = 0; i < n; i++)
		wait[i] = (struct pollfd){ .fd = doors[i].fd, .events = POLLIN };
	for (;;) {
		uint64_t t = ticks_ms();
		if (t >= tidy_at)
			tidy_at = t + (uint64_t)ring_tidy(ring);
		tell_counts(&told_at);
		if (poll(wait, n, tidy_at > t ? (int)(tidy_at - t) : 0) < 0 && errno != EINTR)
			return fail(E_DOWN, "keyring: poll: %s", strerror(errno));
		for (size_t i = 0; i < n; i++)
			if ((wait[i].revents & POLLIN) != 0)
				welcome(ring, limits, &doors[i]);
			else if (wait[i].revents != 0)
				return fail(E_DOWN, "keyring: its listening socket is gone");
	}
}
