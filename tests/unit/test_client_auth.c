/* Client authentication: exactly the registered method, exactly once. */
/* LINK: -Wl,--wrap=now */
#include "oidc_fakes.h"
#include "oidc/client.h"

static struct refusal no;
static const struct service *who;

static int authenticate(const char *authorization, const char *form)
{
	in.authorization = authorization;
	in.form = form;
	req = (struct request){ .a = arena, .method = "POST", .peer = "192.0.2.1", .origin = ORIGIN };
	no = (struct refusal){ .error = NULL };
	who = NULL;
	return client_authenticate(&req, &who, &no);
}

static const char *basic(const char *pair)
{
	struct buf b = buf_new(arena);
	buf_lit(&b, "Basic ");
	buf_b64(&b, slice_of(pair));
	return b.p;
}

static const char *hashed(const char *secret)
{
	static unsigned char raw[16 + SHA256_LEN];
	random_bytes(raw, 16);
	struct buf b = buf_new(arena), t = buf_new(arena);
	buf_raw(&b, slice_mem(raw, 16));
	buf_raw(&b, slice_of(secret));
	sha256(buf_slice(&b), raw + 16);
	buf_lit(&t, "{SHA256}");
	buf_b64(&t, slice_mem(raw, sizeof raw));
	return t.p;
}

static void secrets(void **state)
{
	(void)state;
	const char *h1 = hashed("one"), *h2 = hashed("two");
	const char *const both[] = { h1, h2, "three", NULL }, *const none[] = { NULL }, *const empty[] = { "", "{SHA256}", "{SHA256}AAAA", NULL };
	assert_true(client_secret_ok(arena, both, S("one")));
	assert_true(client_secret_ok(arena, both, S("two")));
	assert_true(client_secret_ok(arena, both, S("three")));
	static const char *const wrong[] = { "", "on", "One", "one ", "four", "{SHA256}", "{SHA256}AAAA" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(client_secret_ok(arena, both, slice_of(wrong[i])));
	assert_false(client_secret_ok(arena, both, slice_of(h1)));		/* what is stored opens nothing */
	assert_false(client_secret_ok(arena, none, S("one")));
	assert_false(client_secret_ok(arena, NULL, S("one")));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(client_secret_ok(arena, empty, slice_of(wrong[i])));
}

static void by_basic(void **state)
{
	(void)state;
	assert_int_equal(authenticate(basic("tax:s3cret+of%20tax"), NULL), OK);	/* both parts are form-encoded */
	assert_ptr_equal(who, &client[TAX]);
	assert_int_equal(authenticate(basic("%74ax:s3cret+of+tax"), "client_id=tax"), OK);
	assert_int_equal(authenticate(arena_printf(arena, "bAsIc  %s", basic("tax:s3cret+of+tax") + 6), NULL), OK);
	const char *const wrong[] = { basic("tax:wrong"), basic("tax:"), basic("tax"), basic(":s3cret+of+tax"), basic("nobody:s3cret+of+tax"),
		basic("tax:s3cret of tax%"), basic("tax:s3cret+of+tax%00"), "Basic", "Basic ", "Basic !!!", "Bearer abc", "Basic dGF4", "",
		basic("spa:other"), basic("app:") };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(authenticate(wrong[i], NULL), E_INPUT);
		assert_string_equal(no.error, "invalid_client");
		assert_int_equal(no.status, 401);
		assert_true(no.basic);
		assert_null(who);
	}
	assert_string_equal(fake_last(EV_CLIENT_REFUSED)->service, "app");
}

static void by_form(void **state)
{
	(void)state;
	assert_int_equal(authenticate(NULL, "client_id=spa&client_secret=other"), OK);
	const char *const wrong[] = { "client_id=spa&client_secret=Other", "client_id=spa&client_secret=", "client_id=spa", "client_secret=other", "",
		"client_id=&client_secret=other", "client_id=tax&client_secret=s3cret+of+tax", "client_id=app&client_secret=x" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(authenticate(NULL, wrong[i]), E_INPUT);
		assert_string_equal(no.error, "invalid_client");
	}
}

static void never_two_ways(void **state)
{
	(void)state;
	const char *good = basic("tax:s3cret+of+tax");
	const char *const forms[] = { "client_secret=s3cret+of+tax", "client_secret=x", "client_assertion=x", "client_id=spa" };
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		assert_int_equal(authenticate(good, forms[i]), E_INPUT);
		assert_string_equal(no.error, "invalid_request");
	}
	assert_int_equal(authenticate(NULL, "client_id=spa&client_secret=other&client_assertion=x"), E_INPUT);
	assert_string_equal(no.error, "invalid_request");
	in.query = "client_secret=other";		/* not in the address, not even besides a good one */
	assert_int_equal(authenticate(NULL, "client_id=spa&client_secret=other"), E_INPUT);
	assert_string_equal(no.error, "invalid_request");
}

static void public_clients_and_closed_ones(void **state)
{
	(void)state;
	assert_int_equal(authenticate(NULL, "client_id=app&client_secret="), OK);	/* RFC 6749 3.2: without a value is absent */
	assert_int_equal(authenticate(NULL, "client_id=app"), OK);
	assert_true(client_is_public(who));
	client[APP].state = "suspended";
	assert_int_equal(authenticate(NULL, "client_id=app"), E_INPUT);
	client[APP].state = "active";
	client[APP].auth_method = "something";
	assert_int_equal(authenticate(NULL, "client_id=app"), E_INPUT);
	fake_down = "directory_client";
	assert_int_equal(authenticate(basic("tax:s3cret+of+tax"), NULL), E_DOWN);	/* broken is not no */
}

static const char *assertion(const char *claims, const char *alg, EVP_PKEY *key)
{
	struct slice t = token_of(arena, alg, key, arena_printf(arena, "{\"alg\":\"%s\"}", alg), claims);
	return arena_printf(arena, "client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=%.*s",
	    (int)t.n, t.p);
}

static const char *claims(const char *iss, const char *sub, const char *aud, long long exp, const char *more)
{
	return arena_printf(arena, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":%s,\"exp\":%lld%s}", iss, sub, aud, exp, more);
}

static void register_key(void)
{
	json_t *v;
	client[TAX].auth_method = "private_key_jwt";
	assert_int_equal(json_parse(arena, slice_of(arena_printf(arena, "{\"keys\":[%s]}", test_jwk(arena, K_EC, test_key[K_EC], ""))), &v, NULL), OK);
	client[TAX].jwks = v;
}

#define US "\"" ORIGIN "\""
static void by_private_key(void **state)
{
	(void)state;
	register_key();
	long long t = (long long)fake_now;
	const char *good = assertion(claims("tax", "tax", US, t + 60, ",\"jti\":\"1\""), "ES256", test_key[K_EC]);
	assert_int_equal(authenticate(NULL, good), OK);
	assert_ptr_equal(who, &client[TAX]);
	assert_int_equal(authenticate(NULL, good), E_INPUT);		/* failures, row 5: the same once more */
	assert_string_equal(no.error, "invalid_client");
	const struct { const char *aud, *more; long long exp; } right[] = {
		{ "\"" ORIGIN "/oidc/token\"", ",\"jti\":\"2\"", t + 600 }, { "[\"" ORIGIN "/oidc/revoke\"," US "]", ",\"jti\":\"3\"", t + 1 },
		{ US, ",\"jti\":\"4\",\"nbf\":1,\"iat\":1", t + 60 },
	};
	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		assert_int_equal(authenticate(NULL, assertion(claims("tax", "tax", right[i].aud, right[i].exp, right[i].more), "ES256", test_key[K_EC])), OK);
}

static void private_key_faults(void **state)
{
	(void)state;
	register_key();
	long long t = (long long)fake_now;
	const char *far = arena_printf(arena, ",\"jti\":\"9\",\"nbf\":%lld", t + 600), *ahead = arena_printf(arena, ",\"jti\":\"9\",\"iat\":%lld", t + 600);
	const struct { const char *iss, *sub, *aud, *more; long long exp; } wrong[] = {
		{ "tax", "tax", US, ",\"jti\":\"9\"", t }, { "tax", "tax", US, ",\"jti\":\"9\"", t - 1 }, { "tax", "tax", US, ",\"jti\":\"9\"", t + 601 },
		{ "tax", "tax", US, "", t + 60 }, { "tax", "tax", US, ",\"jti\":\"\"", t + 60 }, { "tax", "tax", US, ",\"jti\":1", t + 60 },
		{ "spa", "tax", US, ",\"jti\":\"9\"", t + 60 }, { "tax", "spa", US, ",\"jti\":\"9\"", t + 60 },
		{ "tax", "tax", "\"https://other.example\"", ",\"jti\":\"9\"", t + 60 }, { "tax", "tax", "[]", ",\"jti\":\"9\"", t + 60 },
		{ "tax", "tax", "[" US ",\"https://other.example\"]", ",\"jti\":\"9\"", t + 60 },	/* that one could show it to us */
		{ "tax", "tax", "[\"x\"," US "]", ",\"jti\":\"9\"", t + 60 }, { "tax", "tax", "[" US ",\"" ORIGIN ".evil/\"]", ",\"jti\":\"9\"", t + 60 },
		{ "tax", "tax", "[" US ",1]", ",\"jti\":\"9\"", t + 60 }, { "tax", "tax", "[\"" ORIGIN "/oidc/revoke\"]", ",\"jti\":\"9\"", t + 60 },
		{ "tax", "tax", "\"" ORIGIN "/\"", ",\"jti\":\"9\"", t + 60 }, { "tax", "tax", "null", ",\"jti\":\"9\"", t + 60 },
		{ "tax", "tax", US, far, t + 60 }, { "tax", "tax", US, ahead, t + 60 },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *form = assertion(claims(wrong[i].iss, wrong[i].sub, wrong[i].aud, wrong[i].exp, wrong[i].more), "ES256", test_key[K_EC]);
		assert_int_equal(authenticate(NULL, form), E_INPUT);
		assert_string_equal(no.error, "invalid_client");
	}
	const char *ok = claims("tax", "tax", US, t + 60, ",\"jti\":\"9\"");
	assert_int_equal(authenticate(NULL, assertion(ok, "RS256", test_key[K_RSA])), E_INPUT);	/* not the client's key */
	assert_int_equal(authenticate(NULL, arena_printf(arena, "%s&client_id=spa", assertion(ok, "ES256", test_key[K_EC]))), E_INPUT);
	assert_int_equal(authenticate(NULL, strstr(assertion(ok, "ES256", test_key[K_EC]), "client_assertion=")), E_INPUT);
	assert_int_equal(authenticate(NULL, "client_id=tax"), E_INPUT);			/* none is not the method */
	assert_int_equal(authenticate(basic("tax:s3cret+of+tax"), NULL), E_INPUT);	/* nor is the secret it still has */
	fake_down = "state_update";							/* whether it was used cannot be known: no */
	assert_int_equal(authenticate(NULL, assertion(ok, "ES256", test_key[K_EC])), E_DOWN);
	fake_down = NULL;
	assert_int_equal(authenticate(NULL, assertion(ok, "ES256", test_key[K_EC])), OK);	/* nothing above has spent the jti */
}

static size_t lines_of(int tries, const char *peer)
{
	size_t before = fake_nlines;
	for (int i = 0; i < tries; i++) {
		assert_int_equal(authenticate(basic("tax:wrong"), ""), E_INPUT);
		req.peer = peer;
		who = NULL;
		assert_int_equal(client_authenticate(&req, &who, &no), E_INPUT);
		assert_string_equal(no.error, "invalid_client");
	}
	return fake_nlines - before;
}

/* Each line waits for the disk: a stranger who is wrong all the time must not keep it from the others. */
static void lines_about_one_network_are_bounded(void **state)
{
	(void)state;
	lines_of(100, "198.51.100.1");			/* and as many of 192.0.2.1 */
	assert_int_equal(lines_of(100, "198.51.100.77"), 0);	/* a neighbour */
	assert_int_equal(lines_of(10, "203.0.113.1"), 10);
	assert_int_equal(lines_of(10, "2001:db8::1"), 10);
	assert_true(fake_nlines < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, oidc_setup, oidc_teardown)
		T(secrets), T(by_basic), T(by_form), T(never_two_ways), T(public_clients_and_closed_ones), T(by_private_key), T(private_key_faults),
		T(lines_about_one_network_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
