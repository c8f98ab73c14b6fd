/* Sessions: what a cookie is worth, and what ends it. */
/* LINK: -Wl,--wrap=now -Wl,--wrap=policy_level */
/* ONE TRY: what it looks for goes wrong seldom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/policy.h"
#include "fakes.c"

/* As if the app reached another level. */
static unsigned level;
unsigned __real_policy_level(const struct key_kind *kind, const struct person *person, const struct key *key, time_t when);
unsigned __wrap_policy_level(const struct key_kind *kind, const struct person *person, const struct key *key, time_t when);
unsigned __wrap_policy_level(const struct key_kind *kind, const struct person *person, const struct key *key, time_t when)
{
	unsigned real = __real_policy_level(kind, person, key, when);
	return real == 400 && level != 0 ? level : real;
}

static struct arena *a;
static struct slice cookie;
static struct login login;

static struct slice start(int who, const char *kind, const char *key_id, unsigned door_level)
{
	struct slice made;
	struct proof proof = { .kind = kind, .key_id = key_id, .door_level = door_level, .when = fake_now };
	assert_int_equal(session_start(a, NULL, S_NONE, &fake_person[who], &proof, NULL, &made), OK);
	return made;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	level = 0;
	a = arena_new();
	cookie = start(ALICE, "app", "app-1", 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	a = arena_free(a);
	return 0;
}

static const char *sid_of(struct slice c)
{
	struct slice sid;
	assert_true(slice_cut(&c, '.', &sid));
	return arena_str(a, sid);
}

static void a_cookie_is_its_owner_at_the_level_of_the_key(void **state)
{
	(void)state;
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_ptr_equal(login.person, &fake_person[ALICE]);
	assert_int_equal(login.level, 400);
	assert_int_equal(login.amr, AMR_PWD | AMR_OTP | AMR_MFA);
	assert_string_equal(login.kind, "app");
	assert_int_equal(login.session->auth_time, fake_now);
	assert_int_equal(session_login_sid(a, sid_of(cookie), &login), OK);
	fake_key[ALICE][0].level = 300;		/* worked out anew at each use */
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(login.level, 300);
}

static void the_secret_is_not_stored(void **state)
{
	(void)state;
	struct slice sid, secret = cookie;
	slice_cut(&secret, '.', &sid);
	assert_int_equal(secret.n, 43);
	assert_false(fake_state_holds(secret));
	assert_true(fake_state_holds(sid));
}

/* Row 8: nothing but the whole cookie opens the session. */
static void anything_else_opens_nothing(void **state)
{
	(void)state;
	char *bad = arena_str(a, cookie);
	struct slice sid, secret = cookie, other = start(BRUNO, "password", "password", 0);
	slice_cut(&secret, '.', &sid);
	for (size_t i = 0; i < cookie.n; i++) {
		char was = bad[i];
		bad[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(session_login(a, slice_of(bad), &login), E_NOENT);
		assert_int_equal(session_login(a, slice_mem(cookie.p, i), &login), E_NOENT);
		bad[i] = was;
	}
	assert_int_equal(session_login(a, sid, &login), E_NOENT);
	assert_int_equal(session_login(a, secret, &login), E_NOENT);
	assert_int_equal(session_login(a, S_NONE, &login), E_NOENT);
	assert_int_equal(session_login_sid(a, arena_str(a, cookie), &login), E_NOENT);
	assert_int_equal(session_login(a, slice_of(arena_printf(a, "%s.%.*s", sid_of(other), 43, secret.p)), &login), E_NOENT);
	assert_int_equal(session_login(a, slice_of(bad), &login), OK);
}

static void it_idles_out_after_thirty_minutes(void **state)
{
	(void)state;
	fake_now += 30 * 60 - 1;
	assert_int_equal(session_login(a, cookie, &login), OK);		/* and is used */
	fake_now += 30 * 60 - 1;
	assert_int_equal(session_login(a, cookie, &login), OK);
	fake_now += 30 * 60;
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	assert_int_equal(fake_state_size("session"), 0);
	assert_string_equal(fake_last(EV_SESSION_END)->why, "idle");
}

static void at_the_highest_level_after_fifteen(void **state)
{
	(void)state;
	level = 500;
	fake_now += 15 * 60 - 1;
	assert_int_equal(session_login(a, cookie, &login), OK);
	fake_now += 15 * 60;
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	assert_string_equal(fake_last(EV_SESSION_END)->why, "idle");
}

static void it_ends_after_twelve_hours_of_use(void **state)
{
	(void)state;
	time_t end = fake_now + 12 * 60 * 60;
	for (; fake_now < end; fake_now += 10 * 60)
		assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	assert_string_equal(fake_last(EV_SESSION_END)->why, "old");
}

/* Row 10: a use changes neither level nor time of authentication. */
static void a_use_changes_nothing_but_its_time(void **state)
{
	(void)state;
	time_t began = fake_now;
	for (int i = 0; i < 100; i++, fake_now += 61) {
		assert_int_equal(session_login(a, cookie, &login), OK);
		assert_int_equal(login.level, 400);
		assert_int_equal(login.session->auth_time, began);
		assert_int_equal(login.session->nproofs, 1);
	}
}

static void a_use_never_makes_an_event_thread_wait(void **state)
{
	(void)state;
	fake_now += 25 * 60;
	wait_forbid();
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_false(wait_was_wanted());
	/* The code of that sign-on is redeemed on a worker: now the use is written. */
	assert_int_equal(session_login_sid(a, sid_of(cookie), &login), OK);
	fake_now += 25 * 60;
	assert_int_equal(session_login(a, cookie, &login), OK);
	/* By sid is no use of the person: nothing keeps it alive. */
	for (int i = 0; i < 5; i++, fake_now += 6 * 60)
		assert_int_equal(session_login_sid(a, sid_of(cookie), &login), OK);
	assert_int_equal(session_login_sid(a, sid_of(cookie), &login), E_NOENT);
}

/* Row 29: what the person or the administrator takes away is gone at the next use, and stays gone. */
static void what_falls_stays_down(void **state)
{
	(void)state;
	static const char *const fallen[] = { "locked", "revoked", "pending" };
	for (size_t i = 0; i < 3; i++) {
		cookie = start(ALICE, "app", "app-1", 0);
		fake_key[ALICE][0].state = fallen[i];
		wait_forbid();
		assert_int_equal(session_login(a, cookie, &login), E_WAIT);
		assert_true(wait_was_wanted());
		assert_int_equal(session_login(a, cookie, &login), E_NOENT);
		fake_key[ALICE][0].state = "active";
		assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	}
	cookie = start(ALICE, "app", "app-1", 0);
	fake_person[ALICE].state = "suspended";
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	fake_person[ALICE].state = "active";
	cookie = start(ALICE, "app", "app-1", 0);
	fake_person[ALICE].password_changed = "20261121101500Z";
	assert_int_equal(session_login_sid(a, sid_of(cookie), &login), E_NOENT);
	cookie = start(ALICE, "app", "app-1", 0);
	fake_person[ALICE].nkeys = 0;
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	assert_string_equal(fake_last(EV_SESSION_END)->why, "revoked");
}

static void broken_is_neither_yes_nor_the_end(void **state)
{
	(void)state;
	static const char *const calls[] = { "state", "directory" };
	for (size_t i = 0; i < 2; i++) {
		fake_down = calls[i];
		assert_int_equal(session_login(a, cookie, &login), E_DOWN);
		fake_down = NULL;
		assert_int_equal(session_login(a, cookie, &login), OK);
	}
}

static void step_up_keeps_the_sid_and_changes_the_cookie(void **state)
{
	(void)state;
	struct slice low = start(ALICE, "password", "password", 0), high, again;
	struct login was;
	assert_int_equal(session_login(a, low, &was), OK);
	assert_int_equal(was.level, 200);
	fake_now += 100;
	struct proof proof = { .kind = "app", .key_id = "app-1", .when = fake_now };
	assert_int_equal(session_start(a, was.session, low, &fake_person[ALICE], &proof, NULL, &high), OK);
	assert_string_equal(sid_of(high), sid_of(low));
	assert_int_equal(session_login(a, low, &login), E_NOENT);
	assert_int_equal(session_login(a, high, &login), OK);
	assert_int_equal(login.level, 400);
	assert_int_equal(login.session->nproofs, 2);
	assert_int_equal(login.session->auth_time, fake_now);
	/* the old cookie steps nothing up; another person's session neither; an ended one neither */
	assert_int_equal(session_start(a, was.session, low, &fake_person[ALICE], &proof, NULL, &again), E_NOENT);
	assert_int_equal(session_start(a, was.session, S_NONE, &fake_person[BRUNO], &proof, NULL, &again), E_NOENT);
	assert_int_equal(session_end(high), OK);
	assert_int_equal(session_start(a, was.session, S_NONE, &fake_person[ALICE], &proof, NULL, &again), E_NOENT);
}

static void a_new_password_revives_no_old_proof(void **state)
{
	(void)state;
	struct slice next;
	assert_int_equal(session_login(a, cookie, &login), OK);
	fake_person[ALICE].password_changed = "20261121101500Z";
	struct proof proof = { .kind = "password", .key_id = "password", .when = fake_now };
	assert_int_equal(session_start(a, login.session, S_NONE, &fake_person[ALICE], &proof, NULL, &next), OK);
	assert_int_equal(session_login(a, next, &login), OK);
	assert_int_equal(login.level, 200);
	assert_int_equal(login.session->nproofs, 1);
}

static void the_same_key_again_replaces_its_proof(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct proof proof = { .kind = "app", .key_id = i % 2 ? "app-1" : arena_printf(a, "app-%d", 2 + i), .when = ++fake_now };
		assert_int_equal(session_login(a, cookie, &login), OK);
		assert_int_equal(session_start(a, login.session, cookie, &fake_person[ALICE], &proof, NULL, &cookie), OK);
	}
	assert_int_equal(session_login(a, cookie, &login), OK);		/* app-1 among them, once */
	assert_int_equal(login.session->nproofs, MAX_PROOFS);
}

static void a_service_sees_the_best_proof_it_accepts(void **state)
{
	(void)state;
	static const char *const only[] = { "password", NULL }, *const other[] = { "eid", NULL };
	struct proof proof = { .kind = "password", .key_id = "password", .when = fake_now };
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(session_start(a, login.session, cookie, &fake_person[ALICE], &proof, NULL, &cookie), OK);
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(session_level_for(&login, &fake_service[0]), 400);
	fake_service[0].kinds = only;
	assert_int_equal(session_level_for(&login, &fake_service[0]), 200);
	assert_string_equal(login.kind, "password");
	assert_int_equal(login.amr, AMR_PWD);
	fake_service[0].kinds = other;
	assert_int_equal(session_level_for(&login, &fake_service[0]), 0);
	assert_null(login.kind);
}

static void the_door_caps_the_level(void **state)
{
	(void)state;
	assert_int_equal(session_login(a, start(ALICE, "app", "app-1", 300), &login), OK);
	assert_int_equal(login.level, 300);
}

static void signing_out_ends_it(void **state)
{
	(void)state;
	struct slice forged = slice_of(arena_printf(a, "%s.%043d", sid_of(cookie), 0));
	assert_int_equal(session_end(forged), OK);
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(session_end(cookie), OK);
	assert_string_equal(fake_last(EV_SESSION_END)->why, "signed-out");
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	assert_int_equal(session_login_sid(a, sid_of(cookie), &login), E_NOENT);
	assert_int_equal(session_end(cookie), OK);
}

static size_t listed(int who, struct session *all)
{
	size_t n = 99;
	assert_int_equal(session_list(a, fake_person[who].subject, all, &n), OK);
	return n;
}

static void a_person_sees_their_own_open_sessions(void **state)
{
	(void)state;
	struct session all[SESSIONS_MAX];
	struct slice made;
	const struct arrival from = { .place = "192.0.2.7", .browser = "Firefox, Linux" };
	struct proof proof = { .kind = "app", .key_id = "app-1", .when = ++fake_now };
	start(BRUNO, "app", "app-1", 0);
	assert_int_equal(session_start(a, NULL, S_NONE, &fake_person[ALICE], &proof, &from, &made), OK);
	assert_int_equal(listed(ALICE, all), 2);
	assert_string_equal(all[0].sid, sid_of(cookie));
	assert_null(all[0].place);
	assert_string_equal(all[1].sid, sid_of(made));
	assert_string_equal(all[1].place, "192.0.2.7");
	assert_string_equal(all[1].browser, "Firefox, Linux");
	assert_int_equal(session_end(cookie), OK);
	assert_int_equal(listed(ALICE, all), 1);
	assert_string_equal(all[0].sid, sid_of(made));
	fake_now += 31 * 60;		/* idled out, though its record may still be there */
	assert_int_equal(listed(ALICE, all), 0);
	assert_int_equal(listed(BRUNO, all), 0);
}

static void for_one_too_many_the_oldest_ends(void **state)
{
	(void)state;
	struct session all[SESSIONS_MAX];
	struct slice made[SESSIONS_MAX];
	for (size_t i = 1; i < SESSIONS_MAX; i++)
		made[i] = start(ALICE, "app", "app-1", 0);
	assert_int_equal(listed(ALICE, all), SESSIONS_MAX);
	assert_int_equal(session_login(a, cookie, &login), OK);
	start(ALICE, "app", "app-1", 0);
	assert_int_equal(listed(ALICE, all), SESSIONS_MAX);
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	assert_int_equal(session_login(a, made[1], &login), OK);
	assert_int_equal(session_end(made[5]), OK);
	start(ALICE, "app", "app-1", 0);		/* there was room */
	assert_int_equal(session_login(a, made[1], &login), OK);
}

static void frozen_it_outlives_the_browser_but_not_the_key(void **state)
{
	(void)state;
	struct slice frozen;
	assert_int_equal(session_login(a, cookie, &login), OK);
	frozen = session_freeze(a, login.session);
	assert_int_equal(session_end(cookie), OK);
	fake_now += 90 * 24 * 60 * 60;
	assert_int_equal(session_thaw(a, frozen, &login), OK);
	assert_int_equal(login.level, 400);
	assert_string_equal(login.session->sid, sid_of(cookie));
	for (size_t n = 0; n < frozen.n; n++)
		assert_int_equal(session_thaw(a, slice_mem(frozen.p, n), &login), E_NOENT);
	fake_down = "directory";
	assert_int_equal(session_thaw(a, frozen, &login), E_DOWN);
	fake_down = NULL;
	fake_person[ALICE].password_changed = "20261121101500Z";
	assert_int_equal(session_thaw(a, frozen, &login), E_NOENT);
	fake_person[ALICE].password_changed = "20261101080000Z";
	fake_key[ALICE][0].state = "locked";
	assert_int_equal(session_thaw(a, frozen, &login), E_NOENT);
}

/* Row 9: logins in parallel each find their owner. */
static void *many(void *arg)
{
	int who = *(int *)arg;
	AUTO_ARENA mine = arena_new();
	struct proof proof = { .kind = who == ALICE ? "app" : "password", .key_id = who == ALICE ? "app-1" : "password", .when = fake_now };
	for (int i = 0; i < 500; i++) {
		struct slice c;
		struct login l;
		if (session_start(mine, NULL, S_NONE, &fake_person[who], &proof, NULL, &c) != OK || session_login(mine, c, &l) != OK ||
		    l.person != &fake_person[who] || session_end(c) != OK)
			return arg;
	}
	return NULL;
}

static void two_people_in_parallel_are_never_mixed_up(void **state)
{
	(void)state;
	pthread_t t[4];
	int who[4] = { ALICE, BRUNO, ALICE, BRUNO };
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, &who[i]), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;
		pthread_join(t[i], &failed);
		assert_null(failed);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_cookie_is_its_owner_at_the_level_of_the_key), T(the_secret_is_not_stored), T(anything_else_opens_nothing),
		T(it_idles_out_after_thirty_minutes), T(at_the_highest_level_after_fifteen), T(it_ends_after_twelve_hours_of_use), T(a_use_changes_nothing_but_its_time),
		T(a_use_never_makes_an_event_thread_wait), T(what_falls_stays_down), T(broken_is_neither_yes_nor_the_end),
		T(step_up_keeps_the_sid_and_changes_the_cookie), T(a_new_password_revives_no_old_proof),
		T(the_same_key_again_replaces_its_proof), T(a_service_sees_the_best_proof_it_accepts), T(the_door_caps_the_level),
		T(signing_out_ends_it), T(a_person_sees_their_own_open_sessions), T(for_one_too_many_the_oldest_ends), T(frozen_it_outlives_the_browser_but_not_the_key), T(two_people_in_parallel_are_never_mixed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
