/* LINK: -Wl,--wrap=write -Wl,--wrap=fdatasync */
/* The audit trail: its lines, their order, and that a disk which does not take a line lets nobody in. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include <sys/stat.h>
#include <unistd.h>
#include "base/json.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/audit.h"

static char dir[64], path[80];
static _Atomic int write_most = -1, write_errno, sync_errno, syncs;

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (write_errno != 0) {
		errno = write_errno;
		return -1;
	}
	return __real_write(fd, p, write_most >= 0 && n > (size_t)write_most ? (size_t)write_most : n);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	syncs++;
	if (sync_errno != 0) {
		errno = sync_errno;
		return -1;
	}
	return __real_fdatasync(fd);
}

static int setup(void **s)
{
	(void)s;
	write_most = -1;
	write_errno = sync_errno = syncs = 0;
	strcpy(dir, "/tmp/test_audit.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/audit.log", dir);
	return audit_open(dir) != OK;
}

static int teardown(void **s)
{
	(void)s;
	unlink(path);
	return rmdir(dir);
}

static struct slice file(struct arena *a)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	char *p = arena_alloc(a, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	return slice_mem(p, (size_t)st.st_size);
}

/* The next line as JSON; NULL when it is none. *all is moved behind it. */
static json_t *line(struct arena *a, struct slice *all)
{
	struct slice text;
	json_t *v = NULL;
	assert_true(slice_cut(all, '\n', &text));
	return json_parse(a, text, &v, NULL) == OK ? v : NULL;
}

static void fields(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct stat st;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-1", .kind = "app", .key = "app-1", .service = "tax-on-web",
	    .peer = "192.0.2.1", .session = "sid", .level = 400), OK);
	assert_int_equal(AUDIT(.event = EV_LOGIN_NO, .name = "al\"ice\n{\x80\x1f", .why = "unknown"), OK);
	assert_int_equal(syncs, 2);
	struct slice all = file(a);
	json_t *v = line(a, &all);
	assert_non_null(v);
	assert_string_equal(json_str(v, "event"), "login.ok");
	assert_string_equal(json_str(v, "subject"), "s-1");
	assert_string_equal(json_str(v, "kind"), "app");
	assert_string_equal(json_str(v, "key"), "app-1");
	assert_string_equal(json_str(v, "service"), "tax-on-web");
	assert_string_equal(json_str(v, "peer"), "192.0.2.1");
	assert_string_equal(json_str(v, "session"), "sid");
	assert_int_equal(json_integer_value(json_object_get(v, "level")), 400);
	assert_int_equal(json_integer_value(json_object_get(v, "seq")), 1);
	assert_int_equal(json_integer_value(json_object_get(v, "pid")), getpid());
	assert_int_equal(strlen(json_str(v, "boot")), 32);
	assert_true(strlen(json_str(v, "node")) > 0);
	int ms, end = 0;
	assert_int_equal(sscanf(json_str(v, "time"), "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ%n", &ms, &end), 1);
	assert_int_equal(end, 24);
	assert_null(json_object_get(v, "name"));
	v = line(a, &all);
	assert_non_null(v);
	assert_string_equal(json_str(v, "name"), "al\"ice\n{\xef\xbf\xbd\x1f");	/* no line of its own, always UTF-8 */
	assert_int_equal(json_integer_value(json_object_get(v, "seq")), 2);
	assert_null(json_object_get(v, "level"));
	assert_int_equal(all.n, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void long_values_are_cut(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	char name[5000];
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(AUDIT(.event = EV_LOGIN_NO, .name = name), OK);
	struct slice all = file(a);
	assert_true(all.n < 1000);
	assert_int_equal(strlen(json_str(line(a, &all), "name")), 256);
}

static void waits(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	wait_forbid();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(file(a).n, 0);
}

static void failing_disk(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	write_errno = ENOSPC;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), E_DOWN);
	write_errno = 0;
	sync_errno = EIO;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), E_DOWN);
	sync_errno = 0;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), OK);
	struct slice all = file(a);
	assert_int_equal(json_integer_value(json_object_get(line(a, &all), "seq")), 2);
	assert_int_equal(json_integer_value(json_object_get(line(a, &all), "seq")), 3);
}

static void torn_line(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	write_most = 20;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), E_DOWN);
	write_most = -1;
	assert_int_equal(AUDIT(.event = EV_LOGIN_NO), OK);
	struct slice all = file(a);
	assert_null(line(a, &all));
	assert_string_equal(json_str(line(a, &all), "event"), "login.no");
	assert_int_equal(all.n, 0);
	/* a process that died */
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(__real_write(fd, "{\"time", 6), 6);
	close(fd);
	assert_int_equal(audit_open(dir), OK);
	assert_int_equal(AUDIT(.event = EV_CODE_REPLAYED), OK);
	all = file(a);
	line(a, &all);
	line(a, &all);
	assert_null(line(a, &all));
	json_t *v = line(a, &all);
	assert_string_equal(json_str(v, "event"), "code.replayed");
	assert_int_equal(json_integer_value(json_object_get(v, "seq")), 1);	/* another boot */
}

enum { THREADS = 16, EACH = 50 };

static void *write_many(void *unused)
{
	for (int i = 0; i < EACH; i++)
		if (AUDIT(.event = EV_TOKEN_ISSUED, .subject = "s") != OK)
			abort();
	return unused;
}

static void in_parallel(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	pthread_t t[THREADS];
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, write_many, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	struct slice all = file(a);
	for (int i = 1; i <= THREADS * EACH; i++)
		assert_int_equal(json_integer_value(json_object_get(line(a, &all), "seq")), i);
	assert_int_equal(all.n, 0);
	assert_true(syncs < THREADS * EACH);	/* some shared one */
}

static void refuses_what_is_no_file(void **s)
{
	(void)s;
	char to[96];
	unlink(path);
	snprintf(to, sizeof to, "%s/elsewhere", dir);
	assert_int_equal(symlink(to, path), 0);
	assert_int_equal(audit_open(dir), E_DOWN);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(audit_open(dir), E_DOWN);
	assert_int_equal(audit_open("/nonexistent"), E_DOWN);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	log_open("test_audit", 2);
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), E_DOWN);	/* before it is open */
	const struct CMUnitTest tests[] = {
		T(fields), T(long_values_are_cut), T(waits), T(failing_disk), T(torn_line), T(in_parallel), T(refuses_what_is_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
