/* LINK: -Wl,--wrap=write,--wrap=fdatasync,--wrap=now_ms */
/* The audit trail: its lines, their order, and that a disk which does not take a line lets nobody in. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/wait.h"
#include "audit_fakes.h"

static char dir[64];
static _Atomic int64_t clock_off;	/* ms that the wall clock is wrong */
static _Atomic int write_most = -1, write_errno, sync_errno, syncs;
static unsigned write_pause_us;

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (write_errno != 0) {
		errno = write_errno;
		return -1;
	}
	if (write_pause_us != 0 && n > 1) {
		ssize_t half = __real_write(fd, p, n / 2);
		usleep(write_pause_us);
		return half + __real_write(fd, (const char *)p + half, n - (size_t)half);
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

int64_t __real_now_ms(void);
int64_t __wrap_now_ms(void);
int64_t __wrap_now_ms(void)
{
	return __real_now_ms() + clock_off;
}

static int open_again(void)
{
	return audit_open(&(struct audit_conf){ .dir = dir, .node = "idp1", .segment_kib = 64 });
}

static int setup(void **s)
{
	(void)s;
	write_most = -1;
	write_errno = sync_errno = fake_keyring_down = 0;
	clock_off = 0;
	strcpy(dir, "/tmp/test_audit.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	int rc = open_again();
	syncs = 0;
	return rc != OK;
}

static int teardown(void **s)
{
	(void)s;
	audit_close();
	AUTO_ARENA a = arena_new();
	return system(arena_printf(a, "rm -rf %s", dir));
}

static unsigned broken;
static char findings[4096];
static void finding(void *arg, const struct audit_finding *f)
{
	(void)arg;
	broken += f->broken;
	size_t n = strlen(findings);
	snprintf(findings + n, sizeof findings - n, "%s:%d:%d %s\n", f->file, (int)f->line, (int)f->seq, f->what);
}

static struct audit_verify verified(struct arena *a)
{
	struct audit_verify v = { .dir = dir, .node = "idp1", .keys = &fake_public, .nkeys = 1, .say = finding };
	const char *why;
	broken = 0;
	findings[0] = '\0';
	assert_int_equal(audit_verify(a, &v, &why), OK);
	assert_int_equal(v.broken, broken);
	return v;
}

/* All lines without the first of each start. */
static struct slice file(struct arena *a)
{
	struct slice all = fake_read(a, dir), line;
	struct buf b = buf_new(a);
	while (slice_cut(&all, '\n', &line))
		if (memmem(line.p, line.n, "trail.start", 11) == NULL && line.n > 0) {
			buf_raw(&b, line);
			buf_char(&b, '\n');
		}
	return buf_slice(&b);
}

/* The next line as JSON; NULL when it is none. *all is moved behind it. */
static json_t *line(struct arena *a, struct slice *all)
{
	struct slice text, personal;
	json_t *v = NULL, *more;
	assert_true(slice_cut(all, '\n', &text));
	if (json_parse(a, text, &v, NULL) != OK)
		return NULL;
	if (json_str(v, "sealed") != NULL) {
		personal = fake_open(a, dir, text);
		assert_int_equal(json_parse(a, personal, &more, NULL), OK);
		json_object_update(v, more);
	}
	return v;
}

static void fields(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
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
	assert_int_equal(json_integer_value(json_object_get(v, "seq")), 2);
	assert_string_equal(json_str(v, "class"), "identification");
	assert_string_equal(json_str(v, "node"), "idp1");
	assert_int_equal(strlen(json_str(v, "boot")), 32);
	int ms, end = 0;
	assert_int_equal(sscanf(json_str(v, "time"), "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ%n", &ms, &end), 1);
	assert_int_equal(end, 24);
	assert_null(json_object_get(v, "name"));
	v = line(a, &all);
	assert_non_null(v);
	assert_string_equal(json_str(v, "name"), "al\"ice\n{\xef\xbf\xbd\x1f");	/* no line of its own, always UTF-8 */
	assert_int_equal(json_integer_value(json_object_get(v, "seq")), 3);
	assert_null(json_object_get(v, "level"));
	assert_int_equal(all.n, 0);
	struct stat st;
	assert_int_equal(stat(arena_printf(a, "%s/00000001.log", dir), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	all = fake_read(a, dir);		/* who reads the file reads no names */
	assert_null(memmem(all.p, all.n, "192.0.2.1", 9));
	assert_null(memmem(all.p, all.n, "s-1", 3));
	assert_null(memmem(all.p, all.n, "app-1", 5));
	assert_null(memmem(all.p, all.n, "sid", 3));
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
	assert_true(all.n < 1200);
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

/* What could not be written was never there: no number is missing, and nobody was told yes. */
static void failing_disk(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .why = "first"), OK);
	write_errno = ENOSPC;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .why = "lost"), E_DOWN);
	write_errno = 0;
	sync_errno = EIO;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .why = "lost"), E_DOWN);
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .why = "lost"), E_DOWN);
	sync_errno = 0;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .why = "second"), OK);
	struct audit_verify v = verified(a);
	assert_int_equal(broken, 0);
	assert_int_equal(v.lines, 4);		/* start, first, next, second */
	assert_int_equal(v.segments, 2);
}

/* A disk that takes half a line, and one that takes it all but is not sure. */
static void torn_by_a_full_disk(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), OK);
	int fd = open(arena_printf(a, "%s/00000001.log", dir), O_WRONLY | O_APPEND);
	assert_int_equal(__real_write(fd, "{\"seq\":3,\"ti", 12), 12);	/* as a short write leaves it */
	close(fd);
	sync_errno = EIO;
	assert_int_equal(AUDIT(.event = EV_LOGIN_NO), E_DOWN);
	sync_errno = 0;
	assert_int_equal(AUDIT(.event = EV_CODE_REPLAYED), OK);
	struct audit_verify v = verified(a);
	assert_int_equal(broken, 0);
	assert_non_null(strstr(findings, "torn by a crash or a full disk"));
	assert_int_equal(v.lines, 4);
	struct slice all = fake_read(a, dir);
	assert_non_null(memmem(all.p, all.n, "{\"seq\":3,\"ti{", 13));	/* kept */
}

static void torn_by_a_crash(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), OK);
	audit_close();
	int fd = open(arena_printf(a, "%s/00000001.log", dir), O_WRONLY | O_APPEND);
	assert_int_equal(__real_write(fd, "{\"seq\":3,\"time", 14), 14);
	close(fd);
	verified(a);
	assert_int_equal(broken, 0);
	assert_non_null(strstr(findings, "torn"));
	assert_int_equal(open_again(), OK);
	assert_int_equal(AUDIT(.event = EV_CODE_REPLAYED), OK);
	struct audit_verify v = verified(a);
	assert_int_equal(broken, 0);
	assert_non_null(strstr(findings, "14 bytes after its end"));
	struct slice all = fake_read(a, dir);
	assert_non_null(memmem(all.p, all.n, "\"left\":14,", 10));
	assert_int_equal(v.lines, 4);
	assert_int_equal(v.segments, 2);
}

/* A process that died before the first line of its segment was whole. */
static void torn_first_line(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), OK);
	audit_close();
	int fd = open(arena_printf(a, "%s/00000002.log", dir), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(__real_write(fd, "{\"seq\":3", 8), 8);
	close(fd);
	assert_int_equal(open_again(), OK);
	struct audit_verify v = verified(a);
	assert_int_equal(broken, 0);
	assert_int_equal(v.lines, 3);
	assert_int_equal(access(arena_printf(a, "%s/00000002.log.torn", dir), F_OK), 0);
}

/* A keyring that is away cannot seal: whoever needs a name in the trail is not let in. */
static void keyring_away(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	fake_keyring_down = 1;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-1"), E_DOWN);
	fake_keyring_down = 0;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-1"), OK);
	fake_keyring_down = 1;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-2"), OK);	/* the hour's key is here */
	assert_int_equal(verified(a).lines, 3);
}

static void clocks_jump(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	AUDIT(.event = EV_LOGIN_OK, .subject = "s-1");
	clock_off = -90LL * 24 * 3600 * 1000;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-2"), OK);
	clock_off = 400LL * 24 * 3600 * 1000;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-3"), OK);
	clock_off = 0;
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-4"), OK);
	struct audit_verify v = verified(a);
	assert_int_equal(broken, 0);
	assert_non_null(strstr(findings, "the clock went back"));
	assert_int_equal(v.lines, 1 + 4 + 3 + 3);		/* each jump is a line, and a day's new segment another */
	struct slice all = fake_read(a, dir);
	int jumps = 0;
	for (struct slice l; slice_cut(&all, '\n', &l);)
		jumps += memmem(l.p, l.n, "clock.jumped", 12) != NULL;
	assert_int_equal(jumps, 3);
}

static bool has_key(const char *month)
{
	AUTO_ARENA a = arena_new();
	return access(arena_printf(a, "%s/keys/%s.identification", dir, month), F_OK) == 0;
}

/* The end of a key: after its months, a week later, and with a line; the chain stays whole, the text is gone. */
static void keys_end(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	const struct audit_conf conf = { .dir = dir, .keep_months = { [CLASS_IDENTIFICATION] = 2 } };
	const int64_t day = 24 * 3600;
	time_t t = now();
	char *month = time_iso(a, t);
	month[AUDIT_MONTH_LEN] = '\0';
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-1"), OK);
	struct slice all = file(a), line;
	slice_cut(&all, '\n', &line);
	assert_true(fake_open(a, dir, line).n > 0);
	audit_keys_end(&conf, t + 30 * day);
	audit_keys_end(&conf, t + 120 * day);		/* a clock that is wrong for a moment */
	audit_keys_end(&conf, t + 30 * day);
	audit_keys_end(&conf, t + 31 * day);
	assert_true(has_key(month));
	audit_keys_end(&conf, t + 120 * day);
	audit_keys_end(&conf, t + 121 * day);
	assert_true(has_key(month));
	audit_keys_end(&conf, t + 128 * day);
	assert_false(has_key(month));
	assert_int_equal(fake_open(a, dir, line).n, 0);
	verified(a);
	assert_int_equal(broken, 0);
	all = fake_read(a, dir);
	assert_non_null(memmem(all.p, all.n, "trail.key-ends", 14));
}

static void segments_turn(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	for (int i = 0; i < 500; i++)
		assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-1", .service = "tax-on-web"), OK);
	audit_turn();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-2"), OK);
	struct audit_verify v = verified(a);
	assert_int_equal(broken, 0);
	assert_true(v.segments >= 4);
	assert_int_equal(audit_pack(dir, 1), OK);
	assert_int_equal(audit_pack(dir, 2), OK);
	assert_int_equal(access(arena_printf(a, "%s/00000001.log", dir), F_OK), -1);
	struct audit_verify w = verified(a);
	assert_int_equal(broken, 0);
	assert_int_equal(w.lines, v.lines);
	/* a crash between the two forms leaves both */
	assert_int_equal(system(arena_printf(a, "zcat %s/00000002.log.gz > %s/00000002.log", dir, dir)), 0);
	assert_int_equal(verified(a).lines, v.lines);
	assert_int_equal(audit_pack(dir, 2), OK);
	assert_int_equal(access(arena_printf(a, "%s/00000002.log", dir), F_OK), -1);
	/* a compressed one that differs takes nothing away */
	assert_int_equal(system(arena_printf(a, "zcat %s/00000002.log.gz | sed 1d > %s/00000002.log", dir, dir)), 0);
	assert_int_equal(audit_pack(dir, 2), E_BUG);
	assert_int_equal(access(arena_printf(a, "%s/00000002.log", dir), F_OK), 0);
}

static void one_writer(void **s)
{
	(void)s;
	pid_t child = fork();
	if (child == 0)
		_exit(open_again() == E_EXISTS ? 0 : 1);
	int status = 1;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
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
	int seq = 1;
	for (int i = 0; i < THREADS * EACH;) {
		json_t *v = line(a, &all);
		assert_int_equal(json_integer_value(json_object_get(v, "seq")), ++seq);
		i += strcmp(json_str(v, "event"), "token.issued") == 0;
	}
	assert_int_equal(all.n, 0);
	assert_true(syncs < THREADS * EACH);	/* some shared one */
}

static void refuses_what_is_no_folder(void **s)
{
	(void)s;
	assert_int_equal(audit_open(&(struct audit_conf){ .dir = "/nonexistent" }), E_DOWN);
	assert_int_equal(audit_open(&(struct audit_conf){ .dir = "/dev/null" }), E_DOWN);
}

/* Dies at any place, a hundred times, and often in the middle of write(): whatever was answered is there, and nothing is broken. */
static void killed(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	uint32_t answered = 0, got, torn = 0;
	audit_close();
	for (int life = 0; life < 100; life++) {
		int p[2];
		assert_int_equal(pipe(p), 0);
		pid_t child = fork();
		if (child == 0) {
			close(p[0]);
			write_pause_us = 300 * (life % 4 == 0);
			if (open_again() != OK)
				_exit(1);
			for (uint32_t n = answered + 1;; n++)
				if (AUDIT(.event = EV_LOGIN_OK, .level = n, .subject = "s-1") != OK || __real_write(p[1], &n, sizeof n) != sizeof n)
					_exit(1);
		}
		close(p[1]);
		if (life % 2 == 0)		/* half of them have told a yes, however full the machine is */
			assert_int_equal(read(p[0], &answered, sizeof answered), sizeof answered);
		usleep((useconds_t)(life * 7919 % 40000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(p[0], &got, sizeof got) == sizeof got)
			answered = got;
		close(p[0]);
	}
	verified(a);
	assert_int_equal(broken, 0);
	struct slice found = slice_of(findings), f;
	for (; slice_cut(&found, '\n', &f); torn += f.n > 0)	/* a kill in the middle of write() leaves half a line, and nothing else can be found */
		assert_true(f.n == 0 || memmem(f.p, f.n, "torn by a crash", 15) != NULL);
	assert_true(torn > 0);
	assert_true(answered >= 50);
	struct slice all = fake_read(a, dir), l;
	uint32_t next = 1;
	while (slice_cut(&all, '\n', &l)) {
		const char *at = memmem(l.p, l.n, "\"level\":", 8);
		next += at != NULL && strtoul(at + 8, NULL, 10) == next;
	}
	assert_true(next > answered);
	assert_int_equal(open_again(), OK);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	log_open("test_audit", 2);
	fake_key_make();
	assert_int_equal(AUDIT(.event = EV_LOGIN_OK), E_DOWN);	/* before it is open */
	const struct CMUnitTest tests[] = {
		T(fields), T(long_values_are_cut), T(waits), T(failing_disk), T(torn_by_a_full_disk), T(torn_by_a_crash),
		T(torn_first_line), T(keyring_away), T(clocks_jump), T(keys_end), T(segments_turn), T(one_writer), T(in_parallel),
		T(refuses_what_is_no_folder), T(killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
