/* A person's own history: bounded, six months, and refusals push no login out. */
/* LINK: -Wl,--wrap=now */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "core/history.h"
#include "core/pack.h"
#include "fakes.c"

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	a = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	a = arena_free(a);
	return 0;
}

static void note(const char *event, const char *place)
{
	const struct history h = { .event = event, .kind = "app", .place = place };
	const struct state_act act = history_adding(a, "who", &h);
	assert_int_equal(state_update_all(&act, 1), OK);
}

static size_t lines(struct history **all)
{
	size_t n = 999;
	assert_int_equal(history_read(a, "who", all, &n), OK);
	return n;
}

static void the_newest_is_first_and_each_has_their_own(void **state)
{
	(void)state;
	struct history *all;
	size_t n;
	assert_int_equal(lines(&all), 0);
	note("login.ok", "192.0.2.1");
	fake_now++;
	note("key.added", "192.0.2.2");
	assert_int_equal(lines(&all), 2);
	assert_string_equal(all[0].event, "key.added");
	assert_string_equal(all[1].place, "192.0.2.1");
	assert_int_equal(history_read(a, "another", &all, &n), OK);
	assert_int_equal(n, 0);
}

static void refusals_in_a_row_are_one_line_and_push_no_login_out(void **state)
{
	(void)state;
	struct history *all;
	note("login.ok", "192.0.2.1");
	for (int i = 0; i < 40; i++)
		note("login.no", "203.0.113.9");
	assert_int_equal(lines(&all), 2);
	assert_int_equal(all[0].times, 40);
	for (int i = 0; i < 400; i++)
		note(i % 2 ? "login.limited" : "login.no", arena_printf(a, "203.0.113.%d", i));
	assert_int_equal(lines(&all), 1 + HISTORY_NO_MAX);
	assert_string_equal(all[HISTORY_NO_MAX].event, "login.ok");
}

static void it_is_bounded_and_ends_after_six_months(void **state)
{
	(void)state;
	struct history *all;
	for (int i = 0; i < 3 * HISTORY_MAX; i++)
		note("login.ok", arena_printf(a, "p%d", i));
	assert_int_equal(lines(&all), HISTORY_MAX);
	assert_string_equal(all[0].place, "p299");
	fake_now += HISTORY_KEEP_S + 1;
	assert_int_equal(lines(&all), 0);
}

static int tell(time_t when, const char *at)
{
	return history_tell("who", &(struct history){ .when = when, .event = "key.locked", .by = "administrator", .at = at });
}

static void what_is_told_again_is_one_line_in_its_place(void **state)
{
	(void)state;
	struct history *all;
	note("login.ok", "before");
	time_t when = fake_now += 10;
	fake_now += 10;
	note("login.ok", "after");
	assert_int_equal(tell(when, "20260101000000.000001Z"), OK);
	assert_int_equal(tell(when, "20260101000000.000002Z"), OK);
	assert_int_equal(tell(when, "20260101000000.000001Z"), E_EXISTS);
	assert_int_equal(lines(&all), 4);
	assert_string_equal(all[0].place, "after");
	assert_string_equal(all[1].at, "20260101000000.000002Z");
	assert_string_equal(all[2].at, "20260101000000.000001Z");
	assert_string_equal(all[2].by, "administrator");
	assert_string_equal(all[3].place, "before");
	assert_null(all[3].by);
}

/* Also when a node that was away for long is told of what nobody can know any more. */
static void what_has_gone_does_not_come_back(void **state)
{
	(void)state;
	struct history *all;
	time_t when = fake_now;
	assert_int_equal(tell(when, "1"), OK);
	fake_now += 60;
	for (int i = 0; i < HISTORY_MAX; i++)
		note("login.ok", arena_printf(a, "p%d", i));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tell(when, "1"), OK);
		assert_int_equal(lines(&all), HISTORY_MAX);
		assert_string_equal(all[HISTORY_MAX - 1].place, "p0");
	}
	fake_now += HISTORY_KEEP_S + 1;
	assert_int_equal(tell(when, "2"), OK);
	assert_int_equal(lines(&all), 0);
}

/* An upgrade loses nobody's history: records had no `by` and no `at` before. */
static void records_of_before_are_read(void **state)
{
	(void)state;
	struct history *all;
	struct pack p = pack_writer(a, 1);
	uint64_t n = 1;
	time_t when = fake_now;
	unsigned times = 3;
	const char *fields[] = { "login.no", "app", "app-1", "tax", "192.0.2.1", "Firefox", NULL };
	pack_u64(&p, &n);
	pack_time(&p, &when);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		pack_str(&p, &fields[i]);
	pack_uint(&p, &times);
	assert_int_equal(state_put("person.history", S("who"), buf_slice(&p.out), 3600), OK);
	assert_int_equal(lines(&all), 1);
	assert_string_equal(all[0].browser, "Firefox");
	assert_int_equal(all[0].times, 3);
	assert_null(all[0].by);
	note("login.ok", "192.0.2.2");
	assert_int_equal(lines(&all), 2);
	assert_string_equal(all[1].event, "login.no");
}

static void a_cell_of_the_table_is_no_formula(void **state)
{
	(void)state;
	static const char *const t[][2] = { { "", "\"\"" }, { "a,b", "\"a,b\"" }, { "a\"b", "\"a\"\"b\"" }, { "=1+1", "\"'=1+1\"" }, { "+1", "\"'+1\"" },
		{ "-1", "\"'-1\"" }, { "@x", "\"'@x\"" }, { "\tx", "\"'\tx\"" }, { "a=1", "\"a=1\"" } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct buf b = buf_new(a);
		buf_csv(&b, slice_of(t[i][0]));
		assert_string_equal(buf_cstr(&b), t[i][1]);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(the_newest_is_first_and_each_has_their_own), T(refusals_in_a_row_are_one_line_and_push_no_login_out),
		T(it_is_bounded_and_ends_after_six_months), T(what_is_told_again_is_one_line_in_its_place), T(what_has_gone_does_not_come_back), T(records_of_before_are_read), T(a_cell_of_the_table_is_no_formula) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
