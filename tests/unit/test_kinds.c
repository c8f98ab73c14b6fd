/* The kinds of keys: what each asks, and what it makes of an answer. */
/* LINK: -Wl,--wrap=now */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/kinds.h"
#include "fakes.c"

static struct arena *a;
static struct step step;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	a = arena_new();
	step = (struct step){ .a = a, .person = &fake_person[ALICE], .key = &fake_key[ALICE][0], .when = fake_now };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	a = arena_free(a);
	return 0;
}

static void every_kind_is_found_by_its_name(void **state)
{
	(void)state;
	size_t n = 0;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++, n++) {
		assert_ptr_equal(kind_by_name(slice_of((*k)->name)), *k);
		assert_true((*k)->level >= 100 && (*k)->level <= 500 && (*k)->amr != 0 && (*k)->group != NULL);
		assert_int_equal((*k)->verify != NULL, ((*k)->traits & (KIND_SECOND | KIND_NAMES)) != 0);
	}
	assert_true(n >= 2);
	assert_null(kind_by_name(S("nothing")));
	assert_null(kind_by_name(S_NONE));
	assert_null(kind_by_name(S("app\0")));
}

static void nothing_answered_asks_for_a_code(void **state)
{
	(void)state;
	assert_int_equal(key_app.verify(&step), V_MORE);
	assert_int_equal(step.ask.ask, ASK_CODE);
	step.answer = S("");			/* an empty second factor is none */
	assert_int_equal(key_app.verify(&step), V_MORE);
	assert_int_equal(step.spend, 0);
}

static void the_code_of_now_and_of_one_step_before(void **state)
{
	(void)state;
	for (int shift = -3; shift <= 3; shift++) {
		step.spend = 0;
		step.answer = slice_of(fake_code(step.key, fake_now + shift * 30));
		bool right = shift == 0 || shift == -1;
		assert_int_equal(key_app.verify(&step), right ? V_ALLOW : V_DENY);
		assert_int_equal(step.spend, right ? (uint64_t)fake_now / 30 + (uint64_t)shift : 0);
	}
	assert_string_equal(step.why, "wrong-code");
}

static void what_was_spent_is_for_the_engine_to_refuse(void **state)
{
	(void)state;
	fake_key[ALICE][0].counter = (uint64_t)fake_now / 30;
	step.answer = slice_of(fake_code(step.key, fake_now));
	assert_int_equal(key_app.verify(&step), V_ALLOW);
	assert_int_equal(step.spend, (uint64_t)fake_now / 30);
}

static void broken_is_not_no(void **state)
{
	(void)state;
	step.answer = slice_of(fake_code(step.key, fake_now));
	fake_down = "keyring";
	assert_int_equal(key_app.verify(&step), V_DOWN);
	fake_down = NULL;
	fake_key[ALICE][0].secret = S("broken");
	assert_int_equal(key_app.verify(&step), V_DENY);
	assert_string_equal(step.why, "unreadable-secret");
}

static void a_plain_secret_is_reported(void **state)
{
	(void)state;
	fake_key[ALICE][0].secret = S("GEZDGNBVGY3TQOJQ");
	step.answer = slice_of(fake_code(step.key, fake_now));
	assert_int_equal(key_app.verify(&step), V_ALLOW);
	assert_true(step.exposed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind_is_found_by_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_answered_asks_for_a_code, setup, teardown),
		cmocka_unit_test_setup_teardown(the_code_of_now_and_of_one_step_before, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_spent_is_for_the_engine_to_refuse, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_is_not_no, setup, teardown),
		cmocka_unit_test_setup_teardown(a_plain_secret_is_reported, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
