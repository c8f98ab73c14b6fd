/* The keyring's listening sockets, made before the process is forked. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "base/slice.h"
#include "keyring/keyring.h"

enum { BACKLOG = 256 };

/* What a process that died left behind may go; a socket that somebody listens at may not, nor anything that is no socket. */
static int clear(const struct sockaddr_un *at)
{
	struct stat st;
	if (lstat(at->sun_path, &st) != 0)
		return errno == ENOENT ? OK : fail(E_DOWN, "%s: %s", at->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(E_INPUT, "%s: exists and is no socket", at->sun_path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answered = connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN;
	close(fd);
	if (answered)
		return fail(E_EXISTS, "%s: another process listens there", at->sun_path);
	if (unlink(at->sun_path) != 0)
		return fail(E_DOWN, "%s: %s", at->sun_path, strerror(errno));
	return OK;
}

static int bind_private(int fd, const struct sockaddr_un *at, uid_t owner)
{
	mode_t before = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof *at);
	umask(before);
	if (rc != 0 || (owner != (uid_t)-1 && owner != geteuid() && lchown(at->sun_path, owner, (gid_t)-1) != 0) || listen(fd, BACKLOG) != 0)
		return fail(E_DOWN, "%s: %s", at->sun_path, strerror(errno));
	return OK;
}

int keyring_listen(const char *path, uid_t owner)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof at.sun_path)
		return fail(E_INPUT, "keyring: the path of a socket has 1 to %zu bytes, this one %zu: %s", sizeof at.sun_path - 1, n, path);
	memcpy(at.sun_path, path, n);
	int e = clear(&at);
	if (e != OK)
		return e;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(E_DOWN, "keyring: socket: %s", strerror(errno));
	e = bind_private(fd, &at, owner);
	if (e != OK) {
		close(fd);
		return e;
	}
	return fd;
}
