/* A thread that works in rounds until it is asked to end, and waits between them where the asking wakes it. */
#ifndef CSAM_THREAD_H
#define CSAM_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include "base/err.h"

struct thread {
	pthread_t id;
	bool started;
	int stop_fd;		/* readable: end */
};

/* `what` for the log. E_DOWN, logged: there is none. */
int thread_start(struct thread *t, const char *what, void *(*fn)(void *unused));

/* In the thread: waits for so many milliseconds, or until fd (-1: none) has something to read. True: it was asked to end. */
bool thread_pause(const struct thread *t, int fd, unsigned ms);

/* Asks it to end, and returns when it has. Nothing happens to one that was not started. */
void thread_stop(struct thread *t);

#endif
