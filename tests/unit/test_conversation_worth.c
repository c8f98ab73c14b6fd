/* A key that is to be added, or an address: what the conversation rests on must be worth its level to the end. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"

static struct slice cookie;

/* Signed in with the app (400), and in the same session with the password alone (200). */
static int signed_in_twice(void **state)
{
	struct proof app = { .kind = "app", .key_id = "app-1", .when = fake_now }, password_alone = { .kind = "password", .key_id = "password", .when = fake_now };
	setup(state);
	app.when = password_alone.when = fake_now;
	fake_carries[CHANNEL_MAIL] = true;
	fake_added = (struct key){ .id = NULL };
	kinds_open(&(struct kinds_conf){ .host = "login.example" });
	assert_int_equal(session_start(a, NULL, S_NONE, &fake_person[ALICE], &app, NULL, &cookie), OK);
	assert_int_equal(session_login(a, cookie, &login), OK);
	assert_int_equal(session_start(a, login.session, cookie, &fake_person[ALICE], &password_alone, NULL, &cookie), OK);
	return 0;
}

static void begin_draft(const char *id, unsigned level)
{
	static struct key draft;
	draft = (struct key){ .id = id, .kind = "mail", .state = "active", .address = "new@example.org", .level = level };
	want = (struct want){ .door = DOOR_BROWSER, .goal = GOAL_KEY, .binding = browser, .can = ASK_CODE | ASK_SHOW, .session = cookie,
		.subject = fake_person[ALICE].subject, .draft = &draft, .back = "/keys", .cancel = "/keys" };
	begin();
}

static int type_code(void)
{
	return ANSWER(.code = slice_of(arena_strdup(a, fake_mail.code)));
}

static void a_right_code_adds_it(void **state)
{
	(void)state;
	begin_draft("mail-1", 400);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(type_code(), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_string_equal(fake_added.id, "mail-1");
	assert_int_equal(fake_added.level, 400);
}

/* Somebody with a stolen telephone begins to add a key of their own; its owner ends the keys on it. The session goes on, worth less. */
static void not_with_a_key_that_ended_meanwhile(void **state)
{
	(void)state;
	static const char *const ids[] = { "mail-1", "@mail" };
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		fake_key[ALICE][0].state = "active";
		begin_draft(ids[i], 400);
		assert_more(ASK_CODE, NULL);
		fake_key[ALICE][0].state = "revoked";
		assert_int_equal(session_login(a, cookie, &login), OK);
		assert_int_equal(login.level, 200);
		assert_int_equal(type_code(), OK);
		assert_int_equal(turn.verdict, V_DENY);
		assert_null(fake_added.id);
		assert_null(fake_last(EV_KEY_ADDED));
		assert_null(fake_last(EV_CONTACT_CHANGED));
		begin_draft(ids[i], 400);
		assert_int_equal(turn.verdict, V_DENY);
	}
	begin_draft("mail-2", 200);		/* what it is still worth */
	assert_more(ASK_CODE, NULL);
	assert_int_equal(type_code(), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(fake_added.level, 200);
}

/* No level is no cap: the directory would let such a key reach all that its kind can. */
static void nothing_without_a_level(void **state)
{
	(void)state;
	begin_draft("mail-1", 0);
	assert_int_equal(turn.verdict, V_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define D(f) cmocka_unit_test_setup_teardown(f, signed_in_twice, teardown)
		D(a_right_code_adds_it), D(not_with_a_key_that_ended_meanwhile), D(nothing_without_a_level),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
