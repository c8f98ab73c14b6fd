/* A login at a host that a browser elsewhere finishes: the rendezvous, what is brought, and the six digits. */
/* LINK: -Wl,--wrap=now -Wl,--wrap=kinds_all -Wl,--wrap=kind_by_name */
#include "base/user_code.h"
#include "talk.c"

/* The kinds there are, and one that only a browser can draw. */
static const struct key_kind key_touch = { .name = "touch", .level = 450, .amr = AMR_HWK | AMR_USER, .asks = ASK_SIGN, .group = "plain" };
static const struct key_kind *const kinds[] = { &key_app, &key_password, &key_touch, NULL };

const struct key_kind *const *__wrap_kinds_all(void);
const struct key_kind *const *__wrap_kinds_all(void)
{
	return kinds;
}

const struct key_kind *__wrap_kind_by_name(struct slice name);
const struct key_kind *__wrap_kind_by_name(struct slice name)
{
	for (const struct key_kind *const *k = kinds; *k != NULL; k++)
		if (slice_is(name, (*k)->name))
			return *k;
	return NULL;
}

static struct rendezvous waits;
static struct login login_there;
static const char *digits;

static int device_setup(void **state)
{
	setup(state);
	rendezvous_set_max(400);
	want = (struct want){ .door = DOOR_HOST, .binding = browser, .service = "tax", .name = "alice", .via = "sshd", .back = "bond", .lang = "en",
		.can = ASK_CODE | ASK_CHOICE | ASK_SHOW | ASK_WAIT };		/* prompt=device: no password is asked here */
	return 0;
}
#define D(f) cmocka_unit_test_setup_teardown(f, device_setup, teardown)

static void waiting(void)
{
	begin();
	assert_more(ASK_WAIT | ASK_CODE, NULL);
	assert_non_null(turn.ask.user_code);
	assert_int_equal(strlen(turn.ask.user_code), 8);
	assert_int_equal(rendezvous_find(a, slice_of(turn.ask.user_code), peer, &waits), OK);
}

/* Somebody signs in elsewhere, with that key, at that time. */
static void sign_in_there(int who, const char *kind, const char *key, time_t when)
{
	struct slice cookie;
	struct proof proof = { .kind = kind, .key_id = key, .when = when };
	assert_int_equal(session_start(a, NULL, S_NONE, &fake_person[who], &proof, NULL, &cookie), OK);
	assert_int_equal(session_login(a, cookie, &login_there), OK);
}

static int bring(void)
{
	struct slice frozen;
	int rc = conversation_proof(a, &waits, &fake_service[0], &login_there, &frozen);
	return rc != OK ? rc : conversation_bring(a, &waits, frozen, &digits);
}

static int type(const char *six) { return ANSWER(.code = slice_of(six)); }

static void approve_as(int who)
{
	waiting();
	sign_in_there(who, "app", "app-1", fake_now);
	assert_int_equal(bring(), OK);
	assert_int_equal(strlen(digits), 6);
}

static const char *other_than(const char *six)
{
	return arena_printf(a, "%06d", (atoi(six) + 1) % 1000000);
}

static void assert_no(const char *why)
{
	assert_int_equal(turn.verdict, V_DENY);
	assert_string_equal(turn.why, "deny.device");
	assert_int_equal(turn.session.n, 0);
	assert_string_equal(fake_last(EV_LOGIN_NO)->why, why);
	assert_null(fake_last(EV_LOGIN_OK));
	assert_int_equal(fake_state_size("rendezvous"), 0);
}

static void approved_there_the_digits_let_in_here(void **state)
{
	(void)state;
	approve_as(ALICE);
	assert_false(fake_state_holds(slice_of(digits)));		/* sealed */
	assert_int_equal(type(digits), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	assert_ptr_equal(login.person, &fake_person[ALICE]);
	assert_int_equal(login.level, 400);
	assert_int_equal(login.amr, AMR_PWD | AMR_OTP | AMR_MFA);	/* of the key that was used there */
	const struct fake_line *l = fake_last(EV_LOGIN_OK);
	assert_string_equal(l->subject, fake_person[ALICE].subject);
	assert_string_equal(l->peer, peer);
	assert_string_equal(l->kind, "app");
	assert_string_equal(l->why, "other-device");
	fake_key[ALICE][0].state = "locked";
	assert_int_equal(session_thaw(a, turn.session, &login), E_NOENT);
}

static void wrong_digits_end_it(void **state)
{
	(void)state;
	approve_as(ALICE);
	const char *ticket = turn.ticket;
	assert_int_equal(type(other_than(digits)), OK);
	assert_no("wrong-digits");
	assert_int_equal(answer_to(ticket, (struct answer){ .code = slice_of(digits) }), E_NOENT);
}

static void a_part_of_the_digits_is_not_enough(void **state)
{
	(void)state;
	approve_as(ALICE);
	assert_int_equal(type(arena_printf(a, "%.5s", digits)), OK);
	assert_no("wrong-digits");
}

static void late_digits_do_not_count(void **state)
{
	(void)state;
	approve_as(ALICE);
	fake_now += 61;
	assert_int_equal(type(digits), OK);
	assert_no("late-digits");
}

static void digits_before_anybody_approved_end_it(void **state)
{
	(void)state;
	waiting();
	assert_int_equal(type("000000"), OK);
	assert_no("not-approved");
	sign_in_there(ALICE, "app", "app-1", fake_now);
	assert_int_equal(bring(), E_NOENT);				/* and nobody waits any more */
}

static void refused_there_is_no_here(void **state)
{
	(void)state;
	waiting();
	assert_int_equal(rendezvous_refuse(waits.code), OK);
	assert_int_equal(type("000000"), OK);
	assert_no("refused-elsewhere");
}

static void somebody_else_cannot_approve(void **state)
{
	(void)state;
	approve_as(CHLOE);						/* the page refuses her, too; this is what stands behind it */
	assert_int_equal(type(digits), OK);
	assert_no("other-person");
}

static void nobody_is_root(void **state)
{
	(void)state;
	want.name = fake_person[ALICE].name = "root";
	approve_as(ALICE);
	assert_int_equal(type(digits), OK);
	assert_no("other-person");
}

static void what_was_proven_before_does_not_count(void **state)
{
	(void)state;
	fake_now += 100;
	waiting();
	sign_in_there(ALICE, "app", "app-1", fake_now - 1);
	assert_int_equal(bring(), E_NOENT);
	sign_in_there(ALICE, "password", "password", fake_now);		/* nor what is too weak */
	assert_int_equal(bring(), E_NOENT);
	sign_in_there(ALICE, "app", "app-1", fake_now);
	assert_int_equal(bring(), OK);
}

static void it_is_approved_once(void **state)
{
	(void)state;
	approve_as(ALICE);
	const char *first = digits;
	assert_int_equal(bring(), E_EXISTS);
	assert_int_equal(rendezvous_refuse(waits.code), E_EXISTS);
	assert_int_equal(type(first), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
}

static void the_level_is_capped(void **state)
{
	(void)state;
	rendezvous_set_max(200);
	begin();
	assert_deny("deny.level");					/* the host wants 400 */
	fake_service[0].level = 200;
	approve_as(ALICE);
	assert_int_equal(type(digits), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	assert_int_equal(login.level, 200);
	rendezvous_set_max(0);
	begin();
	assert_int_equal(turn.verdict, V_DENY);
	assert_string_equal(turn.why, "deny.level");
}

static void who_may_not_enter_does_not(void **state)
{
	(void)state;
	approve_as(ALICE);
	fake_allowed = false;
	assert_int_equal(type(digits), OK);
	assert_int_equal(turn.verdict, V_DENY);
	assert_string_equal(turn.why, "deny.not-allowed");
	assert_int_equal(turn.session.n, 0);
}

static void it_lives_for_five_minutes(void **state)
{
	(void)state;
	waiting();
	fake_now += RENDEZVOUS_LIFE_S;
	sign_in_there(ALICE, "app", "app-1", fake_now);
	assert_int_equal(bring(), E_NOENT);
	assert_int_equal(rendezvous_find(a, slice_of(waits.code), peer, &waits), E_NOENT);
	assert_int_equal(type("000000"), OK);
	assert_no("nobody-came");
}

static void who_left_is_waited_for_by_nobody(void **state)
{
	(void)state;
	waiting();
	assert_int_equal(conversation_leave(a, slice_of(turn.ticket), stranger), E_NOENT);
	assert_int_equal(fake_state_size("rendezvous"), 1);
	assert_int_equal(conversation_leave(a, slice_of(turn.ticket), browser), OK);
	assert_int_equal(fake_state_size("rendezvous"), 0);
	sign_in_there(ALICE, "app", "app-1", fake_now);
	assert_int_equal(bring(), E_NOENT);
}

static void whoever_it_is_for_the_door_looks_the_same(void **state)
{
	(void)state;
	want.name = "nobody-at-all";
	waiting();
	assert_int_equal(type("000000"), OK);
	assert_no("not-approved");
}

static void a_door_that_can_ask_everything_itself_does_not_offer_it(void **state)
{
	(void)state;
	want.can |= ASK_SECRET | ASK_TEXT;
	begin();
	assert_more(ASK_SECRET, NULL);
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(fake_state_size("rendezvous"), 0);
	want.door = DOOR_BROWSER;					/* and a browser never */
	want.can = ASK_CODE | ASK_WAIT;
	begin();
	assert_deny("deny.level");
}

static const char *const only_touch[] = { "touch", NULL };

/* Of somebody, one key more that a terminal cannot draw. */
static void give_touch(int who)
{
	fake_key[who][NKEYS - 1] = (struct key){ .id = "touch-1", .kind = "touch", .state = "active" };
	fake_person[who].keys = fake_key[who];
	for (size_t i = fake_person[who].nkeys; i < NKEYS - 1; i++)
		fake_key[who][i] = (struct key){ .id = "none", .kind = "none", .state = "revoked" };
	fake_person[who].nkeys = NKEYS;
}

static void who_has_a_key_for_a_browser_may_choose_it(void **state)
{
	(void)state;
	want.can |= ASK_SECRET | ASK_TEXT;
	give_touch(ALICE);
	begin();
	assert_more(ASK_SECRET, NULL);					/* nothing is told before the password */
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_CHOICE, NULL);
	assert_string_equal(turn.ask.choices[turn.ask.nchoices - 1].id, "device");
	const char *ticket = turn.ticket;
	assert_int_equal(ANSWER(.choice = S("device")), OK);
	assert_more(ASK_WAIT | ASK_CODE, NULL);
	assert_string_not_equal(ticket, turn.ticket);
	assert_int_equal(rendezvous_find(a, slice_of(turn.ask.user_code), peer, &waits), OK);
	sign_in_there(ALICE, "touch", "touch-1", fake_now);
	assert_int_equal(bring(), OK);
	assert_int_equal(type(digits), OK);
	assert_int_equal(session_thaw(a, turn.session, &login), OK);
	assert_int_equal(login.level, 400);				/* 450, but for the way here */
	assert_int_equal(login.amr, AMR_HWK | AMR_USER);
	begin();							/* or the code, as ever */
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_more(ASK_CODE, NULL);
}

static void who_has_no_such_key_is_not_asked(void **state)
{
	(void)state;
	want.can |= ASK_SECRET | ASK_TEXT;
	begin();
	assert_int_equal(ANSWER(.secret = S("correct horse")), OK);
	assert_more(ASK_CODE, NULL);
	assert_int_equal(ANSWER(.choice = S("device")), E_INPUT);
}

static void a_host_that_wants_such_a_key_goes_there_at_once(void **state)
{
	(void)state;
	want.can |= ASK_SECRET | ASK_TEXT;
	fake_service[0].kinds = only_touch;
	give_touch(ALICE);
	waiting();
	sign_in_there(ALICE, "touch", "touch-1", fake_now);
	assert_int_equal(bring(), OK);
	assert_int_equal(type(digits), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
}

static void a_host_takes_only_its_kinds(void **state)
{
	(void)state;
	want.can |= ASK_SECRET | ASK_TEXT;
	fake_service[0].kinds = only_touch;
	give_touch(ALICE);
	waiting();
	sign_in_there(ALICE, "app", "app-1", fake_now);
	assert_int_equal(bring(), E_NOENT);
	sign_in_there(ALICE, "touch", "touch-1", fake_now);
	assert_int_equal(bring(), OK);
}

static void what_breaks_is_neither_yes_nor_no(void **state)
{
	(void)state;
	fake_down = "state_update";
	assert_int_equal(conversation_begin(a, &want, peer, &turn), E_DOWN);
	fake_down = NULL;
	approve_as(ALICE);
	fake_down = "audit";
	assert_int_equal(type(digits), OK);
	assert_int_equal(turn.verdict, V_DOWN);
	assert_int_equal(turn.session.n, 0);
	fake_down = NULL;
	assert_int_equal(type(digits), OK);				/* one try is one try */
	assert_int_equal(turn.verdict, V_DENY);
}

static void parallel_digits_are_one_try(void **state)
{
	(void)state;
	approve_as(ALICE);
	for (int i = 0; i < NRACERS; i++)
		racers[i] = (struct racer){ .ticket = turn.ticket, .answer = { .code = slice_of(i == 0 ? digits : arena_printf(a, "%06d", i)) } };
	run_racers();
	assert_true(count_verdict(V_ALLOW) <= 1);
	assert_int_equal(fake_state_size("rendezvous"), 0);
	free_racers();
}

static void codes_are_read_as_people_write_them(void **state)
{
	(void)state;
	waiting();
	const char *c = waits.code;
	const char *const good[] = { user_code_spelled(a, c), arena_printf(a, " %.2s %.6s", c, c + 2), arena_printf(a, "%c%s", c[0] | 0x20, c + 1) };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(rendezvous_find(a, slice_of(good[i]), peer, &waits), OK);
	const char *const bad[] = { "", "A", "-------", arena_printf(a, "%.7s", c), arena_printf(a, "%sB", c), "AEIOUAEI", "B\xc3\x89GHJKLM" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(rendezvous_find(a, slice_of(bad[i]), peer, &waits), E_NOENT);
	assert_int_equal(fake_state_size("limit.code"), 1);
}

static void guesses_are_counted_for_a_network(void **state)
{
	(void)state;
	struct rendezvous r;
	waiting();
	for (int i = 0; i < 50; i++)
		assert_int_equal(rendezvous_find(a, S("BBBBBBBB"), arena_printf(a, "198.51.100.%d", i), &r), E_NOENT);
	assert_int_equal(rendezvous_find(a, slice_of(waits.code), "198.51.100.200", &r), E_LIMIT);
	assert_int_equal(rendezvous_find(a, slice_of(waits.code), "198.51.101.1", &r), OK);
	fake_now += 3601;
	assert_int_equal(rendezvous_find(a, S("BBBBBBBB"), "198.51.100.200", &r), E_NOENT);
}

static void a_right_code_counts_for_nothing(void **state)
{
	(void)state;
	waiting();
	for (int i = 0; i < 200; i++)
		assert_int_equal(rendezvous_find(a, slice_of(waits.code), peer, &waits), OK);
}

static void who_asks_too_often_waits_longer(void **state)
{
	(void)state;
	struct rendezvous r = { .service = "tax" }, got;
	assert_int_equal(rendezvous_open(a, &r, S("secret")), OK);
	assert_int_equal(rendezvous_ask(a, slice_of(r.code), S("other"), &got), E_NOENT);
	assert_int_equal(rendezvous_ask(a, slice_of(r.code), S("secret"), &got), OK);
	assert_int_equal(got.state, RENDEZVOUS_WAITING);
	fake_now += 4;
	assert_int_equal(rendezvous_ask(a, slice_of(r.code), S("secret"), &got), E_LIMIT);
	fake_now += 9;
	assert_int_equal(rendezvous_ask(a, slice_of(r.code), S("secret"), &got), E_LIMIT);
	fake_now += 15;
	assert_int_equal(rendezvous_ask(a, slice_of(r.code), S("secret"), &got), OK);
	assert_int_equal(rendezvous_bring(r.code, S("answer")), OK);
	assert_int_equal(rendezvous_ask(a, slice_of(r.code), S("secret"), &got), OK);
	assert_int_equal(got.state, RENDEZVOUS_BROUGHT);
	assert_true(slice_is(got.brought, "answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		D(approved_there_the_digits_let_in_here), D(wrong_digits_end_it), D(a_part_of_the_digits_is_not_enough), D(late_digits_do_not_count),
		D(digits_before_anybody_approved_end_it), D(refused_there_is_no_here), D(somebody_else_cannot_approve), D(nobody_is_root),
		D(what_was_proven_before_does_not_count), D(it_is_approved_once), D(the_level_is_capped), D(who_may_not_enter_does_not),
		D(it_lives_for_five_minutes), D(who_left_is_waited_for_by_nobody), D(whoever_it_is_for_the_door_looks_the_same),
		D(a_door_that_can_ask_everything_itself_does_not_offer_it), D(who_has_a_key_for_a_browser_may_choose_it), D(who_has_no_such_key_is_not_asked),
		D(a_host_that_wants_such_a_key_goes_there_at_once), D(a_host_takes_only_its_kinds), D(what_breaks_is_neither_yes_nor_no), D(parallel_digits_are_one_try),
		D(codes_are_read_as_people_write_them), D(guesses_are_counted_for_a_network), D(a_right_code_counts_for_nothing), D(who_asks_too_often_waits_longer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
