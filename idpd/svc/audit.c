/* The audit trail: threads that have a line to write wait together; the first of them writes and syncs for all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/audit_keys.h"
#include "svc/audit_parts.h"

enum { COMPLAIN_MS = 60 * 1000, SEGMENT_KIB = 16 * 1024, JUMP_MS = 2000, DAY_MS = 24 * 3600 * 1000, LOCK_TRIES = 40, LOCK_WAIT_US = 50000 };

/* One per waiting thread, on its stack. */
struct waiting {
	struct waiting *next;
	struct slice body;		/* ,"event":… without what ends the line */
	sem_t called;			/* it is written (done), or it is this thread's turn to write */
	bool done;
	int rc;
};

static struct {
	pthread_mutex_t lock;
	struct waiting *first, **last;
	bool writing;			/* some thread is at the file */
	bool open;
	int lockfd;
	char *dir;
	char node[AUDIT_NODE_MAX + 1], boot[33];
	uint64_t segment_max;
	/* changed under the lock, by the thread that writes */
	struct segment seg;
	uint64_t seq;			/* of the last line on disk */
	struct chain chain;		/* after it */
	/* of the thread that writes alone */
	bool broken;			/* the file may hold more than seg.bytes: go on in another */
	int64_t day;			/* of the segment */
	int64_t ahead;			/* wall time before monotonic time, at the last line */
} au = { .lock = PTHREAD_MUTEX_INITIALIZER, .lockfd = -1, .seg = { .dir = -1, .fd = -1 } };
static atomic_bool turn_wanted;

static int down(const char *what)
{
	static _Atomic uint64_t said_at;
	uint64_t at = ticks_ms(), last = said_at;
	if (last != 0 && at - last < COMPLAIN_MS)
		return E_DOWN;
	said_at = at;
	return fail(E_DOWN, "audit: %s: %s: nobody can be let in", what, strerror(errno));
}

/* --- lines --- */

/* Lines that are about to be written, and where the trail stands after them. */
struct draft {
	struct buf text;
	uint64_t seq;
	struct chain chain;
};

static struct draft draft_new(struct arena *a)
{
	return (struct draft){ buf_new(a), au.seq, au.chain };
}

/* Number and time are given in the order in which the lines stand in the file. */
static void draft_line(struct draft *d, int64_t at, struct slice body)
{
	size_t from = d->text.n;
	buf_printf(&d->text, "{\"seq\":%" PRIu64 ",\"time\":\"%.19s.%03dZ\",\"mono\":%" PRIu64 ",\"node\":\"%s\",\"boot\":\"%s\"", ++d->seq,
	    time_iso(d->text.a, (time_t)(at / 1000)), (int)(at % 1000), ticks_ms(), au.node, au.boot);
	buf_raw(&d->text, body);
	buf_printf(&d->text, ",\"chain\":\"%s\"}\n", d->chain.hex);
	d->chain = chain_next(&d->chain, slice_mem(d->text.p + from, d->text.n - from));
}

static void draft_done(const struct draft *d)
{
	pthread_mutex_lock(&au.lock);
	au.seq = d->seq;
	au.chain = d->chain;
	pthread_mutex_unlock(&au.lock);
}

/* The two clocks part: somebody has set the wall clock. The line tells by how much; order and number of lines never depended on it. */
static void draft_jump(struct draft *d, int64_t at)
{
	int64_t ahead = at - (int64_t)ticks_ms(), by = ahead - au.ahead;
	au.ahead = ahead;
	if (by < -JUMP_MS || by > JUMP_MS)
		draft_line(d, at, audit_body_of(d->text.a, EV_CLOCK_JUMPED, arena_printf(d->text.a, ",\"by_ms\":%" PRId64, by)));
}

/* --- segments --- */

/* The first line of the segment after `number`. */
static int begin(enum audit_event event, unsigned number, uint64_t bytes, uint64_t left)
{
	AUTO_ARENA a = arena_new();
	struct draft d = draft_new(a);
	struct segment seg = au.seg;
	int64_t at = now_ms();
	const char *fields = arena_printf(a, ",\"after\":%u,\"bytes\":%" PRIu64 ",\"left\":%" PRIu64 ",\"pid\":%d", number, bytes, left, (int)getpid());
	draft_line(&d, at, audit_body_of(a, event, fields));
	if (segment_begin(&seg, number + 1, buf_slice(&d.text)) != OK)
		return down("a new segment");
	au.day = at / DAY_MS;
	au.broken = false;
	pthread_mutex_lock(&au.lock);
	au.seg = seg;
	au.seq = d.seq;
	au.chain = d.chain;
	pthread_mutex_unlock(&au.lock);
	return OK;
}

/* A segment that is too long goes on when there is no room for a new one; one that was torn does not. */
static int turn_when_due(int64_t at)
{
	bool wanted = atomic_exchange(&turn_wanted, false);
	if (!au.broken && !wanted && au.seg.bytes < au.segment_max && at / DAY_MS == au.day)
		return OK;
	int e = begin(EV_TRAIL_NEXT, au.seg.number, au.seg.bytes, segment_left(&au.seg));
	return au.broken ? e : OK;
}

static int lines_write(const struct waiting *list)
{
	AUTO_ARENA a = arena_new();
	int64_t at = now_ms();
	int e = turn_when_due(at);
	if (e != OK)
		return e;
	struct draft d = draft_new(a);
	draft_jump(&d, at);
	for (const struct waiting *w = list; w != NULL; w = w->next)
		draft_line(&d, at, w->body);
	/* After a failed sync the kernel may forget what it could not write: the lines of this write count as never written. */
	if (segment_append(&au.seg, buf_slice(&d.text)) != OK) {
		au.broken = true;
		return down("write");
	}
	draft_done(&d);
	return OK;
}

/* --- open and close --- */

static int take_folder(const char *dir)
{
	AUTO_ARENA a = arena_new();
	au.seg = (struct segment){ .fd = -1, .dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	au.lockfd = au.seg.dir < 0 ? -1 : open(arena_printf(a, "%s/lock", dir), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (au.lockfd < 0)
		return fail(E_DOWN, "audit: cannot open the folder %s: %s", dir, strerror(errno));
	for (int i = 0; flock(au.lockfd, LOCK_EX | LOCK_NB) != 0; i++) {	/* the process before us may still be ending */
		if (i == LOCK_TRIES)
			return fail(E_EXISTS, "audit: another idpd writes in %s", dir);
		usleep(LOCK_WAIT_US);
	}
	return OK;
}

static void name_us(const char *node)
{
	AUTO_ARENA a = arena_new();
	unsigned char boot[16];
	struct buf hex = buf_new(a);
	char host[AUDIT_NODE_MAX + 1] = "";
	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		host[0] = '-';
	snprintf(au.node, sizeof au.node, "%s", node != NULL && *node != '\0' ? node : host);
	for (char *p = au.node; *p != '\0'; p++)
		if (!audit_is_name(slice_mem(p, 1)))
			*p = '-';
	random_bytes(boot, sizeof boot);
	buf_hex(&hex, slice_mem(boot, sizeof boot));
	memcpy(au.boot, hex.p, sizeof au.boot);
}

static void close_all(void)
{
	if (au.seg.fd >= 0)
		close(au.seg.fd);
	if (au.seg.dir >= 0)
		close(au.seg.dir);
	if (au.lockfd >= 0)
		close(au.lockfd);
	free(au.dir);
	au.dir = NULL;
	au.lockfd = au.seg.dir = au.seg.fd = -1;
}

static unsigned keeps[CLASS_COUNT];

unsigned audit_keeps(enum audit_class class)
{
	return keeps[class];
}

int audit_open(const struct audit_conf *conf)
{
	struct segment_end end;
	int e = take_folder(conf->dir);
	if (e == OK)
		e = audit_keys_open(conf->dir);
	if (e == OK)
		e = segment_find_end(conf->dir, &end);
	if (e == OK) {
		name_us(conf->node);
		au.dir = strdup(conf->dir);
		au.segment_max = (uint64_t)(conf->segment_kib ? conf->segment_kib : SEGMENT_KIB) * 1024;
		memcpy(keeps, conf->keep_months, sizeof keeps);
		au.seq = end.seq;
		au.chain = end.chain;
		au.ahead = now_ms() - (int64_t)ticks_ms();
		au.last = &au.first;
		if (end.foreign)
			log_err("audit: segment %u in %s holds lines that do not follow from those before: csamctl audit verify tells more", end.number, conf->dir);
		e = begin(EV_TRAIL_START, end.number, end.bytes, end.left);
	}
	if (e != OK) {
		close_all();
		return e;
	}
	pthread_mutex_lock(&au.lock);
	au.open = true;
	pthread_mutex_unlock(&au.lock);
	return OK;
}

int audit_serve(const struct audit_conf *conf)
{
	return scribe_start(conf);
}

void audit_turn(void)
{
	atomic_store(&turn_wanted, true);
}

void audit_where(struct audit_where *out)
{
	pthread_mutex_lock(&au.lock);
	*out = (struct audit_where){ au.seq, au.chain, au.seg.number, au.dir, au.node, au.boot };
	pthread_mutex_unlock(&au.lock);
}

void audit_close(void)
{
	scribe_stop();
	pthread_mutex_lock(&au.lock);
	bool was_open = au.open;
	au.open = false;
	while (au.writing) {		/* whoever came before us is written */
		pthread_mutex_unlock(&au.lock);
		usleep(1000);
		pthread_mutex_lock(&au.lock);
	}
	pthread_mutex_unlock(&au.lock);
	if (was_open)
		close_all();
}

/* --- those who wait --- */

/* Writes what waits, and calls each thread whose line that was; then the first that came meanwhile, to do the same. */
static void lead(struct waiting *me)
{
	sched_yield();			/* threads that are about to come join this write, which costs more than they wait */
	pthread_mutex_lock(&au.lock);
	struct waiting *list = au.first;
	au.first = NULL;
	au.last = &au.first;
	pthread_mutex_unlock(&au.lock);
	int rc = lines_write(list);
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

int audit_put(struct slice body)
{
	if (would_block())
		return E_WAIT;
	struct waiting me = { .body = body };
	sem_init(&me.called, 0, 0);
	pthread_mutex_lock(&au.lock);
	if (!au.open) {
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

int audit_write(const struct audit_line *line)
{
	AUTO_ARENA a = arena_new();
	struct slice body;
	if (would_block())
		return E_WAIT;
	if ((unsigned)line->event >= EV_COUNT)
		abort();
	int e = audit_body(a, line, &body);
	return e == OK ? audit_put(body) : e;
}
