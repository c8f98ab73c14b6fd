/* How csamctl speaks: LDIF on standard output, everything else on standard error. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "base/file.h"
#include "csamctl/ctl.h"

char *tamed(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *text = arena_alloc(a, (size_t)(n > 0 ? n : 0) + 1);
	vsnprintf(text, (size_t)(n > 0 ? n : 0) + 1, fmt, ap);
	slice_tame(text, "\n\t");
	return text;
}

static void speak(const char *fmt, va_list ap)
{
	AUTO_ARENA a = arena_new();
	fprintf(stderr, "csamctl: %s\n", tamed(a, fmt, ap));
}

void say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	speak(fmt, ap);
	va_end(ap);
}

int refuse(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	speak(fmt, ap);
	va_end(ap);
	return REFUSED;
}

int usage(const struct ctl *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	speak(fmt, ap);
	va_end(ap);
	if (c->cmd != NULL)
		say("see csamctl %s --help", c->cmd->path);
	return USAGE;
}

const char *harmless(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);
	if (copy != NULL)
		slice_tame(copy, "");
	return copy != NULL ? copy : "-";
}

int print(const struct buf *b)
{
	struct slice s = buf_slice(b);
	if ((s.n > 0 && fwrite(s.p, 1, s.n, stdout) != s.n) || fflush(stdout) != 0)
		return refuse("standard output cannot be written (%s): what came out is not complete", strerror(errno));
	return DONE;
}

static int open_file(const char *path)
{
	return strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
}

int read_file(struct arena *a, const char *path, size_t max, struct slice *out)
{
	AUTO(file_close) int fd = open_file(path);
	if (fd < 0) {
		say("%s cannot be opened: %s", path, strerror(errno));
		return E_INPUT;
	}
	int e = file_read_rest(a, fd, max, out);
	if (e == E_INPUT)
		say("%s is longer than %zu bytes", path, max);
	else if (e != OK)
		say("%s cannot be read: %s", path, strerror(errno));
	return e == OK ? OK : E_INPUT;
}

int write_new_file(const char *path, mode_t mode, struct slice text)
{
	return file_create(AT_FDCWD, path, mode, text) == OK ? DONE : refuse("%s cannot be made: %s", path, strerror(errno));
}

int read_secret(struct arena *a, const char *path, struct slice *out)
{
	struct slice text, line;
	if (read_file(a, path, 4096, &text) != OK)
		return E_INPUT;
	if (!slice_cut(&text, '\n', &line) || line.n == 0) {
		say("%s has no secret in its first line", path);
		return E_INPUT;
	}
	if (line.p[line.n - 1] == '\r')
		line.n--;
	*out = line;
	return OK;
}
