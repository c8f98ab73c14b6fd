/* Segments of the audit trail as files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/file.h"
#include "base/log.h"
#include "svc/audit_archive.h"
#include "svc/audit_chain.h"

enum { DIGITS = 8, NUMBER_MAX = 99999999, FILES_MAX = 1000000, PIECE = 65536 };

struct audit_reader {
	gzFile gz;
	char line[AUDIT_LINE_MAX + 1];
};

static int by_number(const void *a, const void *b)
{
	const struct audit_file *x = a, *y = b;
	return x->number != y->number ? (x->number < y->number ? -1 : 1) : (int)y->packed - (int)x->packed;
}

/* NNNNNNNN.log or NNNNNNNN.log.gz */
static bool is_segment(const char *name, unsigned *number, bool *packed)
{
	unsigned long long n;
	if (strlen(name) < DIGITS || slice_number(slice_mem(name, DIGITS), NUMBER_MAX, &n) != OK || n == 0)
		return false;
	*number = (unsigned)n;
	*packed = strcmp(name + DIGITS, ".log.gz") == 0;
	return *packed || strcmp(name + DIGITS, ".log") == 0;
}

/* What was in the folder a moment ago. False: it is gone, and was not compressed meanwhile. */
static bool look_at(struct arena *a, int dir, const char *name, struct stat *st, struct audit_file *f)
{
	f->path = name;
	if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	f->path = arena_printf(a, "%s.gz", name);
	f->packed = true;
	return fstatat(dir, f->path, st, AT_SYMLINK_NOFOLLOW) == 0;
}

int audit_files(struct arena *a, const char *dir, struct audit_file **out, size_t *n, const char **why)
{
	AUTO(file_close_folder) DIR *d = opendir(dir);
	struct audit_file *list = NULL, f = { 0 };
	size_t count = 0, room = 0, kept = 0;
	if (d == NULL) {
		*why = strerror(errno);
		return E_DOWN;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL && count < FILES_MAX;) {
		struct stat st;
		if (!is_segment(e->d_name, &f.number, &f.packed) || !look_at(a, dirfd(d), e->d_name, &st, &f))
			continue;
		if (count == room) {
			struct audit_file *more = ARENA_ARRAY(a, struct audit_file, room = 2 * room + 64);
			if (count > 0)
				memcpy(more, list, count * sizeof *list);
			list = more;
		}
		f.path = arena_printf(a, "%s/%s", dir, f.path);
		f.size = (uint64_t)st.st_size;
		list[count++] = f;
	}
	if (count > 0)
		qsort(list, count, sizeof *list, by_number);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || list[kept - 1].number != list[i].number)
			list[kept++] = list[i];
	*out = list;
	*n = kept;
	return OK;
}

static int open_segment(const char *path)
{
	AUTO_ARENA a = arena_new();
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, fd = open(path, flags);
	return fd < 0 && errno == ENOENT ? open(arena_printf(a, "%s.gz", path), flags) : fd;
}

struct audit_reader *audit_reader_open(const char *path, const char **why)
{
	int fd = open_segment(path);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		*why = fd < 0 ? strerror(errno) : "is no file";
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct audit_reader *r = malloc(sizeof *r);
	if (r == NULL || (r->gz = gzdopen(fd, "rb")) == NULL)
		abort();
	gzbuffer(r->gz, PIECE);
	return r;
}

struct audit_reader *audit_reader_close(struct audit_reader *r)
{
	if (r != NULL)
		gzclose_r(r->gz);
	free(r);
	return NULL;
}

void audit_reader_close_p(struct audit_reader **r)
{
	*r = audit_reader_close(*r);
}

/* gzgets would end a line at a NUL byte, so bytes are taken one by one: a macro over zlib's own buffer. */
int audit_reader_line(struct audit_reader *r, struct slice *line)
{
	size_t n = 0;
	int c, code;
	while (n < AUDIT_LINE_MAX && (c = gzgetc(r->gz)) != -1) {
		r->line[n++] = (char)c;
		if (c == '\n')
			break;
	}
	gzerror(r->gz, &code);
	if (code != Z_OK && code != Z_STREAM_END)
		return E_DOWN;
	if (n == 0)
		return E_NOENT;
	*line = slice_mem(r->line, n);
	return OK;
}

uint64_t audit_reader_raw(struct audit_reader *r)
{
	z_off_t at = gzoffset(r->gz);
	return at > 0 ? (uint64_t)at : 0;
}

static bool copy(gzFile from, gzFile to)
{
	AUTO_ARENA a = arena_new();
	char *piece = arena_alloc(a, PIECE);
	int n;
	while ((n = gzread(from, piece, PIECE)) > 0)
		if (gzwrite(to, piece, (unsigned)n) != n)
			return false;
	return n == 0;
}

static bool same(gzFile a, gzFile b)
{
	AUTO_ARENA mem = arena_new();
	char *one = arena_alloc(mem, PIECE), *other = arena_alloc(mem, PIECE);
	int n, m;
	do {
		n = gzread(a, one, PIECE);
		m = gzread(b, other, PIECE);
	} while (n > 0 && n == m && memcmp(one, other, (size_t)n) == 0);
	return n == 0 && m == 0;
}

static void close_gz(gzFile *g)
{
	if (*g != NULL)
		gzclose(*g);
}

static bool pack_to(const char *log, const char *new)
{
	AUTO(close_gz) gzFile from = gzopen(log, "rbe");
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), keep = fd < 0 ? -1 : dup(fd);
	gzFile to = keep < 0 ? NULL : gzdopen(fd, "wb");
	bool ok = from != NULL && to != NULL && copy(from, to);
	if (to != NULL)
		ok = gzclose(to) == Z_OK && ok;
	else if (fd >= 0)
		close(fd);
	ok = ok && fsync(keep) == 0;
	if (keep >= 0)
		close(keep);
	return ok;
}

static bool is_same(const char *log, const char *packed)
{
	AUTO(close_gz) gzFile a = gzopen(log, "rbe");
	AUTO(close_gz) gzFile b = gzopen(packed, "rbe");
	return a != NULL && b != NULL && same(a, b);
}

int audit_pack(const char *dir, unsigned number)
{
	AUTO_ARENA a = arena_new();
	const char *log = arena_printf(a, "%s/%08u.log", dir, number), *new = arena_printf(a, "%s.gz.new", log), *gz = arena_printf(a, "%s.gz", log);
	if (access(gz, F_OK) != 0) {
		errno = 0;
		if (!pack_to(log, new) || !is_same(log, new) || rename(new, gz) != 0 || file_sync_folder(dir) != OK) {
			int e = fail(E_DOWN, "audit: %s cannot be compressed: %s", log, errno ? strerror(errno) : "what came out differs");
			unlink(new);
			return e;
		}
	}
	if (!is_same(log, gz))
		return fail(E_BUG, "audit: %s and %s differ: both are kept", log, gz);
	return unlink(log) == 0 ? OK : fail(E_DOWN, "audit: %s: %s", log, strerror(errno));
}
