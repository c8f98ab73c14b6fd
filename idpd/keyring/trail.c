/* The keyring's own trail. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "keyring/trail.h"

enum { HEX = 2 * SHA256_LEN, TAIL = 4096 };
static const char file_name[] = "trail.log";

static struct {
	pthread_mutex_t lock;
	int fd;
	char head[HEX + 1];	/* SHA-256 of the last line; empty: there is none */
} tr = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static void hash_hex(struct slice line, char out[HEX + 1])
{
	AUTO_ARENA a = arena_new();
	unsigned char hash[SHA256_LEN];
	struct buf hex = buf_new(a);
	sha256(line, hash);
	buf_hex(&hex, slice_mem(hash, sizeof hash));
	memcpy(out, hex.p, HEX + 1);
}

/* The last line, which may have been torn when the power went: it stays, as a line of its own. */
static int find_head(int fd, off_t size)
{
	char tail[TAIL];
	off_t at = size > TAIL ? size - TAIL : 0;
	ssize_t n = pread(fd, tail, sizeof tail, at);
	if (n <= 0)
		return E_DOWN;
	bool torn = tail[n - 1] != '\n';
	size_t end = (size_t)n - (torn ? 0 : 1), begin = end;
	while (begin > 0 && tail[begin - 1] != '\n')
		begin--;
	if (begin == 0 && at > 0)
		return E_INPUT;		/* no line of ours is that long */
	hash_hex(slice_mem(tail + begin, end - begin), tr.head);
	return !torn || write(fd, "\n", 1) == 1 ? OK : E_DOWN;
}

int trail_open(int dirfd)
{
	struct stat st;
	int fd = openat(dirfd, file_name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) != 0 || fsync(dirfd) != 0) {
		int e = fail(E_DOWN, "keyring: %s: %s", file_name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return e;
	}
	tr.head[0] = '\0';
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || (st.st_size > 0 && find_head(fd, st.st_size) != OK)) {
		close(fd);
		return fail(E_INPUT, "keyring: %s is not in order: a regular file of ours, mode 0600, of whole lines", file_name);
	}
	if (tr.fd >= 0)
		close(tr.fd);
	tr.fd = fd;
	return OK;
}

static void text(struct buf *b, const char *name, struct slice value)
{
	if (value.n == 0)
		return;
	buf_printf(b, ",\"%s\":\"", name);
	buf_json(b, value.n > 256 ? slice_mem(value.p, 256) : value);
	buf_char(b, '"');
}

static struct slice compose(struct arena *a, const struct trail_line *l)
{
	struct buf b = buf_new(a);
	int64_t at = now_ms();
	buf_printf(&b, "{\"time\":\"%.19s.%03dZ\",\"pid\":%d", time_iso(a, (time_t)(at / 1000)), (int)(at % 1000), (int)getpid());
	text(&b, "event", slice_of(l->event));
	text(&b, "verb", slice_of(l->verb));
	text(&b, "key", l->key);
	text(&b, "why", slice_of(l->why));
	if (l->peer != 0)
		buf_printf(&b, ",\"peer\":%d", l->peer);
	if (l->count != 0)
		buf_printf(&b, ",\"count\":%llu", l->count);
	if (l->refused != 0)
		buf_printf(&b, ",\"refused\":%llu", l->refused);
	buf_printf(&b, ",\"prev\":\"%s\"}", tr.head);
	return buf_slice(&b);
}

/* A line that the disk did not take whole is torn off its end again; where even that fails the next start finds it. */
static int append(struct slice line)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	struct stat before;
	buf_raw(&b, line);
	buf_char(&b, '\n');
	if (fstat(tr.fd, &before) != 0)
		return E_DOWN;
	if (write(tr.fd, b.p, b.n) == (ssize_t)b.n && fdatasync(tr.fd) == 0)
		return OK;
	int why = errno;
	if (ftruncate(tr.fd, before.st_size) != 0)
		log_warn("keyring: %s may end in half a line", file_name);
	return fail(E_DOWN, "keyring: %s cannot be written: %s", file_name, strerror(why));
}

int trail_line(const struct trail_line *l)
{
	AUTO_ARENA a = arena_new();
	pthread_mutex_lock(&tr.lock);
	struct slice line = compose(a, l);
	int e = tr.fd >= 0 ? append(line) : E_DOWN;
	if (e == OK)
		hash_hex(line, tr.head);
	pthread_mutex_unlock(&tr.lock);
	return e;
}

int trail_check(struct slice all, size_t *lines, const char **why)
{
	char prev[HEX + 1] = "";
	bool torn = false;
	struct slice line;
	*why = NULL;
	for (*lines = 0; all.n > 0 && slice_cut(&all, '\n', &line); hash_hex(line, prev)) {
		AUTO_ARENA a = arena_new();
		json_t *v;
		++*lines;
		if (json_parse(a, line, &v, NULL) != OK) {
			/* The power may go in the middle of a line; what stands behind it still rests on it. */
			*why = torn ? "no line of ours" : *why;
			torn = true;
			if (*why != NULL)
				return E_INPUT;
			continue;
		}
		const char *was = json_str(v, "prev");
		*why = "does not follow the line before it: something was changed, taken out or put in there";
		if (was == NULL || strcmp(was, prev) != 0)
			return E_INPUT;
		*why = NULL;
		torn = false;
	}
	return OK;
}
