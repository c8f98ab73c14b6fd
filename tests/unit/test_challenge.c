/* The hosts' door of the conversation: after a public key, in the person's language, a new password, and what a login leaves behind. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"
#include "base/clock.h"
#include "base/wait.h"
#include "core/names.h"

static int host_setup(void **state)
{
	setup(state);
	want = (struct want){ .door = DOOR_HOST, .binding = browser, .service = "tax", .name = "alice", .via = "sshd", .back = "bond", .lang = "en",
		.can = ASK_SECRET | ASK_CODE | ASK_CHOICE };
	return 0;
}

static int secret(const char *s) { return ANSWER(.secret = slice_of(s)); }
static int typed_code(const char *s) { return ANSWER(.code = slice_of(s)); }

static void assert_entered(int who, unsigned level, unsigned amr)
{
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	assert_ptr_equal(login.person, &fake_person[who]);
	assert_int_equal(login.level, level);
	assert_int_equal(login.amr, amr);
	assert_int_equal(fake_state_size("session"), 0);
	assert_string_equal(turn.back, "bond");
	assert_string_equal(fake_last(EV_LOGIN_OK)->session, "");
}

static void a_login_leaves_no_session_but_what_can_fall(void **state)
{
	(void)state;
	begin();
	assert_more(ASK_SECRET, NULL);
	assert_int_equal(secret("correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(code(ALICE), OK);
	assert_entered(ALICE, 400, AMR_PWD | AMR_OTP | AMR_MFA);
	fake_person[ALICE].password_changed = "20261121100000Z";
	assert_int_equal(session_thaw(a, turn.session, &login), E_NOENT);
	fake_person[ALICE].password_changed = "20261101080000Z";
	fake_key[ALICE][0].state = "locked";
	assert_int_equal(session_thaw(a, turn.session, &login), E_NOENT);
	fake_key[ALICE][0].state = "active";
	fake_person[ALICE].state = "suspended";
	assert_int_equal(session_thaw(a, turn.session, &login), E_NOENT);
}

static void after_a_public_key_the_code_is_enough(void **state)
{
	(void)state;
	want.proven = true;
	begin();
	assert_more(ASK_CODE, NULL);
	struct turn asked = turn;
	assert_int_equal(secret("correct horse"), E_INPUT);		/* and nothing is used up */
	turn = asked;
	assert_int_equal(code(ALICE), OK);
	assert_entered(ALICE, 400, AMR_OTP);
	fake_person[ALICE].password_changed = "20261121100000Z";	/* it does not rest on the password */
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	begin();
	assert_int_equal(code(ALICE), OK);				/* the same code once more */
	assert_more(ASK_CODE, "note.wrong-code");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "replayed-code");
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
}

static void any_of_several_keys_will_do_and_each_wrong_code_counts_for_all(void **state)
{
	(void)state;
	want.proven = true;
	want.name = "chloe";
	begin();
	assert_int_equal(typed_code("000000"), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(fake_wrong_second(second_name(CHLOE, 0)), 1);
	assert_int_equal(fake_wrong_second(second_name(CHLOE, 1)), 1);
	assert_int_equal(ANSWER(.code = slice_of(fake_code(&fake_key[CHLOE][1], fake_now))), OK);
	assert_entered(CHLOE, 400, AMR_OTP);
	assert_int_equal(fake_wrong_second(second_name(CHLOE, 0)), 1);	/* what was counted just now was taken back */
	assert_int_equal(fake_wrong_second(second_name(CHLOE, 1)), 0);
}

/* unknown, suspended, no key with a code, another spelling, a name of the system, a key that is locked */
static void every_no_after_a_public_key_looks_the_same_and_takes_as_long(void **state)
{
	(void)state;
	static const char *const names[] = { "alice", "nobody-here", "dirk", "bruno", "Alice", "root", "chloe" };
	static const char *const whys[] = { "wrong-code", "unknown-name", "suspended", "no-key", "unknown-name", "unknown-name", "no-key" };
	const char *first = NULL;
	want.proven = true;
	fake_key[CHLOE][0].state = fake_key[CHLOE][1].state = "locked";
	fake_person[EMMA].name = "root";
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		want.name = names[i];
		begin();
		for (int n = 0; n < 9; n++) {
			uint64_t from = ticks_ms();
			assert_int_equal(typed_code("000000"), OK);
			assert_true(ticks_ms() - from >= 20);
			assert_more(ASK_CODE, "note.wrong-code");
		}
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, whys[i]);
		assert_int_equal(typed_code("000000"), OK);
		assert_deny("deny.too-many");
		const char *bytes = arena_printf(a, "%s %s", turn.lang, turn.ask.kind ? turn.ask.kind : "-");
		assert_string_equal(bytes, first != NULL ? first : bytes);
		first = bytes;
	}
	fake_key[ALICE][0].state = "active";
}

static void a_code_that_is_not_asked_for_cannot_be_drawn(void **state)
{
	(void)state;
	want.proven = true;
	want.can = ASK_SECRET;
	begin();
	assert_deny("deny.level");
	want.can = ASK_CODE;
	begin();
	assert_more(ASK_CODE, NULL);
	want.level = 450;
	begin();
	assert_deny("deny.level");
	want.door = DOOR_BROWSER;			/* a browser cannot say that something was proven */
	want.level = 0;
	want.can = ASK_TEXT | ASK_SECRET | ASK_CODE | ASK_CHOICE;
	begin();
	assert_true(turn.ask.ask & ASK_SECRET);
}

static void the_name_is_that_letter_for_letter(void **state)
{
	(void)state;
	static const char *const names[] = { "Alice", "alias", "alice ", " alice" };
	fake_person[ALICE].mail = "alias";			/* found by it in a browser */
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		want.name = names[i];
		begin();
		assert_int_equal(secret("correct horse"), OK);
		assert_more(ASK_SECRET, "note.wrong");
	}
	fake_person[ALICE].name = want.name = "daemon";
	begin();
	assert_int_equal(secret("correct horse"), OK);
	assert_more(ASK_SECRET, "note.wrong");
}

static void the_language_is_the_persons_once_that_tells_nothing(void **state)
{
	(void)state;
	fake_person[ALICE].locale = "fr";
	begin();
	assert_string_equal(turn.lang, "en");
	assert_int_equal(secret("wrong"), OK);
	assert_string_equal(turn.lang, "en");
	assert_int_equal(secret("correct horse"), OK);
	assert_string_equal(turn.lang, "fr");
	want.proven = true;
	begin();
	assert_int_equal(typed_code("000000"), OK);
	assert_string_equal(turn.lang, "en");
}

static void an_old_ticket_is_good_for_its_own_reply_only(void **state)
{
	(void)state;
	begin();
	const char *first = turn.ticket;
	assert_int_equal(secret("wrong"), OK);
	const char *second = turn.ticket;
	assert_int_equal(answer_to(first, (struct answer){ .secret = S("wrong") }), OK);
	assert_string_equal(turn.ticket, second);
	assert_int_equal(answer_to(first, (struct answer){ .secret = S("correct horse") }), E_NOENT);
	assert_int_equal(fake_verified, 1);
	struct answer right = { .secret = S("correct horse") };
	assert_int_equal(conversation_answer(a, slice_of(second), stranger, peer, &right, &turn), E_NOENT);
	assert_int_equal(answer_to(second, right), OK);
	assert_more(ASK_CODE, NULL);
}

static void who_may_not_enter_does_not(void **state)
{
	(void)state;
	fake_allowed = false;
	for (int proven = 0; proven < 2; proven++) {
		want.proven = proven;
		begin();
		if (!proven)
			assert_int_equal(secret("correct horse"), OK);
		assert_int_equal(code(ALICE), OK);
		assert_deny("deny.not-allowed");
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, "not-allowed");
		fake_now += 30;
	}
	assert_null(fake_last(EV_LOGIN_OK));
}

/* A host's first ticket is the conversation itself: no write, no room; and all the same it is answered once, as long as it could be opened. */
static void what_was_only_begun_is_nowhere_and_is_answered_once(void **state)
{
	(void)state;
	time_t t0 = fake_now;
	begin();
	assert_int_equal(fake_state_size("conv"), 0);
	struct turn other;
	const char *first = arena_strdup(a, turn.ticket);
	const struct answer right = { .secret = S("correct horse") };
	assert_int_equal(conversation_answer(a, slice_of(first), stranger, peer, &right, &other), E_NOENT);
	assert_int_equal(conversation_answer(a, slice_mem(first, strlen(first) - 1), browser, peer, &right, &other), E_NOENT);
	assert_int_equal(fake_verified, 0);
	assert_int_equal(answer_to(first, right), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(fake_state_size("conv"), 1);
	assert_int_equal(code(ALICE), OK);
	assert_entered(ALICE, 400, AMR_PWD | AMR_OTP | AMR_MFA);
	for (fake_now = t0; fake_now < t0 + 20 * 60; fake_now += 59) {	/* also after its end, when nothing else of it is known any more */
		assert_int_equal(answer_to(first, right), E_NOENT);
		assert_int_equal(answer_to(first, (struct answer){ .secret = S("another") }), E_NOENT);
	}
	assert_int_equal(fake_verified, 1);
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 0);
	fake_now = t0;
	begin();
	fake_now += 15 * 60;
	assert_int_equal(secret("correct horse"), E_NOENT);
	assert_int_equal(fake_verified, 1);
	fake_now = t0;
}

/* A door that has spent the client's assertion must not be told to wait for a hash that it could not foresee. */
static void an_answer_to_what_fell_meanwhile_is_not_evaluated(void **state)
{
	(void)state;
	begin();
	assert_int_equal(secret("correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	fake_person[ALICE].password_changed = "20261121100000Z";
	assert_false(conversation_verifies(a, slice_of(turn.ticket), want.binding));
	hash_forbid();
	assert_int_equal(secret("correct horse"), OK);
	assert_false(hash_was_wanted());
	assert_more(ASK_SECRET, "note.wrong");
	assert_int_equal(fake_verified, 1);
	assert_int_equal(secret("correct horse"), OK);		/* and now it is */
	assert_more(ASK_CODE, NULL);
	fake_person[ALICE].password_changed = "20261101080000Z";
}

static void a_terminal_has_no_way_back_to_other_keys(void **state)
{
	(void)state;
	fake_key[ALICE][0].state = "locked";
	begin();
	assert_int_equal(secret("correct horse"), OK);
	assert_deny("note.locked");
	want.can = ASK_SECRET | ASK_CODE;
	begin();
	assert_int_equal(secret("correct horse"), OK);
	assert_deny("note.locked");
	want.service = "mail";				/* where a password is enough */
	begin();
	assert_int_equal(secret("correct horse"), OK);
	assert_entered(ALICE, 200, AMR_PWD);
}

/* --- a new password --- */

static void new_password(const char *name)
{
	want.goal = GOAL_PASSWORD;
	want.name = name;
	begin();
	assert_more(ASK_SECRET, NULL);
	assert_string_equal(turn.ask.label_id, "password.present");
	assert_int_equal(secret("correct horse"), OK);
}

static void a_new_password_is_typed_twice(void **state)
{
	(void)state;
	new_password("alice");
	assert_more(ASK_SECRET, NULL);
	assert_string_equal(turn.ask.label_id, "password.new");
	assert_int_equal(secret("short"), OK);
	assert_more(ASK_SECRET, "note.password-short");
	assert_int_equal(secret("a long new one"), OK);
	assert_string_equal(turn.ask.label_id, "password.again");
	assert_false(fake_state_holds(S("a long new one")));
	assert_int_equal(secret("a long new on"), OK);
	assert_more(ASK_SECRET, "note.password-differ");
	assert_string_equal(turn.ask.label_id, "password.new");
	assert_null(fake_password_hash);
	assert_int_equal(secret("a long new one"), OK);
	struct turn again = turn;
	assert_int_equal(secret("a long new one"), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(turn.goal, GOAL_PASSWORD);
	assert_int_equal(turn.session.n, 0);
	assert_true(slice_starts(slice_of(fake_password_hash), S("{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$")));
	assert_non_null(fake_last(EV_PASSWORD_CHANGED));
	assert_null(fake_last(EV_LOGIN_OK));
	fake_password_hash = NULL;
	assert_int_equal(answer_to(again.ticket, (struct answer){ .secret = S("a long new one") }), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_null(fake_password_hash);		/* not evaluated again */
}

static void who_has_a_password_alone_needs_more_of_it(void **state)
{
	(void)state;
	new_password("bruno");
	assert_int_equal(secret("fourteen chars"), OK);
	assert_more(ASK_SECRET, "note.password-short-alone");
	assert_int_equal(secret("fifteen chars.."), OK);
	assert_more(ASK_SECRET, NULL);
}

static void the_present_password_is_counted_and_must_stay(void **state)
{
	(void)state;
	want.goal = GOAL_PASSWORD;
	begin();
	assert_int_equal(secret("wrong"), OK);
	assert_more(ASK_SECRET, "note.wrong");
	assert_int_equal(fake_wrong_password(fake_person[ALICE].subject), 1);
	assert_int_equal(secret("correct horse"), OK);
	fake_person[ALICE].password_changed = "20261121100000Z";	/* somebody else was quicker */
	assert_int_equal(secret("a long new one"), OK);
	assert_more(ASK_SECRET, "note.wrong");
	assert_string_equal(turn.ask.label_id, "password.present");
	fake_allowed = false;
	new_password("alice");
	assert_deny("deny.not-allowed");
	assert_null(fake_password_hash);
}

static void what_breaks_changes_nothing_and_may_be_tried_again(void **state)
{
	(void)state;
	static const char *const parts[] = { "sealed", "directory_password_set", "audit" };
	for (size_t i = 0; i < 3; i++) {
		new_password("alice");
		if (i > 0)
			assert_int_equal(secret("a long new one"), OK);
		fake_down = parts[i];
		assert_int_equal(secret("a long new one"), OK);
		assert_int_equal(turn.verdict, V_DOWN);
		fake_down = NULL;
		assert_int_equal(secret("a long new one"), OK);
		assert_int_equal(turn.verdict, i == 2 ? V_MORE : i == 1 ? V_ALLOW : V_MORE);
	}
}

/* --- broken is not yes --- */

static bool proven_with_fault(int n)
{
	host_setup(NULL);
	want.proven = true;
	fake_fault = n;
	int rc = conversation_begin(a, &want, peer, &turn);
	for (int tries = 0; rc == OK && tries < 4 && turn.verdict != V_ALLOW; tries++) {
		rc = code(ALICE);
		assert_true(rc == OK || fake_fault_hit);
		assert_true(rc != OK || turn.verdict == V_ALLOW || (turn.verdict == V_DOWN && fake_fault_hit));
		fake_now += 30;
	}
	assert_true(rc == OK ? turn.verdict == V_ALLOW : turn.verdict == V_DENY && turn.session.n == 0);
	assert_int_equal(fake_wrong_second(second_name(ALICE, 0)), 0);
	bool hit = fake_fault_hit;
	teardown(NULL);
	return hit;
}

static void whatever_breaks_after_a_public_key_nobody_is_let_in_or_locked_out(void **state)
{
	(void)state;
	teardown(NULL);
	int n = 0;
	while (proven_with_fault(n))
		n++;
	assert_true(n > 8);
	host_setup(NULL);
}

static void names_of_the_system_are_nobodys(void **state)
{
	(void)state;
	static const char *const good[] = { "alice", "emma.maes", "a", "bruno-2", "dirk_b", "Chloe" };
	static const char *const no[] = { "", "root", "daemon", "www-data", "_apt", "systemd-network", "1alice", "-x", ".x", "a b", "a/b", "a:b", "al\xc3\xa9", "Root",
		"abcdefghijklmnopqrstuvwxyzabcdefg", "nobody", "sshd" };
	for (size_t i = 0; i < sizeof good / sizeof *good - 1; i++)
		assert_false(name_is_reserved(slice_of(good[i])));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (!name_is_reserved(slice_of(no[i])))
			fail_msg("%s", no[i]);
}

#define H(f) cmocka_unit_test_setup_teardown(f, host_setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		H(a_login_leaves_no_session_but_what_can_fall), H(after_a_public_key_the_code_is_enough),
		H(any_of_several_keys_will_do_and_each_wrong_code_counts_for_all), H(every_no_after_a_public_key_looks_the_same_and_takes_as_long),
		H(a_code_that_is_not_asked_for_cannot_be_drawn), H(the_name_is_that_letter_for_letter),
		H(the_language_is_the_persons_once_that_tells_nothing), H(an_old_ticket_is_good_for_its_own_reply_only), H(who_may_not_enter_does_not),
		H(what_was_only_begun_is_nowhere_and_is_answered_once), H(an_answer_to_what_fell_meanwhile_is_not_evaluated),
		H(a_terminal_has_no_way_back_to_other_keys),
		H(a_new_password_is_typed_twice), H(who_has_a_password_alone_needs_more_of_it),
		H(the_present_password_is_counted_and_must_stay), H(what_breaks_changes_nothing_and_may_be_tried_again),
		H(whatever_breaks_after_a_public_key_nobody_is_let_in_or_locked_out), H(names_of_the_system_are_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
