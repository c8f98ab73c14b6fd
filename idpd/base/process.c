/* Dropping rights, dying with the parent, keeping few descriptors. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "base/log.h"
#include "base/process.h"

int process_drop(uid_t uid, gid_t gid)
{
	int sig = 0;
	if (uid == (uid_t)-1)
		return OK;
	prctl(PR_GET_PDEATHSIG, &sig);
	if (geteuid() == 0 && setgroups(0, NULL) != 0)
		return fail(E_BUG, "setgroups: %s", strerror(errno));
	if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return fail(E_BUG, "cannot become user %d, group %d: %s", (int)uid, (int)gid, strerror(errno));
	if (uid != 0 && setresuid(0, 0, 0) == 0)
		return fail(E_BUG, "could become root again after dropping to user %d", (int)uid);
	if (sig != 0 && prctl(PR_SET_PDEATHSIG, sig) != 0)
		return fail(E_BUG, "prctl PR_SET_PDEATHSIG: %s", strerror(errno));
	return OK;
}

void process_die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);	/* it ended before the kernel was told */
}

static int next_above(const int *keep, size_t n, int fd)
{
	int next = INT_MAX;
	for (size_t i = 0; i < n; i++)
		if (keep[i] > fd && keep[i] < next)
			next = keep[i];
	return next;
}

void process_close_others(const int *keep, size_t n)
{
	for (int fd = STDERR_FILENO; fd != INT_MAX;) {
		int next = next_above(keep, n, fd);
		if (next - fd > 1)
			close_range((unsigned)fd + 1, (unsigned)next - 1, 0);
		fd = next;
	}
}
