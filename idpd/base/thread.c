/* Threads that work in rounds, and end when asked. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/log.h"
#include "base/thread.h"

int thread_start(struct thread *t, const char *what, void *(*fn)(void *))
{
	t->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (t->stop_fd < 0)
		return fail(E_DOWN, "%s: eventfd: %s", what, strerror(errno));
	int rc = pthread_create(&t->id, NULL, fn, NULL);
	t->started = rc == 0;
	if (t->started)
		return OK;
	close(t->stop_fd);
	return fail(E_DOWN, "%s: no thread: %s", what, strerror(rc));
}

bool thread_pause(const struct thread *t, int fd, unsigned ms)
{
	struct pollfd p[] = { { .fd = t->stop_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	poll(p, fd < 0 ? 1 : 2, (int)ms);
	return p[0].revents != 0;
}

void thread_stop(struct thread *t)
{
	if (!t->started)
		return;
	if (eventfd_write(t->stop_fd, 1) == 0)
		pthread_join(t->id, NULL);
	close(t->stop_fd);
	t->started = false;
}
