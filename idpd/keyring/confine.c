/* Takes away from the keyring process what it does not need. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "base/arena.h"
#include "base/log.h"
#include "keyring/confine.h"

static bool all_locked;

void confine_allow_locking(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all);	/* refused in some containers: confine_memory sees it */
}

/* A finite limit is as bad as none: the stacks of new threads would fail when it is reached. */
static bool lock_all(void)
{
	struct rlimit r;
	return getrlimit(RLIMIT_MEMLOCK, &r) == 0 && r.rlim_cur == RLIM_INFINITY && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

void confine_memory(void)
{
	struct rlimit none = { 0, 0 };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn("keyring: cannot forbid core dumps and new rights: %s", strerror(errno));
	all_locked = lock_all();
}

/* The keys were allocated by the first thread, so they lie in the heap proper, which is small enough for the usual limit (8 MiB). */
static bool lock_heap(void)
{
	char line[256], *at;
	unsigned long from, to;
	bool locked = false;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
		at = strstr(line, "[heap]");
		if (at != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2)	/* NOLINT(cert-err34-c): the kernel wrote it */
			locked = mlock((const void *)from, to - from) == 0;
	}
	if (maps != NULL)
		fclose(maps);
	return locked;
}

#ifdef __SANITIZE_ADDRESS__
static int filter_calls(void)
{
	return 0;	/* the sanitizers make calls of their own */
}
#else
static void free_filter(scmp_filter_ctx *f)
{
	seccomp_release(*f);
}

static int filter_calls(void)
{
	static const int calls[] = {
		SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close),
		SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(write),
		SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
		SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
		SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(tgkill),
		SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
		SCMP_SYS(exit), SCMP_SYS(exit_group),
	};
	AUTO(free_filter) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int e = f == NULL ? -ENOMEM : 0;
	for (size_t i = 0; e == 0 && i < sizeof calls / sizeof *calls; i++)
		e = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	if (e == 0)	/* threads, no processes; the flags of clone3 lie in memory, which a filter cannot read: libc then takes clone */
		e = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (e == 0)
		e = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return e == 0 ? seccomp_load(f) : e;
}
#endif

void confine_calls(void)
{
	if (!all_locked && !lock_heap())
		log_warn("keyring: its keys may be swapped out: it may not lock memory (LimitMEMLOCK=infinity allows it)");
	int e = filter_calls();
	if (e != 0)
		log_warn("keyring: system calls are not filtered: %s", strerror(-e));
}
