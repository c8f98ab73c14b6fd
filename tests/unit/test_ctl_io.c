/* What csamctl says holds nothing that a terminal obeys: names of the directory, of files and of servers are in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include "csamctl/io.c"

static char said[8192];

/* What comes out at that descriptor while fn runs. */
static const char *caught(int fd, void (*fn)(const char *), const char *text)
{
	int pipe_fds[2], kept = dup(fd);
	assert_int_equal(pipe(pipe_fds), 0);
	fflush(NULL);
	dup2(pipe_fds[1], fd);
	fn(text);
	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	close(pipe_fds[1]);
	ssize_t n = read(pipe_fds[0], said, sizeof said - 1);
	close(pipe_fds[0]);
	assert_true(n >= 0);
	said[n] = '\0';
	return said;
}

static void say_it(const char *text) { say("%s: %s", "cn=x", text); }
static void refuse_it(const char *text) { assert_int_equal(refuse("%s", text), REFUSED); }
static void usage_it(const char *text) { struct ctl c = { .cmd = NULL }; assert_int_equal(usage(&c, "%s", text), USAGE); }

static const struct { const char *text, *shown; } cases[] = {
	{ "\x1b[2J\x1b]0;title\x07", "?[2J?]0;title?" }, { "csi \xc2\x9b" "2J", "csi ??2J" }, { "\x9b" "2J \xff", "?2J ?" }, { "a\rb\x7f\bc", "a?b??c" },
	{ "Zoë à Liège", "Zoë à Liège" }, { "\xe2\x80\xa8x", "???x" }, { "", "" },
};

static void no_message_moves_the_cursor(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_string_equal(caught(STDERR_FILENO, say_it, cases[i].text), arena_printf(a, "csamctl: cn=x: %s\n", cases[i].shown));
		assert_string_equal(caught(STDERR_FILENO, refuse_it, cases[i].text), arena_printf(a, "csamctl: %s\n", cases[i].shown));
		assert_string_equal(caught(STDERR_FILENO, usage_it, cases[i].text), arena_printf(a, "csamctl: %s\n", cases[i].shown));
	}
	/* our own lines stay lines */
	assert_string_equal(caught(STDERR_FILENO, refuse_it, "one\n\ttwo"), "csamctl: one\n\ttwo\n");
	/* and long ones whole: the end says what to do */
	char *text = arena_alloc(a, 5001);
	memset(text, 'x', 5000);
	assert_int_equal(strlen(caught(STDERR_FILENO, refuse_it, text)), 9 + 5000 + 1);
}

static void no_cell_does(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(harmless(a, cases[i].text), cases[i].shown);
	assert_string_equal(harmless(a, "a\nb\tc"), "a?b?c");
	assert_string_equal(harmless(a, NULL), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_message_moves_the_cursor), cmocka_unit_test(no_cell_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
