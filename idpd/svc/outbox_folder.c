/* Messages as files of a folder, for demonstrations and tests. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "svc/outbox_carriers.h"

static bool write_all(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			s = slice_mem(s.p + n, s.n - (size_t)n);
	}
	return true;
}

/* Who looks into the folder sees a file only when it is complete. */
enum sent folder_put(struct arena *a, const char *folder, const struct parcel *p, const char *suffix, struct slice bytes, const char **why)
{
	const char *part = arena_printf(a, "%s/.%s", folder, p->id), *file = arena_printf(a, "%s/%s.%s", folder, p->id, suffix);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		*why = arena_printf(a, "%s: %s", folder, strerror(errno));
		return SENT_DOWN;
	}
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool done = fd >= 0 && write_all(fd, bytes) && rename(part, file) == 0;
	if (!done)
		*why = arena_printf(a, "%s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return done ? SENT_OK : SENT_DOWN;
}
