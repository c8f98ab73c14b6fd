/* LINK: -Wl,--wrap=now_ms -Wl,--wrap=ticks_ms */
/* The state store: what each verb promises, alone, in parallel, between processes, and when the disk fails. */
/* ONE TRY: what it looks for goes wrong seldom. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include <dirent.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/state.h"

static char dir[64];
static _Atomic int64_t skew_ms, jump_ms;	/* time that passes; the wall clock alone */

int64_t __real_now_ms(void);
int64_t __wrap_now_ms(void);
int64_t __wrap_now_ms(void)
{
	return __real_now_ms() + skew_ms + jump_ms;
}

uint64_t __real_ticks_ms(void);
uint64_t __wrap_ticks_ms(void);
uint64_t __wrap_ticks_ms(void)
{
	return __real_ticks_ms() + (uint64_t)skew_ms;
}

/* LMDB's own calls come here first: a disk that fails when told to. */
static _Atomic int fail_sync, fail_write, fail_root, fail_errno;

int fdatasync(int fd)
{
	if (fail_sync) {
		errno = fail_errno;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (fail_write || (fail_root && (fcntl(fd, F_GETFL) & O_DSYNC))) {	/* only the root page is written that way */
		errno = fail_errno;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	if (fail_write) {
		errno = fail_errno;
		return -1;
	}
	return syscall(SYS_writev, fd, v, n);
}

/* A number that only grows. */
static int advance(const char *ns, struct slice key, uint64_t value, unsigned ttl_s)
{
	return state_update(ns, key, state_advancing, &(struct state_number){ value, ttl_s });
}

static void rm_dir(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

static int setup(void **s)
{
	(void)s;
	skew_ms = jump_ms = 0;
	fail_sync = fail_write = fail_root = 0;
	strcpy(dir, "/tmp/test_state.XXXXXX");
	return mkdtemp(dir) == NULL || state_open(dir, 16) != OK;
}

static int teardown(void **s)
{
	(void)s;
	state_close();
	rm_dir(dir);
	return 0;
}

static struct slice key_of(char buf[32], const char *what, unsigned i)
{
	return slice_mem(buf, (size_t)snprintf(buf, 32, "%s%u", what, i));
}

static void verbs(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	unsigned n = 99;
	assert_int_equal(state_get(a, "t", S("k"), &v), E_NOENT);
	assert_int_equal(state_put("t", S("k"), S("one"), 60), OK);
	assert_int_equal(state_get(a, "t", S("k"), &v), OK);
	assert_true(slice_is(v, "one"));
	assert_int_equal(state_get(a, "u", S("k"), &v), E_NOENT);	/* another namespace */
	assert_int_equal(state_put("t", S("k"), S("two, longer"), 60), OK);
	assert_int_equal(state_take(a, "t", S("k"), &v), OK);
	assert_true(slice_is(v, "two, longer"));
	assert_int_equal(state_take(a, "t", S("k"), &v), E_NOENT);
	assert_int_equal(state_del("t", S("k")), OK);

	assert_int_equal(state_put("t", S("empty"), S_NONE, 60), OK);
	assert_int_equal(state_get(a, "t", S("empty"), &v), OK);
	assert_int_equal(v.n, 0);
	assert_int_equal(state_del("t", S("empty")), OK);
	assert_int_equal(state_get(a, "t", S("empty"), &v), E_NOENT);

	assert_int_equal(state_claim("c", S("jti"), 60), OK);
	assert_int_equal(state_claim("c", S("jti"), 60), E_EXISTS);
	assert_int_equal(state_claim("c", S("jti2"), 60), OK);

	assert_int_equal(state_count("n", S("ip"), 60, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(state_count("n", S("ip"), 60, &n), OK);
	assert_int_equal(n, 2);

	assert_int_equal(advance("s", S("key"), 5, 60), OK);
	assert_int_equal(advance("s", S("key"), 5, 60), E_EXISTS);
	assert_int_equal(advance("s", S("key"), 4, 60), E_EXISTS);
	assert_int_equal(advance("s", S("key"), UINT64_MAX, 60), OK);
	assert_int_equal(advance("s", S("key"), UINT64_MAX, 60), E_EXISTS);
	assert_int_equal(state_put("t", S("forever"), S("x"), 0), E_BUG);
	assert_int_equal(state_get(a, "t", S("forever"), &v), E_NOENT);
}

static int says_limit(struct state_change *c)
{
	++*(unsigned *)c->ctx;
	c->val = S("changed");
	return E_LIMIT;
}

static int lives_longer(struct state_change *c)
{
	c->ttl_s = 1000;
	return OK;
}

static void several_as_one(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	unsigned asked = 0;
	struct state_value one = { .val = S("one"), .ttl_s = 60 }, two = { .val = S("two"), .ttl_s = 60 };
	const struct state_act puts[] = { { "t", S("1"), state_putting, &one }, { "t", S("2"), state_putting, &two } };
	assert_int_equal(state_update_all(puts, 2), OK);
	assert_int_equal(state_get(a, "t", S("1"), &v), OK);
	assert_true(slice_is(v, "one"));
	assert_int_equal(state_get(a, "t", S("2"), &v), OK);
	assert_true(slice_is(v, "two"));

	/* one says no: nothing is changed, and those behind it are not asked */
	const struct state_act no[] = { { "t", S("1"), state_deleting, NULL }, { "t", S("2"), says_limit, &asked },
		{ "t", S("3"), state_putting, &one }, { "t", S("4"), says_limit, &asked } };
	assert_int_equal(state_update_all(no, 4), E_LIMIT);
	assert_int_equal(asked, 1);
	assert_int_equal(state_get(a, "t", S("1"), &v), OK);
	assert_int_equal(state_get(a, "t", S("2"), &v), OK);
	assert_true(slice_is(v, "two"));
	assert_int_equal(state_get(a, "t", S("3"), &v), E_NOENT);

	/* a value that stays where it was is still the value after another record was written */
	const struct state_act keep[] = { { "t", S("1"), state_putting, &two }, { "t", S("2"), lives_longer, NULL }, { "t", S("3"), state_deleting, NULL } };
	assert_int_equal(state_update_all(keep, 3), OK);
	skew_ms += 100 * 1000;
	assert_int_equal(state_get(a, "t", S("1"), &v), E_NOENT);
	assert_int_equal(state_get(a, "t", S("2"), &v), OK);
	assert_true(slice_is(v, "two"));
	wait_forbid();
	assert_int_equal(state_update_all(puts, 2), E_WAIT);
	assert_true(wait_was_wanted());
}

static void big_and_binary(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	size_t n = 100000;
	char *p = arena_alloc(a, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7);
	struct slice v;
	assert_int_equal(state_put("t", slice_mem(p, 5000), slice_mem(p, n), 60), OK);	/* keys of any length */
	assert_int_equal(state_get(a, "t", slice_mem(p, 5000), &v), OK);
	assert_true(slice_eq(v, slice_mem(p, n)));
	assert_int_equal(state_put("t", S("k"), slice_mem(p, 300 * 1024 > n ? n : n), 60), OK);
	assert_int_equal(state_take(a, "t", slice_mem(p, 5000), &v), OK);
	assert_true(slice_eq(v, slice_mem(p, n)));
}

static void writes_wait_reads_do_not(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	assert_int_equal(state_put("t", S("k"), S("v"), 60), OK);
	wait_forbid();
	assert_int_equal(state_get(a, "t", S("k"), &v), OK);
	assert_false(wait_was_wanted());
	wait_forbid();
	assert_int_equal(state_take(a, "t", S("k"), &v), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(state_take(a, "t", S("k"), &v), OK);	/* and nothing had happened before */
}

static void ends(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	unsigned n;
	assert_int_equal(state_put("t", S("short"), S("v"), 10), OK);
	assert_int_equal(state_put("t", S("long"), S("v"), 100), OK);
	assert_int_equal(state_claim("c", S("jti"), 10), OK);
	assert_int_equal(state_count("n", S("w"), 10, &n), OK);
	skew_ms = 9 * 1000;
	assert_int_equal(state_count("n", S("w"), 10, &n), OK);	/* the window began with the first */
	assert_int_equal(n, 2);
	assert_int_equal(state_get(a, "t", S("short"), &v), OK);
	assert_int_equal(state_claim("c", S("jti"), 10), E_EXISTS);
	skew_ms = 11 * 1000;
	assert_int_equal(state_get(a, "t", S("short"), &v), E_NOENT);
	assert_int_equal(state_take(a, "t", S("short"), &v), E_NOENT);
	assert_int_equal(state_get(a, "t", S("long"), &v), OK);
	assert_int_equal(state_claim("c", S("jti"), 10), OK);
	assert_int_equal(state_count("n", S("w"), 10, &n), OK);
	assert_int_equal(n, 1);
}

/* A record that is given more time survives the sweep of its first end, one that is given less does not keep it. */
static void more_and_less_time(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	assert_int_equal(state_put("t", S("more"), S("v"), 10), OK);
	assert_int_equal(state_put("t", S("more"), S("v2"), 1000), OK);
	assert_int_equal(state_put("t", S("less"), S("v"), 1000), OK);
	assert_int_equal(state_put("t", S("less"), S("v2"), 10), OK);
	for (int i = 0; i < 3; i++) {
		skew_ms = 20 * 1000 * (i + 1);
		assert_int_equal(state_put("t", S("other"), S("v"), 5), OK);	/* sweeps */
		assert_int_equal(state_get(a, "t", S("more"), &v), OK);
		assert_true(slice_is(v, "v2"));
		assert_int_equal(state_get(a, "t", S("less"), &v), E_NOENT);
	}
	skew_ms = 1001 * 1000;
	assert_int_equal(state_put("t", S("other"), S("v"), 5), OK);
	assert_int_equal(state_get(a, "t", S("more"), &v), E_NOENT);
}

static off_t file_size(void)
{
	char path[96];
	struct stat st;
	snprintf(path, sizeof path, "%s/data.mdb", dir);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

struct mass {
	unsigned from, n, ttl_s;
	int rc;
};

static void *mass_put(void *p)
{
	struct mass *m = p;
	char buf[32], val[200];
	memset(val, 'v', sizeof val);
	for (unsigned i = m->from; i < m->from + m->n && m->rc == OK; i++)
		m->rc = state_put("m", key_of(buf, "mass", i), slice_mem(val, sizeof val), m->ttl_s);
	return NULL;
}

enum { THREADS = 16 };

static void mass(unsigned from, unsigned n, unsigned ttl_s)
{
	pthread_t t[THREADS];
	struct mass m[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		m[i] = (struct mass){ from + i * n, n, ttl_s, OK };
		pthread_create(&t[i], NULL, mass_put, &m[i]);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(m[i].rc, OK);
	}
}

/* 20 generations of records that expire: the file stays as large as about two of them. */
static void nothing_grows(void **s)
{
	(void)s;
	mass(0, 100, 10);
	off_t one = file_size();
	for (unsigned i = 1; i < 20; i++) {
		skew_ms = (int64_t)i * 11 * 1000;
		mass(i * 10000, 100, 1000000);
		mass(i * 10000, 100, 10);	/* less time than it had */
	}
	assert_true(one > 0);
	assert_in_range(file_size(), one, 4 * one);
}

/* More has expired than one sweep takes: what is still in the file is gone all the same. */
/* A clock that is a month ahead for a moment: what was claimed stays claimed. One that stays there is believed a minute later. */
static void a_clock_that_jumps_ahead(void **state)
{
	(void)state;
	const int64_t month = 30LL * 86400 * 1000;
	assert_int_equal(state_claim("code", S("a"), 60), OK);
	jump_ms = month;
	assert_int_equal(state_claim("code", S("a"), 60), E_EXISTS);
	jump_ms = 0;
	assert_int_equal(state_claim("code", S("a"), 60), E_EXISTS);
	jump_ms = -month;
	assert_int_equal(state_claim("code", S("a"), 60), E_EXISTS);
	assert_int_equal(state_claim("code", S("b"), 60), OK);
	jump_ms = month;
	assert_int_equal(state_claim("code", S("a"), 60), E_EXISTS);
	skew_ms = 61 * 1000;
	assert_int_equal(state_claim("code", S("a"), 60), OK);
}

/* What is claimed has an end of its own: the claim outlives it also when the clock is behind at that moment. */
static void a_claim_outlives_what_it_claims(void **state)
{
	(void)state;
	struct state_claim claim = { .ttl_s = 60, .until = time(NULL) + 600 };
	jump_ms = -86400LL * 1000;
	assert_int_equal(state_update("code", S("a"), state_claiming, &claim), OK);
	jump_ms = 0;
	assert_int_equal(state_update("code", S("a"), state_claiming, &claim), E_EXISTS);
	skew_ms = 61 * 1000;		/* the clock is believed again */
	assert_int_equal(state_update("code", S("a"), state_claiming, &claim), E_EXISTS);
}

static void expired_but_not_swept(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	unsigned n;
	mass(0, 150, 10);
	assert_int_equal(state_claim("c", S("jti"), 11), OK);
	assert_int_equal(state_count("n", S("w"), 11, &n), OK);
	assert_int_equal(state_put("t", S("k"), S("v"), 11), OK);
	skew_ms = 12 * 1000;
	assert_int_equal(state_claim("c", S("jti"), 11), OK);
	assert_int_equal(state_take(a, "t", S("k"), &v), E_NOENT);
	assert_int_equal(state_count("n", S("w"), 11, &n), OK);
	assert_int_equal(n, 1);
}

/* The map fills; what does not fit is refused, the rest goes on; room comes back by deletes and by time. */
static void full_map(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	char buf[32], val[1000];
	unsigned n = 0;
	int rc;
	memset(val, 'f', sizeof val);
	state_close();
	assert_int_equal(state_open(dir, 4), OK);
	while ((rc = state_put("f", key_of(buf, "k", n), slice_mem(val, sizeof val), 100)) == OK)
		n++;
	assert_int_equal(rc, E_DOWN);
	assert_in_range(n, 1000, 4000);
	assert_int_equal(state_claim("c", S("new"), 60), E_DOWN);
	for (unsigned i = 0; i < n; i += 97) {
		assert_int_equal(state_get(a, "f", key_of(buf, "k", i), &v), OK);
		assert_int_equal(v.n, sizeof val);
	}
	assert_int_equal(state_put("f", key_of(buf, "k", 1), slice_mem(val, sizeof val), 100), OK);	/* no growth */
	for (unsigned i = 0; i < n / 2; i++)
		assert_int_equal(state_take(a, "f", key_of(buf, "k", i), &v), OK);
	assert_int_equal(state_claim("c", S("new"), 60), OK);
	while ((rc = state_put("f", key_of(buf, "more", n), slice_mem(val, sizeof val), 100)) == OK)
		n++;
	assert_int_equal(rc, E_DOWN);
	skew_ms = 101 * 1000;
	rc = E_DOWN;
	for (unsigned i = 0; i < n && rc != OK; i++)
		rc = state_put("f", S("after"), slice_mem(val, sizeof val), 100);
	assert_int_equal(rc, OK);
}

/* Strangers fill their half and no more: sessions, claims and counters keep theirs. */
static void a_flood_of_guests(void **s)
{
	(void)s;
	char buf[32], val[1000];
	unsigned guests = 0, others = 0;
	int rc;
	memset(val, 'g', sizeof val);
	state_close();
	assert_int_equal(state_open(dir, 4), OK);
	while ((rc = state_put_guest("g", key_of(buf, "g", guests), slice_mem(val, sizeof val), 100, S_NONE)) == OK)
		guests++;
	assert_int_equal(rc, E_DOWN);
	assert_in_range(guests, 300, 2000);
	assert_int_equal(state_claim("c", S("jti"), 60), OK);
	while (state_put("o", key_of(buf, "o", others), slice_mem(val, sizeof val), 100) == OK)
		others++;
	assert_in_range(others, guests / 2, 4000);
	assert_int_equal(state_put_guest("g", S("one more"), slice_mem(val, sizeof val), 100, S_NONE), E_DOWN);
}

/* One of them can take a quarter of the store: then the others go on, and it must wait. */
static void a_flood_from_one_network(void **s)
{
	(void)s;
	char buf[32], val[1000];
	unsigned own = 0, others = 0;
	int rc;
	memset(val, 'g', sizeof val);
	state_close();
	assert_int_equal(state_open(dir, 4), OK);
	while ((rc = state_put_guest("g", key_of(buf, "g", own), slice_mem(val, sizeof val), 100, S("here"))) == OK)
		own++;
	assert_int_equal(rc, E_LIMIT);
	assert_int_equal(state_put_guest("g", S("x"), slice_mem(val, sizeof val), 100, S("here")), E_LIMIT);
	while (others < 4 && state_put_guest("g", key_of(buf, "o", others), slice_mem(val, sizeof val), 100, S("there")) == OK)
		others++;
	assert_int_equal(others, 4);
	assert_int_equal(state_put("s", S("session"), slice_mem(val, sizeof val), 100), OK);
	for (unsigned n = 0; n < 100; n++) {	/* many sources share what is left */
		char source[16];
		snprintf(source, sizeof source, "net %u", n);
		rc = state_put_guest("g", slice_of(source), slice_mem(val, sizeof val), 100, slice_of(source));
		assert_int_equal(rc, OK);
	}
}

static void failing_disk(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	unsigned n;
	assert_int_equal(state_put("t", S("before"), S("v"), 60), OK);
	for (int round = 0; round < 4; round++) {
		fail_errno = round & 1 ? EIO : ENOSPC;
		_Atomic int *what = round & 2 ? &fail_sync : &fail_write;
		*what = 1;
		assert_int_equal(state_put("t", S("k"), S("v"), 60), E_DOWN);
		assert_int_equal(state_take(a, "t", S("before"), &v), E_DOWN);
		assert_int_equal(state_claim("c", S("k"), 60), E_DOWN);
		assert_int_equal(state_count("n", S("k"), 60, &n), E_DOWN);
		assert_int_equal(advance("s", S("k"), 1, 60), E_DOWN);
		assert_int_equal(state_get(a, "t", S("before"), &v), OK);	/* reads go on */
		*what = 0;
		assert_int_equal(state_get(a, "t", S("k"), &v), E_NOENT);
		assert_int_equal(state_claim("c", S("k"), 60), OK);		/* and it mends */
		assert_int_equal(state_del("c", S("k")), OK);
	}
}

/* Only the write of the root page fails: LMDB then gives up its environment, we open another. */
static void failing_root_page(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	pthread_t t[2];
	struct mass m = { 0, 50, 60, OK };
	assert_int_equal(state_put("t", S("before"), S("v"), 60), OK);
	fail_errno = EIO;
	fail_root = 1;
	assert_int_equal(state_claim("c", S("k"), 60), E_DOWN);
	assert_int_equal(state_claim("c", S("k"), 60), E_DOWN);
	fail_root = 0;
	pthread_create(&t[0], NULL, mass_put, &m);
	pthread_join(t[0], NULL);
	assert_int_equal(m.rc, OK);
	assert_int_equal(state_claim("c", S("k"), 60), OK);
	assert_int_equal(state_get(a, "t", S("before"), &v), OK);
}

/* A small disk of our own; skipped where mounting is not allowed. */
static void small_disk(const char *options)
{
	state_close();
	if (mount("tmpfs", dir, "tmpfs", 0, options) != 0)
		skip();
}

static void full_disk(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	char buf[32], val[1000];
	unsigned n = 0;
	int rc = E_BUG, read_rc[3], after;
	memset(val, 'f', sizeof val);
	small_disk("size=2m,mode=700");
	if (state_open(dir, 64) == OK)
		while ((rc = state_put("f", key_of(buf, "k", n), slice_mem(val, sizeof val), 100)) == OK)
			n++;
	read_rc[0] = state_get(a, "f", key_of(buf, "k", 0), &v);
	read_rc[1] = state_get(a, "f", key_of(buf, "k", n - 1), &v);
	read_rc[2] = state_get(a, "f", key_of(buf, "k", n), &v);
	mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=4m");
	after = state_claim("c", S("after"), 60);
	state_close();
	umount(dir);
	assert_int_equal(rc, E_DOWN);
	assert_in_range(n, 100, 2000);
	assert_int_equal(read_rc[0], OK);
	assert_int_equal(read_rc[1], OK);
	assert_int_equal(read_rc[2], E_NOENT);
	assert_int_equal(after, OK);
}

/* The store's room was taken when it was opened: others who fill the disk do not stop it. */
static void disk_filled_by_others(void **s)
{
	(void)s;
	char path[96], val[1000];
	char buf[32];
	memset(val, 'f', sizeof val);
	small_disk("size=8m,mode=700");
	int open_rc = state_open(dir, 4), rc = OK;
	snprintf(path, sizeof path, "%s/ballast", dir);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, val, sizeof val) == sizeof val)
		;
	close(fd);
	for (unsigned i = 0; i < 1000 && rc == OK; i++)
		rc = state_put("f", key_of(buf, "k", i), slice_mem(val, sizeof val), 100);
	state_close();
	umount(dir);
	assert_int_equal(open_rc, OK);
	assert_int_equal(rc, OK);
}

/* ---- parallel ---- */

enum { ROUNDS = 60 };
static atomic_uint won[3][ROUNDS];

static void race(unsigned i)
{
	AUTO_ARENA a = arena_new();
	struct slice v;
	char buf[32];
	if (state_take(a, "race", key_of(buf, "code", i), &v) == OK)
		won[0][i]++;
	if (state_claim("race", key_of(buf, "jti", i), 60) == OK)
		won[1][i]++;
	if (advance("race", key_of(buf, "step", i / 10), i % 10 + 1, 60) == OK)
		won[2][i]++;
}

static void *race_all(void *unused)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		race(i);
	return unused;
}

static void one_winner_among_threads(void **s)
{
	(void)s;
	char buf[32];
	pthread_t t[THREADS];
	memset(won, 0, sizeof won);
	for (unsigned i = 0; i < ROUNDS; i++)
		assert_int_equal(state_put("race", key_of(buf, "code", i), S("grant"), 60), OK);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, race_all, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < ROUNDS; i++)
		assert_true(won[0][i] == 1 && won[1][i] == 1 && won[2][i] <= 1);
	assert_int_equal(won[2][9], 1);
}

static void *count_all(void *unused)
{
	unsigned n;
	for (int i = 0; i < 50; i++)
		if (state_count("n", S("shared"), 60, &n) != OK)
			abort();
	return unused;
}

static void counts_add_up(void **s)
{
	(void)s;
	pthread_t t[THREADS];
	unsigned n;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, count_all, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(state_count("n", S("shared"), 60, &n), OK);
	assert_int_equal(n, THREADS * 50 + 1);
}

/* A child process with the store open runs fn and says on the pipe what it did. */
static pid_t child(void (*fn)(int), int *from)
{
	int p[2];
	if (pipe(p) != 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		if (state_open(dir, 16) != OK)
			_exit(1);
		fn(p[1]);
		state_close();
		_exit(0);
	}
	close(p[1]);
	*from = p[0];
	return pid;
}

static void child_race(int to)
{
	memset(won, 0, sizeof won);
	race_all(NULL);
	if (write(to, won, sizeof won) != sizeof won)
		_exit(2);
}

static void one_winner_among_processes(void **s)
{
	(void)s;
	char buf[32];
	int from[2], status;
	pid_t pid[2];
	static unsigned got[2][3][ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++)
		assert_int_equal(state_put("race", key_of(buf, "code", i), S("grant"), 60), OK);
	state_close();		/* the store is opened after the fork */
	for (int i = 0; i < 2; i++)
		pid[i] = child(child_race, &from[i]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read(from[i], got[i], sizeof got[i]), sizeof got[i]);
		close(from[i]);
		waitpid(pid[i], &status, 0);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(got[0][0][i] + got[1][0][i], 1);
		assert_int_equal(got[0][1][i] + got[1][1][i], 1);
		assert_true(got[0][2][i] + got[1][2][i] <= 1);
	}
}

/* Writes until it is killed; each number on the pipe was acknowledged. */
static void child_write(int to)
{
	char buf[32];
	unsigned base = (unsigned)getpid() * 100000;
	for (unsigned i = base;; i++)
		if (state_put("kill", key_of(buf, "w", i), S("kept"), 600) != OK || write(to, &i, sizeof i) != sizeof i)
			_exit(3);
}

static void killed_in_the_middle(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	char buf[32];
	unsigned total = 0, n;
	int from, other, status;
	state_close();
	pid_t survivor = child(child_write, &other);
	for (int round = 0; round < 15; round++) {
		pid_t pid = child(child_write, &from);
		assert_int_equal(state_open(dir, 16), OK);
		assert_int_equal(read(from, &n, sizeof n), sizeof n);
		usleep((useconds_t)(1000 + round * 1700));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		do {
			assert_int_equal(state_get(a, "kill", key_of(buf, "w", n), &v), OK);
			assert_true(slice_is(v, "kept"));
			total++;
		} while (read(from, &n, sizeof n) == sizeof n);
		close(from);
		for (int i = 0; i < 20; i++)	/* the other goes on */
			assert_int_equal(read(other, &n, sizeof n), sizeof n);
		assert_int_equal(state_put("kill", S("mine"), S("v"), 60), OK);
		state_close();
	}
	assert_int_equal(state_open(dir, 16), OK);
	kill(survivor, SIGKILL);
	waitpid(survivor, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(other);
	assert_true(total > 15);
}

static void child_says_who(int to)
{
	uint64_t self = state_self();
	if (write(to, &self, sizeof self) == sizeof self)
		pause();
}

static void who_lives_is_known(void **s)
{
	(void)s;
	uint64_t it;
	int from, status;
	state_close();
	pid_t pid = child(child_says_who, &from);
	assert_int_equal(read(from, &it, sizeof it), sizeof it);
	assert_int_equal(state_open(dir, 16), OK);
	assert_true(state_alive(state_self()));
	assert_int_not_equal(it, state_self());
	assert_true(state_alive(it));
	assert_false(state_alive(it + 1));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_false(state_alive(it));
	close(from);
	uint64_t before = state_self();
	state_close();
	assert_int_equal(state_open(dir, 16), OK);
	assert_false(state_alive(before));	/* also who ended in order */
}

static void survives_close_and_open(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	struct stat st;
	char path[96];
	assert_int_equal(state_put("t", S("k"), S("kept"), 60), OK);
	state_close();
	assert_int_equal(state_get(a, "t", S("k"), &v), E_DOWN);
	assert_int_equal(state_put("t", S("k"), S("x"), 60), E_DOWN);
	assert_int_equal(state_open(dir, 16), OK);
	assert_int_equal(state_open(dir, 16), E_INPUT);
	assert_int_equal(state_get(a, "t", S("k"), &v), OK);
	assert_true(slice_is(v, "kept"));
	snprintf(path, sizeof path, "%s/data.mdb", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void no_key_in_the_file(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	char path[96];
	assert_int_equal(state_put("t", S("cookie-value-of-alice"), S("value-in-the-file"), 60), OK);
	snprintf(path, sizeof path, "%s/data.mdb", dir);
	size_t n = (size_t)file_size();
	char *p = arena_alloc(a, n);
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, p, n), n);
	close(fd);
	assert_non_null(memmem(p, n, "value-in-the-file", 17));
	assert_null(memmem(p, n, "cookie-value-of-alice", 21));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	log_open("test_state", 2);	/* its errors are meant */
	const struct CMUnitTest tests[] = {
		T(verbs), T(several_as_one), T(big_and_binary), T(writes_wait_reads_do_not), T(ends), T(more_and_less_time), T(nothing_grows),
		T(expired_but_not_swept), T(full_map), T(a_flood_of_guests), T(a_flood_from_one_network), T(failing_disk), T(failing_root_page),
		T(full_disk), T(disk_filled_by_others), T(one_winner_among_threads),
		T(counts_add_up), T(one_winner_among_processes), T(killed_in_the_middle), T(who_lives_is_known), T(survives_close_and_open), T(no_key_in_the_file),
		/* they leave a clock that is doubted for a minute: last */
		T(a_claim_outlives_what_it_claims), T(a_clock_that_jumps_ahead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
