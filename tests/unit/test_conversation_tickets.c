/* Tickets and codes: each works once, in parallel, after a reload, after a crash. */
/* LINK: -Wl,--wrap=now */
/* ONE TRY: what it looks for goes wrong seldom. */
#include "talk.c"

/* --- row 15: a code is accepted once --- */

static void a_code_is_accepted_once(void **state)
{
	(void)state;
	const char *used = arena_strdup(a, fake_code(&fake_key[ALICE][0], fake_now));
	const char *before = arena_strdup(a, fake_code(&fake_key[ALICE][0], fake_now - 30));
	signed_in(ALICE);
	fake_now -= 30;
	static const struct { bool old; unsigned floor; } cases[] = { { false, 0 }, { true, 0 }, { false, 1 }, { true, 1 } };
	for (size_t i = 0; i < 4; i++) {
		if (cases[i].floor) {		/* the state store is lost: the directory's counter holds */
			fake_state_forget("otp");
			fake_key[ALICE][0].counter = fake_used;
		}
		begin();
		assert_int_equal(password("alice", "correct horse"), OK);
		assert_int_equal(ANSWER(.code = slice_of(cases[i].old ? before : used)), OK);
		assert_more(ASK_CODE, "note.wrong-code");
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, "replayed-code");
		assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);	/* refused, not counted */
	}
	fake_now += 30;
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
}

static void one_code_in_many_conversations_lets_one_in(void **state)
{
	(void)state;
	fake_limits.second_max = 100;
	const char *c = arena_strdup(a, fake_code(&fake_key[ALICE][0], fake_now));
	for (int i = 0; i < NRACERS; i++) {
		begin();
		assert_int_equal(password("alice", "correct horse"), OK);
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .code = slice_of(c) } };
	}
	run_racers();
	assert_int_equal(count_verdict(V_ALLOW), 1);
	assert_int_equal(count_verdict(V_MORE), NRACERS - 1);
	assert_int_equal(fake_state_size("session"), 1);
	free_racers();
}

/* --- tickets --- */

static void the_same_answer_in_parallel_is_evaluated_once(void **state)
{
	(void)state;
	fake_verify_ms = 60;
	begin();
	fake_get_ms = 30;		/* all see the ticket before one takes it */
	for (int i = 0; i < NRACERS; i++)
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .text = S("alice"), .secret = S("correct horse") } };
	run_racers();
	assert_int_equal(fake_verified, 1);
	assert_int_equal(count_verdict(V_MORE), NRACERS);
	for (int i = 1; i < NRACERS; i++) {
		assert_int_equal(racers[i].turn.ask.ask, ASK_CODE);
		assert_string_equal(racers[i].turn.ticket, racers[0].turn.ticket);
	}
	turn.ticket = arena_strdup(a, racers[0].turn.ticket);
	free_racers();
	const char *c = arena_strdup(a, fake_code(&fake_key[ALICE][0], fake_now));
	for (int i = 0; i < NRACERS; i++)
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .code = slice_of(c) } };
	run_racers();
	assert_int_equal(count_verdict(V_ALLOW), NRACERS);
	for (int i = 1; i < NRACERS; i++)
		assert_true(slice_eq(racers[i].turn.session, racers[0].turn.session));
	assert_int_equal(fake_state_size("session"), 1);
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	free_racers();
}

static void different_answers_to_one_ticket_evaluate_one(void **state)
{
	(void)state;
	begin();
	fake_get_ms = 30;
	for (int i = 0; i < NRACERS; i++)
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .text = S("alice"), .secret = slice_of(arena_printf(a, "guess %d", i)) } };
	run_racers();
	assert_int_equal(fake_verified, 1);
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 1);
	assert_int_equal(count_verdict(V_MORE), NRACERS);
	free_racers();
}

static void a_reload_gets_the_stored_reply(void **state)
{
	(void)state;
	begin();
	struct turn first = turn;
	assert_int_equal(password("alice", "correct horse"), OK);
	struct turn second = turn;
	turn = first;
	assert_int_equal(password("alice", "correct horse"), OK);	/* same ticket, same answer */
	assert_string_equal(turn.ticket, second.ticket);
	assert_more(ASK_CODE, NULL);
	turn = first;
	assert_int_equal(password("alice", "wrong"), OK);		/* another answer: the present prompt */
	assert_string_equal(turn.ticket, second.ticket);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(fake_verified, 1);
	turn = second;
	assert_int_equal(code(ALICE), OK);
	struct turn last = turn;
	struct slice sid, secret = last.session;
	slice_cut(&secret, '.', &sid);
	assert_false(fake_state_holds(secret));				/* neither in the session nor in the reply */
	for (fake_now += 1; fake_now < 1795255200 + 60; fake_now += 29) {
		turn = second;
		assert_int_equal(ANSWER(.code = slice_of(fake_code(&fake_key[ALICE][0], 1795255200))), OK);
		assert_int_equal(turn.verdict, V_ALLOW);
		assert_true(slice_eq(turn.session, last.session));
	}
	assert_int_equal(fake_state_size("session"), 1);
	turn = second;
	assert_int_equal(ANSWER(.code = S("123456")), E_NOENT);		/* ended, and another answer */
	fake_now += 60;
	turn = second;
	assert_int_equal(ANSWER(.code = slice_of(fake_code(&fake_key[ALICE][0], 1795255200))), E_NOENT);
}

static void what_was_typed_is_not_kept(void **state)
{
	(void)state;
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_false(fake_state_holds(S("correct horse")));
	const char *c = arena_strdup(a, fake_code(&fake_key[ALICE][0], fake_now));
	assert_int_equal(code(ALICE), OK);
	assert_false(fake_state_holds(slice_of(c)));
	assert_false(fake_state_holds(browser));
}

static void only_its_browser_may_go_on(void **state)
{
	(void)state;
	struct turn other;
	struct answer answer = { .text = S("alice"), .secret = S("correct horse") };
	begin();
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), stranger, &other), E_NOENT);
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), S_NONE, &other), E_NOENT);
	assert_int_equal(conversation_answer(a, slice_of(turn.ticket), stranger, peer, &answer, &other), E_NOENT);
	assert_int_equal(other.verdict, V_DENY);
	assert_int_equal(fake_verified, 0);
	assert_int_equal(conversation_answer(a, slice_of(turn.ticket), browser, peer, &answer, &turn), OK);
	assert_more(ASK_CODE, NULL);
	struct turn end = turn;
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(conversation_answer(a, slice_of(end.ticket), stranger, peer, &(struct answer){ .code = S("1") }, &other), E_NOENT);
	want.binding = S_NONE;
	assert_int_equal(conversation_begin(a, &want, peer, &turn), E_INPUT);
}

/* Row 8: nothing that names or opens something else is a ticket or a conversation. */
static void other_identifiers_open_nothing(void **state)
{
	(void)state;
	struct slice session = signed_in(ALICE);
	begin();
	struct turn t = turn;
	struct slice ids[] = { session, slice_of(t.ticket), slice_of(t.conversation), S_NONE, S("."), slice_mem(t.ticket, 65),
		slice_of(arena_printf(a, "%s.%043d", t.conversation, 0)) };
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		if (i != 1 && i != 6)
			assert_int_equal(conversation_answer(a, ids[i], browser, peer, &(struct answer){ .text = S("alice"), .secret = S("x") }, &turn), E_NOENT);
		if (i != 2)
			assert_int_equal(conversation_show(a, ids[i], browser, &turn), E_NOENT);
		if (i != 0)
			assert_int_equal(session_login(a, ids[i], &login), E_NOENT);
		assert_int_equal(session_login_sid(a, arena_str(a, ids[i]), &login), E_NOENT);
	}
	unsigned before = fake_verified;
	assert_int_equal(conversation_answer(a, ids[6], browser, peer, &(struct answer){ .text = S("alice"), .secret = S("x") }, &turn), OK);
	assert_int_equal(fake_verified, before);	/* a ticket that never was: only the present prompt */
	assert_string_equal(turn.ticket, t.ticket);
}

static void tabs_are_separate(void **state)
{
	(void)state;
	begin();
	struct turn one = turn;
	begin();
	assert_string_not_equal(one.conversation, turn.conversation);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(conversation_show(a, slice_of(one.conversation), browser, &turn), OK);
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	assert_string_equal(turn.ticket, one.ticket);
}

static void it_dies_after_fifteen_minutes(void **state)
{
	(void)state;
	begin();
	struct turn t = turn;
	fake_now += 15 * 60 - 1;
	assert_int_equal(conversation_show(a, slice_of(t.conversation), browser, &turn), OK);
	assert_int_equal(password("nobody", "x"), OK);
	struct turn u = turn;
	fake_now += 1;
	turn = u;
	assert_int_equal(password("alice", "correct horse"), E_NOENT);
	assert_int_equal(conversation_show(a, slice_of(t.conversation), browser, &turn), E_NOENT);
	assert_int_equal(fake_state_size("conv"), 0);
}

static void a_record_of_another_version_is_no_conversation(void **state)
{
	(void)state;
	struct slice record;
	begin();
	struct slice id = slice_of(turn.conversation);
	assert_int_equal(state_get(a, "conv", id, &record), OK);
	for (size_t n = 0; n < record.n; n++) {
		assert_int_equal(state_put("conv", id, slice_mem(record.p, n), 100), OK);
		assert_int_equal(conversation_show(a, id, browser, &turn), E_NOENT);
	}
	((char *)record.p)[0]++;
	assert_int_equal(state_put("conv", id, record, 100), OK);
	assert_int_equal(conversation_show(a, id, browser, &turn), E_NOENT);
	((char *)record.p)[0]--;
	assert_int_equal(state_put("conv", id, record, 100), OK);
	assert_int_equal(conversation_show(a, id, browser, &turn), OK);
}

/* Right name and password, of which the directory thinks for 400 ms; 100 of them have passed. */
static void answers_slowly(struct racer *slow, pthread_t *t)
{
	*slow = (struct racer){ .ticket = turn.ticket, .answer = { .text = S("alice"), .secret = S("correct horse") }, .a = arena_new() };
	fake_verify_ms = 400;
	assert_int_equal(pthread_create(t, NULL, race, slow), 0);
	usleep(100 * 1000);
}

/* An evaluation that died (kill -9) keeps its ticket, but not the person. */
static void an_evaluation_that_dies_gives_the_ticket_back(void **state)
{
	(void)state;
	struct racer slow;
	pthread_t t;
	begin();
	struct turn first = turn;
	answers_slowly(&slow, &t);
	wait_forbid();			/* an event thread does not wait for it */
	assert_int_equal(conversation_show(a, slice_of(first.conversation), browser, &turn), E_WAIT);
	assert_true(wait_was_wanted());
	fake_now += 16;			/* nobody waits that long: taken for dead */
	assert_int_equal(conversation_show(a, slice_of(first.conversation), browser, &turn), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.down");
	assert_string_not_equal(turn.ticket, first.ticket);
	pthread_join(t, NULL);
	assert_int_equal(slow.rc, E_DOWN);	/* what it still found counts for nothing */
	assert_int_equal(slow.turn.verdict, V_DENY);
	slow.a = arena_free(slow.a);
	fake_verify_ms = 0;
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
}

/* Of a process that is gone nothing is waited for. */
static void who_died_is_not_waited_for(void **state)
{
	(void)state;
	struct racer slow;
	pthread_t t;
	begin();
	struct turn first = turn;
	answers_slowly(&slow, &t);
	fake_self++;			/* asked by another process, which does not find the first */
	assert_int_equal(conversation_show(a, slice_of(first.conversation), browser, &turn), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.down");
	assert_string_not_equal(turn.ticket, first.ticket);
	pthread_join(t, NULL);
	assert_int_equal(slow.rc, E_DOWN);
	slow.a = arena_free(slow.a);
	fake_verify_ms = 0;
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
}

static void an_event_thread_changes_nothing(void **state)
{
	(void)state;
	wait_forbid();
	assert_int_equal(conversation_begin(a, &want, peer, &turn), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(fake_state_size("conv"), 0);
	begin();
	struct turn t = turn;
	wait_forbid();
	assert_int_equal(conversation_show(a, slice_of(t.conversation), browser, &turn), OK);
	assert_int_equal(password("alice", "correct horse"), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(fake_verified, 0);
	turn = t;
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_code_is_accepted_once), T(one_code_in_many_conversations_lets_one_in),
		T(the_same_answer_in_parallel_is_evaluated_once), T(different_answers_to_one_ticket_evaluate_one),
		T(a_reload_gets_the_stored_reply), T(what_was_typed_is_not_kept), T(only_its_browser_may_go_on),
		T(other_identifiers_open_nothing), T(tabs_are_separate), T(it_dies_after_fifteen_minutes),
		T(a_record_of_another_version_is_no_conversation), T(an_evaluation_that_dies_gives_the_ticket_back), T(who_died_is_not_waited_for),
		T(an_event_thread_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
