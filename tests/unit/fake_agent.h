/* A csam-agent that says what a test tells it to, and lies on request: a thread at a socket of its own. */
#ifndef FAKE_AGENT_H
#define FAKE_AGENT_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

enum { FAKE_MAX = 17 * 1024, FAKE_STEPS = 260 };

/* One step for each message that comes. Written as text, '|' ends a field: "csam=1|result=deny|". */
struct fake_step {
	const char *wants;	/* fields that the request must hold, e.g. "op=answer|code=123456"; NULL: anything */
	const char *says;	/* the reply; NULL: hangs up; "": stays silent until the client goes */
	size_t raw;		/* not 0: so many bytes, 'a' after what says holds */
};

static struct {
	char folder[64], path[80];
	int listener;
	pthread_t thread;
	const struct fake_step *steps;
	bool forever;		/* the last step again and again, on one connection after the other */
	int connections, requests;
	char got[FAKE_STEPS][512], wrong[1024];
} fake;

static inline size_t fake_message(const char *text, char *out)
{
	size_t n = strlen(text);
	memcpy(out, text, n + 1);
	for (size_t i = 0; i < n; i++)
		if (out[i] == '|')
			out[i] = '\0';
	return n;
}

/* Is field (up to '|') one of the message? */
static inline bool fake_has(const char *message, size_t n, const char *field, size_t len)
{
	for (size_t at = 0; at < n; at += strlen(message + at) + 1)
		if (strlen(message + at) == len && memcmp(message + at, field, len) == 0)
			return true;
	return false;
}

static inline void fake_check(const char *wants, const char *message, size_t n)
{
	for (const char *end; wants != NULL && *wants != '\0'; wants = *end == '|' ? end + 1 : end) {
		end = strchrnul(wants, '|');
		if (!fake_has(message, n, wants, (size_t)(end - wants)))
			snprintf(fake.wrong, sizeof fake.wrong, "no %.*s in: %s", (int)(end - wants), wants, fake.got[fake.requests]);
	}
}

/* False: the client has gone. */
static inline bool fake_turn(int fd, const struct fake_step *s)
{
	char message[FAKE_MAX + 1];
	ssize_t n = recv(fd, message, FAKE_MAX, 0);

	if (n <= 0)
		return false;
	message[n] = '\0';
	if (fake.requests < FAKE_STEPS) {
		for (ssize_t i = 0; i < n && i < 510; i++)
			fake.got[fake.requests][i] = message[i] == '\0' ? '|' : message[i];
		fake_check(s->wants, message, (size_t)n);
	}
	fake.requests++;
	if (s->says == NULL)
		return true;
	size_t len = fake_message(s->says, message);
	if (s->raw > 0) {
		memset(message + len, 'a', s->raw - len);
		len = s->raw;
	}
	if (len > 0)
		return send(fd, message, len, MSG_NOSIGNAL) == (ssize_t)len;
	return recv(fd, message, sizeof message, 0) > 0;
}

static inline bool fake_over(const struct fake_step *s)
{
	return s->wants == NULL && s->says == NULL;
}

static inline void *fake_serve(void *none)
{
	const struct fake_step *s = fake.steps;

	for (int fd; (fd = accept(fake.listener, NULL, NULL)) >= 0; close(fd)) {
		fake.connections++;
		if (fake.forever)
			s = fake.steps;
		while (!fake_over(s) && fake_turn(fd, s)) {
			bool hang_up = s->says == NULL;
			s++;
			if (fake.forever && fake_over(s))
				s = fake.steps;
			if (hang_up)
				break;
		}
	}
	return none;
}

/* Ends with the list's first empty step. */
static inline void fake_start(const struct fake_step *steps)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	fake.steps = steps;
	fake.connections = fake.requests = 0;
	memset(fake.got, 0, sizeof fake.got);
	fake.wrong[0] = '\0';
	snprintf(fake.folder, sizeof fake.folder, "/tmp/csam-fake.XXXXXX");
	assert_non_null(mkdtemp(fake.folder));
	snprintf(fake.path, sizeof fake.path, "%s/agent.sock", fake.folder);
	memcpy(sun.sun_path, fake.path, strlen(fake.path) + 1);
	fake.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(fake.listener >= 0);
	assert_int_equal(bind(fake.listener, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(fake.listener, 16), 0);
	if (steps != NULL) {
		sigset_t all, before;	/* the test's signals are for the test */
		sigfillset(&all);
		pthread_sigmask(SIG_BLOCK, &all, &before);
		assert_int_equal(pthread_create(&fake.thread, NULL, fake_serve, NULL), 0);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
}

/* Ends the thread (shutdown wakes accept) and tells what it missed. */
static inline void fake_stop(void)
{
	shutdown(fake.listener, SHUT_RDWR);
	if (fake.steps != NULL)
		pthread_join(fake.thread, NULL);
	close(fake.listener);
	unlink(fake.path);
	rmdir(fake.folder);
	assert_string_equal(fake.wrong, "");
}

#endif
