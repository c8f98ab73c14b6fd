/* Reading a whole file of share/. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "web/files.h"

static void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int file_read(struct arena *a, const char *path, size_t max, struct slice *out)
{
	AUTO(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 && errno == ENOENT)
		return E_NOENT;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(E_DOWN, "%s: %s", path, fd < 0 ? strerror(errno) : "no regular file");
	if ((size_t)st.st_size > max)
		return fail(E_INPUT, "%s: larger than %zu bytes", path, max);
	char *p = arena_alloc(a, (size_t)st.st_size + 1);
	size_t n = 0;
	for (ssize_t got = 1; got > 0 && n < (size_t)st.st_size; n += (size_t)got) {
		got = read(fd, p + n, (size_t)st.st_size - n);
		if (got < 0)
			return fail(E_DOWN, "%s: %s", path, strerror(errno));
	}
	*out = slice_mem(p, n);
	return OK;
}
