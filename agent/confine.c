/* Takes away from the agent what it does not need. */
#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include "agent/confine.h"
#include "base/confine.h"

/* Modules of name services are loaded into this process, so that what files and sockets need is here; and so that a call too many is refused to one
 * of them, and ends nobody's login. */
static const int calls[] = {
	SCMP_SYS(accept4), SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(shutdown), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(ioctl), SCMP_SYS(fcntl),
	SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(dup),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(fadvise64), SCMP_SYS(flock), SCMP_SYS(fstatfs), SCMP_SYS(statfs),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(signalfd4), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrusage), SCMP_SYS(times),
	SCMP_SYS(getppid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getgroups), SCMP_SYS(clock_getres),
};

void agent_confine(void)
{
	static const struct call_where where[] = {
		{ SCMP_SYS(open), 1, { { 1, O_ACCMODE | O_CREAT, O_RDONLY } } },
		{ SCMP_SYS(openat), 1, { { 2, O_ACCMODE | O_CREAT, O_RDONLY } } },
		{ SCMP_SYS(prctl), 1, { { 0, UINT64_MAX, PR_SET_NAME } } },
	};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)	/* which look for leaks at the end by calls of their own */
	confine_calls_to("agent", BREAK_IN_FAILS, calls, sizeof calls / sizeof *calls, where, sizeof where / sizeof *where);
#else
	(void)calls, (void)where;
#endif
}
