/* Tokens and printed cards in the conversation: counters, clocks, numbered codes; each code once. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"

enum { EVE_KEY = 2 };			/* alice's third key */
static struct key *token;

static void give(const char *data)
{
	fake_key[ALICE][EVE_KEY] = (struct key){ .dn = "csamKeyId=token-1", .id = "token-1", .kind = "token", .state = "active",
		.secret = S("{CSAM}token"), .data = slice_of(data) };
	fake_person[ALICE].nkeys = 3;
	token = &fake_key[ALICE][EVE_KEY];
	kinds_open(&(struct kinds_conf){ .look_ahead = 5, .resync = 100 });
	fake_service[1].level = 300;
	want.service = "mail";
}

static void to_code(void)
{
	begin();
	assert_int_equal(ANSWER(.choice = S("token")), OK);
	assert_int_equal(password("alice", "correct horse"), OK);
}

static int type(uint64_t number, unsigned digits)
{
	return ANSWER(.code = slice_of(arena_strdup(a, fake_number_code(token, number, digits))));
}

static unsigned wrong_tries(void)
{
	return fake_wrong_second(second_name(ALICE, EVE_KEY));
}

/* --- counters --- */

static void a_counter_goes_to_the_directory_first(void **state)
{
	(void)state;
	give("hotp 6 sha1");
	to_code();
	assert_more(ASK_CODE, NULL);
	fake_down = "directory_key_spend";
	assert_int_equal(type(0, 6), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	assert_int_equal(wrong_tries(), 0);
	fake_down = NULL;
	assert_int_equal(type(0, 6), OK);
	assert_allow(ALICE, 300);
	assert_int_equal(login.amr, AMR_PWD | AMR_OTP | AMR_MFA);
	assert_int_equal(token->counter, 1);
	assert_int_equal(fake_used, 0);			/* nothing is left to be written behind */
}

static void a_code_works_once(void **state)
{
	(void)state;
	give("hotp 8 sha256");
	to_code();
	assert_int_equal(type(2, 8), OK);		/* two were made and not used */
	assert_allow(ALICE, 300);
	assert_int_equal(token->counter, 3);
	to_code();
	assert_int_equal(type(2, 8), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "replayed-code");
	assert_int_equal(wrong_tries(), 0);		/* the last one again is nobody's guess */
	assert_int_equal(type(1, 8), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "wrong-code");
	assert_int_equal(wrong_tries(), 1);
	assert_int_equal(type(3, 8), OK);
	assert_allow(ALICE, 300);
}

static void of_two_who_spend_it_one_gets_in(void **state)
{
	(void)state;
	give("hotp 6 sha1");
	to_code();
	fake_beaten = true;
	assert_int_equal(type(0, 6), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "replayed-code");
	assert_int_equal(fake_state_size("session"), 0);
	/* and across two conversations at the same time */
	fake_beaten = false;
	const char *tickets[NRACERS];
	for (int i = 0; i < NRACERS; i++) {
		to_code();
		tickets[i] = turn.ticket;
	}
	for (int i = 0; i < NRACERS; i++)
		racers[i] = (struct racer){ .ticket = tickets[i], .answer = { .code = slice_of(arena_strdup(a, fake_number_code(token, 0, 6))) } };
	run_racers();
	assert_int_equal(count_verdict(V_ALLOW), 1);
	free_racers();
}

static void a_directory_from_a_backup_brings_no_code_back(void **state)
{
	(void)state;
	give("hotp 6 sha1");
	to_code();
	assert_int_equal(type(4, 6), OK);
	assert_allow(ALICE, 300);
	token->counter = 0;				/* put back */
	fake_now += 30 * 24 * 3600;
	for (uint64_t n = 0; n < 4; n++) {
		to_code();
		assert_int_equal(type(n, 6), OK);
		assert_more(ASK_CODE, "note.wrong-code");
	}
	to_code();
	assert_int_equal(type(5, 6), OK);
	assert_allow(ALICE, 300);
	token->counter = 0;
	for (uint64_t n = 6; n < 12; n += 5) {		/* beyond its window: where the token is, the state store knows */
		to_code();
		assert_int_equal(type(n, 6), OK);
		assert_allow(ALICE, 300);
		token->counter = n == 6 ? 0 : 12;
	}
	fake_now += 1;
	/* and a state store that is new has the directory's */
	fake_state_forget("otp");
	to_code();
	assert_int_equal(type(11, 6), OK);
	assert_more(ASK_CODE, "note.wrong-code");
}

static void two_codes_in_a_row_bring_it_back(void **state)
{
	(void)state;
	give("hotp 6 sha1");
	to_code();
	assert_int_equal(type(60, 6), OK);
	assert_more(ASK_CODE, "note.next-code");
	assert_int_equal(wrong_tries(), 1);
	assert_false(fake_state_holds(S("token-1\0")));	/* what it remembers is sealed */
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), browser, &turn), OK);
	assert_int_equal(type(61, 6), OK);
	assert_allow(ALICE, 300);
	assert_int_equal(token->counter, 62);
	assert_int_equal(wrong_tries(), 0);
}

static void one_code_far_away_opens_nothing(void **state)
{
	(void)state;
	give("hotp 6 sha1");
	to_code();
	assert_int_equal(type(60, 6), OK);
	assert_int_equal(type(60, 6), OK);		/* the same again */
	assert_more(ASK_CODE, "note.next-code");
	assert_int_equal(type(70, 6), OK);		/* another one far away */
	assert_more(ASK_CODE, "note.next-code");
	assert_int_equal(type(106, 6), OK);		/* out of reach */
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(type(71, 6), OK);		/* 70 is forgotten */
	assert_more(ASK_CODE, "note.next-code");
	assert_int_equal(wrong_tries(), 5);
	to_code();
	assert_int_equal(type(72, 6), OK);		/* of another conversation */
	assert_more(ASK_CODE, "note.next-code");
	for (int i = 0; i < 10 && turn.verdict == V_MORE; i++)
		type(300 + (unsigned)i, 6);
	assert_int_equal(wrong_tries(), 10);
	assert_string_equal(fake_last(EV_LOGIN_LIMITED)->why, "locked");
}

/* --- clocks --- */

static void a_clock_and_its_window(void **state)
{
	(void)state;
	give("totp 8 sha512 60");
	for (int shift = -4; shift <= 4; shift++) {
		fake_now += 6000;
		uint64_t step = (uint64_t)(fake_now / 60 + shift);
		to_code();
		assert_int_equal(type(step, 8), OK);
		bool near = shift >= -1 && shift <= 1;
		assert_int_equal(turn.verdict, near ? V_ALLOW : V_MORE);
		if (near)
			assert_int_equal(fake_used, step);
		else
			assert_string_equal(turn.ask.note_id, "note.next-code");
	}
	to_code();
	assert_int_equal(type((uint64_t)fake_now / 60 + 21, 8), OK);
	assert_more(ASK_CODE, "note.wrong-code");
}

static void a_clock_that_is_wrong_stays_wrong_and_known(void **state)
{
	(void)state;
	give("totp 6 sha1 30");
	uint64_t at = (uint64_t)fake_now / 30;
	to_code();
	assert_int_equal(type(at - 9, 6), OK);
	assert_more(ASK_CODE, "note.next-code");
	fake_now += 30;
	assert_int_equal(type(at - 8, 6), OK);
	assert_allow(ALICE, 300);
	token->counter = fake_used;			/* as it is written behind */
	token->last_used = fake_now;
	fake_now += 30;
	to_code();
	assert_int_equal(type(at - 8, 6), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "replayed-code");
	assert_int_equal(type(at - 7, 6), OK);
	assert_allow(ALICE, 300);
}

/* --- cards --- */

static unsigned asked(void)
{
	assert_string_equal(turn.ask.hint_id, "hint.card");
	return (unsigned)atoi(turn.ask.what);
}

static void every_number_once_in_any_order(void **state)
{
	(void)state;
	bool seen[25] = { false };
	unsigned in_order = 0;
	give("card 24");
	for (unsigned i = 1; i <= 24; i++) {
		to_code();
		unsigned number = asked();
		assert_in_range(number, 1, 24);
		assert_false(seen[number]);
		seen[number] = true;
		in_order += number == i;
		assert_int_equal(turn.ask.left, 25 - i);
		assert_more(ASK_CODE, i > 20 ? "note.card-few" : NULL);
		assert_int_equal(conversation_show(a, slice_of(turn.conversation), browser, &turn), OK);
		assert_int_equal(asked(), number);	/* drawn again, it asks the same */
		const char *gaps = arena_printf(a, "%.4s %s", fake_number_code(token, number, 8), fake_number_code(token, number, 8) + 4);
		assert_int_equal(ANSWER(.code = slice_of(gaps)), OK);
		assert_allow(ALICE, 300);
	}
	assert_true(in_order < 20);
	to_code();
	assert_more(ASK_CHOICE, "note.used-up");
	assert_int_equal(session_login(a, signed_in(ALICE), &login), OK);
}

static void a_number_is_bound_to_its_conversation(void **state)
{
	(void)state;
	give("card 24");
	to_code();
	unsigned number = asked();
	assert_int_equal(type(number % 24 + 1, 8), OK);	/* a right code of another number */
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(asked(), number);
	assert_int_equal(wrong_tries(), 1);
	assert_int_equal(ANSWER(.back = true), OK);
	assert_int_equal(ANSWER(.choice = S("token")), OK);
	assert_int_equal(asked(), number);		/* one cannot draw lots until a number comes that one knows */
	token->counter |= 1u << (number - 1);		/* spent meanwhile, elsewhere */
	assert_int_equal(type(number, 8), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, "replayed-code");
	assert_int_not_equal(asked(), number);
	assert_int_equal(type(asked(), 8), OK);
	assert_allow(ALICE, 300);
}

/* --- what cannot be read --- */

static void data_that_is_not_understood_opens_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "hotp", "hotp 6", "hotp 5 sha1", "hotp 9 sha1", "hotp 6 md5", "hotp 6 sha1 30", "totp 6 sha1",
		"totp 6 sha1 0", "totp 6 sha1 9", "totp 6 sha1 301", "totp 6 sha1 30 x", "card", "card 0", "card 49", "card 24 x", "CARD 24", "xotp 6 sha1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		teardown(NULL);
		setup(NULL);
		give(bad[i]);
		to_code();
		assert_more(ASK_CODE, NULL);
		assert_int_equal(type(0, 6), OK);
		assert_more(ASK_CODE, "note.wrong-code");
		assert_string_equal(fake_last(EV_LOGIN_NO)->why, "unreadable-data");
	}
	give("hotp 6 sha1");
	token->counter = UINT64_MAX;			/* what was no number */
	to_code();
	assert_int_equal(type(0, 6), OK);
	assert_more(ASK_CODE, "note.wrong-code");
}

static void a_host_gets_codes_of_tokens_and_no_cards(void **state)
{
	(void)state;
	give("hotp 6 sha1");
	want.door = DOOR_HOST;
	want.name = "alice";
	want.proven = true;
	begin();
	assert_int_equal(type(0, 6), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	give("card 24");
	fake_now += 60;
	begin();
	unsigned before = wrong_tries();
	assert_int_equal(type(1, 8), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(wrong_tries(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_counter_goes_to_the_directory_first), T(a_code_works_once), T(of_two_who_spend_it_one_gets_in),
		T(a_directory_from_a_backup_brings_no_code_back), T(two_codes_in_a_row_bring_it_back), T(one_code_far_away_opens_nothing),
		T(a_clock_and_its_window), T(a_clock_that_is_wrong_stays_wrong_and_known), T(every_number_once_in_any_order),
		T(a_number_is_bound_to_its_conversation), T(data_that_is_not_understood_opens_nothing),
		T(a_host_gets_codes_of_tokens_and_no_cards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
