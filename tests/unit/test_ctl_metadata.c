/* Client metadata: every member is honoured or refused by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "metadata_parts.h"

/* The refusal, or NULL; *out is the LDIF. */
static const char *import(struct arena *a, const char *text, const char **out)
{
	struct ctl c = { .a = a, .cmd = &cmd_service_import, .set = { .services_base = "ou=services,dc=x" } };
	struct import im = { .c = &c };
	struct buf b = buf_new(a);
	assert_int_equal(json_parse(a, slice_of(text), &im.client, NULL), OK);
	const char *why = take_all(&im);
	if (why == NULL) {
		im.s.id = id_of(a, im.s.client_id);
		why = service_record(&c, &im.s, &b);
	}
	*out = buf_cstr(&b);
	return why;
}

#define BASE "\"client_id\":\"x\",\"client_secret\":\"0123456789abcdef\",\"redirect_uris\":[\"https://x.be/cb\"]"

static void honoured(void **state)
{
	(void)state;
	static const struct { const char *member, *line; } cases[] = {
		{ "\"client_name\":\"X\"", "displayName: X\n" },
		{ "\"client_name#fr\":\"X\"", "displayName;lang-fr: X\n" },
		{ "\"scope\":\" openid  email \"", "csamScope: openid\ncsamScope: email\n" },
		{ "\"grant_types\":[\"authorization_code\",\"refresh_token\"]", "csamGrant: authorization_code\ncsamGrant: refresh_token\n" },
		{ "\"id_token_signed_response_alg\":\"PS256\"", "csamIdTokenAlg: PS256\n" },
		{ "\"subject_type\":\"public\"", "csamSubjectType: public\n" },
		{ "\"post_logout_redirect_uris\":[\"https://x.be/\"]", "csamPostLogoutURI: https://x.be/\n" },
		{ "\"tos_uri\":\"https://x.be/t\"", "csamTermsURI: https://x.be/t\n" },
		{ "\"client_secret_expires_at\":0,\"client_id_issued_at\":1", "csamClientId: x\n" },
		{ "\"require_pkce\":true", "csamRequirePKCE: TRUE\n" },
		{ "\"default_acr_values\":[\"urn:be:fedict:iam:fas:citizen:Level500\"]", "csamServiceLevel: 500\n" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_ARENA a = arena_new();
		const char *out, *why = import(a, arena_printf(a, "{" BASE ",%s}", cases[i].member), &out);
		if (why != NULL || strstr(out, cases[i].line) == NULL)
			fail_msg("%s: %s\n%s", cases[i].member, why ? why : "not in the record", out);
		/* RFC 7591 2: a client that names no algorithm gets the standard's, so none is written */
		if (i != 4 && strstr(out, "csamIdTokenAlg") != NULL)
			fail_msg("an algorithm nobody named");
	}
}

static void refused(void **state)
{
	(void)state;
	static const struct { const char *client, *word; } cases[] = {
		{ "{}", "client_id" },
		{ "{\"client_id\":7}", "client_id" },
		{ "{" BASE ",\"frontchannel_logout_uri\":\"https://x.be/\"}", "frontchannel_logout_uri" },
		{ "{" BASE ",\"id_token_encrypted_response_alg\":\"RSA-OAEP\"}", "id_token_encrypted_response_alg" },
		{ "{" BASE ",\"id_token_signed_response_alg\":\"none\"}", "none" },
		{ "{" BASE ",\"id_token_signed_response_alg\":\"HS256\"}", "HS256" },
		{ "{" BASE ",\"jwks_uri\":\"https://x.be/\"}", "jwks_uri" },
		{ "{" BASE ",\"jwks\":[]}", "jwks" },
		{ "{" BASE ",\"scope\":[\"openid\"]}", "scope" },
		{ "{" BASE ",\"grant_types\":\"authorization_code\"}", "grant_types" },
		{ "{" BASE ",\"grant_types\":[\"implicit\"]}", "implicit" },
		{ "{" BASE ",\"response_types\":[\"code\",\"token\"]}", "response_types" },
		{ "{" BASE ",\"response_types\":[null]}", "response_types" },
		{ "{" BASE ",\"client_secret_expires_at\":1800000000}", "client_secret_expires_at" },
		{ "{" BASE ",\"default_acr_values\":[\"urn:be:fedict:iam:fas:citizen:Level501\"]}", "501" },
		{ "{" BASE ",\"default_acr_values\":[\"a\",\"b\"]}", "default_acr_values" },
		{ "{" BASE ",\"client_name#x y\":\"X\"}", "language" },
		{ "{" BASE ",\"client_namex\":\"X\"}", "client_namex" },
		{ "{" BASE ",\"token_endpoint_auth_method\":\"none\"}", "no secret" },
		{ "{" BASE ",\"token_endpoint_auth_method\":\"private_key_jwt\"}", "jwks" },
		{ "{" BASE ",\"token_endpoint_auth_method\":\"tls_client_auth\"}", "tls_client_auth" },
		{ "{\"client_id\":\"x\",\"redirect_uris\":[\"https://x.be/\"]}", "secret" },
		{ "{\"client_id\":\"x\",\"client_secret\":\"0123456789abcdef\",\"redirect_uris\":[]}", "redirect" },
		{ "{\"client_id\":\"x\",\"client_secret\":\"0123456789abcdef\",\"redirect_uris\":[7]}", "redirect_uris" },
		{ "{\"client_id\":\"x\",\"client_secret\":\"short\",\"redirect_uris\":[\"https://x.be/\"]}", "16" },
		{ "{\"client_id\":\"x\",\"client_secret\":\"0123456789abcdef\",\"redirect_uris\":[\"http://x.be/\"]}", "https" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_ARENA a = arena_new();
		const char *out, *why = import(a, cases[i].client, &out);
		if (why == NULL || strstr(why, cases[i].word) == NULL)
			fail_msg("%s: %s", cases[i].client, why ? why : "accepted");
		assert_string_equal(out, "");
	}
}

static void names_of_services(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_string_equal(id_of(a, "https://tax.example.be/"), "https---tax.example.be-");
	assert_string_equal(id_of(a, "../../x,dc=y"), "x-dc-y");
	assert_true(is_xml(S(" \n<?xml?>")) && is_xml(S("\xef\xbb\xbf<a/>")) && !is_xml(S("{}")) && !is_xml(S("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(honoured), cmocka_unit_test(refused), cmocka_unit_test(names_of_services) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
