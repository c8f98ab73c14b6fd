/* Accepts plug-ins, gives each a thread, and knows when to end. */
#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "agent/conversation.h"
#include "agent/decision.h"
#include "agent/https.h"
#include "agent/idp.h"
#include "agent/server.h"
#include "base/clock.h"
#include "base/log.h"

enum { STACK = 256 * 1024, EACH_MAX = 4, END_MS = 8000, PAUSE_MS = 50, QUIET_MS = 2000 };

/* One conversation under way. A slot is free when fd is -1. */
struct slot {
	struct server *server;
	int fd;
	struct caller caller;
	struct host *host;
};

struct server {
	struct host *host;
	struct memory *memory;
	pthread_mutex_t lock;		/* of the slots */
	pthread_cond_t freed;
	struct slot *slots;
	size_t nslots, busy;
	pthread_attr_t small;
};

/* --- slots --- */

static void slot_free(struct slot *slot)
{
	struct server *s = slot->server;
	pthread_mutex_lock(&s->lock);
	close(slot->fd);
	slot->fd = -1;
	slot->host = host_drop(slot->host);
	s->busy--;
	pthread_cond_signal(&s->freed);
	pthread_mutex_unlock(&s->lock);
}

/* Those who ask about themselves can fill a quarter, however many user ids they have (a user namespace brings 65,536); with those who ask for a
 * service a half, never all: root must get in. */
static bool has_share(const struct server *s, const struct caller *c)
{
	size_t lesser = 0, users = 0, own = 0;
	if (c->may == MAY_ALL)
		return true;
	for (size_t i = 0; i < s->nslots; i++) {
		const struct slot *slot = &s->slots[i];
		if (slot->fd == -1 || slot->caller.may == MAY_ALL)
			continue;
		lesser++;
		users += slot->caller.may != MAY_SERVICES;
		own += slot->caller.uid == c->uid;
	}
	return lesser < s->nslots / 2 && (c->may == MAY_SERVICES || (users < s->nslots / 4 && own < EACH_MAX));
}

/* Takes over fd. NULL: there is no room for them. */
static struct slot *slot_take(struct server *s, int fd, const struct caller *c)
{
	struct slot *found = NULL;
	pthread_mutex_lock(&s->lock);
	if (has_share(s, c))
		for (size_t i = 0; i < s->nslots && found == NULL; i++)
			if (s->slots[i].fd == -1)
				found = &s->slots[i];
	if (found != NULL) {
		*found = (struct slot){ s, fd, *c, host_take(s->host) };
		s->busy++;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void *converse(void *arg)
{
	struct slot *slot = arg;
	conversation_run(slot->host, slot->server->memory, slot->fd, &slot->caller);
	OPENSSL_thread_stop();		/* what this thread holds goes before the end stops waiting for it */
	slot_free(slot);
	return NULL;
}

static void turn_away(int fd, const struct caller *c)
{
	AUTO_ARENA a = arena_new();
	struct buf b = message_reply(a, "down");
	log_warn("too many conversations: user %u is turned away", (unsigned)c->uid);
	if (send(fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("and has left");
	close(fd);
}

static void welcome(struct server *s, int listener)
{
	struct caller c;
	pthread_t t;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			usleep(PAUSE_MS * 1000);	/* it stays readable: do not spin */
		return;
	}
	if (caller_read(s->host->callers, fd, &c) != OK) {
		close(fd);
		return;
	}
	struct slot *slot = slot_take(s, fd, &c);
	if (slot == NULL) {
		turn_away(fd, &c);
	} else if (pthread_create(&t, &s->small, converse, slot) != 0) {
		log_err("no thread for a conversation: %s", strerror(errno));
		slot_free(slot);
	}
}

/* --- signals --- */

static void reload(struct server *s)
{
	struct host *newer;
	if (host_new(s->host->conf->file, &newer) != OK) {
		log_err("the configuration stays as it was");
		return;
	}
	host_drop(s->host);		/* conversations hold their own */
	s->host = newer;
	log_open("csam-agent", log_level_of(newer->conf->agent_log_level));
	decision_open(newer->conf->agent_syslog);
	log_info("the configuration was read again");
}

/* Conversations see their plug-in vanish, calls end within a second; then everything they held is wiped. */
static void end(struct server *s)
{
	struct timespec until;
	https_stop_all();
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_MS / 1000;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->nslots; i++)
		if (s->slots[i].fd != -1)
			shutdown(s->slots[i].fd, SHUT_RDWR);
	while (s->busy > 0 && pthread_cond_timedwait(&s->freed, &s->lock, &until) == 0)
		;
	size_t left = s->busy;
	pthread_mutex_unlock(&s->lock);
	if (left > 0)
		log_warn("%zu conversations did not end", left);
}

int server_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);		/* threads inherit it */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* True: end. */
static bool on_signal(struct server *s, int fd)
{
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof info) != sizeof info)
		return false;
	if (info.ssi_signo != SIGHUP)
		return true;
	reload(s);
	return false;
}

static void serve(struct server *s, const struct listeners *l, int signals)
{
	struct pollfd p[LISTEN_MAX + 1];
	for (size_t i = 0; i < l->n; i++)
		p[i] = (struct pollfd){ .fd = l->one[i].fd, .events = POLLIN };
	p[l->n] = (struct pollfd){ .fd = signals, .events = POLLIN };
	for (int patience = -1;;) {
		int n = poll(p, l->n + 1, patience);
		if (n < 0 && errno != EINTR)
			abort();
		if (n == 0) {			/* quiet: give back what the last conversations took */
			idp_rest(s->host->idp);
			malloc_trim(0);
		}
		patience = n == 0 ? -1 : QUIET_MS;
		if (p[l->n].revents != 0 && on_signal(s, signals))
			return;
		for (size_t i = 0; i < l->n; i++)
			if (p[i].revents != 0)
				welcome(s, l->one[i].fd);
	}
}

int server_run(struct host *host, const struct listeners *l, int signals)
{
	struct server s = { .host = host, .memory = memory_new(), .lock = PTHREAD_MUTEX_INITIALIZER, .freed = PTHREAD_COND_INITIALIZER,
	    .nslots = (size_t)host->conf->agent_conversations };
	s.slots = calloc(s.nslots, sizeof *s.slots);
	if (s.slots == NULL)
		return EX_OSERR;
	for (size_t i = 0; i < s.nslots; i++)
		s.slots[i] = (struct slot){ .server = &s, .fd = -1 };
	pthread_attr_init(&s.small);
	pthread_attr_setstacksize(&s.small, STACK);
	pthread_attr_setdetachstate(&s.small, PTHREAD_CREATE_DETACHED);
	serve(&s, l, signals);
	end(&s);
	if (s.busy > 0)
		return EX_SOFTWARE;		/* they still use what would be freed */
	pthread_attr_destroy(&s.small);
	memory_free(s.memory);
	host_drop(s.host);
	free(s.slots);
	close(signals);
	return 0;
}
