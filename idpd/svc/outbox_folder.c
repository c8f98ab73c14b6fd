/* Messages as files of a folder, for demonstrations and tests. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "base/file.h"
#include "svc/outbox_carriers.h"

/* Who looks into the folder sees a file only when it is complete. */
enum sent folder_put(struct arena *a, const char *folder, const struct parcel *p, const char *suffix, struct slice bytes, const char **why)
{
	const char *part = arena_printf(a, "%s/.%s", folder, p->id), *file = arena_printf(a, "%s/%s.%s", folder, p->id, suffix);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		*why = arena_printf(a, "%s: %s", folder, strerror(errno));
		return SENT_DOWN;
	}
	AUTO(file_close) int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && file_write(fd, bytes) == OK && rename(part, file) == 0)
		return SENT_OK;
	*why = arena_printf(a, "%s: %s", file, strerror(errno));
	return SENT_DOWN;
}
