/* Digital keys that are to be added: one of their codes proves them; new ones, and ones that wait in the directory. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"

enum { HERS = 2 };			/* alice's third key */
static struct key draft;

static struct key *waits(const char *kind, const char *data)
{
	struct key *k = &fake_key[ALICE][HERS];
	*k = (struct key){ .dn = "csamKeyId=token-1", .id = "token-1", .kind = kind, .state = "pending", .secret = S("{CSAM}token"), .data = slice_of(data),
		.label = "Vasco" };
	fake_person[ALICE].nkeys = 3;
	draft = (struct key){ .id = "token-1", .kind = "token", .level = 400 };
	return k;
}

static void begin_adding(void)
{
	struct slice session = signed_in(ALICE);
	kinds_open(&(struct kinds_conf){ .look_ahead = 5, .resync = 100 });
	fake_added = fake_activated = (struct key){ 0 };
	want = (struct want){ .door = DOOR_BROWSER, .goal = GOAL_KEY, .binding = browser, .can = ASK_CODE | ASK_SHOW, .session = session,
		.subject = fake_person[ALICE].subject, .draft = &draft, .back = "/keys?done=added", .cancel = "/keys", .lang = "fr" };
	begin();
}

static int type(const struct key *k, uint64_t number, unsigned digits)
{
	return ANSWER(.code = slice_of(arena_strdup(a, fake_number_code(k, number, digits))));
}

static void is_over(void)
{
	assert_int_equal(turn.verdict, V_DENY);
	assert_null(fake_activated.id);
	assert_null(fake_added.id);
}

/* --- new --- */

static void a_card_is_added_with_the_code_that_proved_it(void **state)
{
	(void)state;
	draft = (struct key){ .id = "card-1", .kind = "token", .secret = S("{CSAM}card"), .data = S("card 24"), .level = 400 };
	begin_adding();
	assert_more(ASK_CODE, NULL);
	uint64_t number = strtoull(turn.ask.what, NULL, 10);
	assert_in_range(number, 1, 24);
	assert_int_equal(type(&draft, number % 24 + 1, 8), OK);
	assert_more(ASK_CODE, "note.wrong-code");
	assert_null(fake_added.id);
	assert_int_equal(type(&draft, number, 8), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_string_equal(turn.back, "/keys?done=added");
	assert_string_equal(fake_added.id, "card-1");
	assert_true(slice_is(fake_added.secret, "{CSAM}card"));
	assert_true(slice_is(fake_added.data, "card 24"));
	assert_int_equal(fake_added.counter, UINT64_C(1) << (number - 1));
	assert_int_equal(fake_added.level, 400);
	assert_null(fake_activated.id);
	assert_non_null(fake_last(EV_KEY_ADDED));
}

static void a_name_that_is_taken_meanwhile_ends_it(void **state)
{
	(void)state;
	draft = (struct key){ .id = "card-1", .kind = "token", .secret = S("{CSAM}card"), .data = S("card 24"), .level = 400 };
	begin_adding();
	uint64_t number = strtoull(turn.ask.what, NULL, 10);
	fake_key[ALICE][HERS] = (struct key){ .dn = "csamKeyId=card-1", .id = "card-1", .kind = "token", .state = "active", .secret = S("{CSAM}other"), .data = S("card 24") };
	fake_person[ALICE].nkeys = 3;
	assert_int_equal(type(&draft, number, 8), OK);
	is_over();
}

/* --- waiting --- */

static void one_that_waits_is_activated(void **state)
{
	(void)state;
	struct key *k = waits("token", "hotp 6 sha1");
	begin_adding();
	assert_more(ASK_CODE, NULL);
	assert_int_equal(type(k, 40, 6), OK);
	assert_more(ASK_CODE, "note.next-code");		/* far off: one code shows where it is, the next proves it */
	assert_int_equal(type(k, 41, 6), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_string_equal(fake_activated.dn, "csamKeyId=token-1");
	assert_int_equal(fake_activated.counter, 42);
	assert_int_equal(fake_activated.level, 400);
	assert_null(fake_added.id);
	assert_non_null(fake_last(EV_KEY_ACTIVATED));
	assert_null(fake_last(EV_KEY_ADDED));
}

static void it_is_worth_no_more_than_either_says(void **state)
{
	(void)state;
	struct key *k = waits("token", "hotp 6 sha1");
	k->level = 200;
	begin_adding();
	assert_int_equal(type(k, 0, 6), OK);
	assert_int_equal(fake_activated.level, 200);
	k->level = 500;
	fake_now += 60;
	begin();
	assert_int_equal(type(k, 1, 6), OK);
	assert_int_equal(fake_activated.level, 400);
}

static void only_what_is_pending(void **state)
{
	(void)state;
	for (const char *const *s = (const char *const[]){ "active", "locked", "revoked", "", NULL }; *s != NULL; s++) {
		struct key *k = waits("token", "hotp 6 sha1");
		begin_adding();
		k->state = *s;
		assert_int_equal(type(k, 0, 6), OK);
		is_over();
		begin();
		is_over();
		fake_now += 60;
		want = (struct want){ .door = DOOR_BROWSER, .binding = browser, .service = "tax", .back = "/oidc/authorize?x=1", .cancel = "/cancel",
			.lang = "fr", .can = ASK_TEXT | ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_SHOW };
	}
}

static void only_as_the_kind_that_it_is(void **state)
{
	(void)state;
	waits("app", "");
	begin_adding();
	is_over();
}

static void a_session_that_ends_ends_it(void **state)
{
	(void)state;
	struct key *k = waits("token", "hotp 6 sha1");
	begin_adding();
	session_end(want.session);
	assert_int_equal(type(k, 0, 6), OK);
	is_over();
}

static void broken_is_not_wrong(void **state)
{
	(void)state;
	struct key *k = waits("token", "hotp 6 sha1");
	begin_adding();
	fake_down = "directory_key_activate";
	assert_int_equal(type(k, 0, 6), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	fake_down = NULL;
	assert_int_equal(type(k, 1, 6), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(fake_activated.counter, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_card_is_added_with_the_code_that_proved_it), T(a_name_that_is_taken_meanwhile_ends_it), T(one_that_waits_is_activated),
		T(it_is_worth_no_more_than_either_says), T(only_what_is_pending), T(only_as_the_kind_that_it_is), T(a_session_that_ends_ends_it),
		T(broken_is_not_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
