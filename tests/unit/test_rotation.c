/* Keys follow keys and come to other nodes: what is made of them, what is refused, and that no moment leaves a keyring that is neither old nor new. */
/* LINK: -Wl,--wrap=openat -Wl,--wrap=write -Wl,--wrap=fsync -Wl,--wrap=renameat -Wl,--wrap=unlinkat -Wl,--wrap=fdatasync */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/log.h"
#include "keyring/envelope.h"
#include "keyring/pace.h"
#include "keyring/ring.h"
#include "keyring/secret.h"
#include "keyring/trail.h"

static struct arena *a;
static char home[64];
static const struct ring_terms terms = { 600, 300, 90 * 86400 };

/* --- the disk, where it ends or the power goes --- */

static int dies_at = -1, full_at = -1, calls;
#define STEP() (calls++, calls - 1 == dies_at ? _exit(9) : (void)0, full_at >= 0 && calls - 1 >= full_at)

int __real_openat(int, const char *, int, mode_t), __wrap_openat(int, const char *, int, mode_t);
int __wrap_openat(int d, const char *p, int f, mode_t m)
{
	if (STEP() && (f & O_CREAT) != 0) {
		errno = ENOSPC;
		return -1;
	}
	return __real_openat(d, p, f, m);
}

ssize_t __real_write(int, const void *, size_t), __wrap_write(int, const void *, size_t);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (fd <= 2)
		return __real_write(fd, p, n);
	if (STEP()) {
		errno = ENOSPC;
		return n > 10 ? __real_write(fd, p, 10) : -1;	/* half of it still fitted */
	}
	return __real_write(fd, p, n);
}

int __real_fsync(int), __wrap_fsync(int);
int __wrap_fsync(int fd)
{
	errno = ENOSPC;
	return STEP() ? -1 : __real_fsync(fd);
}

int __real_fdatasync(int), __wrap_fdatasync(int);
int __wrap_fdatasync(int fd)
{
	errno = ENOSPC;
	return STEP() ? -1 : __real_fdatasync(fd);
}

int __real_renameat(int, const char *, int, const char *), __wrap_renameat(int, const char *, int, const char *);
int __wrap_renameat(int d, const char *f, int e, const char *t)
{
	errno = ENOSPC;
	return STEP() ? -1 : __real_renameat(d, f, e, t);
}

int __real_unlinkat(int, const char *, int), __wrap_unlinkat(int, const char *, int);
int __wrap_unlinkat(int d, const char *p, int f)
{
	(void)STEP();
	return __real_unlinkat(d, p, f);
}

/* --- nodes --- */

static char *dir_of(const char *name)
{
	return arena_printf(a, "%s/%s", home, name);
}

static struct ring *node(const char *name)
{
	struct ring *r = ARENA_NEW(a, struct ring);
	assert_int_equal(keystore_make_dir(dir_of(name), (uid_t)-1, (gid_t)-1), OK);
	assert_int_equal(ring_open(r, dir_of(name), &terms), OK);
	return r;
}

static void close_node(struct ring *r)
{
	close(r->store->lock);
	arena_free(r->store->a);
}

static const struct ring_key *current(const struct ring *r, const char *use, const char *alg, time_t at)
{
	return keystore_current(r->store, use, alg, at);
}

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	strcpy(home, "/tmp/test_rotation.XXXXXX");
	return mkdtemp(home) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	a = arena_free(a);
	char cmd[100];
	snprintf(cmd, sizeof cmd, "rm -rf %s", home);
	return system(cmd);
}

static const unsigned char *own_key(const struct ring *r)
{
	return current(r, "node", NULL, now())->secret;
}

static void new_keys_wait(void **state)
{
	(void)state;
	struct ring *r = node("waits");
	json_t *root;
	time_t t = now();
	const char *old = arena_strdup(a, current(r, "sign", "ES256", t)->kid), *seal = arena_strdup(a, current(r, "seal", NULL, t)->kid);
	const char *subject = arena_strdup(a, current(r, "subject", NULL, t)->kid);
	assert_int_equal(rotation_next(a, r->store, S("subject"), false, &terms, &root), E_INPUT);
	assert_int_equal(rotation_next(a, r->store, S("node"), false, &terms, &root), E_INPUT);
	assert_int_equal(rotation_next(a, r->store, S(""), false, &terms, &root), OK);
	assert_int_equal(ring_change(r, root), OK);
	assert_int_equal(r->store->n, 8 + 6);
	assert_string_equal(current(r, "sign", "ES256", t)->kid, old);
	assert_string_equal(current(r, "sign", "ES256", t + 599)->kid, old);
	assert_string_not_equal(current(r, "sign", "ES256", t + 602)->kid, old);
	assert_string_not_equal(current(r, "seal", NULL, t + 602)->kid, seal);
	assert_string_equal(current(r, "subject", NULL, t + 100000000)->kid, subject);
	assert_int_equal(rotation_next(a, r->store, S(""), false, &terms, &root), E_EXISTS);
	assert_int_equal(rotation_retire(a, r->store, slice_of(seal), t, &root), E_EXISTS);		/* it seals */
	assert_int_equal(rotation_retire(a, r->store, slice_of(old), t + 1000, &root), E_EXISTS);	/* goes by itself */
	assert_int_equal(rotation_retire(a, r->store, slice_of(subject), t + 1000, &root), E_EXISTS);
	assert_int_equal(rotation_retire(a, r->store, S("nothing"), t, &root), E_NOENT);
	assert_int_equal(rotation_prune(a, r->store, t + 600, 300, &root), E_NOENT);
	assert_int_equal(rotation_prune(a, r->store, t + 4 * 86400, 300, &root), OK);
	assert_int_equal(ring_change(r, root), OK);
	assert_null(keystore_by_kid(r->store, slice_of(old)));
	assert_non_null(keystore_by_kid(r->store, slice_of(seal)));	/* secrets may need it */
	assert_int_equal(rotation_retire(a, r->store, slice_of(seal), t + 1000, &root), OK);
	assert_int_equal(ring_change(r, root), OK);
	assert_null(keystore_by_kid(r->store, slice_of(seal)));
	close_node(r);
}

static void stolen_keys_go_at_once(void **state)
{
	(void)state;
	struct ring *r = node("stolen");
	json_t *root;
	const char *old = arena_strdup(a, current(r, "sign", "RS256", now())->kid), *seal = arena_strdup(a, current(r, "seal", NULL, now())->kid);
	const char *day = arena_strdup(a, current(r, "day", NULL, now())->kid);
	assert_int_equal(rotation_next(a, r->store, S(""), true, &terms, &root), OK);
	assert_int_equal(ring_change(r, root), OK);
	assert_null(keystore_by_kid(r->store, slice_of(old)));
	assert_null(keystore_by_kid(r->store, slice_of(day)));
	assert_string_not_equal(current(r, "day", NULL, now() - 86400)->kid, day);
	assert_non_null(keystore_by_kid(r->store, slice_of(seal)));
	assert_string_not_equal(current(r, "seal", NULL, now())->kid, seal);
	close_node(r);
}

/* By age: new keys are made so early that they sign when the old ones have reached it. */
static void rotates_by_itself(void **state)
{
	(void)state;
	struct ring *r = node("age");
	r->terms = (struct ring_terms){ 2, 1, 3 };
	const char *old = arena_strdup(a, current(r, "sign", "ES256", now())->kid);
	time_t begun = current(r, "sign", "ES256", now())->from, end = now() + 20;
	AUTO_ARENA tmp = arena_new();
	assert_int_equal(trail_open(r->store->lock), OK);
	for (; keystore_by_kid(r->store, slice_of(old)) != NULL && now() < end; usleep(100000)) {
		ring_tidy(r);
		if (now() < begun + 3)
			assert_string_equal(current(r, "sign", "ES256", now())->kid, old);
	}
	assert_null(keystore_by_kid(r->store, slice_of(old)));		/* followed, left, gone */
	assert_true(r->store->n <= 8 + 4 * 2);
	close_node(r);
	r = node("age-follower");
	r->store->follows = true;
	assert_int_equal(rotation_due(r->store, &(struct ring_terms){ 1, 1, 1 }), INT64_MAX);	/* where they come from they rotate */
	close_node(r);
}

/* --- the moment --- */

static int rotate_dying(const char *name, int at, int full)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct ring *r = node(name);
		json_t *root;
		if (rotation_next(a, r->store, S("seal"), true, &terms, &root) != OK)
			_exit(1);
		calls = 0;
		dies_at = at;
		full_at = full;
		int e = ring_change(r, root);
		full_at = dies_at = -1;
		if (e != OK && r->store->n != 8)
			_exit(2);
		_exit(e == OK ? 0 : e == E_DOWN ? 3 : 4);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void every_moment_is_old_or_new(void **state)
{
	(void)state;
	bool old_seen = false, new_seen = false;
	close_node(node("moment"));
	char *cp = arena_printf(a, "cp %s/moment/keyring.json %s/before", home, home), *back = arena_printf(a, "cp %s/before %s/moment/keyring.json", home, home);
	assert_int_equal(system(cp), 0);
	int at = 0, status;
	for (; at < 40; at++) {
		assert_int_equal(system(back), 0);
		status = rotate_dying("moment", at, -1);
		struct ring *r = node("moment");	/* opens: usable */
		old_seen |= r->store->n == 8;
		new_seen |= r->store->n == 9;
		assert_true(r->store->n == 8 || r->store->n == 9);
		close_node(r);
		if (status == 0)
			break;
		assert_int_equal(status, 9);
	}
	assert_true(old_seen && new_seen);
	assert_in_range(at, 4, 30);			/* there were steps to die at */
	for (int full = 0; full < at; full++) {
		assert_int_equal(system(back), 0);
		status = rotate_dying("moment", -1, full);
		assert_true(status == 3 || status == 0);	/* said so, and still has the old */
		struct ring *r = node("moment");
		assert_true(r->store->n == 8 || r->store->n == 9);
		close_node(r);
	}
	assert_int_equal(system(back), 0);
	assert_int_equal(rotate_dying("moment", -1, 0), 3);
}

/* --- nodes among themselves --- */

static int import_into(struct ring *r, struct slice jwe, struct slice passphrase, bool replace, const char **why)
{
	struct slice plain;
	json_t *given, *root;
	int e = envelope_open(a, jwe, own_key(r), passphrase, &plain, why);
	if (e != OK)
		return e;
	assert_int_equal(json_parse(a, plain, &given, NULL), OK);
	e = rotation_import(a, r->store, given, replace, &root, why);
	return e == OK ? ring_change(r, root) : e;
}

static struct slice export_for(struct ring *from, struct ring *to)
{
	struct slice jwe;
	assert_int_equal(envelope_to_node(a, envelope_address(a, own_key(to)), json_text(a, rotation_export(a, from->store, NULL)), &jwe), OK);
	return jwe;
}

static void nodes_share_keys(void **state)
{
	(void)state;
	struct ring *one = node("one"), *two = node("two"), *three = node("three");
	struct slice sealed_one, sealed_two, plain;
	const char *why = "";
	const unsigned char *two_was = own_key(two);
	secret_seal(a, one->store, S("of one"), S("ad"), &sealed_one);
	secret_seal(a, two->store, S("of two"), S("ad"), &sealed_two);
	struct slice jwe = export_for(one, two);
	assert_null(memmem(jwe.p, jwe.n, "private", 7));
	assert_int_equal(import_into(three, jwe, S(""), true, &why), E_INPUT);
	assert_non_null(strstr(why, "another node"));
	assert_int_equal(import_into(two, jwe, S("some passphrase or other"), false, &why), E_EXISTS);	/* subjects would change */
	assert_non_null(strstr(why, "subject"));
	unsigned char node_two[32];
	memcpy(node_two, two_was, 32);
	assert_int_equal(import_into(two, jwe, S(""), true, &why), OK);
	assert_memory_equal(own_key(two), node_two, 32);		/* its own stays its own */
	assert_true(two->store->follows);
	static const char *const uses[] = { "sign", "seal", "day", "subject" };
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(current(one, uses[i], NULL, now())->kid, current(two, uses[i], NULL, now())->kid);
	assert_int_equal(secret_unseal(a, two->store, sealed_one, S("ad"), &plain), OK);
	assert_int_equal(secret_unseal(a, two->store, sealed_two, S("ad"), &plain), OK);	/* what it sealed itself is not lost */
	assert_int_equal(secret_unseal(a, one->store, sealed_two, S("ad"), &plain), E_INPUT);
	json_t *root;
	assert_int_equal(rotation_next(a, one->store, S(""), false, &terms, &root), OK);
	assert_int_equal(ring_change(one, root), OK);
	struct slice newer = export_for(one, two);
	assert_int_equal(import_into(two, newer, S(""), false, &why), OK);		/* now without being asked to replace */
	assert_true(slice_eq(keystore_jwks(a, one->store, now() + 601, 300), keystore_jwks(a, two->store, now() + 601, 300)));
	assert_int_equal(import_into(two, jwe, S(""), false, &why), E_EXISTS);
	assert_non_null(strstr(why, "older"));
	close_node(one), close_node(two), close_node(three);
}

static void envelopes_open_for_nobody_else(void **state)
{
	(void)state;
	unsigned char mine[32], other[32];
	struct slice jwe, plain;
	const char *why = "";
	memset(mine, 1, 32), memset(other, 2, 32);
	assert_int_equal(envelope_to_passphrase(a, S("fifteen bytes ."), S("keys"), &jwe), E_INPUT);
	assert_int_equal(envelope_to_node(a, S("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"), S("keys"), &jwe), E_INPUT);
	static const char *const no_address[] = { "", "{}", "null", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"CQAA\"}", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"CQ\"}" };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(envelope_to_node(a, slice_of(no_address[i]), S("keys"), &jwe), E_INPUT);
	assert_int_equal(envelope_to_passphrase(a, S("sixteen bytes .."), S("keys"), &jwe), OK);
	assert_int_equal(envelope_open(a, jwe, mine, S("sixteen bytes .."), &plain, &why), OK);
	assert_true(slice_eq(plain, S("keys")));
	assert_int_equal(envelope_open(a, jwe, mine, S("sixteen bytes ,."), &plain, &why), E_INPUT);
	assert_non_null(strstr(why, "passphrase is wrong"));
	assert_int_equal(envelope_open(a, jwe, mine, S(""), &plain, &why), E_INPUT);
	assert_non_null(strstr(why, "none was given"));
	assert_int_equal(envelope_to_node(a, envelope_address(a, mine), S("keys"), &jwe), OK);
	assert_int_equal(envelope_open(a, jwe, other, S(""), &plain, &why), E_INPUT);
	assert_int_equal(envelope_open(a, jwe, NULL, S("sixteen bytes .."), &plain, &why), E_INPUT);
	assert_int_equal(envelope_open(a, jwe, mine, S(""), &plain, &why), OK);
	for (size_t i = 0; i < jwe.n; i++) {		/* no character of it can be changed, and no end taken off */
		struct slice copy = arena_copy(a, jwe);
		((char *)copy.p)[i] = copy.p[i] == 'A' ? 'B' : 'A';
		assert_int_equal(envelope_open(a, copy, mine, S(""), &plain, &why), E_INPUT);
		assert_int_equal(envelope_open(a, (struct slice){ jwe.p, i }, mine, S(""), &plain, &why), E_INPUT);
	}
}

/* After a restore nothing opens that was sealed for a day, and no step up to now is taken. */
static void a_restore_forgets_days_and_steps(void **state)
{
	(void)state;
	struct ring *r = node("restored");
	json_t *root;
	time_t t = now();
	const char *day = arena_strdup(a, current(r, "day", NULL, t)->kid), *seal = arena_strdup(a, current(r, "seal", NULL, t)->kid);
	assert_int_equal(rotation_restore(a, rotation_export(a, r->store, NULL), t, &root), OK);
	assert_int_equal(keystore_plant(dir_of("restored"), root, (uid_t)-1, 0), E_EXISTS);
	assert_int_equal(keystore_make_dir(dir_of("fresh"), (uid_t)-1, (gid_t)-1), OK);
	assert_int_equal(keystore_plant(dir_of("fresh"), root, (uid_t)-1, 0), OK);
	struct ring *f = node("fresh");
	assert_string_not_equal(current(f, "day", NULL, t)->kid, day);
	assert_string_not_equal(current(f, "day", NULL, t - 86400)->kid, day);
	assert_string_equal(current(f, "seal", NULL, t)->kid, seal);
	assert_int_equal(f->store->otp_after, t + 30);
	close_node(f), close_node(r);
}

/* --- limits and trail --- */

static void guesses_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_true(guess_take(S("alice|app-1"), 5));
	assert_false(guess_take(S("alice|app-1"), 5));
	assert_true(guess_take(S("alice|app-2"), 5));
	guess_right(S("alice|app-1"));
	assert_true(guess_take(S("alice|app-1"), 5));
	assert_false(guess_take(S("alice|app-1"), 5));
	/* Whoever is wrong for many others does not get rid of what he was counted for. */
	unsigned refused = 0;
	for (int i = 0; i < 200000; i++) {
		struct slice other = slice_of(arena_printf(a, "person %d", i));
		bool first = guess_take(other, 5);
		refused += !first;
		if (first)
			guess_take(other, 5);
	}
	assert_true(refused > 0);		/* where there is no room, no */
	assert_false(guess_take(S("alice|app-1"), 5));
}

static void verbs_have_a_pace(void **state)
{
	(void)state;
	unsigned long long asked, refused;
	unsigned got = 0;
	while (ticks_ms() % 60000 > 55000)
		usleep(100000);		/* not over the end of a minute */
	for (int i = 0; i < 100; i++)
		got += pace_take(60, 40);
	assert_int_equal(got, 40);
	pace_counted(60, &asked, &refused);
	assert_int_equal(asked, 100);
	assert_int_equal(refused, 60);
	pace_counted(60, &asked, &refused);
	assert_int_equal(asked, 0);
	for (int i = 0; i < 100; i++)
		assert_true(pace_take(61, 0));
}

static struct slice file(const char *path)
{
	char *p = arena_alloc(a, 65536);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, p, 65536);
	close(fd);
	return slice_mem(p, n > 0 ? (size_t)n : 0);
}

static void the_trail_tells_what_was_done_to_it(void **state)
{
	(void)state;
	struct ring *r = node("trail");
	char *path = dir_of("trail/trail.log");
	size_t lines;
	const char *why;
	assert_int_equal(trail_open(r->store->lock), OK);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(trail_line(&(struct trail_line){ .event = "rotate", .why = "a \"quoted\" word", .count = i }), OK);
	full_at = calls;
	assert_int_equal(trail_line(&(struct trail_line){ .event = "lost" }), E_DOWN);
	full_at = -1;
	assert_int_equal(trail_line(&(struct trail_line){ .event = "rotate", .count = 6 }), OK);
	struct slice good = file(path);
	assert_int_equal(trail_check(good, &lines, &why), OK);
	assert_int_equal(lines, 6);
	assert_null(memmem(good.p, good.n, "lost", 4));
	const char *second = (const char *)memchr(good.p, '\n', good.n) + 1, *third = (const char *)memchr(second, '\n', 1000) + 1;
	struct buf without = buf_new(a), twice = buf_new(a), changed = buf_new(a);
	buf_raw(&without, slice_mem(good.p, (size_t)(second - good.p)));
	buf_raw(&without, slice_mem(third, good.n - (size_t)(third - good.p)));
	assert_int_equal(trail_check(buf_slice(&without), &lines, &why), E_INPUT);
	assert_int_equal(lines, 2);
	buf_raw(&twice, slice_mem(good.p, (size_t)(third - good.p)));
	buf_raw(&twice, slice_mem(second, good.n - (size_t)(second - good.p)));
	assert_int_equal(trail_check(buf_slice(&twice), &lines, &why), E_INPUT);
	buf_raw(&changed, good);
	*strstr(changed.p, "\"count\":3") = '_';
	assert_int_equal(trail_check(buf_slice(&changed), &lines, &why), E_INPUT);
	/* Half a line, as the power leaves it: it stays, and what follows rests on it. */
	FILE *f = fopen(path, "a");
	fputs("{\"time\":\"2026-", f);
	fclose(f);
	assert_int_equal(trail_open(r->store->lock), OK);
	assert_int_equal(trail_line(&(struct trail_line){ .event = "start" }), OK);
	int e = trail_check(file(path), &lines, &why);
	if (e != OK)
		print_message("line %zu: %s\n%s", lines, why, file(path).p);
	assert_int_equal(e, OK);
	assert_int_equal(lines, 8);
	close_node(r);
}

int main(void)
{
	log_open("test", getenv("SHOW") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR - 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_keys_wait), cmocka_unit_test(stolen_keys_go_at_once), cmocka_unit_test(rotates_by_itself),
		cmocka_unit_test(every_moment_is_old_or_new), cmocka_unit_test(nodes_share_keys),
		cmocka_unit_test(envelopes_open_for_nobody_else), cmocka_unit_test(a_restore_forgets_days_and_steps),
		cmocka_unit_test(guesses_end), cmocka_unit_test(verbs_have_a_pace), cmocka_unit_test(the_trail_tells_what_was_done_to_it),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
