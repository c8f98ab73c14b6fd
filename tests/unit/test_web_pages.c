/* Every page, in every language, with what it can show: drawn to build/pages so that eyes and axe can look at it. */
#include <stdio.h>
#include <sys/stat.h>
#include "web_fakes.h"

static void save(const char *name, const char *lang)
{
	mkdir("build", 0755);
	mkdir("build/pages", 0755);
	FILE *f = fopen(arena_printf(arena, "build/pages/%s.%s.html", name, lang), "w");
	assert_non_null(f);
	fwrite(resp.body.p, 1, resp.body.n, f);
	fclose(f);
}

static size_t times(const char *what)
{
	size_t n = 0;
	for (const char *p = body(); (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* What holds for each page. */
static void look(const char *name, const char *lang)
{
	save(name, lang);
	assert_int_equal(times("<h1"), 1);
	assert_int_equal(times("<title>"), 1);
	assert_null(strstr(body(), "<title> "));
	assert_int_equal(times("<main"), 1);
	has_not("{{");
	has_not("}}");
	has_not("<script");
	has_not(" style=");
	has_not(" onclick=");
	has(arena_printf(arena, "<html lang=\"%s\">", lang));
	assert_non_null(strstr(header_in(&resp, "Content-Security-Policy"), "default-src 'none'"));
	assert_null(strstr(header_in(&resp, "Content-Security-Policy"), "unsafe"));
	assert_string_equal(header_in(&resp, "X-Frame-Options"), "DENY");
	assert_string_equal(resp.type, "text/html; charset=utf-8");
	assert_false(resp.cacheable);
}

static const struct choice all_keys[] = {
	{ .id = "eid", .group = "card" }, { .id = "itsme", .group = "card" }, { .id = "app", .group = "code" },
	{ .id = "mail", .group = "code", .disabled = true, .note_id = "note.not-activated" },
	{ .id = "sms", .group = "code", .disabled = true, .note_id = "note.locked" }, { .id = "password", .group = "plain" },
	{ .id = "eidas", .group = "europe" },
};

static const struct choice own_keys[] = { { .id = "app-1", .label = "Phone", .group = "code" }, { .id = "app-2", .label = "Tablet in the kitchen", .group = "code" } };

static const struct prompt prompts[] = {
	{ .ask = ASK_CHOICE, .choices = all_keys, .nchoices = 7 },
	{ .ask = ASK_CHOICE, .choices = all_keys + 2, .nchoices = 1, .note_id = "note.step-up" },
	{ .ask = ASK_TEXT | ASK_SECRET, .kind = "app", .may_go_back = true },
	{ .ask = ASK_TEXT | ASK_SECRET, .kind = "app", .name = "alice", .note_id = "note.wrong", .may_go_back = true },
	{ .ask = ASK_TEXT | ASK_SECRET, .kind = "password", .note_id = "note.wait", .wait_s = 8, .may_go_back = true },
	{ .ask = ASK_CODE, .kind = "app", .name = "alice", .may_go_back = true },
	{ .ask = ASK_CODE, .kind = "app", .name = "alice", .note_id = "note.wrong-code", .may_go_back = true },
	{ .ask = ASK_SHOW, .kind = "app", .note_id = "note.locked", .may_go_back = true },
	{ .ask = ASK_CHOICE },
	{ .ask = ASK_CHOICE, .kind = "app", .choices = own_keys, .nchoices = 2, .may_go_back = true },
	{ .ask = ASK_CHOICE, .choices = all_keys + 2, .nchoices = 2, .note_id = "note.not-activated", .note_kind = "mail" },
};
static const char *const prompt_names[] = { "choose", "choose-one", "login", "login-wrong", "login-wait", "code", "code-wrong", "locked", "choose-none", "choose-own", "choose-not-active" };

static void login_pages(void **state)
{
	(void)state;
	for (const char *const *lang = texts_languages(); *lang != NULL; lang++)
		for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
			fresh("GET", "/login");
			in.query[0] = (struct pair){ "c", "conv-1" };
			engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-1", .ticket = "ticket-1", .ask = prompts[i],
				.service = "tax-on-web", .cancel = "/oidc/authorize?x=1", .lang = *lang };
			assert_int_equal(web_login(&req, &resp), OK);
			assert_int_equal(resp.status, 200);
			look(prompt_names[i], *lang);
			has("name=\"ticket\" value=\"ticket-1\"");
			has("Tax-on-web");
			assert_null(strstr(header_in(&resp, "Content-Security-Policy"), "form-action"));
		}
}

static void denials(void **state)
{
	(void)state;
	static const char *const whys[] = { "deny.level", "deny.not-allowed", "deny.too-many", "deny.cancelled", "deny.service-blocked", "no.such" };
	for (const char *const *lang = texts_languages(); *lang != NULL; lang++)
		for (size_t i = 0; i < sizeof whys / sizeof *whys; i++) {
			fresh("GET", "/login");
			in.query[0] = (struct pair){ "c", "conv-1" };
			engine.turn = (struct turn){ .verdict = V_DENY, .why = whys[i], .service = "tax-on-web", .cancel = "/oidc/authorize?x=1", .lang = *lang };
			assert_int_equal(web_login(&req, &resp), OK);
			assert_int_equal(resp.status, 403);
			has("href=\"/oidc/authorize?x=1\"");
			has_not("no.such");
			assert_true((strstr(body(), "Back on Monday &lt;8:00&gt;") != NULL) == (strcmp(whys[i], "deny.service-blocked") == 0));
			look(whys[i], *lang);
		}
}

static void errors(void **state)
{
	(void)state;
	static const struct { const char *what; unsigned status; } all[] = { { "bad-request", 400 }, { "not-found", 404 }, { "used", 409 },
		{ "too-many", 429 }, { "down", 503 }, { "bug", 500 }, { "expired", 404 }, { "cookies", 400 }, { "too-long", 400 }, { "form", 400 },
		{ "client", 400 }, { "closed", 400 }, { "redirect", 400 }, { "logout", 400 } };
	for (const char *const *lang = texts_languages(); *lang != NULL; lang++)
		for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
			fresh("GET", "/login");
			in.raw_query = "c=conv-1&lang=en";
			assert_int_equal(web_error(&req, &resp, all[i].status, all[i].what, *lang), OK);
			assert_int_equal(resp.status, all[i].status);
			if (all[i].status == 503)
				has("href=\"/login?c=conv-1\"");
			look(arena_printf(arena, "error-%s", all[i].what), *lang);
		}
	fresh("GET", "/");
	assert_int_equal(web_error(&req, &resp, 400, "never-heard-of", "en"), OK);
	has_not("never-heard-of");
}

/* The values other parts hand over. */
static void pages_of_others(void **state)
{
	(void)state;
	static const struct { const char *name, *values; } all[] = {
		{ "consent", "{\"service\":\"Tax-on-web\",\"service_uri\":\"https://tax.example/\",\"policy_uri\":\"https://tax.example/p\",\"tos_uri\":\"javascript:alert(1)\","
		  "\"person\":\"Alice Peeters\",\"items\":[\"consent.scope.openid\",\"consent.scope.profile\",\"consent.scope.email\"],\"request\":\"R\",\"csrf_token\":\"T\",\"form_action\":\"/oidc/consent\"}" },
		{ "logout", "{\"service\":\"Tax-on-web\",\"csrf_token\":\"T\",\"form_action\":\"/oidc/logout\",\"fields\":[{\"name\":\"state\",\"value\":\"\\\"><b>\"}]}" },
		{ "logged-out", "{\"service\":\"Tax-on-web\",\"back\":\"https://tax.example/out\"}" },
		{ "form-post", "{\"service\":\"Tax-on-web\",\"action\":\"https://tax.example/cb?a=1&b=2\",\"fields\":[{\"name\":\"code\",\"value\":\"C\"},{\"name\":\"state\",\"value\":\"<\"}]}" },
	};
	for (const char *const *lang = texts_languages(); *lang != NULL; lang++)
		for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
			json_t *v;
			fresh("GET", "/oidc/x");
			assert_int_equal(json_parse(arena, slice_of(all[i].values), &v, NULL), OK);
			assert_int_equal(web_page(&req, &resp, 200, all[i].name, *lang, v, WEB_ANYWHERE), OK);
			has_not("javascript:");
			has_not("\"><b>");
			has_not("consent.scope.openid");
			look(all[i].name, *lang);
		}
	has("action=\"https://tax.example/cb?a=1&amp;b=2\"");
	has("name=\"state\" value=\"&lt;\"");
}

static void own_pages(void **state)
{
	(void)state;
	for (const char *const *lang = texts_languages(); *lang != NULL; lang++) {
		static http_handler *const handlers[] = { web_home, web_home, web_home, web_help, web_privacy, web_logout };
		static const char *const names[] = { "home-in", "home-out", "home-unknown", "help", "privacy", "logout-own" };
		static const int errors_of[] = { OK, E_NOENT, E_DOWN, OK, OK, OK };
		for (size_t i = 0; i < 6; i++) {
			fresh("GET", "/");
			in.cookies[1] = (struct pair){ "__Host-csam-s", "S" };
			in.headers[0] = (struct pair){ "Accept-Language", *lang };
			engine.session_error = errors_of[i];
			engine.person = (struct person){ .name = "alice", .given_name = "Alice", .family_name = "Peeters" };
			engine.login.kind = "app";
			engine.login.level = 400;
			assert_int_equal(handlers[i](&req, &resp), OK);
			look(names[i], *lang);
		}
	}
	fresh("GET", "/nowhere");
	assert_int_equal(web_home(&req, &resp), E_NOENT);
	fresh("GET", "/");
	in.cookies[1] = (struct pair){ "__Host-csam-s", "S" };
	engine.session_error = E_WAIT;
	assert_int_equal(web_home(&req, &resp), E_WAIT);
}

/* The language switch keeps where one is; nothing of the address can become an address elsewhere, or HTML. */
static void language_links(void **state)
{
	(void)state;
	fresh("GET", "/login");
	in.raw_query = "lang=fr&c=conv-1&x=%22%3E\"><b>";
	assert_int_equal(web_error(&req, &resp, 404, "not-found", "en"), OK);
	has("href=\"/login?c=conv-1&amp;x=%22%3E&quot;&gt;&lt;b&gt;&amp;lang=fr\"");
	fresh("GET", "//evil.example/");
	assert_int_equal(web_error(&req, &resp, 404, "not-found", "en"), OK);
	has_not("href=\"//");
	fresh("GET", "/");
	in.query[0] = (struct pair){ "lang", "fr" };
	assert_string_equal(web_lang(&req, &resp, "en"), "fr");
	assert_string_equal(header_in(&resp, "Set-Cookie"), "__Host-csam-lang=fr; Max-Age=31536000");
	fresh("GET", "/");
	in.query[0] = (struct pair){ "lang", "xx" };
	in.cookies[1] = (struct pair){ "__Host-csam-lang", "fr" };
	assert_string_equal(web_lang(&req, &resp, "de"), "fr");
	assert_string_equal(web_lang(&req, &resp, "en"), "en");
	assert_null(header_in(&resp, "Set-Cookie"));
}

static void form_action(void **state)
{
	(void)state;
	fresh("GET", "/");
	assert_int_equal(web_page(&req, &resp, 200, "home", "en", NULL, NULL), OK);
	assert_non_null(strstr(header_in(&resp, "Content-Security-Policy"), "form-action 'self';"));
	fresh("GET", "/");
	assert_int_equal(web_page(&req, &resp, 200, "home", "en", NULL, "https://a.example"), OK);
	assert_non_null(strstr(header_in(&resp, "Content-Security-Policy"), "form-action 'self' https://a.example;"));
	fresh("GET", "/");
	assert_int_equal(web_page(&req, &resp, 200, "home", "en", NULL, "x; script-src *"), OK);
	assert_null(strstr(header_in(&resp, "Content-Security-Policy"), "script-src"));
}

static void static_files(void **state)
{
	(void)state;
	fresh("GET", "/");
	assert_int_equal(web_page(&req, &resp, 200, "home", "en", NULL, NULL), OK);
	const char *at = strstr(body(), "/static/");
	const char *path = arena_str(arena, slice_mem(at, strcspn(at, "\"")));
	fresh("GET", path);
	assert_int_equal(web_static(&req, &resp), OK);
	assert_string_equal(resp.type, "text/css; charset=utf-8");
	assert_true(resp.cacheable && resp.body.n > 1000);
	assert_non_null(strstr(header_in(&resp, "Cache-Control"), "immutable"));
	fresh("GET", "/static/0000000000000000/csam.css");
	assert_int_equal(web_static(&req, &resp), OK);
	assert_false(resp.cacheable);
	static const char *const wrong[] = { "/static/", "/static/x", "/static/x/", "/static/x/../csam.css", "/static/x/none.css", "/static//" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		fresh("GET", wrong[i]);
		assert_int_equal(web_static(&req, &resp), E_NOENT);
	}
}

/* A page is drawn in well under a tenth of a millisecond of processor time (ten times that under a sanitizer). */
static void quick(void **state)
{
	(void)state;
	enum { ROUNDS = 2000 };
	clock_t from = clock();
	for (int i = 0; i < ROUNDS; i++) {
		struct arena *kept = arena;
		arena = arena_new();
		fresh("GET", "/login");
		in.query[0] = (struct pair){ "c", "conv-1" };
		engine.turn = (struct turn){ .verdict = V_MORE, .conversation = "conv-1", .ticket = "t", .ask = prompts[0], .service = "s", .lang = "fr" };
		assert_int_equal(web_login(&req, &resp), OK);
		arena_free(arena);
		arena = kept;
	}
	double us = (double)(clock() - from) * 1e6 / CLOCKS_PER_SEC / ROUNDS;
	print_message("chooser: %.1f us\n", us);
	assert_true(us < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_pages), cmocka_unit_test(denials), cmocka_unit_test(errors), cmocka_unit_test(pages_of_others),
		cmocka_unit_test(own_pages), cmocka_unit_test(language_links), cmocka_unit_test(form_action), cmocka_unit_test(static_files),
		cmocka_unit_test(quick),
	};
	return cmocka_run_group_tests(tests, open_web, close_web);
}
