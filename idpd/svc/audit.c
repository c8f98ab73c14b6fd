/* The audit trail: threads that have a line to write wait together; the first of them writes and syncs for all. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/audit.h"

enum { VALUE_MAX = 256, COMPLAIN_MS = 60 * 1000 };

/* One per waiting thread, on its stack. */
struct waiting {
	struct waiting *next;
	struct slice body;		/* ,"event":…} and newline */
	sem_t called;			/* it is written (done), or it is this thread's turn to write */
	bool done;
	int rc;
};

static struct {
	pthread_mutex_t lock;
	struct waiting *first, **last;
	bool writing;			/* some thread is at the file */
	int fd;
	bool torn;			/* the file may end in the middle of a line */
	uint64_t seq;			/* of the last line, from 1 in each run of the process */
	char node[65], boot[33];
} au = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static const char *const names[EV_COUNT] = {
#define EVENT(id, name) [EV_##id] = name,
#include "svc/audit.def"
#undef EVENT
};

static int down(const char *what)
{
	static _Atomic uint64_t said_at;
	uint64_t at = ticks_ms(), last = said_at;
	if (last != 0 && at - last < COMPLAIN_MS)
		return E_DOWN;
	said_at = at;
	return fail(E_DOWN, "audit: %s: %s: nobody can be let in", what, strerror(errno));
}

/* A process that died may have left half a line. */
static bool ends_torn(int fd)
{
	char c;
	off_t n = lseek(fd, 0, SEEK_END);
	return n > 0 && (pread(fd, &c, 1, n - 1) != 1 || c != '\n');
}

/* A new file is only there after a crash when its directory was synced too. */
static bool dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

int audit_open(const char *dir)
{
	AUTO_ARENA a = arena_new();
	const char *path = arena_printf(a, "%s/audit.log", dir);
	unsigned char boot[16];
	struct stat st;
	struct buf hex = buf_new(a);
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || !dir_sync(dir)) {
		int rc = fail(E_DOWN, "audit: cannot open %s as a file: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	random_bytes(boot, sizeof boot);
	buf_hex(&hex, slice_mem(boot, sizeof boot));
	pthread_mutex_lock(&au.lock);
	if (au.fd >= 0)
		close(au.fd);
	au.fd = fd;
	au.torn = ends_torn(fd);
	au.seq = 0;
	au.last = &au.first;
	memcpy(au.boot, hex.p, sizeof au.boot);
	if (gethostname(au.node, sizeof au.node - 1) != 0)
		memcpy(au.node, "?", 2);
	pthread_mutex_unlock(&au.lock);
	return OK;
}

static void field(struct buf *b, const char *name, const char *value)
{
	struct slice v = slice_of(value);
	if (v.n == 0)
		return;
	buf_printf(b, ",\"%s\":\"", name);
	buf_json(b, v.n > VALUE_MAX ? slice_mem(v.p, VALUE_MAX) : v);
	buf_char(b, '"');
}

static struct slice body_of(struct arena *a, const struct audit_line *l)
{
	struct buf b = buf_new(a);
	field(&b, "event", names[l->event]);
	field(&b, "subject", l->subject);
	field(&b, "name", l->name);
	field(&b, "kind", l->kind);
	field(&b, "key", l->key);
	field(&b, "service", l->service);
	field(&b, "peer", l->peer);
	field(&b, "via", l->via);
	field(&b, "why", l->why);
	field(&b, "session", l->session);
	if (l->level != 0)
		buf_printf(&b, ",\"level\":%u", l->level);
	buf_lit(&b, "}\n");
	return buf_slice(&b);
}

/* Sequence and time are given in the order in which the lines stand in the file. Lines of a write that failed keep
 * their numbers: a gap, or a line twice, shows where the disk did not take it. */
static struct slice lines_of(struct arena *a, const struct waiting *list)
{
	struct buf b = buf_new(a);
	if (au.torn)
		buf_char(&b, '\n');
	for (const struct waiting *w = list; w != NULL; w = w->next) {
		int64_t at = now_ms();
		buf_printf(&b, "{\"time\":\"%.19s.%03dZ\"", time_iso(a, (time_t)(at / 1000)), (int)(at % 1000));
		field(&b, "node", au.node);
		buf_printf(&b, ",\"pid\":%d,\"boot\":\"%s\",\"seq\":%llu", (int)getpid(), au.boot, (unsigned long long)++au.seq);
		buf_raw(&b, w->body);
	}
	return buf_slice(&b);
}

/* One write for all, so that lines of several processes on one file do not mix. */
static int lines_write(struct slice lines)
{
	ssize_t n;
	do
		n = write(au.fd, lines.p, lines.n);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n < lines.n) {
		au.torn = n > 0 ? lines.p[n - 1] != '\n' : au.torn;
		errno = ENOSPC;
		return down("short write");
	}
	if (n < 0)
		return down("write");
	au.torn = false;
	return fdatasync(au.fd) == 0 ? OK : down("fdatasync");
}

/* Writes what waits, and calls each thread whose line that was; then the first that came meanwhile, to do the same. */
static void lead(struct waiting *me)
{
	AUTO_ARENA a = arena_new();
	sched_yield();			/* threads that are about to come join this write, which costs more than they wait */
	pthread_mutex_lock(&au.lock);
	struct waiting *list = au.first;
	au.first = NULL;
	au.last = &au.first;
	pthread_mutex_unlock(&au.lock);
	int rc = lines_write(lines_of(a, list));
	pthread_mutex_lock(&au.lock);
	struct waiting *next = au.first;
	au.writing = next != NULL;
	pthread_mutex_unlock(&au.lock);
	for (struct waiting *w = list, *after; w != NULL; w = after) {
		after = w->next;	/* once called, its thread takes it away */
		w->rc = rc;
		w->done = true;
		if (w != me)
			sem_post(&w->called);
	}
	if (next != NULL)
		sem_post(&next->called);
}

int audit_write(const struct audit_line *line)
{
	if (would_block())
		return E_WAIT;
	if ((unsigned)line->event >= EV_COUNT)
		abort();
	AUTO_ARENA a = arena_new();
	struct waiting me = { .body = body_of(a, line) };
	sem_init(&me.called, 0, 0);
	pthread_mutex_lock(&au.lock);
	if (au.fd < 0) {
		pthread_mutex_unlock(&au.lock);
		sem_destroy(&me.called);
		errno = EBADF;
		return down("not open");
	}
	*au.last = &me;
	au.last = &me.next;
	bool first = !au.writing;
	au.writing = true;
	pthread_mutex_unlock(&au.lock);
	while (!first && sem_wait(&me.called) != 0)
		;	/* EINTR */
	if (!me.done)
		lead(&me);
	sem_destroy(&me.called);
	return me.rc;
}
