/* How the tests of the conversation talk to it: begin, answer, and what they expect back. Included, after fakes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/conversation.h"
#include "fakes.c"

#pragma GCC diagnostic ignored "-Wunused-function"
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
