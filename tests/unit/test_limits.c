/* LINK: -Wl,--wrap=now_ms -Wl,--wrap=ticks_ms -Wl,--wrap=state_update -Wl,--wrap=state_update_all -Wl,--wrap=audit_write */
/* LINK: -Wl,--wrap=directory_key_lock -Wl,--wrap=directory_password_failures */
/* Limits: how many tries are evaluated, when they begin anew, and that nobody can tell who exists. */
/* ONE TRY: what it looks for goes wrong seldom. */
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
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "core/history.h"
#include "core/limits.h"
#include "svc/audit.h"
#include "svc/state.h"

static char dir[64];
static _Atomic int64_t skew_ms;
static struct person alice;
static struct key app;
static char changed[32];

/* The directory: what it was told, and whether it takes it. */
static int directory_rc, audit_rc, state_rc;
static _Atomic int told_failures = -1;
static atomic_uint told_times, locked_times, audited;

int64_t __real_now_ms(void);
int64_t __wrap_now_ms(void);
int64_t __wrap_now_ms(void)
{
	return __real_now_ms() + skew_ms;
}

uint64_t __real_ticks_ms(void);
uint64_t __wrap_ticks_ms(void);
uint64_t __wrap_ticks_ms(void)
{
	return __real_ticks_ms() + (uint64_t)skew_ms;
}

int __real_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	return state_rc != OK ? state_rc : __real_state_update(ns, key, fn, ctx);
}

int __real_state_update_all(const struct state_act *acts, size_t n);
int __wrap_state_update_all(const struct state_act *acts, size_t n);
int __wrap_state_update_all(const struct state_act *acts, size_t n)
{
	return state_rc != OK ? state_rc : __real_state_update_all(acts, n);
}

int __wrap_directory_password_failures(const struct person *p, unsigned n);
int __wrap_directory_password_failures(const struct person *p, unsigned n)
{
	assert_ptr_equal(p, &alice);
	if (directory_rc == OK)
		told_failures = (int)n;
	told_times++;
	return directory_rc;
}

int __wrap_directory_key_lock(const struct key *k);
int __wrap_directory_key_lock(const struct key *k)
{
	assert_ptr_equal(k, &app);
	locked_times++;
	return directory_rc;
}

int __wrap_audit_write(const struct audit_line *l);
int __wrap_audit_write(const struct audit_line *l)
{
	assert_int_equal(l->event, EV_KEY_LOCKED);
	audited++;
	return audit_rc;
}

static int setup(void **s)
{
	(void)s;
	skew_ms = 0;
	directory_rc = audit_rc = state_rc = OK;
	told_failures = -1;
	told_times = locked_times = audited = 0;
	strcpy(changed, "20260101000000Z");
	alice = (struct person){ .subject = "11111111-2222-4333-8444-555555555555", .name = "alice", .state = "active",
		.password_changed = changed };
	app = (struct key){ .id = "app-1", .kind = "app", .state = "active" };
	limits_open(&(struct limits_conf){ .password_max = 100, .password_free = 3, .delay_max_s = 60, .second_max = 10, .turns_max = 7,
		.sent_max = 12 });
	strcpy(dir, "/tmp/test_limits.XXXXXX");
	return mkdtemp(dir) == NULL || state_open(dir, 16) != OK;
}

static int teardown(void **s)
{
	(void)s;
	char path[96];
	state_close();
	for (const char *const *f = (const char *const[]){ "data.mdb", "lock.mdb", "processes", NULL }; *f != NULL; f++) {
		snprintf(path, sizeof path, "%s/%s", dir, *f);
		unlink(path);
	}
	return rmdir(dir);
}

static unsigned wait_s;

static int was_right(const struct person *p, const char *peer)
{
	AUTO_ARENA a = arena_new();
	struct state_act acts[LIMITS_RIGHT];
	limits_password_right(a, p, peer, acts);
	return state_update_all(acts, LIMITS_RIGHT);
}

static int try_as(const struct person *p, const char *name, const char *peer)
{
	wait_s = 12345;
	return limits_password(p, slice_of(name), peer, NULL, &wait_s);
}

/* From ever another network, so that only the tally counts. */
static int try_anywhere(const struct person *p, const char *name)
{
	static unsigned n;
	char peer[32];
	n++;
	snprintf(peer, sizeof peer, "10.%u.%u.1", n / 256 % 256, n % 256);
	return try_as(p, name, peer);
}

static void delays_of(const struct person *p, const char *name)
{
	static const unsigned expected[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	for (int i = 0; i < 3; i++)
		assert_int_equal(try_as(p, name, "192.0.2.7"), OK);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		assert_int_equal(try_as(p, name, "192.0.2.8"), E_LIMIT);		/* the same /24 */
		assert_int_equal(wait_s, expected[i]);
		skew_ms += expected[i] * 1000 - 200;
		assert_int_equal(try_as(p, name, "::ffff:192.0.2.9"), E_LIMIT);	/* and the same in IPv6 clothes */
		assert_int_equal(wait_s, 1);
		skew_ms += 400;
		assert_int_equal(try_as(p, name, "192.0.2.7"), OK);
	}
}

static void delays(void **s)
{
	(void)s;
	delays_of(&alice, "alice");
	assert_int_equal(try_as(&alice, "alice", "192.0.3.7"), OK);	/* another network has its own */
	assert_int_equal(was_right(&alice, "192.0.2.7"), OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), OK);
	assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), E_LIMIT);
	assert_int_equal(limits_turns(), 7);
}

static void delays_of_unknown_names_are_the_same(void **s)
{
	(void)s;
	delays_of(NULL, "Nobody");
	assert_int_equal(try_as(NULL, "nOBODY", "192.0.2.7"), E_LIMIT);	/* case does not matter */
	assert_int_equal(try_as(NULL, "nobody2", "192.0.2.7"), OK);
	assert_int_equal(try_as(NULL, alice.subject, "192.0.2.7"), OK);	/* its own namespace */
	assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), OK);
}

static void networks(void **s)
{
	(void)s;
	static const struct { const char *one, *other; bool same; } of[] = {
		{ "2001:db8:1:100::1", "2001:db8:1:1ff:ffff::2", true }, { "2001:db8:1:100::1", "2001:db8:1:200::1", false },
		{ "10.1.2.3", "10.1.2.250", true }, { "10.1.2.3", "10.1.3.3", false }, { "fe80::1%eth0", "fe80::2%eth1", true },
		{ "unix", "unix", true }, { NULL, "", true }, { "unix", "", false },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char name[32];
		snprintf(name, sizeof name, "name%zu", i);
		for (int n = 0; n < 3; n++)
			assert_int_equal(try_as(NULL, name, of[i].one), OK);
		assert_int_equal(try_as(NULL, name, of[i].other), of[i].same ? E_LIMIT : OK);
	}
}

static void a_clock_set_back(void **s)
{
	(void)s;
	for (int i = 0; i < 3; i++)
		assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), OK);
	skew_ms = -100000 * 1000;
	assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), E_LIMIT);
	assert_int_equal(wait_s, 1);
}

static void exhaust(const struct person *p, const char *name)
{
	for (int i = 0; i < 100; i++)
		assert_int_equal(try_anywhere(p, name), OK);
	assert_int_equal(told_times, 0);
	assert_int_equal(try_anywhere(p, name), E_LIMIT);
	assert_int_equal(wait_s, 0);
}

static void refused_at_the_maximum(void **s)
{
	(void)s;
	exhaust(&alice, "alice");
	assert_int_equal(told_failures, 100);
	assert_int_equal(audited, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(try_anywhere(&alice, "Alice@example.org"), E_LIMIT);	/* however they are named */
	assert_int_equal(told_times, 1);
	assert_int_equal(audited, 1);
	assert_int_equal(was_right(&alice, "192.0.2.7"), E_LIMIT);	/* one that was under way: too late */
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	skew_ms += 20LL * 86400 * 1000;
	alice.password_failures = 100;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
}

static void unknown_names_are_refused_too(void **s)
{
	(void)s;
	exhaust(NULL, "nobody");
	assert_int_equal(told_times, 0);
	assert_int_equal(audited, 0);
}

static void a_right_one_starts_anew(void **s)
{
	(void)s;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 99; i++)
			assert_int_equal(try_anywhere(&alice, "alice"), OK);
		assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), OK);
		assert_int_equal(was_right(&alice, "192.0.2.7"), OK);
	}
	exhaust(&alice, "alice");
}

static void an_administrator_resets(void **s)
{
	(void)s;
	exhaust(&alice, "alice");
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);	/* a cache that has not seen 100 yet is no reset */
	skew_ms += 5 * 1000;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	alice.password_failures = 100;
	skew_ms += 60 * 1000;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	alice.password_failures = 0;
	told_times = 0;
	exhaust(&alice, "alice");
}

static void a_changed_password_starts_anew(void **s)
{
	(void)s;
	exhaust(&alice, "alice");
	alice.password_failures = 100;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	strcpy(changed, "20260202000000Z");
	directory_rc = E_DOWN;		/* it still says 100 */
	assert_int_equal(try_anywhere(&alice, "alice"), OK);
	assert_int_equal(was_right(&alice, "10.9.9.9"), OK);
	assert_int_equal(try_anywhere(&alice, "alice"), OK);
	directory_rc = OK;
	assert_int_equal(try_anywhere(&alice, "alice"), OK);
	assert_int_equal(told_failures, 0);	/* and is told better */
	alice.password_failures = 0;
	told_times = 0;
	for (int i = 0; i < 98; i++)
		assert_int_equal(try_anywhere(&alice, "alice"), OK);
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	assert_int_equal(told_failures, 100);
}

static void the_directory_is_the_floor(void **s)
{
	(void)s;
	alice.password_failures = 100;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	assert_int_equal(wait_s, 0);
	assert_int_equal(told_times, 0);
}

static void a_directory_that_does_not_take_it(void **s)
{
	(void)s;
	directory_rc = E_DOWN;
	exhaust(&alice, "alice");
	assert_int_equal(audited, 0);
	skew_ms += 3600 * 1000;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);	/* while one tells it, others do not */
	assert_int_equal(told_times, 2);
	directory_rc = OK;
	audit_rc = E_DOWN;
	skew_ms += 6 * 1000;
	assert_int_equal(try_anywhere(&alice, "alice"), E_DOWN);
	audit_rc = OK;
	skew_ms += 6 * 1000;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	skew_ms += 6 * 1000;
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
	assert_int_equal(told_times, 4);
}

static void broken_is_not_wrong(void **s)
{
	(void)s;
	for (int i = 0; i < 300; i++) {
		assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), OK);
		assert_int_equal(limits_password_undo(&alice, S("alice"), "192.0.2.7"), OK);
		assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
		assert_int_equal(limits_second_undo(&alice, &app), OK);
	}
	state_rc = E_DOWN;
	assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), E_DOWN);
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_DOWN);
	assert_int_equal(was_right(&alice, "192.0.2.7"), E_DOWN);
	assert_int_equal(limits_second_right(&alice, &app, false, NULL, 0), E_DOWN);
	state_rc = E_WAIT;
	assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), E_WAIT);
}

/* What cannot be undone: a lock. */
static void undo_does_not_unlock(void **s)
{
	(void)s;
	exhaust(&alice, "alice");
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_password_undo(&alice, S("alice"), "192.0.2.7"), OK);
	assert_int_equal(try_anywhere(&alice, "alice"), E_LIMIT);
}

/* Nobody waits for it: it comes behind the answer. */
static void in_history(const char *event, const char *key)
{
	AUTO_ARENA a = arena_new();
	struct history *all;
	size_t n = 0;
	for (int i = 0; i < 200 && n == 0; i++, usleep(10000))
		assert_int_equal(history_read(a, alice.subject, &all, &n), OK);
	assert_int_equal(n, 1);
	assert_string_equal(all[0].event, event);
	assert_string_equal(all[0].key, key);
	assert_string_equal(all[0].place, "192.0.2.7");
}

static void second_factor(void **s)
{
	(void)s;
	struct key other = app;
	other.id = "app-2";
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 10; i++)
			assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
		assert_int_equal(limits_second_right(&alice, &app, false, NULL, 0), OK);	/* the tenth was right */
	}
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
	directory_rc = E_DOWN;
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	assert_int_equal(locked_times, 1);
	skew_ms += 6 * 1000;
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	assert_int_equal(locked_times, 2);
	directory_rc = OK;
	skew_ms += 6 * 1000;
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	assert_int_equal(locked_times, 3);
	assert_int_equal(audited, 1);
	in_history("key.locked", "app-1");
	assert_int_equal(limits_second_right(&alice, &app, false, NULL, 0), E_LIMIT);
	assert_int_equal(limits_second(&alice, &other, "192.0.2.7", NULL), OK);
	app.state = "locked";
	skew_ms += 3600 * 1000;
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	app.state = "active";		/* an administrator */
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
	assert_int_equal(locked_times, 4);
	for (const char *const *state = (const char *const[]){ "revoked", "", "Active", "Pending", NULL }; *state != NULL; state++) {
		other.state = *state;
		assert_int_equal(limits_second(&alice, &other, "192.0.2.7", NULL), E_LIMIT);
	}
}

/* A key that is to be added is not locked: who was wrong too often can try again when an hour has passed, and hammering does not make it longer. */
static void a_key_that_waits(void **s)
{
	(void)s;
	app.state = "pending";
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
	for (int minute = 0; minute < 59; minute++) {
		assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
		skew_ms += 60 * 1000;
	}
	skew_ms += 2 * 60 * 1000;
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
	assert_int_equal(locked_times, 0);
	assert_int_equal(audited, 0);
	assert_int_equal(limits_second_right(&alice, &app, false, NULL, 0), OK);
	app.state = "active";
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), OK);
}

enum { THREADS = 200 };
static atomic_uint evaluated;
static pthread_barrier_t gate;

static void *attempt_second(void *unused)
{
	pthread_barrier_wait(&gate);
	if (limits_second(&alice, &app, "192.0.2.7", NULL) == OK)
		evaluated++;
	return unused;
}

static void *attempt_password(void *peer)
{
	unsigned w;
	pthread_barrier_wait(&gate);
	if (limits_password(&alice, S("alice"), peer, NULL, &w) == OK)
		evaluated++;
	return NULL;
}

static unsigned parallel(void *(*fn)(void *), const char *same_peer)
{
	pthread_t t[THREADS];
	char peers[THREADS][24];
	evaluated = 0;
	pthread_barrier_init(&gate, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		snprintf(peers[i], sizeof peers[i], "10.77.%d.1", i);
		pthread_create(&t[i], NULL, fn, same_peer ? (void *)same_peer : peers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&gate);
	return evaluated;
}

static void two_hundred_at_once(void **s)
{
	(void)s;
	assert_int_equal(parallel(attempt_second, NULL), 10);
	assert_int_equal(parallel(attempt_password, "192.0.2.7"), 3);
	assert_int_equal(parallel(attempt_password, NULL), 97);
	assert_int_equal(parallel(attempt_password, NULL), 0);
}

static void not_configured_is_refused(void **s)
{
	(void)s;
	limits_open(&(struct limits_conf){ 0 });
	assert_int_equal(try_as(&alice, "alice", "192.0.2.7"), E_LIMIT);
	assert_int_equal(limits_second(&alice, &app, "192.0.2.7", NULL), E_LIMIT);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* Codes that are sent: pauses of 30 s, 60 s and so on until one is typed back; a ceiling a day; whatever the case of the address. */
static void codes_are_sent_with_growing_pauses(void **state)
{
	(void)state;
	wait_s = 9;
	static const unsigned pauses[] = { 30, 60, 120, 240, 480, 600, 600 };
	assert_int_equal(limits_send("Alice@example.org", false, &wait_s), OK);
	for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
		assert_int_equal(limits_send("alice@EXAMPLE.org", false, &wait_s), E_LIMIT);
		assert_in_range(wait_s, pauses[i] - 1, pauses[i]);
		skew_ms += (pauses[i] - 2) * 1000;
		assert_int_equal(limits_send("alice@example.org", false, &wait_s), E_LIMIT);
		assert_in_range(wait_s, 1, 2);
		skew_ms += 2000;
		assert_int_equal(limits_send("alice@example.org", false, &wait_s), OK);
		if (i == 0)
			assert_int_equal(limits_send("bruno@example.org", false, &wait_s), OK);	/* an address of its own */
	}
	app.address = "alice@example.org";
	assert_int_equal(limits_second_right(&alice, &app, false, NULL, 0), OK);
	assert_int_equal(limits_send("alice@example.org", false, &wait_s), OK);
	assert_int_equal(limits_send("alice@example.org", false, &wait_s), E_LIMIT);
	app.address = NULL;
}

static void a_ceiling_a_day(void **state)
{
	(void)state;
	unsigned sent = 0;
	for (int i = 0; i < 60; i++, skew_ms += 600 * 1000)
		sent += limits_send("+32470000001", false, &wait_s) == OK;
	assert_int_equal(sent, 12);
	assert_int_equal(wait_s, 0);
	skew_ms += 14 * 3600 * 1000;			/* a day after the first */
	assert_int_equal(limits_send("+32470000001", false, &wait_s), OK);
}

/* Whoever says that an address is theirs, and registers or adds a key with it, a whole day long: its owner gets the codes of their own keys all the same. */
static void naming_an_address_takes_no_codes_from_its_owner(void **state)
{
	(void)state;
	unsigned sent = 0;
	for (int i = 0; i < 60; i++, skew_ms += 600 * 1000)
		sent += limits_send("Alice@example.org", true, &wait_s) == OK;
	assert_int_equal(sent, 12);
	assert_int_equal(limits_send("alice@example.org", true, &wait_s), E_LIMIT);
	assert_int_equal(wait_s, 0);
	assert_int_equal(limits_send("alice@example.org", false, &wait_s), OK);
	app.address = "alice@example.org";
	assert_int_equal(limits_second_right(&alice, &app, false, NULL, 0), OK);
	assert_int_equal(limits_send("alice@example.org", false, &wait_s), OK);
	assert_int_equal(limits_send("alice@example.org", true, &wait_s), E_LIMIT);	/* nor does it give the other any */
	assert_int_equal(wait_s, 0);
	app.address = NULL;
}

int main(void)
{
	log_open("test_limits", 2);
	const struct CMUnitTest tests[] = {
		T(delays), T(delays_of_unknown_names_are_the_same), T(networks), T(a_clock_set_back), T(refused_at_the_maximum),
		T(unknown_names_are_refused_too), T(a_right_one_starts_anew), T(an_administrator_resets),
		T(a_changed_password_starts_anew), T(the_directory_is_the_floor), T(a_directory_that_does_not_take_it),
		T(broken_is_not_wrong), T(undo_does_not_unlock), T(second_factor), T(a_key_that_waits), T(two_hundred_at_once), T(not_configured_is_refused),
		T(codes_are_sent_with_growing_pauses), T(a_ceiling_a_day),
		T(naming_an_address_takes_no_codes_from_its_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
