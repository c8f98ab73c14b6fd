/* Somebody deletes their account, and services break on the way: nobody gets in any more once it has begun, and the name stays theirs. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"
#undef fail
#include "base/log.h"
#include "base/wait.h"
#include "core/history.h"
#include "core/removal.h"

static unsigned suspended, buried;

int directory_person_suspend(const struct person *person)
{
	WRITES();
	if (strcmp(person->state, "active") != 0)
		return E_EXISTS;
	fake_person[ALICE].state = "suspended";
	suspended++;
	return OK;
}

int directory_person_bury(const struct person *person)
{
	WRITES();
	assert_string_equal(person->subject, fake_person[ALICE].subject);
	buried++;
	return OK;
}

static int go(void)
{
	return removal_do(a, &(struct removal){ .person = &fake_person[ALICE], .sid = "sid", .peer = peer, .level = 400 });
}

static int setup_removal(void **state)
{
	setup(state);
	suspended = buried = 0;
	want.service = NULL;
	signed_in(ALICE);
	return 0;
}

static void nothing_of_them_is_left(void **state)
{
	(void)state;
	struct history *lines;
	size_t n;
	assert_int_equal(fake_state_size("session"), 1);
	assert_int_equal(history_read(a, fake_person[ALICE].subject, &lines, &n), OK);
	assert_int_not_equal(n, 0);
	assert_int_equal(removal_had_name(a, "alice"), E_NOENT);
	assert_int_equal(go(), OK);
	assert_int_equal(buried, 1);
	assert_int_equal(fake_state_size("session"), 0);
	assert_int_equal(history_read(a, fake_person[ALICE].subject, &lines, &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(removal_had_name(a, "alice"), E_NOENT);	/* the tombstone knows */
	assert_string_equal(fake_last(EV_PERSON_REMOVED)->subject, fake_person[ALICE].subject);
	assert_int_equal(go(), E_EXISTS);
	assert_int_equal(buried, 1);
}

static bool with_fault(int n)
{
	setup_removal(NULL);
	fake_person[ALICE].name = "Alice";
	fake_fault = n;
	int rc = go();
	fake_fault = -1;
	assert_true(rc == OK || (rc == E_DOWN && fake_fault_hit));
	assert_true(suspended == 0 || fake_last(EV_PERSON_REMOVED) != NULL);	/* its line comes first */
	assert_true(suspended == 1 || (buried == 0 && fake_state_size("session") == 1));	/* nothing has begun: again */
	if (suspended == 1 && buried == 0)
		assert_int_equal(removal_had_name(a, "aLICE"), OK);	/* between entry and tombstone */
	if (suspended == 0)
		assert_int_equal(go(), OK);
	assert_int_equal(suspended, 1);
	bool hit = fake_fault_hit;
	teardown(NULL);
	return hit;
}

static void whatever_breaks_nobody_comes_back(void **state)
{
	(void)state;
	teardown(NULL);
	int n = 0;
	while (with_fault(n))
		n++;
	assert_true(n > 6);
	setup_removal(NULL);
}

int main(void)
{
	log_open("test", (enum log_level)0);
	const struct CMUnitTest tests[] = {
#define R(f) cmocka_unit_test_setup_teardown(f, setup_removal, teardown)
		R(nothing_of_them_is_left), R(whatever_breaks_nobody_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
