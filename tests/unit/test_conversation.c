/* The conversation: every path to a yes, and the many that must not lead there. */
/* LINK: -Wl,--wrap=now */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/conversation.h"
#include "fakes.c"

static struct arena *a;
static struct want want;
static struct turn turn;

static const struct slice browser = { "browser-cookie", 14 }, stranger = { "another-cookie", 14 };
static const char peer[] = "192.0.2.7";

static int setup(void **state)
{
	(void)state;
	fake_reset();
	a = arena_new();
	turn = (struct turn){ 0 };
	want = (struct want){ .door = DOOR_BROWSER, .binding = browser, .service = "tax", .back = "/oidc/authorize?x=1", .cancel = "/cancel",
		.lang = "fr", .can = ASK_TEXT | ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_SHOW };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	a = arena_free(a);
	return 0;
}

/* --- how the tests talk --- */

static void begin(void)
{
	assert_int_equal(conversation_begin(a, &want, peer, &turn), OK);
}

static int answer_to(const char *ticket, struct answer answer)
{
	return conversation_answer(a, slice_of(ticket), browser, peer, &answer, &turn);
}

#define ANSWER(...) answer_to(turn.ticket, (struct answer){ __VA_ARGS__ })

static int password(const char *name, const char *secret)
{
	return ANSWER(.text = slice_of(name), .secret = slice_of(secret));
}

static int code(int who)
{
	return ANSWER(.code = slice_of(fake_code(&fake_key[who][0], fake_now)));
}

static void assert_more(unsigned ask, const char *note)
{
	assert_int_equal(turn.verdict, V_MORE);
	assert_int_equal(turn.ask.ask, ask);
	if (note == NULL)
		assert_null(turn.ask.note_id);
	else {
		assert_non_null(turn.ask.note_id);
		assert_string_equal(turn.ask.note_id, note);
	}
	assert_non_null(turn.ticket);
	assert_int_equal(turn.session.n, 0);
}

static void assert_deny(const char *why)
{
	assert_int_equal(turn.verdict, V_DENY);
	assert_string_equal(turn.why, why);
	assert_null(turn.ticket);
	assert_int_equal(turn.session.n, 0);
	assert_int_equal(fake_state_size("session"), 0);
}

static struct login login;

static void assert_allow(int who, unsigned level)
{
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(session_login(a, turn.session, &login), OK);
	assert_ptr_equal(login.person, &fake_person[who]);
	assert_int_equal(login.level, level);
	assert_string_equal(turn.back, "/oidc/authorize?x=1");
	const struct fake_line *l = fake_last(EV_LOGIN_OK);
	assert_non_null(l);
	assert_string_equal(l->subject, fake_person[who].subject);
	assert_string_equal(l->session, login.session->sid);
	assert_string_equal(l->peer, peer);
}

static const char *second_name(int who, int key)
{
	return arena_printf(a, "%s|%s", fake_person[who].subject, fake_key[who][key].id);
}

static struct slice signed_in(int who)
{
	begin();
	if (turn.ask.ask & ASK_CHOICE)
		assert_int_equal(ANSWER(.choice = S("app")), OK);
	assert_int_equal(password(fake_person[who].name, "correct horse"), OK);
	assert_int_equal(code(who), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	fake_now += 30;
	return turn.session;
}

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
	assert_int_equal(turn.ask.nchoices, 2);
	assert_string_equal(turn.ask.choices[0].id, "app");
	assert_string_equal(turn.ask.choices[1].id, "password");
	assert_false(turn.ask.choices[0].disabled || turn.ask.choices[1].disabled);
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
	assert_false(turn.ask.choices[1].disabled);
	assert_int_equal(ANSWER(.choice = S("app")), E_INPUT);
	assert_int_equal(conversation_show(a, slice_of(turn.conversation), browser, &turn), E_NOENT);
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
	assert_allow(BRUNO, 200);			/* one kind with a key: nothing to choose */
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

struct racer { const char *ticket; struct answer answer; int rc; struct turn turn; struct arena *a; };

static void *race(void *arg)
{
	struct racer *r = arg;
	r->rc = conversation_answer(r->a, slice_of(r->ticket), browser, peer, &r->answer, &r->turn);
	return NULL;
}

enum { NRACERS = 16 };
static struct racer racers[NRACERS];

static void run_racers(void)
{
	pthread_t t[NRACERS];
	for (int i = 0; i < NRACERS; i++) {
		racers[i].a = arena_new();
		assert_int_equal(pthread_create(&t[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < NRACERS; i++)
		pthread_join(t[i], NULL);
}

static void free_racers(void)
{
	for (int i = 0; i < NRACERS; i++)
		racers[i].a = arena_free(racers[i].a);
}

static unsigned count_verdict(enum verdict v)
{
	unsigned n = 0;
	for (int i = 0; i < NRACERS; i++)
		n += racers[i].rc == OK && racers[i].turn.verdict == v;
	return n;
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

/* An evaluation that died (kill -9) keeps its ticket, but not the person. */
static void an_evaluation_that_dies_gives_the_ticket_back(void **state)
{
	(void)state;
	pthread_t t;
	begin();
	struct turn first = turn;
	struct racer slow = { .ticket = turn.ticket, .answer = { .text = S("alice"), .secret = S("correct horse") }, .a = arena_new() };
	fake_verify_ms = 400;
	assert_int_equal(pthread_create(&t, NULL, race, &slow), 0);
	usleep(100 * 1000);
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
	assert_more(ASK_SECRET, NULL);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_fitting_kind_needs_no_chooser), T(two_fitting_kinds_are_chosen_from), T(without_a_service_all_kinds_are_there),
		T(a_key_that_is_missing_is_told_after_the_password), T(another_key_needs_no_second_password),
		T(a_locked_or_weak_key_is_told_too), T(several_apps_are_chosen_from_and_count_apart), T(on_a_host_the_password_comes_first),
		T(a_plain_secret_is_sealed_and_reported), T(every_no_looks_the_same), T(names_in_the_trail_are_text_and_short),
		T(delays_are_told_to_known_and_unknown_alike), T(an_alias_counts_for_the_person), T(no_step_can_be_skipped),
		T(a_bad_form_does_not_burn_the_ticket), T(wrong_codes_are_counted_and_lock_the_key), T(ten_wrong_answers_end_it),
		T(a_code_is_accepted_once), T(one_code_in_many_conversations_lets_one_in), T(the_same_answer_in_parallel_is_evaluated_once),
		T(different_answers_to_one_ticket_evaluate_one), T(a_reload_gets_the_stored_reply), T(what_was_typed_is_not_kept),
		T(only_its_browser_may_go_on), T(other_identifiers_open_nothing), T(tabs_are_separate), T(it_dies_after_fifteen_minutes),
		T(a_record_of_another_version_is_no_conversation), T(an_evaluation_that_dies_gives_the_ticket_back),
		T(an_event_thread_changes_nothing), T(whatever_breaks_nobody_is_let_in_or_locked_out), T(no_yes_without_its_line),
		T(a_directory_that_is_away_is_told_and_not_counted), T(a_closed_service_is_told), T(who_may_not_enter_learns_it_last),
		T(the_service_decides_which_kinds), T(another_person_than_wanted_is_wrong), T(step_up_asks_only_for_what_is_missing),
		T(step_up_says_what_is_not_activated), T(step_up_rests_on_the_session), T(anew_asks_for_everything),
		T(another_person_gets_another_session), T(a_stranger_s_session_is_nothing), T(what_falls_in_the_middle_is_asked_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
