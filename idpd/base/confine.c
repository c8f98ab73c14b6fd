/* Takes away from a process what it does not need. The only home of libseccomp: elsewhere are lists of calls. */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/confine.h"
#include "base/log.h"

void confine_memory_readers(void)
{
	struct rlimit none = { 0, 0 };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn("cannot forbid core dumps and new rights: %s", strerror(errno));
}

void confine_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0);	/* refused to who is not root: who has none needs no bound */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) != 0)
		log_warn("cannot give up capabilities: %s", strerror(errno));
}

/* What comes of a call that is on no list. To see whether lists are whole, a build with -DCONFINE_REFUSED=SCMP_ACT_KILL_PROCESS ends at the first such call. */
#ifndef CONFINE_REFUSED
#define CONFINE_REFUSED SCMP_ACT_ERRNO(EPERM)
#endif

static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mlock2),
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(tgkill), SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(exit), SCMP_SYS(exit_group),
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* How the sanitizers look for leaks at the end, and make their reports. */
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
	SCMP_SYS(lseek), SCMP_SYS(clone), SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(prctl), SCMP_SYS(getppid), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit),
	SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(socketpair), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage),
	SCMP_SYS(arch_prctl), SCMP_SYS(capget), SCMP_SYS(kill), SCMP_SYS(access),
#endif
};

static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	SCMP_SYS(ptrace),
#endif
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(personality), SCMP_SYS(acct), SCMP_SYS(syslog),
};

enum { COUNT_ALWAYS = sizeof always / sizeof *always, COUNT_DEADLY = sizeof deadly / sizeof *deadly };

static void free_filter(scmp_filter_ctx *f)
{
	if (*f != NULL)
		seccomp_release(*f);
}

static int add_all(scmp_filter_ctx f, uint32_t action, const int *calls, size_t n)
{
	int e = 0;
	for (size_t i = 0; e == 0 && i < n; i++)
		e = seccomp_rule_add(f, action, calls[i], 0);
	return e == -EEXIST ? 0 : e;
}

static int add_where(scmp_filter_ctx f, const struct call_where *w)
{
	struct scmp_arg_cmp is[3];
	for (unsigned i = 0; i < w->n; i++)
		is[i] = (struct scmp_arg_cmp){ w->is[i].arg, SCMP_CMP_MASKED_EQ, w->is[i].mask, w->is[i].value };
	int e = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, w->call, w->n, is);
	return e == -EEXIST ? 0 : e;
}

void confine_calls_to(const char *process, enum break_in break_in, const int *calls, size_t n, const struct call_where *where, size_t nwhere)
{
	/* Threads, no processes; the flags of clone3 lie in memory, which a filter cannot read: libc then takes clone. */
	static const struct call_where thread = { SCMP_SYS(clone), 1, { { 0, CLONE_THREAD, CLONE_THREAD } } };
	AUTO(free_filter) scmp_filter_ctx f = seccomp_init(CONFINE_REFUSED);
	int e = f == NULL ? -ENOMEM : seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (e == 0)
		seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a tree instead of a list: each call passes here */
	if (e == 0)
		e = add_all(f, SCMP_ACT_ALLOW, always, COUNT_ALWAYS);
	if (e == 0)
		e = add_all(f, SCMP_ACT_ALLOW, calls, n);
	if (e == 0 && break_in == BREAK_IN_ENDS)
		e = add_all(f, SCMP_ACT_KILL_PROCESS, deadly, COUNT_DEADLY);
	for (size_t i = 0; e == 0 && i < nwhere; i++)
		e = add_where(f, &where[i]);
	if (e == 0)
		e = add_where(f, &thread);
	if (e == 0)
		e = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (e == 0)
		e = seccomp_load(f);
	if (e != 0)
		log_warn("%s: system calls are not filtered: %s", process, strerror(-e));
}

void confine_calls_nobody_makes(void)
{
	AUTO(free_filter) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int e = f == NULL ? -ENOMEM : add_all(f, SCMP_ACT_KILL_PROCESS, deadly, COUNT_DEADLY);
	if (e == 0)
		e = seccomp_load(f);
	if (e != 0)
		log_warn("supervisor: system calls are not filtered: %s", strerror(-e));
}
