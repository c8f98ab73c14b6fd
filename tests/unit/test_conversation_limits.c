/* The conversation with the real limits: many at once get no more tries than one after the other. */
/* LINK: -Wl,--wrap=now */
/* ONE TRY: what it looks for goes wrong seldom. */
#define REAL_LIMITS
#include "talk.c"

static int open_limits(void **state)
{
	setup(state);
	limits_open(&(struct limits_conf){ .password_max = 5, .password_free = 100, .delay_max_s = 60, .second_max = 5, .turns_max = 10 });
	return 0;
}

static unsigned lines_with(const char *why)
{
	unsigned n = 0;
	for (size_t i = 0; i < fake_nlines; i++)
		n += strcmp(fake_line[i].why, why) == 0;
	return n;
}

/* Row 14. */
static void codes_in_parallel_are_evaluated_up_to_the_limit(void **state)
{
	(void)state;
	for (int i = 0; i < NRACERS; i++) {
		begin();
		assert_int_equal(password("alice", "correct horse"), OK);
		assert_more(ASK_CODE, NULL);
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .code = slice_of(arena_printf(a, "99999%c", 'a' + i)) } };
	}
	run_racers();
	free_racers();
	assert_int_equal(lines_with("wrong-code"), 5);
	assert_true(lines_with("locked") >= 1);
	assert_string_equal(fake_key[ALICE][0].state, "locked");
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CHOICE, "note.locked");
}

static void passwords_in_parallel_are_evaluated_up_to_the_limit(void **state)
{
	(void)state;
	for (int i = 0; i < NRACERS; i++) {
		begin();
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .text = S("alice"), .secret = slice_of(arena_printf(a, "guess %d", i)) } };
	}
	run_racers();
	free_racers();
	assert_int_equal(fake_verified, NRACERS);		/* one bind each, real or decoy */
	assert_int_equal(lines_with("wrong-password"), 5);
	assert_int_equal(lines_with("refused"), NRACERS - 5);
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");	/* refused, and told as any other no */
}

static void broken_tries_are_not_counted(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 20; i++) {
		fake_down = "directory_verify";
		assert_int_equal(password("alice", "wrong"), OK);
		assert_int_equal(turn.verdict, V_DOWN);
	}
	fake_down = NULL;
	assert_int_equal(password("alice", "correct horse"), OK);
	for (int i = 0; i < 20; i++) {
		fake_down = "keyring_otp";
		assert_int_equal(ANSWER(.code = S("000000")), OK);
		assert_int_equal(turn.verdict, V_DOWN);
	}
	fake_down = NULL;
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
}

static void delays_come_to_known_and_unknown_names(void **state)
{
	(void)state;
	limits_open(&(struct limits_conf){ .password_max = 100, .password_free = 3, .delay_max_s = 60, .second_max = 5, .turns_max = 10 });
	static const char *const names[] = { "alice", "nobody" };
	for (size_t i = 0; i < 2; i++) {
		begin();
		for (int n = 0; n < 3; n++) {
			assert_int_equal(password(names[i], "wrong"), OK);
			assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
		}
		assert_int_equal(password(names[i], "correct horse"), OK);
		assert_more(ASK_TEXT | ASK_SECRET, "note.wait");
		assert_int_equal(turn.ask.wait_s, 1);
	}
}


int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(codes_in_parallel_are_evaluated_up_to_the_limit, open_limits, teardown),
		cmocka_unit_test_setup_teardown(passwords_in_parallel_are_evaluated_up_to_the_limit, open_limits, teardown),
		cmocka_unit_test_setup_teardown(broken_tries_are_not_counted, open_limits, teardown),
		cmocka_unit_test_setup_teardown(delays_come_to_known_and_unknown_names, open_limits, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
