/* Takes away from the keyring process what it does not need. */
#include <fcntl.h>
#include <malloc.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/confine.h"
#include "base/log.h"
#include "keyring/confine.h"

static bool all_locked;
static char *heap;

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

static char *heap_begin(void)
{
	char line[256];
	unsigned long from = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps != NULL && from == 0 && fgets(line, sizeof line, maps) != NULL)
		if (strstr(line, "[heap]") != NULL && sscanf(line, "%lx-", &from) != 1)	/* NOLINT(cert-err34-c): the kernel wrote it */
			from = 0;
	if (maps != NULL)
		fclose(maps);
	return (char *)from;	/* NOLINT(performance-no-int-to-ptr): an address is what the kernel wrote */
}

/* Where not everything can be locked, the heap is, which is small enough for the usual limit (8 MiB): so that all keys lie in it, it is the only one. */
void confine_memory(void)
{
	confine_capabilities();
	confine_memory_readers();
	all_locked = lock_all();
	mallopt(M_ARENA_MAX, all_locked ? 2 : 1);
	if (!all_locked)
		mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	heap = heap_begin();
}

static bool lock_heap(void)
{
	return heap != NULL && mlock(heap, (size_t)((char *)sbrk(0) - heap)) == 0;
}

void confine_lock_again(void)
{
	if (!all_locked && !lock_heap())
		log_warn("keyring: its new keys may be swapped out");
}

void confine_calls(int dirfd)
{
	static const int calls[] = {
		SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
		SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fstat),
	};
	const uint64_t word = UINT32_MAX, dir = (uint64_t)dirfd, fresh = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const struct call_where where[] = {
		{ SCMP_SYS(openat), 2, { { 0, word, dir }, { 2, word, fresh } } },
		/* what fstat is made of */
		{ SCMP_SYS(newfstatat), 2, { { 2, 0, 0 }, { 3, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
		{ SCMP_SYS(unlinkat), 2, { { 0, word, dir }, { 2, word, 0 } } },
		{ SCMP_SYS(renameat), 2, { { 0, word, dir }, { 2, word, dir } } },
		{ SCMP_SYS(renameat2), 2, { { 0, word, dir }, { 2, word, dir } } },
	};
	if (!all_locked && !lock_heap())
		log_warn("keyring: its keys may be swapped out: it may not lock memory (LimitMEMLOCK=infinity allows it)");
	confine_calls_to("keyring", BREAK_IN_ENDS, calls, sizeof calls / sizeof *calls, where, sizeof where / sizeof *where);
}
