/* The authorization request: what goes to a page, what goes to the client, and what is let through. */
/* LINK: -Wl,--wrap=now */
#include "oidc_fakes.h"
#include "oidc/request.h"

#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"	/* RFC 7636 B */
#define GOOD "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid&state=xyz"

/* Redirect URIs that are not the registered one, whatever a browser may think of them. */
static const char *const wrong_uris[] = {
	"", "https://tax.example", "https://tax.example/", "https://tax.example/cb/", "https://tax.example/cb?", "https://tax.example/cb#",
	"https://tax.example/cb#x", "https://tax.example/cb?x=2", "https://tax.example/cb?x=1&y=2", "https://tax.example/cb&x=1",
	"https://tax.example//cb", "https://tax.example/./cb", "https://tax.example/x/../cb", "https://tax.example/%63b",
	"https://tax.example/cb%00", "https://tax.example/cb%0a", "https://tax.example/cb%20", "https://tax.example/cb ", " https://tax.example/cb",
	"https://tax.example/cb\t", "\thttps://tax.example/cb", "https://tax.example/\tcb", "https://tax.example/cb\r\nSet-Cookie:a=b",
	"http://tax.example/cb", "HTTPS://tax.example/cb", "Https://tax.example/cb", "https://TAX.example/cb", "https://tax.Example/cb",
	"https://tax.example/CB", "https://tax.example:443/cb", "https://tax.example:8443/cb", "https://tax.example:/cb",
	"https://tax.example./cb", "https://taxxexample/cb", "https://tax-example/cb", "https://evil.example/cb",
	"https://tax.example.evil.example/cb", "https://eviltax.example/cb", "https://a.tax.example/cb", "https://evil.example/tax.example/cb",
	"https://tax.example@evil.example/cb", "https://user@tax.example/cb", "https://user:pw@tax.example/cb",
	"https://evil.example\\@tax.example/cb", "https://tax.example\\cb", "https://tax.example\\.evil.example/cb",
	"https://evil.example%2f@tax.example/cb", "https://tax.example%2ecb/cb", "https://evil.example#@tax.example/cb",
	"https://evil.example?@tax.example/cb", "https:/tax.example/cb", "https:///tax.example/cb", "https:tax.example/cb", "//tax.example/cb",
	"/cb", "cb", "javascript:alert(1)", "data:text/html,x", "https://tax.example/cb,https://evil.example/",
	"https://tax.example/cb https://evil.example/", "https://[::1]/cb", "http://127.0.0.1/cb", "http://127.0.0.1:9/cb",
	"http://localhost/cb", "https://127.0.0.1/cb", "https://tax.example/cb;x", "https://tax.example/cb/..", "https://tax.example/cb\\",
	"https://xn--tax-.example/cb", "https://t\xc3\xa0x.example/cb", "https://tax\xe3\x80\x82""example/cb", "https://tax.example/cb\xe2\x80\x8b",
	"https://tax.example/cb\x7f", "https://tax.example/c", "ttps://tax.example/cb", "https://tax.example/cb%", "https://*.example/cb",
};
_Static_assert(sizeof wrong_uris / sizeof *wrong_uris >= 60, "the table of failures");

static void wrong_redirect_uris_end_on_a_page(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	for (size_t i = 0; i < sizeof wrong_uris / sizeof *wrong_uris; i++) {
		const char *q = arena_printf(arena, "client_id=tax&response_type=code&scope=openid&redirect_uri=%s", encoded(wrong_uris[i]));
		assert_int_equal(call(oidc_authorize, "GET", q, NULL), OK);
		if (resp.status != 400 || header_of("Location") != NULL || page.error == NULL)
			fail_msg("%s: %u", wrong_uris[i], resp.status);
		assert_string_equal(page.error, "redirect");
		assert_false(request_redirect_ok(&client[TAX], slice_of(wrong_uris[i])));
	}
	assert_int_equal(call(oidc_authorize, "GET", "client_id=tax&response_type=code&scope=openid", NULL), OK);
	assert_string_equal(page.error, "redirect");
	assert_int_equal(call(oidc_authorize, "GET", GOOD, NULL), OK);		/* and the right one does not */
	assert_non_null(sent("code"));
}

static void loopback_ports_of_native_clients(void **state)
{
	(void)state;
	static const struct { const char *uri; bool ok; } table[] = {
		{ "http://127.0.0.1/cb", true }, { "http://127.0.0.1:1/cb", true }, { "http://127.0.0.1:65535/cb", true },
		{ "http://[::1]:4711/cb", true }, { "http://[::1]/cb", true }, { "be.example.app:/cb", true },
		{ "http://127.0.0.1:65536/cb", false }, { "http://127.0.0.1:0/cb", false }, { "http://127.0.0.1:080/cb", false },
		{ "http://127.0.0.1:/cb", false }, { "http://127.0.0.1:x/cb", false }, { "http://127.0.0.1:80x/cb", false },
		{ "http://127.0.0.1:80@evil.example/cb", false }, { "http://127.0.0.1.evil.example/cb", false }, { "http://127.0.0.1:80/cb2", false },
		{ "http://127.0.0.1:80/cb?x", false }, { "http://127.0.0.1:80", false }, { "https://127.0.0.1:80/cb", false },
		{ "http://localhost:80/cb", false }, { "http://127.0.0.2:80/cb", false }, { "http://[::2]:80/cb", false },
		{ "http://[::1]evil:80/cb", false }, { "http://0x7f.0.0.1:80/cb", false }, { "be.example.app:/cb2", false }, { "http://127.0.0.1:80#/cb", false },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (request_redirect_ok(&client[APP], slice_of(table[i].uri)) != table[i].ok)
			fail_msg("%s", table[i].uri);
	assert_true(request_redirect_ok(&client[SPA], S("http://127.0.0.1/cb")));	/* registered, exactly */
	assert_false(request_redirect_ok(&client[SPA], S("http://127.0.0.1:80/cb")));	/* but this is no native client */
}

/* What an administrator wrote and no Location header can carry. */
static void registered_uris_that_cannot_be_used(void **state)
{
	(void)state;
	static const char *const uris[] = { "https://tax.example/cb#x", "https://tax.example/c b", "https://tax.example/cb\r\nX: y", "", "https://tax.example/\xc3\xa9", NULL };
	client[TAX].redirect_uris = uris;
	for (size_t i = 0; uris[i] != NULL; i++)
		assert_false(request_redirect_ok(&client[TAX], slice_of(uris[i])));
	client[TAX].redirect_uris = NULL;
	assert_false(request_redirect_ok(&client[TAX], S("https://tax.example/cb")));
}

static void clients_that_are_none_end_on_a_page(void **state)
{
	(void)state;
	static const char *const queries[] = { "", "client_id=", "client_id=nobody&redirect_uri=https%3A%2F%2Ftax.example%2Fcb", "client_id=TAX" };
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		assert_int_equal(call(oidc_authorize, "GET", queries[i], NULL), OK);
		assert_string_equal(page.error, "client");
		assert_null(header_of("Location"));
	}
	client[TAX].state = "suspended";
	assert_int_equal(call(oidc_authorize, "GET", GOOD, NULL), OK);
	assert_string_equal(page.error, "closed");
	fake_down = "directory_client";
	assert_int_equal(call(oidc_authorize, "GET", GOOD, NULL), E_DOWN);
}

#define TAX_CB "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&state=xyz"
#define APP_CB "client_id=app&redirect_uri=be.example.app%3A%2Fcb&state=xyz&response_type=code&scope=openid"
static const struct { const char *query, *error; } told[] = {
	{ TAX_CB "&scope=openid", "invalid_request" }, { TAX_CB "&scope=openid&response_type=", "invalid_request" },
	{ TAX_CB "&scope=openid&response_type=token", "unsupported_response_type" },
	{ TAX_CB "&scope=openid&response_type=id_token", "unsupported_response_type" },
	{ TAX_CB "&scope=openid&response_type=code+id_token", "unsupported_response_type" },
	{ TAX_CB "&scope=openid&response_type=code+code", "unsupported_response_type" },
	{ TAX_CB "&scope=openid&response_type=CODE", "unsupported_response_type" },
	{ TAX_CB "&response_type=code", "invalid_scope" }, { TAX_CB "&response_type=code&scope=", "invalid_scope" },
	{ TAX_CB "&response_type=code&scope=profile", "invalid_scope" }, { TAX_CB "&response_type=code&scope=openid2", "invalid_scope" },
	{ GOOD "&response_mode=fragment", "invalid_request" },
	{ GOOD "&request=eyJ", "request_not_supported" }, { GOOD "&request_uri=https://x.example/", "request_uri_not_supported" },
	{ GOOD "&registration={}", "registration_not_supported" },
	{ GOOD "&prompt=none+login", "invalid_request" }, { GOOD "&prompt=consent+none", "invalid_request" },
	{ GOOD "&max_age=-1", "invalid_request" }, { GOOD "&max_age=1.5", "invalid_request" },
	{ GOOD "&max_age=99999999999999999999", "invalid_request" },
	{ GOOD "&code_challenge=" CHALLENGE, "invalid_request" }, { GOOD "&code_challenge=" CHALLENGE "&code_challenge_method=plain", "invalid_request" },
	{ GOOD "&code_challenge=&code_challenge_method=S256", "invalid_request" }, { GOOD "&code_challenge_method=S256", "invalid_request" },
	{ GOOD "&code_challenge=short&code_challenge_method=S256", "invalid_request" },
	{ GOOD "&code_challenge=" CHALLENGE "A&code_challenge_method=S256", "invalid_request" },
	{ GOOD "&code_challenge=" CHALLENGE "&code_challenge_method=s256", "invalid_request" },
	{ GOOD "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw%2BcM&code_challenge_method=S256", "invalid_request" },
	{ APP_CB, "invalid_request" },			/* a public client needs PKCE */
	{ GOOD "&claims=x", "invalid_request" }, { GOOD "&claims=[]", "invalid_request" }, { GOOD "&claims={\"userinfo\":1}", "invalid_request" },
	{ GOOD "&claims={\"id_token\":{\"name\":1}}", "invalid_request" },
	{ GOOD "&claims={\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"none%20of%20ours\"}}}", "unmet_authentication_requirements" },
	{ GOOD "&claims={\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"urn:be:fedict:iam:fas:citizen:Level500\"}}}", "unmet_authentication_requirements" },
	{ GOOD "&id_token_hint=x", "invalid_request" }, { GOOD "&nonce=a%0Ab", "invalid_request" },
	{ GOOD "&prompt=none", "login_required" },		/* nobody is signed in */
};

static void other_errors_go_to_the_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		assert_int_equal(call(oidc_authorize, "GET", told[i].query, NULL), OK);
		if (resp.status != 303 || sent("error") == NULL || strcmp(sent("error"), told[i].error) != 0)
			fail_msg("%s: %u %s", told[i].query, resp.status, sent("error"));
		assert_string_equal(sent("state"), "xyz");
		assert_string_equal(sent("iss"), ORIGIN);		/* RFC 9207 */
		assert_null(sent("code"));
		assert_non_null(sent("error_description"));
	}
	client[TAX].require_pkce = true;
	assert_int_equal(call(oidc_authorize, "GET", GOOD, NULL), OK);
	assert_string_equal(sent("error"), "invalid_request");
	client[TAX].grants = (const char *const[]){ "refresh_token", NULL };
	assert_int_equal(call(oidc_authorize, "GET", GOOD, NULL), OK);
	assert_string_equal(sent("error"), "unauthorized_client");
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	char *big = arena_alloc(arena, 9001);
	memset(big, 'a', 9000);
	static const struct { const char *name; int most; const char *error; } table[] = {
		{ "state", 2048, "invalid_request" }, { "nonce", 512, "invalid_request" }, { "login_hint", 8000, "invalid_request" } };
	sign_in_as(ALICE, "app");
	for (size_t i = 0; i < 3; i++) {
		const char *base = "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid";
		call(oidc_authorize, "GET", arena_printf(arena, "%s&%s=%.*s", base, table[i].name, table[i].most, big), NULL);
		assert_non_null(sent("code"));
		call(oidc_authorize, "GET", arena_printf(arena, "%s&%s=%.*s", base, table[i].name, table[i].most + 200, big), NULL);
		assert_string_equal(sent("error"), table[i].error);
		assert_null(sent("state"));
	}
}

static void what_is_let_through(void **state)
{
	(void)state;
	static const char *const extra[] = { "", "&response_mode=&request=&max_age=&claims=&id_token_hint=&registration=&nonce=", "&prompt=unknown", "&display=wap", "&foo=bar", "&ui_locales=fr", "&claims_locales=fr", "&max_age=5",
		"&acr_values=unknown", "&scope2=x", "&code_challenge=" CHALLENGE "&code_challenge_method=S256", "&login_hint=bruno",
		"&claims={}", "&claims={\"userinfo\":null,\"other\":1}", "&claims={\"id_token\":{\"acr\":{\"values\":[\"x\"]}}}" };
	sign_in_as(ALICE, "app");
	for (size_t i = 0; i < sizeof extra / sizeof *extra; i++) {
		assert_int_equal(call(oidc_authorize, "GET", arena_printf(arena, "%s%s", GOOD, extra[i]), NULL), OK);
		if (sent("code") == NULL)
			fail_msg("%s: %s", extra[i], sent("error"));
		assert_string_equal(sent("state"), "xyz");
		assert_string_equal(sent("iss"), ORIGIN);
	}
	/* the query that a redirect URI has of its own stays */
	call(oidc_authorize, "GET", "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb%3Fx%3D1&response_type=code&scope=openid", NULL);
	assert_int_equal(strncmp(header_of("Location"), "https://tax.example/cb?x=1&code=", 32), 0);
	/* state comes back as it went, whatever is in it */
	call(oidc_authorize, "GET", GOOD "&nonce=n", NULL);
	call(oidc_authorize, "GET", "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid&state=%26a%3Db%23%20%C3%A9%2B", NULL);
	assert_string_equal(sent("state"), "&a=b# \xc3\xa9+");
	call(oidc_authorize, "GET", GOOD "&response_mode=form_post", NULL);
	assert_string_equal(page.name, "form-post");
	assert_string_equal(json_str(page.values, "action"), "https://tax.example/cb");
}

static void scopes_are_those_of_the_client(void **state)
{
	(void)state;
	struct auth_request q;
	struct refusal no;
	in.query = "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code"
	    "&scope=email+openid+phone+openid+nonsense+fas+egovnrn+offline_access";
	req = (struct request){ .a = arena, .method = "GET" };
	request_read(&req, &q);
	assert_int_equal(request_check(arena, &q, &no), OK);
	assert_string_equal(q.scope, "email openid egovnrn offline_access");
	client[TAX].grants = NULL;			/* no refresh tokens, no offline access */
	client[TAX].scopes = NULL;
	request_read(&req, &q);
	assert_int_equal(request_check(arena, &q, &no), OK);
	assert_string_equal(q.scope, "email openid phone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, oidc_setup, oidc_teardown)
		T(wrong_redirect_uris_end_on_a_page), T(loopback_ports_of_native_clients), T(registered_uris_that_cannot_be_used), T(clients_that_are_none_end_on_a_page),
		T(other_errors_go_to_the_client), T(sizes_are_bounded), T(what_is_let_through), T(scopes_are_those_of_the_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
