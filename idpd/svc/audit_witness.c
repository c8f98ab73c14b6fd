/* Witnesses of signed heads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "svc/audit_witness.h"

enum { FACILITY_AUTHPRIV = 10, SEVERITY_INFO = 6 };

/* RFC 3164 4.1, as the local socket takes it: <priority>time tag[pid]: text */
static int to_syslog(struct arena *a, const char *path, const char *head)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char when[32];
	time_t at = now();
	struct tm tm;
	gmtime_r(&at, &tm);
	strftime(when, sizeof when, "%b %e %H:%M:%S", &tm);
	const char *text = arena_printf(a, "<%d>%s idpd[%d]: %s", FACILITY_AUTHPRIV * 8 + SEVERITY_INFO, when, (int)getpid(), head);
	if (strlen(path) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return E_DOWN;
	}
	memcpy(to.sun_path, path, strlen(path));
	AUTO(file_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ssize_t n = fd < 0 ? -1 : sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
	return n > 0 ? OK : E_DOWN;
}

static int to_folder(struct arena *a, const char *dir, const char *node, const char *head)
{
	AUTO(file_close) int fd = open(arena_printf(a, "%s/%s.heads", dir, node), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	return fd >= 0 && file_write(fd, slice_of(arena_printf(a, "%s\n", head))) == OK && fsync(fd) == 0 ? OK : E_DOWN;
}

int audit_witness_tell(const char *witness, const char *node, const char *head)
{
	AUTO_ARENA a = arena_new();
	const char *path = strcmp(witness, "syslog") == 0 ? "/dev/log" : witness;
	struct stat st;
	if (stat(path, &st) != 0)
		return E_DOWN;
	return S_ISDIR(st.st_mode) ? to_folder(a, path, node, head) : to_syslog(a, path, head);
}
