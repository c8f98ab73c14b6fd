/* How csamctl speaks: LDIF on standard output, everything else on standard error. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "base/file.h"
#include "csamctl/ctl.h"

static void speak(const char *fmt, va_list ap)
{
	fputs("csamctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
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
	for (unsigned char *p = (unsigned char *)copy; p != NULL && *p != '\0'; p++)
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)	/* C1 in UTF-8 */
			p[0] = p[1] = '?';
		else if (*p < 0x20 || *p == 0x7f)
			*p = '?';
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
