/* Messages for the administrator, on standard error. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/slice.h"

static const char *name = "idpd";
static enum log_level least = LOG_LEVEL_INFO;
static int journal;

void log_open(const char *process, enum log_level at_least)
{
	name = process;
	least = at_least;
	journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *const words[] = { [LOG_LEVEL_ERR] = "err", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug" };

enum log_level log_level_of(const char *word)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i] != NULL && strcmp(words[i], word) == 0)
			return (enum log_level)i;
	return LOG_LEVEL_INFO;
}

enum log_level log_level_least(void)
{
	return least;
}

/* One write per line, so that processes and threads do not interleave; hostile input cannot start a line of its own. */
void log_line(enum log_level level, const char *fmt, ...)
{
	if (level > least)
		return;
	char text[1024], line[1200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	slice_tame(text, "");
	int n;
	if (journal) {
		n = snprintf(line, sizeof line, "<%d>%s: %s\n", level, name, text);
	} else {
		AUTO_ARENA a = arena_new();
		n = snprintf(line, sizeof line, "%s %s[%d] %s: %s\n", time_iso(a, now()), name, (int)getpid(), words[level], text);
	}
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;	/* nowhere to say it */
}
