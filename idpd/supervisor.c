/* The supervisor: forks the children, waits for signals, forks again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "supervisor.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000, QUICK_MS = 10000, STOP_MS = 10000 };

struct job {
	const struct child *child;
	pid_t pid;			/* 0: not running */
	uint64_t started, due;		/* ticks_ms: last start, next start */
	unsigned pause_ms;
};

struct crew {
	struct job job[SUPERVISE_MAX];
	size_t n;
	sigset_t ours, before;		/* signals we wait for; mask of our caller */
};

static void close_fds_of_others(const struct crew *c, const struct child *self)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; c->job[i].child != self && k < c->job[i].child->nfds; k++)
			close(c->job[i].child->fds[k]);
}

static void become(const struct crew *c, const struct child *self, pid_t parent)
{
	process_die_with(parent);
	prctl(PR_SET_NAME, self->name);
	close_fds_of_others(c, self);
	signal(SIGHUP, SIG_IGN);
	sigprocmask(SIG_SETMASK, &c->before, NULL);
	if (process_drop(self->uid, self->gid) != OK)
		_exit(EX_CONFIG);
	int status = self->run(self->arg);
	fflush(NULL);
	_exit(status);		/* what our caller registered with atexit is not the child's to run */
}

static void start(struct crew *c, struct job *j)
{
	pid_t parent = getpid();
	j->started = ticks_ms();
	j->pid = fork();
	if (j->pid == 0)
		become(c, j->child, parent);
	if (j->pid > 0)
		return;
	log_err("%s: fork: %s", j->child->name, strerror(errno));
	j->pid = 0;
	j->due = j->started + PAUSE_MAX_MS;
}

static void plan_restart(struct job *j)
{
	uint64_t t = ticks_ms();
	if (t - j->started >= QUICK_MS)
		j->pause_ms = PAUSE_FIRST_MS;
	else
		j->pause_ms = j->pause_ms == 0 ? PAUSE_FIRST_MS : j->pause_ms * 2;
	if (j->pause_ms > PAUSE_MAX_MS)
		j->pause_ms = PAUSE_MAX_MS;
	j->due = t + j->pause_ms;
}

static void say_end(const struct job *j, int status)
{
	if (WIFSIGNALED(status))
		log_warn("%s[%d] was ended by signal %d%s", j->child->name, (int)j->pid, WTERMSIG(status),
		    WTERMSIG(status) == SIGSYS ? ": it tried what it never does; somebody may have broken in" : "");
	else
		log_warn("%s[%d] ended with status %d", j->child->name, (int)j->pid, WEXITSTATUS(status));
}

/* Takes leave of every child that has ended. True when one of them says that going on is of no use. */
static bool reap(struct crew *c, bool stopping)
{
	bool useless = false;
	int status;
	for (size_t i = 0; i < c->n; i++) {
		struct job *j = &c->job[i];
		if (j->pid == 0 || waitpid(j->pid, &status, WNOHANG) != j->pid)
			continue;
		bool as_asked = stopping && (WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM : WEXITSTATUS(status) == 0);
		if (!as_asked)
			say_end(j, status);
		if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG)
			useless = true;
		j->pid = 0;
		plan_restart(j);
	}
	return useless;
}

/* Starts what is due. Milliseconds until the next is, at most an hour. */
static uint64_t start_due(struct crew *c)
{
	uint64_t t = ticks_ms(), wait = 3600 * 1000;
	for (size_t i = 0; i < c->n; i++) {
		struct job *j = &c->job[i];
		if (j->pid == 0 && j->due <= t)
			start(c, j);
		if (j->pid == 0 && j->due - t < wait)
			wait = j->due - t;
	}
	return wait;
}

/* The next of our signals, or 0 when the time is over. */
static int next_signal(const struct crew *c, uint64_t wait_ms)
{
	struct timespec t = { (time_t)(wait_ms / 1000), (long)(wait_ms % 1000) * 1000000 };
	int sig = sigtimedwait(&c->ours, NULL, &t);
	return sig > 0 ? sig : 0;
}

static void stop(struct crew *c, struct job *j)
{
	uint64_t end = ticks_ms() + STOP_MS;
	if (j->pid == 0)
		return;
	kill(j->pid, SIGTERM);
	for (uint64_t t; j->pid != 0 && (t = ticks_ms()) < end; reap(c, true))
		next_signal(c, end - t < 100 ? end - t : 100);
	if (j->pid == 0)
		return;
	log_warn("%s[%d] does not end: killed", j->child->name, (int)j->pid);
	kill(j->pid, SIGKILL);
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
}

static int run(struct crew *c)
{
	for (;;) {
		int sig = next_signal(c, start_due(c));
		if (sig == SIGTERM || sig == SIGINT)
			return 0;
		for (size_t i = 0; sig == SIGHUP && i < c->n; i++)
			if (c->job[i].pid != 0)
				kill(c->job[i].pid, SIGHUP);
		if (reap(c, false))
			return EX_CONFIG;
	}
}

int supervise(const struct child *children, size_t n)
{
	struct crew c = { .n = n };
	if (n > SUPERVISE_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		c.job[i].child = &children[i];
	sigemptyset(&c.ours);
	for (const int *s = (const int[]){ SIGCHLD, SIGHUP, SIGINT, SIGTERM, 0 }; *s != 0; s++)
		sigaddset(&c.ours, *s);
	sigprocmask(SIG_BLOCK, &c.ours, &c.before);
	int status = run(&c);
	for (size_t i = n; i-- > 0;)
		stop(&c, &c.job[i]);
	sigprocmask(SIG_SETMASK, &c.before, NULL);
	return status;
}

static struct {
	const char *path;
	int fd;
	pid_t pid;
} pid_held = { .fd = -1 };

int pid_file(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };	/* of this process alone: a fork does not hold it */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fail(E_DOWN, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_SETLK, &lock) != 0) {
		close(fd);
		return fail(E_EXISTS, "%s: another process runs with this file", path);
	}
	char text[32];
	int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)len) != len) {
		close(fd);
		return fail(E_DOWN, "%s: %s", path, strerror(errno));
	}
	pid_held.path = path;
	pid_held.fd = fd;
	pid_held.pid = getpid();
	return OK;
}

void pid_file_remove(void)
{
	if (pid_held.fd < 0 || pid_held.pid != getpid())
		return;
	unlink(pid_held.path);
	close(pid_held.fd);
	pid_held.fd = -1;
}
