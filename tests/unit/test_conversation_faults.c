/* The conversation when services break, keys fall and sessions step up. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"

/* --- row 12: broken is not yes, and not a wrong try --- */

/* A whole login in which the n-th call of a service fails, and what was interrupted is tried again. */
static bool login_with_fault(int n)
{
	setup(NULL);
	fake_fault = n;
	bool begun = false;
	for (int tries = 0; tries < 12 && turn.verdict != V_ALLOW; tries++) {
		struct turn was = turn;
		int rc = begun ? was.ask.ask & ASK_CODE ? code(ALICE) : password("alice", "correct horse") :
		    conversation_begin(a, &want, peer, &turn);
		assert_true(rc == OK || (rc == E_DOWN && fake_fault_hit && turn.verdict == V_DENY && turn.session.n == 0));
		assert_true(rc != OK || turn.verdict != V_DENY);
		assert_true(turn.verdict != V_DOWN || (fake_fault_hit && turn.ticket != NULL && turn.ask.note_id != NULL &&
		    strcmp(turn.ask.note_id, "note.down") == 0));
		begun = begun || rc == OK;
		if (rc == OK && turn.verdict == V_DOWN)
			fake_now += 30;			/* a code may have been spent */
		if (rc != OK && begun) {
			fake_now += 30;			/* as the browser does: look again */
			assert_int_equal(conversation_show(a, slice_of(was.conversation), browser, &turn), OK);
		}
	}
	fake_fault = -1;
	assert_allow(ALICE, 400);
	assert_int_equal(fake_state_size("session"), 1);
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 0);
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	assert_null(fake_last(EV_LOGIN_LIMITED));
	bool hit = fake_fault_hit;
	teardown(NULL);
	return hit;
}

static void whatever_breaks_nobody_is_let_in_or_locked_out(void **state)
{
	(void)state;
	teardown(NULL);
	int n = 0;
	while (login_with_fault(n))
		n++;
	assert_true(n > 15);			/* it did break something */
	setup(NULL);
}

static void no_yes_without_its_line(void **state)
{
	(void)state;
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	fake_down = "audit";
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	assert_int_equal(turn.session.n, 0);
	assert_int_equal(fake_state_size("session"), 0);
	fake_down = "sealed";
	fake_now += 30;
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	assert_int_equal(fake_state_size("session"), 0);
	fake_down = NULL;
	fake_now += 30;
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
}

static void a_directory_that_is_away_is_told_and_not_counted(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 20; i++) {
		fake_down = "directory_verify";
		assert_int_equal(password("alice", "wrong"), OK);
		assert_int_equal(turn.verdict, V_DOWN);
		assert_int_equal(turn.ask.ask, ASK_TEXT | ASK_SECRET);
		assert_string_equal(turn.ask.name, "alice");
	}
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 0);
	fake_down = NULL;
	assert_int_equal(password("alice", "correct horse"), OK);
	fake_down = "keyring_otp";
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ANSWER(.code = S("000000")), OK);
		assert_int_equal(turn.verdict, V_DOWN);
	}
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	fake_down = NULL;
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
}

/* --- services --- */

static void a_closed_service_is_told(void **state)
{
	(void)state;
	fake_service[0].state = "blocked";
	begin();
	assert_deny("deny.service-blocked");
	want.service = "unknown";
	begin();
	assert_deny("deny.service-blocked");
	want.service = "tax";
	fake_service[0].state = "active";
	begin();
	struct turn t = turn;
	assert_int_equal(password("alice", "correct horse"), OK);
	struct turn u = turn;
	fake_service[0].state = "blocked";
	assert_int_equal(conversation_show(a, slice_of(t.conversation), browser, &turn), OK);
	assert_deny("deny.service-blocked");
	turn = u;
	assert_int_equal(code(ALICE), OK);
	assert_deny("deny.service-blocked");
}

static void who_may_not_enter_learns_it_last(void **state)
{
	(void)state;
	fake_allowed = false;
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(ANSWER(.code = S("1")), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(code(ALICE), OK);
	assert_deny("deny.not-allowed");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "not-allowed");
	assert_null(fake_last(EV_LOGIN_OK));
}

static void the_service_decides_which_kinds(void **state)
{
	(void)state;
	static const char *const only[] = { "password", NULL };
	fake_service[1].kinds = only;
	want.service = "mail";
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	assert_string_equal(turn.ask.kind, "password");
	want.level = 300;			/* more than the service asks: nothing fits */
	begin();
	assert_deny("deny.level");
	want.level = 0;
	fake_service[1].kinds = NULL;
	want.can = ASK_TEXT | ASK_SECRET;	/* a door that cannot ask for a code, or a choice */
	begin();
	assert_string_equal(turn.ask.kind, "password");
	want.can = ASK_CHOICE;
	begin();
	assert_deny("deny.level");
}

/* --- who it must be, and what was proven before --- */

static void another_person_than_wanted_is_wrong(void **state)
{
	(void)state;
	want.subject = fake_person[ALICE].subject;
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	assert_null(turn.ask.name);		/* a hint alone does not tell the name */
	assert_int_equal(password("chloe", "correct horse"), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "other-person");
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
}

static struct slice low_session(int who)
{
	want.service = "mail";
	begin();
	assert_int_equal(ANSWER(.choice = S("password")), OK);
	assert_int_equal(password(fake_person[who].name, "correct horse"), OK);
	assert_allow(who, 200);
	want.service = "tax";
	want.session = turn.session;
	return turn.session;
}

static void step_up_asks_only_for_what_is_missing(void **state)
{
	(void)state;
	struct slice low = low_session(ALICE);
	const char *sid = login.session->sid;
	time_t proven = fake_now;
	fake_now += 300;
	begin();
	assert_more(ASK_CODE, "note.step-up");
	assert_string_equal(turn.ask.name, "alice");
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
	assert_string_equal(login.session->sid, sid);
	assert_int_equal(login.session->nproofs, 2);
	assert_int_equal(login.session->auth_time, proven);	/* no fresher than its oldest part */
	assert_false(slice_eq(turn.session, low));
	assert_int_equal(session_login(a, low, &login), E_NOENT);
	assert_int_equal(fake_verified, 1);
}

static void step_up_says_what_is_not_activated(void **state)
{
	(void)state;
	low_session(BRUNO);
	begin();
	assert_more(ASK_CHOICE, "note.not-activated");
	assert_int_equal(turn.ask.nchoices, 1);		/* only kinds that reach the level */
	assert_true(turn.ask.choices[0].disabled);
}

static void step_up_rests_on_the_session(void **state)
{
	(void)state;
	struct slice low = low_session(ALICE);
	begin();
	struct turn t = turn;
	assert_more(ASK_CODE, "note.step-up");
	assert_int_equal(session_end(low), OK);		/* signed out in another tab */
	assert_int_equal(code(ALICE), OK);
	assert_more(ASK_SECRET, "note.wrong");
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	assert_int_equal(conversation_show(a, slice_of(t.conversation), browser, &turn), OK);
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
}

static void anew_asks_for_everything(void **state)
{
	(void)state;
	low_session(ALICE);
	const char *sid = login.session->sid;
	fake_now += 300;
	want.anew = true;
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	assert_string_equal(turn.ask.name, "alice");
	want.subject = fake_person[ALICE].subject;	/* in her own browser the name is shown */
	begin();
	assert_more(ASK_SECRET, "note.again");
	assert_string_equal(turn.ask.name, "alice");
	assert_int_equal(ANSWER(.secret = S("wrong")), OK);
	assert_more(ASK_SECRET, "note.wrong");
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
	assert_string_equal(login.session->sid, sid);
	assert_int_equal(login.session->auth_time, fake_now);
}

static void another_person_gets_another_session(void **state)
{
	(void)state;
	struct slice low = low_session(ALICE);
	const char *sid = login.session->sid;
	want.anew = true;
	begin();
	assert_int_equal(password("chloe", "correct horse"), OK);
	assert_int_equal(ANSWER(.choice = S("app-1")), OK);
	assert_int_equal(code(CHLOE), OK);
	assert_allow(CHLOE, 400);
	assert_string_not_equal(login.session->sid, sid);
	assert_int_equal(session_login(a, low, &login), E_NOENT);
	assert_string_equal(fake_last(EV_SESSION_END)->why, "replaced");
}

static void a_stranger_s_session_is_nothing(void **state)
{
	(void)state;
	low_session(ALICE);
	want.subject = fake_person[CHLOE].subject;
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	assert_null(turn.ask.name);
	want.session = S("not.a.session");
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
}

/* --- row 29: what falls in the middle --- */

static void what_falls_in_the_middle_is_asked_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		teardown(NULL);
		setup(NULL);
		begin();
		assert_int_equal(password("alice", "correct horse"), OK);
		assert_more(ASK_CODE, NULL);
		struct turn t = turn;
		if (i == 0)
			fake_person[ALICE].state = "suspended";
		else if (i == 1)
			fake_person[ALICE].password_changed = "20261121101500Z";
		else
			fake_person[ALICE].subject = "gone";
		assert_int_equal(conversation_show(a, slice_of(t.conversation), browser, &turn), OK);
		assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
		turn = t;
		assert_int_equal(code(ALICE), OK);
		assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
		assert_int_equal(fake_state_size("session"), 0);
	}
	teardown(NULL);
	setup(NULL);
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	fake_key[ALICE][0].state = "revoked";
	assert_int_equal(code(ALICE), OK);
	assert_more(ASK_CHOICE, "note.not-activated");
	assert_int_equal(fake_state_size("session"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whatever_breaks_nobody_is_let_in_or_locked_out), T(no_yes_without_its_line),
		T(a_directory_that_is_away_is_told_and_not_counted), T(a_closed_service_is_told),
		T(who_may_not_enter_learns_it_last), T(the_service_decides_which_kinds), T(another_person_than_wanted_is_wrong),
		T(step_up_asks_only_for_what_is_missing), T(step_up_says_what_is_not_activated), T(step_up_rests_on_the_session),
		T(anew_asks_for_everything), T(another_person_gets_another_session), T(a_stranger_s_session_is_nothing),
		T(what_falls_in_the_middle_is_asked_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
