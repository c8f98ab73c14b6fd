/* Takes away from a process what it does not need. What the machine refuses to take is logged as a warning: it is a wall less, not a hole. */
#ifndef CSAM_CONFINE_H
#define CSAM_CONFINE_H

#include <stddef.h>
#include <stdint.h>

/* No core dumps, no debugger, nothing that reads its memory in /proc, no new rights by exec. After the user has changed, which undoes some of this. */
void confine_memory_readers(void);

/* Whoever still is root has none of root's rights from here on: root owns its files, and that is all. */
void confine_capabilities(void);

/* A system call that is allowed only where these arguments have these bits. */
struct call_where {
	int call;
	unsigned n;
	struct { unsigned arg; uint64_t mask, value; } is[3];
};

/* What nobody does except somebody who has broken in (exec, ptrace, other processes' memory, mounts, modules, namespaces) ends the process with SIGSYS,
 * which its supervisor says; or fails, where others' code is loaded that may try. */
enum break_in { BREAK_IN_ENDS, BREAK_IN_FAILS };

/* Allows these calls and those that every process needs for memory, threads, time and the log. All others fail with EPERM. For every thread there is and
 * will be. */
void confine_calls_to(const char *process, enum break_in break_in, const int *calls, size_t n, const struct call_where *where, size_t nwhere);

/* The same the other way round, for the process from which all others come: only what nobody ever does is taken away. */
void confine_calls_nobody_makes(void);

#endif
