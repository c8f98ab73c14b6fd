/* What is logged is one line, and nothing in it that a terminal obeys, whoever wrote it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"

static char line[4096];

/* What one call writes to standard error, without the time and the process before it. */
static const char *logged(const char *text)
{
	int pipe_fds[2], kept = dup(STDERR_FILENO);
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	log_err("%s", text);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(pipe_fds[1]);
	ssize_t n = read(pipe_fds[0], line, sizeof line - 1);
	close(pipe_fds[0]);
	assert_true(n > 0);
	line[n] = '\0';
	char *end = strchr(line, '\n');
	assert_ptr_equal(end, line + n - 1);		/* one line, and its end */
	*end = '\0';
	return strstr(line, "err: ") + 5;
}

static void no_controls_of_any_kind(void **state)
{
	(void)state;
	assert_string_equal(logged("a\nb\rc\td\x1b[2Je\x7f" "f"), "a?b?c?d?[2Je?f");
	assert_string_equal(logged("csi \xc2\x9b" "2J nel \xc2\x85 osc \xc2\x9d"), "csi ??2J nel ?? osc ??");	/* C1 in UTF-8 */
	assert_string_equal(logged("\x9b" "2J \x85 \xff"), "?2J ? ?");	/* as bytes of their own */
	assert_string_equal(logged("a\xe2\x80\xa8" "b\xe2\x80\xa9" "c"), "a???b???c");
	assert_string_equal(logged("\xc0\x8a \xe2\x80"), "?? ??");	/* overlong, cut off */
}

static void words_of_every_language_stay(void **state)
{
	(void)state;
	assert_string_equal(logged("Zoë à Liège \xc2\xa0 \xf0\x9f\x94\x91 日本"), "Zoë à Liège \xc2\xa0 \xf0\x9f\x94\x91 日本");
	assert_string_equal(logged(""), "");
}

/* However long it is, and wherever it is cut. */
static void long_lines_are_cut_to_text(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		char text[3000] = "";
		memset(text, 'x', shift);
		for (size_t i = shift; i + 2 < sizeof text; i += 2)
			memcpy(text + i, "\xc3\xa9", 3);
		const char *said = logged(text);
		assert_in_range(strlen(said), 900, 1100);
		assert_true(slice_is_text(slice_of(said), ""));
	}
}

static void json_escapes_them_too(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_json(&b, S("\xc2\x9b" "2J\xc2\xa0\xc3\xa9\x1b\x7f"));
	assert_string_equal(buf_cstr(&b), "\\u009b2J\xc2\xa0\xc3\xa9\\u001b\\u007f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_controls_of_any_kind), cmocka_unit_test(words_of_every_language_stay),
		cmocka_unit_test(long_lines_are_cut_to_text), cmocka_unit_test(json_escapes_them_too),
	};
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
