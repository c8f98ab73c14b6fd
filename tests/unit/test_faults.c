/* A fault at every call of the decision path, one at a time: memory, directory, state, keyring, audit trail, parser, clock. Whole conversations with a
 * right and with a wrong answer, against a real slapd, keyring, state store and trail, each in a process of its own. FAULTS=all leaves none out. */
/* ONE TRY: what it looks for goes wrong seldom. */
#include "faults.h"
#include "fault_world.h"
#include "core/conversation.h"
#include "core/session.h"

enum { ANSWERS = 7, ENOUGH_CALLS = 100, EVERY = 23 };

static int start(void **state)
{
	(void)state;
	return world_start("");
}

/* --- in the child: one conversation --- */

struct words { const char *secret, *code; };

/* Answers whatever is asked, and the same again when it is told to. */
static struct turn talk(struct arena *a, enum door door, const struct words *say)
{
	static const struct slice binding = { "browser-cookie", 14 };
	const struct want want = { .door = door, .binding = binding, .service = "tax-on-web", .back = "/", .cancel = "/", .lang = "en",
		.name = door == DOOR_HOST ? "alice" : NULL, .can = ASK_TEXT | ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_SHOW };
	struct turn turn;
	if (conversation_begin(a, &want, "192.0.2.7", &turn) != OK)
		return (struct turn){ 0 };
	must(turn.verdict != V_ALLOW, "a beginning allows nothing");
	for (int i = 0; i < ANSWERS && (turn.verdict == V_MORE || turn.verdict == V_DOWN); i++) {
		struct answer answer = { .text = S("alice") };
		if (turn.ask.ask & ASK_CODE)
			answer = (struct answer){ .code = slice_of(say->code) };
		else if (turn.ask.ask & ASK_CHOICE)
			answer = (struct answer){ .choice = slice_of(turn.ask.choices[0].id) };
		else
			answer.secret = slice_of(say->secret);
		if (turn.ask.ask == ASK_SECRET)
			answer.text = S_NONE;
		int rc = conversation_answer(a, slice_of(turn.ticket), binding, "192.0.2.7", &answer, &turn);
		must(rc == OK || (turn.verdict != V_ALLOW && turn.session.n == 0), "an error brings no yes along");
		if (rc != OK)
			return (struct turn){ 0 };
	}
	return turn;
}

/* Whatever failed on the way: a yes stands on everything that a yes needs. */
static void check_yes(struct arena *a, enum door door, const struct turn *turn, const struct words *said)
{
	struct login login;
	int rc = door == DOOR_HOST ? session_thaw(a, turn->session, &login) : session_login(a, turn->session, &login);
	must(rc == OK ? strcmp(login.person->subject, ALICE) == 0 && login.level == 400 : rc == E_NOENT && clock_jumped(), "it is hers, at level 400");
	must(trail_has(a, "\"event\":\"login.ok\",\"class\":\"identification\""), "its line is in the trail");	/* whose it is is sealed: only alice knows the words */
	must(talk(a, door, said).verdict != V_ALLOW, "its code is spent");
}

/* Soon, with another code; a machine that is busy may take longer than a time-out once or twice. */
static bool gets_in(struct arena *a, enum door door)
{
	for (int i = 0; i < 4; i++) {
		usleep(600 * 1000);		/* after a connection that failed nobody tries for half a second */
		faults->shift += STEP_S;
		if (talk(a, door, &(struct words){ "correct horse", code_now(a) }).verdict == V_ALLOW)
			return true;
	}
	return false;
}

struct try { enum door door; bool right_secret, right_code; };

static int run_child(const void *ctx, int n)
{
	const struct try *t = ctx;
	AUTO_ARENA a = arena_new();
	world_open();
	struct words say = { t->right_secret ? "correct horse" : "wrong horse", t->right_code ? code_now(a) : "000000" };
	faults_arm(n);
	struct turn turn = talk(a, t->door, &say);
	faults->armed = false;
	bool fired = faults->fired, right = t->right_secret && t->right_code;
	must(turn.verdict == V_ALLOW || turn.session.n == 0, "no session without a yes");
	must(right || turn.verdict != V_ALLOW, "WHAT IS WRONG IS LET IN");
	if (turn.verdict == V_ALLOW)
		check_yes(a, t->door, &turn, &say);
	else if (right)
		must(gets_in(a, t->door), "afterwards she gets in");
	return fired ? 0 : NOT_FIRED;
}

/* --- in the parent --- */

static void every_fault_of(enum door door, bool right_secret, bool right_code)
{
	AUTO_ARENA a = arena_new();
	const char *what = arena_printf(a, "%s, %s password, %s code", door == DOOR_HOST ? "host" : "browser", right_secret ? "right" : "wrong",
	    right_code ? "right" : "wrong");
	assert_true(every_fault(what, run_child, &(struct try){ door, right_secret, right_code }, EVERY) > ENOUGH_CALLS);
}

static void browser_right(void **state) { (void)state; every_fault_of(DOOR_BROWSER, true, true); }
static void browser_wrong_password(void **state) { (void)state; every_fault_of(DOOR_BROWSER, false, true); }
static void browser_wrong_code(void **state) { (void)state; every_fault_of(DOOR_BROWSER, true, false); }
static void host_right(void **state) { (void)state; every_fault_of(DOOR_HOST, true, true); }
static void host_wrong_password(void **state) { (void)state; every_fault_of(DOOR_HOST, false, true); }
static void host_wrong_code(void **state) { (void)state; every_fault_of(DOOR_HOST, true, false); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(browser_right), cmocka_unit_test(browser_wrong_password), cmocka_unit_test(browser_wrong_code),
		cmocka_unit_test(host_right), cmocka_unit_test(host_wrong_password), cmocka_unit_test(host_wrong_code),
	};
	faults_open();
	log_open("test", (enum log_level)(getenv("SHOW") != NULL ? LOG_LEVEL_DEBUG : 0));
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, start, world_stop);
}
