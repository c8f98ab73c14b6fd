/* The segment of the audit trail that is written. Nothing that was ever written is written again: after a failure the trail goes on in a new
 * segment, whose first line says how much of the old one counts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/log.h"
#include "svc/audit_archive.h"
#include "svc/audit_parts.h"

/* How far the lines of one file go on from each other. Its first line is believed: csamctl audit verify does not. */
static int walk(const char *path, struct segment_end *out)
{
	const char *why = NULL;
	AUTO(audit_reader_close_p) struct audit_reader *r = audit_reader_open(path, &why);
	struct slice line;
	bool whole = true;
	int e;
	if (r == NULL)
		return fail(E_DOWN, "audit: %s: %s", path, why);
	while ((e = audit_reader_line(r, &line)) == OK) {
		uint64_t seq;
		struct chain carried;
		bool is_line = chain_line(line, &seq, &carried) == OK;
		whole = whole && is_line && (out->bytes == 0 || (seq == out->seq + 1 && strcmp(carried.hex, out->chain.hex) == 0));
		if (whole) {
			out->bytes += line.n;
			out->seq = seq;
			out->chain = chain_next(&carried, line);
		} else {
			out->left += line.n;
			out->foreign = out->foreign || is_line;
		}
	}
	return e == E_NOENT ? OK : fail(E_DOWN, "audit: %s cannot be read", path);
}

int segment_find_end(const char *dir, struct segment_end *out)
{
	AUTO_ARENA a = arena_new();
	struct audit_file *files;
	const char *why = NULL;
	size_t n;
	if (audit_files(a, dir, &files, &n, &why) != OK)
		return fail(E_DOWN, "audit: %s: %s", dir, why);
	while (n-- > 0) {
		struct segment_end end = { .number = files[n].number };
		int e = walk(files[n].path, &end);
		if (e != OK)
			return e;
		if (end.bytes > 0) {
			*out = end;
			return OK;
		}
		/* Nobody was told yes by a segment without a whole first line. It is kept, under a name that is none of a segment. */
		if (rename(files[n].path, arena_printf(a, "%s.torn", files[n].path)) != 0)
			return fail(E_DOWN, "audit: %s: %s", files[n].path, strerror(errno));
	}
	*out = (struct segment_end){ .chain = chain_start };
	return OK;
}

static int put(int fd, struct slice text)
{
	return file_write(fd, text) == OK && fdatasync(fd) == 0 ? OK : E_DOWN;
}

int segment_begin(struct segment *s, unsigned number, struct slice first_line)
{
	char name[32];
	snprintf(name, sizeof name, "%08u.log", number);
	int fd = openat(s->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return E_DOWN;
	/* A new file is only there after a crash when its directory was synced too. */
	if (put(fd, first_line) != OK || fsync(s->dir) != 0) {
		int why = errno;
		unlinkat(s->dir, name, 0);
		close(fd);
		errno = why;
		return E_DOWN;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	s->number = number;
	s->bytes = first_line.n;
	return OK;
}

int segment_append(struct segment *s, struct slice lines)
{
	if (put(s->fd, lines) != OK)
		return E_DOWN;
	s->bytes += lines.n;
	return OK;
}

uint64_t segment_left(const struct segment *s)
{
	struct stat st;
	return fstat(s->fd, &st) == 0 && (uint64_t)st.st_size > s->bytes ? (uint64_t)st.st_size - s->bytes : 0;
}
