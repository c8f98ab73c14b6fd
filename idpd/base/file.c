/* Files that are read whole, or are there whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"

enum { PIECE = 16 * 1024 };

void file_close(int *fd)
{
	int why = errno;
	if (*fd >= 0)
		close(*fd);
	errno = why;
}

void file_close_folder(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}

int file_read_rest(struct arena *a, int fd, size_t max, struct slice *out)
{
	AUTO_ARENA scratch = arena_new();	/* the caller's may live for ever */
	struct buf b = buf_new(scratch);
	char *piece = arena_alloc(scratch, PIECE);
	for (ssize_t n; (n = read(fd, piece, PIECE)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return E_DOWN;
		if (b.n + (size_t)n > max) {
			errno = EFBIG;
			return E_INPUT;
		}
		buf_raw(&b, slice_mem(piece, (size_t)n));
	}
	*out = arena_copy(a, buf_slice(&b));
	return OK;
}

int file_read(struct arena *a, const char *path, size_t max, struct slice *out)
{
	AUTO(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 && errno == ENOENT)
		return E_NOENT;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(E_DOWN, "%s: %s", path, fd < 0 ? strerror(errno) : "no regular file");
	int e = file_read_rest(a, fd, max, out);
	if (e == E_INPUT)
		return fail(E_INPUT, "%s: larger than %zu bytes", path, max);
	return e == OK ? OK : fail(E_DOWN, "%s: %s", path, strerror(errno));
}

int file_write(int fd, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return E_DOWN;
		bytes = slice_mem(bytes.p + n, bytes.n - (size_t)n);
	}
	return OK;
}

int file_create(int dirfd, const char *name, mode_t mode, struct slice bytes)
{
	AUTO(file_close) int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return errno == EEXIST ? E_EXISTS : E_DOWN;
	if (file_write(fd, bytes) == OK && fsync(fd) == 0)
		return OK;
	int why = errno;
	unlinkat(dirfd, name, 0);
	errno = why;
	return E_DOWN;
}

int file_replace(int dirfd, const char *name, struct slice bytes)
{
	AUTO_ARENA a = arena_new();
	const char *new = arena_printf(a, "%s.new", name);
	if (unlinkat(dirfd, new, 0) != 0 && errno != ENOENT)
		return E_DOWN;
	if (file_create(dirfd, new, 0600, bytes) == OK && renameat(dirfd, new, dirfd, name) == 0 && (dirfd == AT_FDCWD || fsync(dirfd) == 0))
		return OK;
	return E_DOWN;
}

int file_sync_folder(const char *path)
{
	AUTO(file_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0 ? OK : E_DOWN;
}
