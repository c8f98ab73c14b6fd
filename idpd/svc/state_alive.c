/* Which of the processes that share the store live: each holds a lock on a byte of its own, which goes with it, however it ends. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/log.h"
#include "svc/state_store.h"

static struct {
	int fd;
	uint64_t self;
} al = { .fd = -1 };

static struct flock byte_of(uint64_t process)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)process, .l_len = 1 };
}

int alive_open(const char *dir)
{
	AUTO_ARENA a = arena_new();
	const char *path = arena_printf(a, "%s/processes", dir);
	random_bytes(&al.self, sizeof al.self);
	al.self = (al.self >> 2) | 1;		/* an offset in a file, and not 0 */
	struct flock lock = byte_of(al.self);
	al.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (al.fd >= 0 && fcntl(al.fd, F_OFD_SETLK, &lock) == 0)
		return OK;
	int e = fail(E_DOWN, "state: %s: %s", path, strerror(errno));
	alive_close();
	return e;
}

void alive_close(void)
{
	if (al.fd >= 0)
		close(al.fd);
	al.fd = -1;
}

uint64_t state_self(void)
{
	return al.self;
}

bool state_alive(uint64_t process)
{
	struct flock lock = byte_of(process);
	if (process == al.self || process == 0 || process > INT64_MAX / 2 || fcntl(al.fd, F_OFD_GETLK, &lock) != 0)
		return true;
	return lock.l_type != F_UNLCK;
}
