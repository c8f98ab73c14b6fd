/* Files that are read whole, and are there whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/file.h"

static char dir[] = "/tmp/test_file.XXXXXX";
static struct arena *a;
static int folder;

static int begin(void **state)
{
	(void)state;
	a = arena_new();
	return mkdtemp(dir) != NULL && (folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	close(folder);
	a = arena_free(a);
	return rmdir(dir);	/* fails when something was left */
}

static const char *in(const char *name)
{
	return arena_printf(a, "%s/%s", dir, name);
}

static void has(const char *name, struct slice want)
{
	struct slice got;
	assert_int_equal(file_read(a, in(name), 1 << 20, &got), OK);
	assert_true(slice_eq(got, want));
}

static struct slice many(size_t n)
{
	char *p = arena_alloc(a, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7);
	return slice_mem(p, n);
}

static void is_read_up_to_its_limit(void **state)
{
	struct slice text, all = many(40000);
	(void)state;
	assert_int_equal(file_read(a, in("x"), 10, &text), E_NOENT);
	assert_int_equal(file_read(a, dir, 10, &text), E_DOWN);
	assert_int_equal(file_create(folder, "x", 0600, all), OK);
	has("x", all);
	assert_int_equal(file_read(a, in("x"), all.n, &text), OK);
	assert_int_equal(file_read(a, in("x"), all.n - 1, &text), E_INPUT);
	assert_int_equal(truncate(in("x"), 0), 0);
	has("x", S(""));
	assert_int_equal(unlink(in("x")), 0);
}

static void is_new_or_not_made(void **state)
{
	struct stat st;
	(void)state;
	assert_int_equal(file_create(AT_FDCWD, in("x"), 0600, S("one")), OK);
	assert_int_equal(stat(in("x"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_create(folder, "x", 0600, S("two")), E_EXISTS);
	has("x", S("one"));
	assert_int_equal(file_create(folder, "no/x", 0600, S("two")), E_DOWN);
	assert_int_equal(unlink(in("x")), 0);
	assert_int_equal(symlink("elsewhere", in("x")), 0);
	assert_int_equal(file_create(folder, "x", 0600, S("two")), E_EXISTS);
	assert_int_equal(unlink(in("x")), 0);
}

static void takes_the_place_of_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(file_replace(folder, "x", S("one")), OK);
	assert_int_equal(file_create(folder, "x.new", 0644, S("half of someth")), OK);
	assert_int_equal(file_replace(folder, "x", S("two")), OK);
	has("x", S("two"));
	assert_int_equal(access(in("x.new"), F_OK), -1);
	assert_int_equal(unlink(in("x")), 0);
}

/* A full disk: the limit of a file's size, which write() meets in the same way. */
static void nothing_is_left_of_half(void **state)
{
	struct rlimit was, small = { 8192, RLIM_INFINITY };
	struct slice all = many(40000);
	(void)state;
	assert_int_equal(file_replace(folder, "x", S("one")), OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int created = file_create(folder, "y", 0600, all), why = errno, replaced = file_replace(folder, "x", all);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(created, E_DOWN);
	assert_int_equal(why, EFBIG);
	assert_int_equal(replaced, E_DOWN);
	has("x", S("one"));
	assert_int_equal(access(in("y"), F_OK), -1);
	assert_int_equal(access(in("x.new"), F_OK), -1);
	assert_int_equal(unlink(in("x")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_read_up_to_its_limit), cmocka_unit_test(is_new_or_not_made), cmocka_unit_test(takes_the_place_of_the_old_one),
		cmocka_unit_test(nothing_is_left_of_half),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
