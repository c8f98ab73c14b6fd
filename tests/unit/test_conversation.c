/* The conversation: the ways in, and what a no tells. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"

/* --- the way in --- */

static void one_fitting_kind_needs_no_chooser(void **state)
{
	(void)state;
	want.name = "hint";
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	assert_string_equal(turn.ask.kind, "app");
	assert_string_equal(turn.ask.name, "hint");
	assert_false(turn.ask.may_go_back);
	assert_string_equal(turn.lang, "fr");
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	assert_string_equal(turn.ask.name, "alice");
	assert_int_equal(code(ALICE), OK);
	assert_allow(ALICE, 400);
	assert_int_equal(login.amr, AMR_PWD | AMR_OTP | AMR_MFA);
	assert_int_equal(login.session->auth_time, fake_now);
	assert_string_equal(fake_last(EV_LOGIN_OK)->key, "app-1");
	assert_string_equal(fake_last(EV_LOGIN_OK)->service, "tax");
	assert_int_equal(fake_used, fake_now / 30);
	assert_int_equal(fake_verified, 1);
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 0);
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	assert_int_equal(fake_resealed, 0);
}

static void two_fitting_kinds_are_chosen_from(void **state)
{
	(void)state;
	want.service = "mail";
	begin();
	assert_more(ASK_CHOICE, NULL);
	assert_int_equal(turn.ask.nchoices, 3);
	assert_string_equal(turn.ask.choices[0].id, "app");
	assert_string_equal(turn.ask.choices[1].id, "token");
	assert_string_equal(turn.ask.choices[2].id, "password");
	for (size_t i = 0; i < turn.ask.nchoices; i++)
		assert_false(turn.ask.choices[i].disabled);
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_true(turn.ask.may_go_back);
	assert_int_equal(ANSWER(.back = true, .text = S("half a name")), OK);
	assert_more(ASK_CHOICE, NULL);
	assert_int_equal(ANSWER(.choice = S("password")), OK);
	assert_string_equal(turn.ask.kind, "password");
	assert_int_equal(password("bruno", "correct horse"), OK);
	assert_allow(BRUNO, 200);
}

static void without_a_service_all_kinds_are_there(void **state)
{
	(void)state;
	want.service = NULL;
	begin();
	assert_more(ASK_CHOICE, NULL);
	want.level = 400;
	begin();
	assert_more(ASK_TEXT | ASK_SECRET, NULL);
	want.level = 450;
	begin();
	assert_deny("deny.level");
}

static void a_key_that_is_missing_is_told_after_the_password(void **state)
{
	(void)state;
	want.service = "mail";
	begin();
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_int_equal(password("bruno", "correct horse"), OK);
	assert_more(ASK_CHOICE, "note.not-activated");
	assert_string_equal(turn.ask.note_kind, "app");
	assert_string_equal(turn.ask.name, "bruno");
	assert_true(turn.ask.choices[0].disabled);
	assert_string_equal(turn.ask.choices[0].note_id, "note.not-activated");
	assert_true(turn.ask.choices[1].disabled);
	assert_false(turn.ask.choices[2].disabled);
	assert_int_equal(ANSWER(.choice = S("app")), E_INPUT);
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), browser, &turn), E_NOENT);
}

/* Somebody leaves the login to activate a key, and it waits for them: after the right password, in that browser, until it has ended. */
static void a_login_waits_for_a_key(void **state)
{
	(void)state;
	struct left left;
	want.service = "mail";
	begin();
	const char *id = turn.conversation;
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_int_equal(conversation_left(a, slice_of(id), browser, &left), E_NOENT);
	assert_int_equal(password("bruno", "wrong"), OK);
	assert_int_equal(conversation_left(a, slice_of(id), browser, &left), E_NOENT);
	assert_int_equal(password("bruno", "correct horse"), OK);
	assert_more(ASK_CHOICE, "note.not-activated");
	assert_int_equal(conversation_left(a, slice_of(id), S("another browser"), &left), E_NOENT);
	assert_int_equal(conversation_left(a, slice_of("nonsense"), browser, &left), E_NOENT);
	assert_int_equal(conversation_left(a, slice_of(id), browser, &left), OK);
	assert_string_equal(left.subject, fake_person[BRUNO].subject);
	assert_string_equal(left.name, "bruno");
	assert_string_equal(left.service, "mail");
	assert_string_equal(left.back, want.back);
	assert_int_equal(left.level, 200);
	fake_person[BRUNO].password_changed = "later";
	assert_int_equal(conversation_left(a, slice_of(id), browser, &left), E_NOENT);
	fake_reset();
	want.service = "mail";
	want.level = 300;
	begin();
	id = turn.conversation;
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(conversation_left(a, slice_of(id), browser, &left), OK);
	assert_int_equal(left.level, 300);
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(conversation_left(a, slice_of(id), browser, &left), E_NOENT);
}

static void another_key_needs_no_second_password(void **state)
{
	(void)state;
	want.service = "mail";
	begin();
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_int_equal(password("bruno", "correct horse"), OK);
	assert_int_equal(ANSWER(.choice = S("password")), OK);
	assert_allow(BRUNO, 200);
	assert_int_equal(fake_verified, 1);
}

static void a_locked_or_weak_key_is_told_too(void **state)
{
	(void)state;
	fake_key[ALICE][0].state = "locked";
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CHOICE, "note.locked");
	assert_int_equal(turn.ask.nchoices, 1);
	assert_true(turn.ask.choices[0].disabled);
	fake_key[ALICE][0].state = "active";
	fake_key[ALICE][0].level = 300;
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CHOICE, "note.no-key");
	fake_key[ALICE][0].level = 0;
	fake_person[ALICE].identity_level = 100;
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CHOICE, "note.no-key");
}

static void several_apps_are_chosen_from_and_count_apart(void **state)
{
	(void)state;
	fake_key[CHLOE][1].label = "Work phone";
	begin();
	assert_int_equal(password("chloe", "correct horse"), OK);
	assert_more(ASK_CHOICE, NULL);
	assert_int_equal(turn.ask.nchoices, 2);
	assert_string_equal(turn.ask.choices[0].id, "app-1");
	assert_string_equal(turn.ask.choices[1].label, "Work phone");
	assert_int_equal(ANSWER(.choice = S("app-2")), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(code(CHLOE), OK);		/* the other app's code */
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(fake_wrong_second(second_name(CHLOE, 0)), 0);
	assert_int_equal(fake_wrong_second(second_name(CHLOE, 1)), 1);
	assert_int_equal(ANSWER(.code = slice_of(fake_code(&fake_key[CHLOE][1], fake_now))), OK);
	assert_allow(CHLOE, 400);
	assert_string_equal(fake_last(EV_LOGIN_OK)->key, "app-2");
}

static void on_a_host_the_password_comes_first(void **state)
{
	(void)state;
	want.door = DOOR_HOST;
	want.service = "mail";
	want.name = "bruno";
	begin();
	assert_more(ASK_SECRET, NULL);
	assert_string_equal(turn.ask.name, "bruno");
	assert_null(turn.ask.kind);
	assert_int_equal(ANSWER(.text = S("alice"), .secret = S("correct horse")), E_INPUT);
	begin();
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_int_equal(turn.verdict, V_ALLOW);	/* one kind with a key: nothing to choose */
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	assert_ptr_equal(login.person, &fake_person[BRUNO]);
	assert_int_equal(login.level, 200);
	assert_int_equal(fake_state_size("session"), 0);	/* and nothing that a browser could use */
	assert_int_equal(session_login(a, turn.session, &login), E_NOENT);
	want.name = "alice";
	begin();
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_CHOICE, NULL);
}

static void a_plain_secret_is_sealed_and_reported(void **state)
{
	(void)state;
	fake_key[ALICE][0].secret = S("GEZDGNBVGY3TQOJQ");
	signed_in(ALICE);
	assert_int_equal(fake_resealed, 1);
	assert_string_equal(fake_last(EV_KEY_EXPOSED)->key, "app-1");
}

/* --- nothing tells what exists (row 17) --- */

static const char *bytes_of_turn(void)
{
	const struct prompt *p = &turn.ask;
	return arena_printf(a, "%x %u %s %s %s %s %u %zu %d %s", (unsigned)turn.verdict, p->ask, p->kind, p->name ? "name" : "-",
	    p->note_id ? p->note_id : "-", p->note_kind ? p->note_kind : "-", p->wait_s, p->nchoices, p->may_go_back, turn.why ? turn.why : "-");
}

static void every_no_looks_the_same(void **state)
{
	(void)state;
	static const struct { const char *name, *secret, *why; bool refused; } no[] = {
		{ "alice", "wrong", "wrong-password", false }, { "nobody", "correct horse", "unknown-name", false },
		{ "dirk", "correct horse", "suspended", false }, { "emma", "correct horse", "no-password", false },
		{ "alice", "correct horse", "refused", true }, { "bruno", "wrong", "wrong-password", false },
		{ "*)(uid=*", "x", "unknown-name", false },
	};
	const char *first = NULL;
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		fake_verified = 0;
		fake_verified_person = NULL;
		fake_password_refused = no[i].refused;
		size_t lines = fake_nlines;
		begin();
		assert_int_equal(password(no[i].name, no[i].secret), OK);
		assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
		assert_string_equal(turn.ask.name, no[i].name);
		assert_int_equal(fake_verified, 1);
		assert_int_equal(fake_nlines, lines + 1);
		assert_string_equal(fake_line[lines].why, no[i].why);
		if (no[i].refused)
			assert_null(fake_verified_person);	/* the decoy */
		first = first ? first : bytes_of_turn();
		assert_string_equal(bytes_of_turn(), first);
	}
	assert_string_equal(fake_last(EV_LOGIN_LIMITED)->subject, fake_person[ALICE].subject);
	assert_int_equal(fake_wrong_password("nobody"), 1);
	assert_int_equal(fake_state_size("session"), 0);
}

/* A hundred others were wrong while this one was looked at. */
static void right_but_refused_meanwhile_looks_wrong(void **state)
{
	(void)state;
	static const char *const kinds[] = { "app", "password" };	/* a code is asked next; nothing is */
	for (size_t i = 0; i < 2; i++) {
		want.service = "mail";
		begin();
		assert_int_equal(ANSWER(.choice = slice_of(kinds[i])), OK);
		assert_int_equal(password("alice", "wrong"), OK);
		const char *wrong = bytes_of_turn();
		begin();
		assert_int_equal(ANSWER(.choice = slice_of(kinds[i])), OK);
		fake_refused_meanwhile = true;
		assert_int_equal(password("alice", "correct horse"), OK);
		fake_refused_meanwhile = false;
		assert_string_equal(bytes_of_turn(), wrong);
		assert_string_equal(fake_last(EV_LOGIN_LIMITED)->why, "refused");
		assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 2 * (i + 1));
	}
	assert_int_equal(fake_state_size("session"), 0);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_allow(ALICE, 200);
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 0);
}

static void names_in_the_trail_are_text_and_short(void **state)
{
	(void)state;
	char *longname = arena_alloc(a, 301);
	memset(longname, 'x', 300);
	memcpy(longname + 63, "\xc3\xa9", 2);
	begin();
	assert_int_equal(password(longname, "x"), OK);
	assert_int_equal(strlen(fake_last(EV_LOGIN_NO)->name), 63);
	assert_null(turn.ask.name);
	assert_int_equal(password("bad\xff", "x"), OK);
	assert_string_equal(fake_last(EV_LOGIN_NO)->name, "");
	assert_int_equal(password("line\nbreak", "x"), OK);
	assert_string_equal(fake_last(EV_LOGIN_NO)->name, "");
	assert_int_equal(fake_verified, 3);
}

static void delays_are_told_to_known_and_unknown_alike(void **state)
{
	(void)state;
	fake_wait_s = 8;
	static const char *const names[] = { "alice", "nobody" };
	for (size_t i = 0; i < 2; i++) {
		begin();
		assert_int_equal(password(names[i], "correct horse"), OK);
		assert_more(ASK_TEXT | ASK_SECRET, "note.wait");
		assert_int_equal(turn.ask.wait_s, 8);
	}
	assert_int_equal(fake_verified, 0);
	fake_wait_s = 0;
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(turn.ask.wait_s, 0);
}

static void an_alias_counts_for_the_person(void **state)
{
	(void)state;
	fake_person[ALICE].mail = "alice@example.org";
	begin();
	assert_int_equal(password("alice@example.org", "wrong"), OK);
	assert_int_equal(password("alice", "wrong"), OK);
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 2);
}

/* --- rows 11 and 13: no step can be left out --- */

static void no_step_can_be_skipped(void **state)
{
	(void)state;
	begin();
	const char *c = fake_code(&fake_key[ALICE][0], fake_now);
	assert_int_equal(ANSWER(.code = slice_of(c)), E_INPUT);
	begin();
	assert_int_equal(ANSWER(.choice = S("password")), E_INPUT);
	begin();
	assert_int_equal(ANSWER(.text = S("alice"), .secret = S("correct horse"), .code = slice_of(c)), E_INPUT);
	begin();
	assert_int_equal(ANSWER(.back = true), E_INPUT);
	begin();
	assert_int_equal(ANSWER(.text = S("alice")), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.incomplete");
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.incomplete");
	assert_int_equal(ANSWER(.back = false), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.incomplete");
	assert_int_equal(fake_verified, 0);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(ANSWER(.code = S("")), OK);		/* an empty second factor is none */
	assert_more(ASK_CODE, "note.incomplete");
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	assert_int_equal(fake_state_size("session"), 0);
}

static void a_bad_form_does_not_burn_the_ticket(void **state)
{
	(void)state;
	begin();
	struct turn was = turn;
	assert_int_equal(ANSWER(.code = S("123456")), E_INPUT);
	turn = was;
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
}

static void wrong_codes_are_counted_and_lock_the_key(void **state)
{
	(void)state;
	fake_limits.second_max = 3;
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(ANSWER(.code = S("12345")), OK);
		assert_more(ASK_CODE, "note.wrong-code");
		assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), i);
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, "wrong-code");
	}
	assert_int_equal(code(ALICE), OK);			/* right, and too late */
	assert_more(ASK_CHOICE, "note.locked");
	assert_string_equal(fake_last(EV_LOGIN_LIMITED)->why, "locked");
	assert_int_equal(fake_state_size("session"), 0);
}

static void ten_wrong_answers_end_it(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 5; i++)
		assert_int_equal(password("nobody", "wrong"), OK);
	assert_int_equal(password("alice", "correct horse"), OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ANSWER(.code = S("000000x")), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	struct turn was = turn;
	assert_int_equal(ANSWER(.code = S("000000x")), OK);
	assert_deny("deny.too-many");
	turn = was;
	assert_int_equal(code(ALICE), E_NOENT);
	assert_int_equal(conversation_show(a, slice_of(was.conversation), browser, &turn), E_NOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_fitting_kind_needs_no_chooser), T(two_fitting_kinds_are_chosen_from),
		T(without_a_service_all_kinds_are_there), T(a_key_that_is_missing_is_told_after_the_password),
		T(a_login_waits_for_a_key), T(another_key_needs_no_second_password), T(a_locked_or_weak_key_is_told_too),
		T(several_apps_are_chosen_from_and_count_apart), T(on_a_host_the_password_comes_first),
		T(a_plain_secret_is_sealed_and_reported), T(every_no_looks_the_same), T(right_but_refused_meanwhile_looks_wrong), T(names_in_the_trail_are_text_and_short),
		T(delays_are_told_to_known_and_unknown_alike), T(an_alias_counts_for_the_person), T(no_step_can_be_skipped),
		T(a_bad_form_does_not_burn_the_ticket), T(wrong_codes_are_counted_and_lock_the_key), T(ten_wrong_answers_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
