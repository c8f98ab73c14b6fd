/* The sockets that plug-ins connect to. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/listen.h"
#include "base/log.h"

enum { FIRST_FD = 3, BACKLOG = 64 };

static int option_of(int fd, int name)
{
	int v = -1;
	socklen_t n = sizeof v;
	return getsockopt(fd, SOL_SOCKET, name, &v, &n) == 0 ? v : -1;
}

static int number_in(const char *name)
{
	const char *text = getenv(name);
	unsigned long long v;
	return text != NULL && slice_number(slice_of(text), 1 << 22, &v) == OK ? (int)v : -1;
}

/* sd_listen_fds(3): descriptors from 3 on are ours when LISTEN_PID is us. */
static int take_given(struct listeners *l)
{
	int n = number_in("LISTEN_PID") == (int)getpid() ? number_in("LISTEN_FDS") : 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n > LISTEN_MAX)
		return fail(E_INPUT, "systemd hands over more than %d sockets", LISTEN_MAX);
	for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++) {
		if (option_of(fd, SO_DOMAIN) != AF_UNIX || option_of(fd, SO_TYPE) != SOCK_SEQPACKET || option_of(fd, SO_ACCEPTCONN) != 1)
			return fail(E_INPUT, "systemd hands over a socket that is not ListenSequentialPacket= with a path");
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		l->one[l->n++] = (struct listener){ .fd = fd };
	}
	return OK;
}

static bool is_given(const struct listeners *l, const char *path)
{
	struct sockaddr_un u;
	for (size_t i = 0; i < l->n; i++) {
		socklen_t n = sizeof u;
		memset(&u, 0, sizeof u);
		if (l->one[i].path == NULL && getsockname(l->one[i].fd, (struct sockaddr *)&u, &n) == 0 && n > offsetof(struct sockaddr_un, sun_path) &&
		    strncmp(u.sun_path, path, sizeof u.sun_path) == 0)
			return true;
	}
	return false;
}

static void address(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, path, strlen(path) + 1);		/* check_socket: it fits */
}

/* What a daemon that was killed left there is removed; anything else is not ours to remove. */
static int make_room(const char *path)
{
	struct stat st;
	struct sockaddr_un u;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? OK : fail(E_INPUT, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(E_INPUT, "%s: is there already, and is no socket", path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	address(path, &u);
	int rc = connect(fd, (struct sockaddr *)&u, sizeof u), e = errno;
	close(fd);
	if (rc == 0 || e != ECONNREFUSED)
		return fail(E_INPUT, "%s: %s", path, rc == 0 || e == EAGAIN ? "another agent listens there" : strerror(e));
	return unlink(path) == 0 ? OK : fail(E_INPUT, "%s: cannot be replaced: %s", path, strerror(errno));
}

/* The mode is there from the beginning, and nobody can connect before the group is right, too. */
static int bind_to(int fd, const struct socket_place *p)
{
	struct sockaddr_un u;
	const struct group *g = p->group ? getgrnam(p->group) : NULL;
	if (p->group != NULL && g == NULL)
		return fail(E_INPUT, "%s: there is no group %s", p->path, p->group);
	address(p->path, &u);
	mode_t before = umask(~p->mode & 0777);
	int rc = bind(fd, (struct sockaddr *)&u, sizeof u);
	umask(before);
	if (rc != 0)
		return fail(E_INPUT, "%s: cannot listen: %s", p->path, strerror(errno));
	if (g != NULL && lchown(p->path, (uid_t)-1, g->gr_gid) != 0)
		return fail(E_INPUT, "%s: cannot be given to group %s: %s", p->path, p->group, strerror(errno));
	return listen(fd, BACKLOG) == 0 ? OK : fail(E_INPUT, "%s: cannot listen: %s", p->path, strerror(errno));
}

static int open_one(const struct socket_place *p, struct listeners *l)
{
	if (l->n == LISTEN_MAX)
		return fail(E_INPUT, "%s: more than %d sockets", p->path, LISTEN_MAX);
	int e = make_room(p->path);
	if (e != OK)
		return e;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(E_INPUT, "socket: %s", strerror(errno));
	if ((e = bind_to(fd, p)) != OK) {
		close(fd);
		return e;
	}
	l->one[l->n++] = (struct listener){ fd, p->path };
	return OK;
}

int listen_open(struct arena *a, const struct agent_conf *conf, struct listeners *out)
{
	struct listeners l = { .n = 0 };
	int e = take_given(&l);
	for (size_t i = 0; e == OK && conf->agent_sockets[i] != NULL; i++) {
		struct socket_place p = socket_place_of(a, conf->agent_sockets[i]);
		if (!is_given(&l, p.path))
			e = open_one(&p, &l);
	}
	if (e == OK && l.n == 0)
		e = fail(E_INPUT, "agent.sockets names no socket");
	if (e != OK)
		listen_close(&l);
	else
		*out = l;
	return e;
}

void listen_close(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		close(l->one[i].fd);
		if (l->one[i].path != NULL)
			unlink(l->one[i].path);		/* refused when we became another user: the next start replaces it */
	}
	l->n = 0;
}
