/* The pure parsers of http/: targets, parameters, cookies, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "http/address.h"
#include "http/params.h"

static void target(void **state)
{
	(void)state;
	struct slice path, query;
	assert_int_equal(target_split(S("/oidc/authorize?a=b?c"), &path, &query), OK);
	assert_true(slice_is(path, "/oidc/authorize"));
	assert_true(slice_is(query, "a=b?c"));
	assert_int_equal(target_split(S("/x"), &path, &query), OK);
	assert_null(query.p);
	assert_int_equal(target_split(S("https://other.example/x?y"), &path, &query), OK);
	assert_true(slice_is(path, "/x"));
	assert_int_equal(target_split(S("http://other.example"), &path, &query), OK);
	assert_true(slice_is(path, "/"));
	static const char *const bad[] = { "", "/a b", "/%", "/%0", "/%zz", "/%00", "/?a=%00", "/?a=%4", "/\x7f", "/\xc3\xa9", "/#f", "/\t" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(target_split(slice_of(bad[i]), &path, &query), E_INPUT);
}

static void parameters(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct param_list p;
	assert_int_equal(params_parse(a, S("a=1&&b=x+y%26z&c&d==&a=2"), 100, &p), OK);
	assert_int_equal(p.n, 5);
	assert_true(slice_is(params_find(&p, "a")->value, "1"));
	assert_true(slice_is(params_find(&p, "b")->value, "x y&z"));
	assert_non_null(params_find(&p, "c")->value.p);
	assert_int_equal(params_find(&p, "c")->value.n, 0);
	assert_true(slice_is(params_find(&p, "d")->value, "="));
	assert_null(params_find(&p, "e"));
	assert_int_equal(params_parse(a, S_NONE, 100, &p), OK);
	assert_int_equal(p.n, 0);
	static const char *const bad[] = { "a=%", "a=%4", "a=%4g", "%=1", "a=%00", "%00=1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(params_parse(a, slice_of(bad[i]), 100, &p), E_INPUT);
	assert_int_equal(params_parse(a, slice_mem("a=\0b", 4), 100, &p), E_INPUT);
	assert_int_equal(params_parse(a, S("a&b&c"), 3, &p), OK);
	assert_int_equal(params_parse(a, S("a&b&c"), 2, &p), E_INPUT);
}

static bool repeats(const char *query, const char *form, const char *const *may)
{
	AUTO_ARENA a = arena_new();
	struct param_list q, f;
	assert_int_equal(params_parse(a, slice_of(query), 100, &q), OK);
	assert_int_equal(params_parse(a, slice_of(form), 100, &f), OK);
	return params_repeat(&q, &f, may);
}

static void repetition(void **state)
{
	(void)state;
	static const char *const may[] = { "resource", "audience", NULL };
	assert_false(repeats("a=1&b=2", "c=3", NULL));
	assert_true(repeats("a=1&b=2&a=1", "", NULL));
	assert_true(repeats("", "a=1&%61=2", NULL));
	assert_true(repeats("a=1", "a=1", NULL));
	assert_true(repeats("resource=1&resource=2", "", NULL));
	assert_false(repeats("resource=1&resource=2", "audience=1&audience=2", may));
	assert_true(repeats("resource=1&resource=2&b=1&b=2", "", may));
	assert_true(repeats("resource=1", "resource=2", may));
}

static void cookies(void **state)
{
	(void)state;
	struct slice v = S_NONE;
	assert_int_equal(cookie_find(S("a=1; __Host-csam-s=abc=; b=2"), "__Host-csam-s", &v), 1);
	assert_true(slice_is(v, "abc="));
	v = S_NONE;
	assert_int_equal(cookie_find(S("s=1;s=2; s =3;xs=4; s"), "s", &v), 3);
	assert_true(slice_is(v, "1"));
	v = S_NONE;
	assert_int_equal(cookie_find(S(";;=; = ;"), "s", &v), 0);
	assert_null(v.p);
	assert_int_equal(cookie_find(S_NONE, "s", &v), 0);
}

static void media_types(void **state)
{
	(void)state;
	assert_true(media_type_is(S("Application/X-www-form-urlencoded ; charset=UTF-8"), "application/x-www-form-urlencoded"));
	assert_false(media_type_is(S("application/x-www-form-urlencodedx"), "application/x-www-form-urlencoded"));
	assert_false(media_type_is(S_NONE, "application/x-www-form-urlencoded"));
}

static void ranges(void **state)
{
	(void)state;
	struct range r;
	struct address a;
	char text[ADDRESS_TEXT];
	assert_int_equal(range_parse(S("10.1.2.0/23"), &r), OK);
	assert_int_equal(address_parse(S("10.1.3.255"), &a), OK);
	assert_true(range_has(&r, &a));
	assert_int_equal(address_parse(S("::ffff:10.1.2.9"), &a), OK);
	assert_true(range_has(&r, &a));
	address_text(&a, text);
	assert_string_equal(text, "10.1.2.9");
	assert_int_equal(address_parse(S("10.1.4.0"), &a), OK);
	assert_false(range_has(&r, &a));
	assert_int_equal(range_parse(S("2001:db8::/32"), &r), OK);
	assert_int_equal(address_parse(S("2001:db8:ffff::1"), &a), OK);
	assert_true(range_has(&r, &a));
	assert_int_equal(range_parse(S("10.0.0.1"), &r), OK);
	assert_int_equal(address_parse(S("10.0.0.2"), &a), OK);
	assert_false(range_has(&r, &a));
	static const char *const bad[] = { "", "10.0.0.1/33", "10.0.0/8", "::/129", "a", "1.2.3.4/", "1.2.3.4/x", "01.2.3.4" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(range_parse(slice_of(bad[i]), &r), E_INPUT);
}

static uint64_t network(const char *text)
{
	struct address a;
	assert_int_equal(address_parse(slice_of(text), &a), OK);
	return network_of(&a);
}

static void networks(void **state)
{
	(void)state;
	assert_true(network("192.0.2.1") == network("192.0.2.254"));
	assert_true(network("192.0.2.1") != network("192.0.3.1"));
	assert_true(network("2001:db8:0:1::1") == network("2001:db8:0:ff::1"));
	assert_true(network("2001:db8:0:100::1") != network("2001:db8:0:1::1"));
}

static int from(const char *header, char text[ADDRESS_TEXT])
{
	struct range proxies[2];
	struct address a;
	assert_int_equal(range_parse(S("10.0.0.0/8"), &proxies[0]), OK);
	assert_int_equal(range_parse(S("::1"), &proxies[1]), OK);
	int rc = forwarded_for(slice_of(header), proxies, 2, &a);
	if (rc == OK)
		address_text(&a, text);
	return rc;
}

static void forwarded(void **state)
{
	(void)state;
	char t[ADDRESS_TEXT];
	assert_int_equal(from("192.0.2.7", t), OK);
	assert_string_equal(t, "192.0.2.7");
	assert_int_equal(from("198.51.100.9, 192.0.2.7 ,10.0.0.2,::1", t), OK);
	assert_string_equal(t, "192.0.2.7");
	assert_int_equal(from("10.0.0.3, 10.0.0.2", t), OK);
	assert_string_equal(t, "10.0.0.3");
	static const char *const bad[] = { "", "a", "192.0.2.7,", ",192.0.2.7", "192.0.2.7:80", "a, 192.0.2.7", "unknown", "192.0.2.7 10.0.0.1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(from(bad[i], t), E_INPUT);
}

static void listeners(void **state)
{
	(void)state;
	struct listener l;
	assert_int_equal(listener_parse("127.0.0.1:8080", &l), OK);
	assert_false(l.tls);
	assert_int_equal(l.sa.ss_family, AF_INET);
	assert_int_equal(listener_parse("[::1]:8443 tls", &l), OK);
	assert_true(l.tls);
	assert_int_equal(l.sa.ss_family, AF_INET6);
	assert_int_equal(listener_parse("unix:/run/csam/http", &l), OK);
	assert_int_equal(l.sa.ss_family, AF_UNIX);
	static const char *const bad[] = { "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80 ssl", "::1:80", "[127.0.0.1]:80",
		"localhost:80", "unix:", "unix:relative", "[::1:80", "127.0.0.1:80 tls tls" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(listener_parse(bad[i], &l), E_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(target), cmocka_unit_test(parameters), cmocka_unit_test(repetition), cmocka_unit_test(cookies),
		cmocka_unit_test(media_types), cmocka_unit_test(ranges), cmocka_unit_test(networks), cmocka_unit_test(forwarded),
		cmocka_unit_test(listeners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
