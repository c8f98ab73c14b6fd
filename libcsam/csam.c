/* One conversation with csam-agent: connects, asks, answers; every wait has an end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "wire.h"

enum op { AUTHENTICATE, ACCOUNT, PASSWORD };

struct csam {
	int fd;
	pid_t owner;		/* a child of fork() must not speak in its parent's conversation */
	unsigned timeout_ms;
	enum { FRESH, ASKED, ENDED } state;
	enum op op;
	unsigned can, asked;
	struct wire_out request;
	char reply[WIRE_MAX];
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* True when it is worth to try again; signals do not lengthen the wait. fd -1 only waits. */
static bool wait_for(int fd, short what, long long end)
{
	for (;;) {
		long long left = end - now_ms();
		if (left <= 0)
			return false;
		struct pollfd p = { .fd = fd, .events = what };
		int r = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (r > 0)
			return true;
		if (r < 0 && errno != EINTR)
			return false;
	}
}

/* The kernel says who called listen(): root, or whoever owns the folder and could have put any socket there. */
static bool trusted(int fd, const char *path)
{
	char folder[sizeof ((struct sockaddr_un *)0)->sun_path];
	const char *slash = strrchr(path, '/');
	struct ucred server;
	socklen_t n = sizeof server;
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &n) != 0 || n != sizeof server)
		return false;
	if (server.uid == 0)
		return true;
	size_t len = slash == path ? 1 : (size_t)(slash - path);
	memcpy(folder, path, len);
	folder[len] = '\0';
	return stat(folder, &st) == 0 && st.st_uid == server.uid;
}

static bool connected(int fd, const struct sockaddr_un *to, long long end)
{
	while (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) {
		/* unix(7): EAGAIN is a full queue, which poll does not announce */
		if (errno == EAGAIN && now_ms() < end)
			wait_for(-1, 0, now_ms() + 2);
		else if (errno == EISCONN)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* A descriptor of its own above the standard three, which a program may have closed and may write to. */
static int high_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

struct csam *csam_open(const char *path, unsigned timeout_ms)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (path == NULL)
		path = "/run/csam/agent.sock";
	size_t n = strlen(path);
	if (path[0] != '/' || n >= sizeof to.sun_path)
		return NULL;
	memcpy(to.sun_path, path, n + 1);
	struct csam *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->owner = getpid();
	c->timeout_ms = timeout_ms;
	c->fd = high_socket();
	if (c->fd < 0 || !connected(c->fd, &to, now_ms() + timeout_ms) || !trusted(c->fd, path))
		return csam_close(c);
	return c;
}

struct csam *csam_close(struct csam *c)
{
	if (c != NULL) {
		if (c->fd >= 0)
			close(c->fd);
		explicit_bzero(c, sizeof *c);
		free(c);
	}
	return NULL;
}

static bool sent(const struct csam *c, long long end)
{
	for (;;) {
		ssize_t n = send(c->fd, c->request.data, c->request.n, MSG_NOSIGNAL);
		if (n >= 0)
			return (size_t)n == c->request.n;
		if (errno != EINTR && (errno != EAGAIN || !wait_for(c->fd, POLLOUT, end)))
			return false;
	}
}

/* The length of the reply; 0 when there is none, or one that is too long to be a reply. */
static size_t received(struct csam *c, long long end)
{
	while (wait_for(c->fd, POLLIN, end)) {
		ssize_t n = recv(c->fd, c->reply, sizeof c->reply, MSG_TRUNC);
		if (n >= 0)
			return (size_t)n <= sizeof c->reply ? (size_t)n : 0;
		if (errno != EINTR && errno != EAGAIN)
			return 0;
	}
	return 0;
}

static bool fits(const struct csam *c, const struct csam_turn *t)
{
	switch (t->result) {
	case CSAM_ASK:
		return c->op != ACCOUNT && (t->ask & ~c->can) == 0;	/* what cannot be drawn cannot be answered */
	case CSAM_ALLOW:
		return c->op != PASSWORD;
	case CSAM_CHANGED:
		return c->op == PASSWORD;
	default:
		return true;
	}
}

static enum csam_result ended(struct csam *c, enum csam_result result, struct csam_turn *out)
{
	if (c != NULL)
		c->state = ENDED;
	*out = (struct csam_turn){ .result = result };
	return result;
}

static enum csam_result exchange(struct csam *c, struct csam_turn *out)
{
	long long end = now_ms() + c->timeout_ms;
	bool bad = c->request.bad;
	size_t n = !bad && sent(c, end) ? received(c, end) : 0;

	c->request.n = 0;
	explicit_bzero(c->request.data, sizeof c->request.data);
	if (bad)
		return ended(c, CSAM_DENY, out);	/* nothing is broken: nobody has such a name or password */
	wire_read(c->reply, n, out);
	if (!fits(c, out))
		return ended(c, CSAM_DOWN, out);
	c->state = out->result == CSAM_ASK ? ASKED : ENDED;
	c->asked = out->ask;
	return out->result;
}

static bool usable(const struct csam *c, int state)
{
	return c != NULL && c->owner == getpid() && (int)c->state == state;
}

static enum csam_result begin(struct csam *c, enum op op, const struct csam_who *who, struct csam_turn *out)
{
	static const char *const names[] = { "authenticate", "account", "password" };
	struct wire_out *w;

	if (!usable(c, FRESH))
		return ended(c, CSAM_DOWN, out);
	if (who->user == NULL || who->service == NULL || *who->user == '\0' || *who->service == '\0')
		return ended(c, CSAM_DENY, out);
	w = &c->request;
	c->op = op;
	c->can = op == PASSWORD && who->can == 0 ? CSAM_SECRET : who->can;
	wire_begin(w, names[op]);
	wire_put(w, "user", who->user);
	wire_put(w, "service", who->service);
	if (op != PASSWORD)
		wire_put(w, "rhost", who->rhost);
	if (op != ACCOUNT)
		wire_put(w, "lang", who->lang);
	if (op == AUTHENTICATE) {
		wire_put(w, "tty", who->tty);
		wire_put_ask(w, "can", who->can);
		wire_put(w, "proven", who->publickey ? "publickey" : NULL);
	}
	return exchange(c, out);
}

enum csam_result csam_authenticate(struct csam *c, const struct csam_who *who, struct csam_turn *out)
{
	return begin(c, AUTHENTICATE, who, out);
}

enum csam_result csam_account(struct csam *c, const struct csam_who *who, struct csam_turn *out)
{
	return begin(c, ACCOUNT, who, out);
}

enum csam_result csam_password(struct csam *c, const struct csam_who *who, struct csam_turn *out)
{
	return begin(c, PASSWORD, who, out);
}

/* What was asked must be there and not be empty; what was not asked is not sent anywhere. */
static bool answered(unsigned asked, unsigned bit, const char *value)
{
	return asked & bit ? value != NULL && *value != '\0' : value == NULL;
}

enum csam_result csam_answer(struct csam *c, const struct csam_answer *a, struct csam_turn *out)
{
	if (!usable(c, ASKED))
		return ended(c, CSAM_DOWN, out);
	if (!answered(c->asked, CSAM_SECRET, a->secret) || !answered(c->asked, CSAM_CODE, a->code) ||
	    !answered(c->asked, CSAM_TEXT, a->text) || !answered(c->asked, CSAM_CHOICE, a->choice) || !answered(c->asked, CSAM_SIGN, a->sign))
		return ended(c, CSAM_DENY, out);
	wire_begin(&c->request, "answer");
	wire_put(&c->request, "secret", a->secret);
	wire_put(&c->request, "code", a->code);
	wire_put(&c->request, "text", a->text);
	wire_put(&c->request, "choice", a->choice);
	wire_put(&c->request, "sign", a->sign);
	return exchange(c, out);
}
