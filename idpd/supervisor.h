/* The supervisor: a process without threads that starts the others and starts them again when they end. */
#ifndef CSAM_SUPERVISOR_H
#define CSAM_SUPERVISOR_H

#include <stddef.h>
#include <sys/types.h>
#include "base/err.h"

/* One process, forked and never executed anew. It begins with the signals of whoever called supervise, except that SIGHUP is
 * ignored until it installs a handler. A child that ends with EX_CONFIG (sysexits.h) says that starting it again cannot help. */
struct child {
	const char *name;		/* in the log and in ps */
	int (*run)(void *arg);		/* its return value is the exit status */
	void *arg;
	uid_t uid;			/* what it becomes before run; -1: it stays what we are (and may drop rights itself) */
	gid_t gid;
	const int *fds;			/* descriptors that are this child's alone: the other children have them closed */
	size_t nfds;
};

enum { SUPERVISE_MAX = 8 };

/* Starts the children in order and keeps them alive: one that ends is started again after a pause that grows from 0.1 s to
 * 5 s while it keeps ending within 10 s. SIGHUP goes to every child. SIGTERM and SIGINT end them, last one first, each with SIGTERM
 * and, after 10 s, SIGKILL. The kernel kills them when the supervisor dies.
 * Returns the exit status for main: 0 after SIGTERM or SIGINT, EX_CONFIG when a child asked for it. The descriptors of struct child
 * stay open here, so that connections queue while a child is being started again. Call it before any thread exists. */
int supervise(const struct child *children, size_t n);

/* Writes our process id into path, locked for our lifetime: E_EXISTS (logged) when another process holds it. Call before supervise. */
int pid_file(const char *path);
void pid_file_remove(void);

#endif
