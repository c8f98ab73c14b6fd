/* Claims: which scope opens what, what a request may ask for, and that what is absent is left out. */
/* LINK: -Wl,--wrap=now */
#include "oidc_fakes.h"
#include "oidc/claims.h"

static json_t *shown(uint32_t wanted_set, const struct person *p)
{
	json_t *v = json_own(arena, json_object());
	claims_put(v, wanted_set, &(struct claims_source){ p, 400 });
	return v;
}

static const char *text_of(json_t *v)
{
	return json_text(arena, v).p;
}

static void scopes_open_their_claims(void **state)
{
	(void)state;
	const struct person full = { .name = "alice", .given_name = "Alice", .family_name = "Peeters", .display_name = "Alice Peeters",
		.mail = "alice@example.org", .mobile = "+32470000001", .locale = "fr-BE", .address = "Rue Haute 1", .national_number = "85073003328",
		.mail_verified = true, .modified = 7 };
	const struct { const char *scope, *json; } table[] = {
		{ "", "{}" }, { "openid", "{}" }, { "openid offline_access nonsense", "{}" },
		{ "email", "{\"email\":\"alice@example.org\",\"email_verified\":true}" },
		{ "phone", "{\"phone_number\":\"+32470000001\",\"phone_number_verified\":false}" },
		{ "address", "{\"address\":{\"formatted\":\"Rue Haute 1\"}}" }, { "egovnrn", "{\"egovNRN\":\"85073003328\"}" },
		{ "profile", "{\"name\":\"Alice Peeters\",\"given_name\":\"Alice\",\"family_name\":\"Peeters\",\"preferred_username\":\"alice\","
		    "\"locale\":\"fr-BE\",\"updated_at\":7}" },
		{ "fas", "{\"surname\":\"Peeters\",\"givenName\":\"Alice\",\"mail\":\"alice@example.org\",\"prefLanguage\":\"fr\",\"assurance_level\":400}" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(text_of(shown(claims_of_scope(table[i].scope), &full)), table[i].json);
}

static void absent_values_are_left_out(void **state)
{
	(void)state;
	const struct person bare = { .name = "emma", .mail = NULL, .given_name = "" };
	assert_string_equal(text_of(shown(claims_of_scope("profile email phone address egovnrn"), &bare)), "{\"preferred_username\":\"emma\"}");
}

static int parse(const char *text, struct claims_wanted *out)
{
	return claims_parse(arena, &client[TAX], slice_of(text), out);
}

static void only_what_the_service_may_have(void **state)
{
	(void)state;
	struct claims_wanted w;
	assert_int_equal(parse("{\"userinfo\":{\"email\":null,\"phone_number\":null,\"assurance_level\":{\"essential\":true}},"
	    "\"id_token\":{\"egovNRN\":null,\"unknown\":null,\"address\":null}}", &w), OK);
	assert_int_equal(w.userinfo, claims_of_scope("email") & ~(claims_of_scope("email") & (claims_of_scope("email") - 1)));	/* email alone */
	assert_int_equal(w.id_token, claims_of_scope("egovnrn"));
	client[TAX].scopes = (const char *const[]){ "openid", NULL };		/* the number is not for everyone */
	assert_int_equal(parse("{\"id_token\":{\"egovNRN\":{\"essential\":true}}}", &w), OK);
	assert_int_equal(w.id_token, 0);
	client[TAX].scopes = NULL;						/* nor by default */
	assert_int_equal(parse("{\"id_token\":{\"egovNRN\":null}}", &w), OK);
	assert_int_equal(w.id_token, 0);
}

static void consent_covers_single_claims(void **state)
{
	(void)state;
	struct claims_wanted w;
	assert_int_equal(parse("{\"userinfo\":{\"email\":null,\"name\":null,\"egovNRN\":null}}", &w), OK);
	assert_string_equal(claims_more_scopes(arena, w.userinfo, "openid profile"), "email egovnrn");
	assert_string_equal(claims_more_scopes(arena, w.userinfo, "openid profile email egovnrn"), "");
}

#define ACR(l) "\"urn:be:fedict:iam:fas:citizen:Level" #l "\""
static void essential_acr(void **state)
{
	(void)state;
	struct claims_wanted w;
	assert_int_equal(parse("{\"id_token\":{\"acr\":{\"essential\":true,\"values\":[\"x\"," ACR(400) "," ACR(200) "]}}}", &w), OK);
	assert_true(w.acr);
	assert_int_equal(w.acr_levels[0], 400);
	assert_int_equal(w.acr_levels[1], 200);
	assert_int_equal(w.acr_levels[2], 0);
	assert_int_equal(parse("{\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"x\"}}}", &w), OK);
	assert_true(w.acr && w.acr_levels[0] == 0);
	assert_int_equal(parse("{\"id_token\":{\"acr\":{\"values\":[" ACR(400) "]}}}", &w), OK);
	assert_false(w.acr);
	assert_int_equal(parse("{\"userinfo\":{\"acr\":{\"essential\":true,\"value\":" ACR(400) "}}}", &w), OK);
	assert_false(w.acr);
	struct buf b = buf_new(arena);
	for (int i = 0; i < 40; i++)
		buf_printf(&b, "%s" ACR(400), i ? "," : "");
	assert_int_equal(parse(arena_printf(arena, "{\"id_token\":{\"acr\":{\"essential\":true,\"values\":[%s]}}}", b.p), &w), OK);
	assert_int_equal(w.acr_levels[15], 0);
}

static void malformed(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "x", "[]", "1", "null", "{\"userinfo\":[]}", "{\"userinfo\":\"email\"}", "{\"id_token\":{\"email\":true}}",
		"{\"id_token\":{\"email\":[]}}", "{\"a\":1,\"a\":2}", "{\"id_token\":{\"sub\":{\"value\":1}}}",
		"{\"id_token\":{\"sub\":{\"value\":\"a\"}},\"userinfo\":{\"sub\":{\"value\":\"b\"}}}", "{\"a\":[[[[[[[[[[]]]]]]]]]]}" };
	struct claims_wanted w;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (parse(texts[i], &w) != E_INPUT)
			fail_msg("%s", texts[i]);
	assert_int_equal(parse(arena_printf(arena, "{\"x\":\"%05000d\"}", 0), &w), E_INPUT);
	assert_int_equal(parse("{\"id_token\":{\"sub\":{\"value\":\"a\"}},\"userinfo\":{\"sub\":{\"value\":\"a\"}}}", &w), OK);
	assert_string_equal(w.sub, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, oidc_setup, oidc_teardown)
		T(scopes_open_their_claims), T(absent_values_are_left_out), T(only_what_the_service_may_have), T(consent_covers_single_claims),
		T(essential_acr), T(malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
