/* The browser's door: what is carried to the engine, and what each of its answers becomes. */
#include "web_fakes.h"

static void post(void)
{
	fresh("POST", "/login");
	in.form[0] = (struct pair){ "ticket", "ticket-1" };
	in.form[1] = (struct pair){ "c", "conv-1" };
	in.form[2] = (struct pair){ "username", "alice" };
	in.form[3] = (struct pair){ "password", " p\xc3\xa9 & \t" };
	engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-1", .ticket = "ticket-2", .ask = { .ask = ASK_CODE, .kind = "app" }, .lang = "en" };
}

static void carries_the_answer_as_it_is(void **state)
{
	(void)state;
	post();
	assert_int_equal(web_login_answer(&req, &resp), OK);
	assert_true(slice_is(engine.got_ticket, "ticket-1"));
	assert_true(slice_is(engine.got_binding, BROWSER_COOKIE));
	assert_true(slice_is(engine.got.text, "alice"));
	assert_true(slice_is(engine.got.secret, " p\xc3\xa9 & \t"));
	assert_null(engine.got.code.p);
	assert_false(engine.got.back);
	assert_int_equal(resp.status, 303);
	assert_string_equal(header_in(&resp, "Location"), "/login?c=conv-1");
	post();
	in.form[4] = (struct pair){ "back", "" };
	in.form[5] = (struct pair){ "lang", "fr" };
	assert_int_equal(web_login_answer(&req, &resp), OK);
	assert_true(engine.got.back);
	assert_string_equal(header_in(&resp, "Location"), "/login?c=conv-1&lang=fr");
}

static void allows(void **state)
{
	(void)state;
	post();
	engine.turn = (struct turn){ .verdict = V_ALLOW, .session = S("SESSION"), .back = "/oidc/authorize?r=1" };
	assert_int_equal(web_login_answer(&req, &resp), OK);
	assert_int_equal(resp.status, 303);
	assert_string_equal(header_in(&resp, "Location"), "/oidc/authorize?r=1");
	assert_string_equal(header_in(&resp, "Set-Cookie"), "__Host-csam-s=SESSION; Max-Age=-1");
}

/* Nothing but V_ALLOW sets a session or leads to `back`, whatever else the turn holds. */
static void denies_by_default(void **state)
{
	(void)state;
	static const unsigned verdicts[] = { V_DENY, V_DOWN, V_MORE, 1, 0x528e5c37 };
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		post();
		engine.turn.verdict = (enum verdict)verdicts[i];
		engine.turn.session = S("SESSION");
		engine.turn.back = "/oidc/authorize?r=1";
		assert_int_equal(web_login_answer(&req, &resp), OK);
		assert_null(header_in(&resp, "Set-Cookie"));
		if (header_in(&resp, "Location") != NULL)
			assert_string_equal(header_in(&resp, "Location"), "/login?c=conv-1");
		else
			assert_true(resp.status == 403 || resp.status == 503);
	}
	post();
	memset(&engine.turn, 0, sizeof engine.turn);
	assert_int_equal(web_login_answer(&req, &resp), OK);
	assert_int_equal(resp.status, 403);
}

static void broken_is_not_no(void **state)
{
	(void)state;
	static const struct { int error; unsigned status; } cases[] = { { E_DOWN, 503 }, { E_LIMIT, 429 } };
	for (size_t i = 0; i < 2; i++) {
		post();
		engine.answer_error = cases[i].error;
		in.form[1].value = "conv-1\"&x";
		assert_int_equal(web_login_answer(&req, &resp), OK);
		assert_int_equal(resp.status, cases[i].status);
		has("href=\"/login?c=conv-1%22%26x\"");
	}
	post();
	engine.answer_error = E_WAIT;
	assert_int_equal(web_login_answer(&req, &resp), E_WAIT);
	post();
	engine.answer_error = E_BUG;
	assert_int_equal(web_login_answer(&req, &resp), E_BUG);
	fresh("GET", "/login");
	in.query[0] = (struct pair){ "c", "conv-1" };
	engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-1", .service = "tax-on-web" };
	engine.service_error = E_WAIT;
	assert_int_equal(web_login(&req, &resp), E_WAIT);
	engine.service_error = E_DOWN;
	assert_int_equal(web_login(&req, &resp), OK);
	has("tax-on-web");
}

static void expired(void **state)
{
	(void)state;
	post();
	engine.answer_error = E_NOENT;
	assert_int_equal(web_login_answer(&req, &resp), OK);
	assert_int_equal(resp.status, 404);
	has("This page has expired");
	fresh("GET", "/login");
	in.query[0] = (struct pair){ "c", "nope" };
	engine.show_error = E_NOENT;
	assert_int_equal(web_login(&req, &resp), OK);
	assert_int_equal(resp.status, 404);
}

/* An answer that does not fit: the same prompt again, and what was typed is nowhere in the page. */
static void incomplete(void **state)
{
	(void)state;
	post();
	engine.answer_error = E_INPUT;
	in.form[3].value = "hunter2";
	assert_int_equal(web_login_answer(&req, &resp), OK);
	assert_int_equal(resp.status, 400);
	has("Fill in every field");
	has("role=\"alert\"");
	has("aria-invalid=\"true\"");
	has("value=\"ticket-2\"");
	has_not("hunter2");
}

static void bounded(void **state)
{
	(void)state;
	static const char *const fields[] = { "username", "password", "code", "choice" };
	static char big[514];
	memset(big, 'x', 513);
	for (size_t i = 0; i < 4; i++) {
		post();
		engine.answer_error = E_BUG;	/* not reached */
		in.form[2] = (struct pair){ fields[i], big };
		in.form[3] = (struct pair){ 0 };
		assert_int_equal(web_login_answer(&req, &resp), OK);
		assert_int_equal(resp.status, 400);
		has("too long");
		in.form[2].value = big + 1;
		assert_int_equal(web_login_answer(&req, &resp), E_BUG);
	}
}

static void browser_cookie(void **state)
{
	(void)state;
	post();
	in.cookies[0] = (struct pair){ 0 };
	assert_int_equal(web_login_answer(&req, &resp), OK);
	has("refuses cookies");
	static const char *const wrong[] = { "", "short", BROWSER_COOKIE "x", "0123456789012345678901234567890123456789ab;" };
	for (size_t i = 0; i < 4; i++) {
		fresh("GET", "/login");
		in.cookies[0].value = wrong[i];
		engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-9" };
		assert_int_equal(web_login(&req, &resp), OK);
		assert_string_equal(header_in(&resp, "Location"), "/login?c=conv-9");
		assert_int_equal(engine.want.binding.n, 43);
		assert_true(slice_starts(slice_of(header_in(&resp, "Set-Cookie")), slice_of(arena_printf(arena, "__Host-csam-b=%.43s;", engine.want.binding.p))));
		assert_true(slice_eq(web_browser(&req, &resp), engine.want.binding));
	}
}

static void plain_sign_in(void **state)
{
	(void)state;
	fresh("GET", "/login");
	in.cookies[1] = (struct pair){ "__Host-csam-s", "OLD" };
	engine.turn = (struct turn){ .verdict = V_ALLOW, .back = "/" };
	assert_int_equal(web_login(&req, &resp), OK);
	assert_string_equal(header_in(&resp, "Location"), "/");
	assert_null(header_in(&resp, "Set-Cookie"));
	assert_true(engine.want.door == DOOR_BROWSER && engine.want.service == NULL && engine.want.level == 0);
	assert_true(slice_is(engine.want.session, "OLD"));
	assert_int_equal(engine.want.can & ASK_WAIT, 0);
}

static void fields(void **state)
{
	(void)state;
	static const char *const expect[] = { "name=\"username\" type=\"text\" value=\"&lt;al&quot;\"", "autocomplete=\"username\"", "autocomplete=\"current-password\"",
		"autocapitalize=\"off\"", "spellcheck=\"false\"", "<label for=\"password\">", "name=\"back\" value=\"1\" formnovalidate" };
	fresh("GET", "/login");
	in.query[0] = (struct pair){ "c", "conv-1" };
	engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-1", .ticket = "t\"<",
		.ask = { .ask = ASK_TEXT | ASK_SECRET, .kind = "app", .name = "<al\"", .may_go_back = true } };
	assert_int_equal(web_login(&req, &resp), OK);
	for (size_t i = 0; i < sizeof expect / sizeof *expect; i++)
		has(expect[i]);
	has("value=\"t&quot;&lt;\"");
	has_not("name=\"code\"");
	engine.turn.ask = (struct prompt){ .ask = ASK_CODE, .kind = "app", .name = "alice" };
	assert_int_equal(web_login(&req, &resp), OK);
	has("inputmode=\"numeric\" autocomplete=\"one-time-code\"");
	has("You are logging in as alice.");
	has_not("name=\"username\"");
	has_not("name=\"back\"");
}

/* Disabled keys cannot be chosen; a label is a person's own text; unknown kinds are still drawn. */
static void chooser(void **state)
{
	(void)state;
	static const struct choice choices[] = { { .id = "app", .group = "code" }, { .id = "sms", .group = "code", .disabled = true, .note_id = "note.locked" },
		{ .id = "app-1", .label = "My <phone>", .group = "card" }, { .id = "future", .group = "unheard-of" }, { .id = "eidas", .group = "europe" } };
	fresh("GET", "/login");
	in.query[0] = (struct pair){ "c", "conv-1" };
	engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-1", .ticket = "t", .ask = { .ask = ASK_CHOICE, .choices = choices, .nchoices = 5 } };
	assert_int_equal(web_login(&req, &resp), OK);
	has("name=\"choice\" value=\"app\"");
	has("name=\"choice\" value=\"app-1\"");
	has("name=\"choice\" value=\"future\"");
	has("My &lt;phone&gt;");
	has_not("value=\"sms\"");
	has("This key is locked and can no longer be used.");
	has("<a class=\"quiet\" href=\"/keys/new/sms?c=conv-1\">Request a new key now</a>");
	has("European authentication");
	has_not("Without a security code");
	has_not("With the eID card reader");
}

static void logout(void **state)
{
	(void)state;
	const char *token;
	fresh("POST", "/logout");
	in.cookies[1] = (struct pair){ "__Host-csam-s", "S" };
	assert_int_equal(web_logout_confirm(&req, &resp), OK);
	assert_int_equal(resp.status, 400);
	assert_null(engine.ended.p);
	assert_int_equal(web_csrf(&req, S(BROWSER_COOKIE), "logout", &token), OK);
	in.form[0] = (struct pair){ "csrf_token", token };
	engine.end_error = E_DOWN;
	assert_int_equal(web_logout_confirm(&req, &resp), E_DOWN);
	assert_null(header_in(&resp, "Set-Cookie"));
	engine.end_error = OK;
	assert_int_equal(web_logout_confirm(&req, &resp), OK);
	assert_true(slice_is(engine.ended, "S"));
	assert_string_equal(header_in(&resp, "Set-Cookie"), "__Host-csam-s=; Max-Age=0");
	assert_string_equal(header_in(&resp, "Location"), "/logout");
}

static void csrf(void **state)
{
	(void)state;
	const char *token, *other;
	fresh("POST", "/x");
	assert_int_equal(web_csrf(&req, S(BROWSER_COOKIE), "consent 1", &token), OK);
	assert_int_equal(web_csrf(&req, S("9123456789012345678901234567890123456789abc"), "consent 1", &other), OK);
	in.form[0] = (struct pair){ "csrf_token", token };
	assert_true(web_csrf_ok(&req, "consent 1"));
	assert_false(web_csrf_ok(&req, "consent 2"));
	in.form[0].value = other;
	assert_false(web_csrf_ok(&req, "consent 1"));
	in.form[0].value = arena_printf(arena, "%sA", token);
	assert_false(web_csrf_ok(&req, "consent 1"));
	in.form[0] = (struct pair){ 0 };
	assert_false(web_csrf_ok(&req, "consent 1"));
	in.form[0] = (struct pair){ "csrf_token", token };
	in.cookies[0] = (struct pair){ 0 };
	assert_false(web_csrf_ok(&req, "consent 1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_the_answer_as_it_is), cmocka_unit_test(allows), cmocka_unit_test(denies_by_default), cmocka_unit_test(broken_is_not_no),
		cmocka_unit_test(expired), cmocka_unit_test(incomplete), cmocka_unit_test(bounded), cmocka_unit_test(browser_cookie),
		cmocka_unit_test(plain_sign_in), cmocka_unit_test(fields), cmocka_unit_test(chooser), cmocka_unit_test(logout), cmocka_unit_test(csrf),
	};
	return cmocka_run_group_tests(tests, open_web, close_web);
}
