/* Codes that are sent: to whom, when, how often, and that each works once, in its own conversation, for a while. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"

enum { MAIL = 2, SMS = 3 };

static int sending(void **state)
{
	setup(state);
	fake_key[ALICE][MAIL] = (struct key){ .dn = "csamKeyId=mail-1", .id = "mail-1", .kind = "mail", .state = "active", .address = "alice@example.org" };
	fake_key[ALICE][SMS] = (struct key){ .dn = "csamKeyId=sms-1", .id = "sms-1", .kind = "sms", .state = "active", .address = "+32470000001" };
	fake_person[ALICE].nkeys = 4;
	fake_person[ALICE].locale = "nl";
	fake_carries[CHANNEL_MAIL] = fake_carries[CHANNEL_SMS] = true;
	kinds_open(&(struct kinds_conf){ .host = "login.example" });
	want.service = "mail";
	return 0;
}

static void to_code(const char *kind)
{
	begin();
	assert_int_equal(ANSWER(.choice = slice_of(kind)), OK);
	assert_int_equal(password("alice", "correct horse"), OK);
}

static int type(const char *digits)
{
	return ANSWER(.code = slice_of(arena_strdup(a, digits)));
}

static const char *another(const char *digits)
{
	return arena_printf(a, "%06d", (atoi(digits) + 1) % 1000000);
}

static unsigned wrong_tries(void)
{
	return fake_wrong_second(second_name(ALICE, MAIL));
}

static void nothing_is_made_before_the_password(void **state)
{
	(void)state;
	begin();
	assert_int_equal(ANSWER(.choice = S("mail")), OK);
	assert_int_equal(password("alice", "wrong"), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
	assert_int_equal(password("nobody", "correct horse"), OK);
	assert_more(ASK_TEXT | ASK_SECRET, "note.wrong");
	assert_int_equal(fake_mail.sent, 0);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(fake_mail.sent, 1);
	assert_int_equal(fake_woken, 1);
	assert_string_equal(fake_mail.to, "alice@example.org");
	assert_string_equal(fake_mail.text_id, "mail.code");
	assert_string_equal(fake_mail.service, "mail");
	assert_string_equal(fake_mail.place, peer);
	assert_string_equal(fake_mail.host, "login.example");
	assert_int_equal(strspn(fake_mail.code, "0123456789"), 6);
	assert_int_equal(fake_mail.expires, fake_now + 600);
	assert_string_equal(turn.ask.hint_id, "hint.mail");
	assert_null(strstr(turn.ask.what, "alice@"));	/* masked */
	assert_non_null(strstr(turn.ask.what, "@example.org"));
	assert_true(turn.ask.may_ask_again);
	assert_false(fake_state_holds(slice_of(fake_mail.code)));	/* at rest it is sealed */
	assert_string_equal(fake_last(EV_OTP_SENT)->key, "mail-1");
}

static void the_right_code_once(void **state)
{
	(void)state;
	to_code("mail");
	const char *digits = arena_strdup(a, fake_mail.code), *spaced = arena_printf(a, "%.3s %s", digits, digits + 3);
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), browser, &turn), OK);
	assert_int_equal(fake_mail.sent, 1);		/* looking sends nothing */
	const char *ticket = turn.ticket;
	assert_int_equal(type(spaced), OK);
	assert_allow(ALICE, 300);
	assert_int_equal(login.amr, AMR_PWD | AMR_OTP | AMR_MFA);
	assert_int_equal(answer_to(ticket, (struct answer){ .code = slice_of(digits) }), E_NOENT);
	to_code("mail");
	assert_int_equal(type(digits), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	to_code("sms");
	assert_string_equal(fake_mail.text_id, "sms.code");
	assert_int_equal(type(fake_mail.code), OK);
	assert_allow(ALICE, 300);
	assert_int_equal(login.amr, AMR_PWD | AMR_SMS | AMR_MFA);
}

static void five_tries_and_not_six(void **state)
{
	(void)state;
	to_code("mail");
	const char *digits = arena_strdup(a, fake_mail.code);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(type(another(digits)), OK);
		assert_more(ASK_CODE, "note.wrong-code");
	}
	assert_int_equal(wrong_tries(), 5);
	assert_int_equal(type(digits), OK);
	assert_more(ASK_CODE, "note.code-ended");
	assert_string_equal(turn.ask.hint_id, "hint.not-sent");
	assert_int_equal(wrong_tries(), 5);
	assert_int_equal(ANSWER(.again = true), OK);
	assert_more(ASK_CODE, "note.sent-again");
	assert_int_equal(fake_mail.sent, 2);
	assert_int_equal(type(fake_mail.code), OK);
	assert_allow(ALICE, 300);
	assert_int_equal(wrong_tries(), 0);
}

static void ten_minutes_and_not_more(void **state)
{
	(void)state;
	to_code("mail");
	fake_now += 599;
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), browser, &turn), OK);
	assert_string_equal(turn.ask.hint_id, "hint.mail");
	fake_now += 1;
	assert_int_equal(type(fake_mail.code), OK);
	assert_more(ASK_CODE, "note.code-ended");
	assert_int_equal(wrong_tries(), 0);
}

static void a_code_of_another_conversation(void **state)
{
	(void)state;
	to_code("mail");
	const char *first = arena_strdup(a, fake_mail.code);
	struct turn was = turn;
	to_code("mail");
	assert_int_equal(type(first), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	turn = was;
	assert_int_equal(type(first), OK);
	assert_allow(ALICE, 300);
}

static void one_is_under_way(void **state)
{
	(void)state;
	to_code("mail");
	const char *first = arena_strdup(a, fake_mail.code);
	assert_int_equal(ANSWER(.back = true), OK);
	assert_int_equal(ANSWER(.choice = S("mail")), OK);
	assert_int_equal(fake_mail.sent, 1);		/* it is still good: no other one */
	assert_int_equal(ANSWER(.again = true, .code = S("half")), OK);
	assert_int_equal(fake_mail.sent, 2);
	assert_int_equal(type(first), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	fake_key[ALICE][MAIL].address = "alice@elsewhere.example";
	assert_int_equal(type(fake_mail.code), OK);	/* what went to an address that is not hers any more */
	assert_more(ASK_CODE, "note.code-ended");
}

static void not_too_often(void **state)
{
	(void)state;
	fake_send_wait_s = 25;
	to_code("mail");
	assert_more(ASK_CODE, "note.send-wait");
	assert_int_equal(turn.ask.wait_s, 25);
	assert_int_equal(fake_mail.sent, 0);
	assert_string_equal(turn.ask.hint_id, "hint.not-sent");
	assert_int_equal(type("000000"), OK);
	assert_more(ASK_CODE, "note.code-ended");
	fake_send_wait_s = 0;
	fake_send_refused = true;
	assert_int_equal(ANSWER(.again = true), OK);
	assert_more(ASK_CODE, "note.send-max");
	assert_int_equal(fake_mail.sent, 0);
	fake_send_refused = false;
	assert_int_equal(ANSWER(.again = true), OK);
	const char *digits = arena_strdup(a, fake_mail.code);
	fake_send_wait_s = 25;				/* asked too early: what is under way stays good */
	assert_int_equal(ANSWER(.again = true), OK);
	assert_more(ASK_CODE, "note.send-wait");
	assert_int_equal(type(digits), OK);
	assert_allow(ALICE, 300);
}

static void broken_sends_nothing_and_counts_nothing(void **state)
{
	(void)state;
	begin();
	assert_int_equal(ANSWER(.choice = S("mail")), OK);
	const char *down[] = { "limits_send", "outbox", "sealed_make" };
	for (size_t i = 0; i < sizeof down / sizeof *down; i++) {
		fake_down = down[i];
		assert_int_equal(password("alice", "correct horse"), OK);
		assert_int_equal(turn.verdict, V_DOWN);
		assert_int_equal(fake_mail.sent, 0);
		assert_int_equal(fake_state_size("outbox"), 0);
	}
	fake_down = NULL;
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(fake_mail.sent, 1);
	fake_down = "state_update_all";			/* the record is not stored: nothing goes out either */
	unsigned woken = fake_woken;
	assert_int_equal(ANSWER(.again = true), E_DOWN);
	assert_int_equal(fake_mail.sent, 1);
	assert_int_equal(fake_woken, woken);
}

static void an_address_that_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "alice", "a@b\r\nRCPT TO:<eve@example.org>", "a b@example.org" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fake_key[ALICE][MAIL].address = bad[i];
		to_code("mail");
		assert_more(ASK_CODE, "note.send-address");
		assert_int_equal(fake_mail.sent, 0);
	}
	fake_key[ALICE][MAIL].address = NULL;
	to_code("mail");
	assert_more(ASK_CODE, "note.send-address");
}

static void no_way_out_no_such_key(void **state)
{
	(void)state;
	fake_carries[CHANNEL_MAIL] = false;
	begin();
	for (size_t i = 0; i < turn.ask.nchoices; i++)
		assert_string_not_equal(turn.ask.choices[i].id, "mail");
	assert_int_equal(ANSWER(.choice = S("mail")), E_INPUT);
}

static void a_host_asks_again_with_a_sign(void **state)
{
	(void)state;
	fake_person[ALICE].nkeys = 3;
	fake_key[ALICE][0].state = "revoked";
	fake_service[1].level = 300;
	want.door = DOOR_HOST;
	want.name = "alice";
	begin();
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_CODE, NULL);
	assert_string_equal(turn.ask.kind, "mail");
	assert_string_equal(fake_mail.lang, "");	/* no texts are loaded here */
	assert_int_equal(ANSWER(.code = S("+")), OK);
	assert_more(ASK_CODE, "note.sent-again");
	assert_int_equal(fake_mail.sent, 2);
	assert_int_equal(wrong_tries(), 0);
	assert_int_equal(type(fake_mail.code), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	want.proven = true;				/* after a public key: nobody has proven anything to us, nothing is sent */
	begin();
	assert_more(ASK_CODE, NULL);
	assert_int_equal(type("+"), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(type("000000"), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_int_equal(fake_mail.sent, 2);
}

/* An operator's switches reach those who are in the middle of it. */
static void switched(void **state)
{
	(void)state;
	fake_switched = "mail";
	fake_switch = (struct kind_switch){ .state = KIND_IS_BLOCKED };
	begin();
	assert_more(ASK_CHOICE, NULL);
	assert_string_equal(turn.ask.choices[0].id, "mail");
	assert_true(turn.ask.choices[0].disabled);
	assert_string_equal(turn.ask.choices[0].note_id, "note.blocked");
	assert_int_equal(ANSWER(.choice = S("mail")), E_INPUT);
	fake_switched = NULL;
	to_code("mail");
	fake_switched = "mail";			/* while her code was on its way */
	assert_int_equal(type(fake_mail.code), OK);
	assert_more(ASK_CHOICE, "note.blocked");
	assert_true(turn.ask.choices[0].disabled);
	fake_switched = NULL;
	to_code("mail");
	assert_int_equal(type(fake_mail.code), OK);
	assert_allow(ALICE, 300);
	struct slice cookie = turn.session;
	fake_switched = "mail";
	assert_int_equal(session_login(a, cookie, &login), OK);	/* blocked: what was proven stands */
	fake_switch = (struct kind_switch){ .level = 200 };
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(login.level, 200);
	fake_switch = (struct kind_switch){ .level = 400 };
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(login.level, 400);
	fake_switch = (struct kind_switch){ .state = KIND_IS_OFF };
	assert_int_equal(session_login(a, cookie, &login), E_NOENT);
	begin();
	for (size_t i = 0; i < turn.ask.nchoices; i++)
		assert_string_not_equal(turn.ask.choices[i].id, "mail");
	fake_switch = (struct kind_switch){ .elsewhere = true };	/* of "mail" alone */
	begin();
	assert_string_equal(turn.ask.choices[0].id, "mail");
	fake_service[0].level = 300;
	want.service = "tax";
	begin();
	for (size_t i = 0; i < turn.ask.nchoices; i++)
		assert_string_not_equal(turn.ask.choices[i].id, "mail");
}

static void a_stronger_key_is_sent_for_at_once(void **state)
{
	(void)state;
	begin();
	assert_int_equal(ANSWER(.choice = S("password")), OK);
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	want.session = turn.session;
	fake_service[1].level = 300;
	static const char *const only_mail[] = { "mail", NULL };
	fake_service[1].kinds = only_mail;
	fake_down = "limits_send";			/* what cannot be sent: the password, so that there is something to answer */
	begin();
	assert_more(ASK_SECRET, "note.step-up");
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	fake_down = NULL;
	begin();
	assert_more(ASK_CODE, "note.step-up");
	assert_int_equal(fake_mail.sent, 1);
	assert_int_equal(type(fake_mail.code), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	fake_service[1].kinds = NULL;
}

#define SENT(f) cmocka_unit_test_setup_teardown(f, sending, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		SENT(nothing_is_made_before_the_password), SENT(the_right_code_once), SENT(five_tries_and_not_six), SENT(ten_minutes_and_not_more),
		SENT(a_code_of_another_conversation), SENT(one_is_under_way), SENT(not_too_often), SENT(broken_sends_nothing_and_counts_nothing),
		SENT(an_address_that_is_none), SENT(no_way_out_no_such_key), SENT(a_host_asks_again_with_a_sign),
		SENT(a_stronger_key_is_sent_for_at_once), SENT(switched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
