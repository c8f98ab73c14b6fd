/* What csamctl lets into the directory: names, addresses, numbers, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/base32.c"
#include "csamctl/fields.c"

static void accepts(const char *(*check)(struct slice), const char *const *good)
{
	for (; *good != NULL; good++)
		if (check(slice_of(*good)) != NULL)
			fail_msg("refused '%s': %s", *good, check(slice_of(*good)));
}

static void refuses(const char *(*check)(struct slice), const char *const *bad)
{
	for (; *bad != NULL; bad++)
		if (check(slice_of(*bad)) == NULL)
			fail_msg("accepted '%s'", *bad);
}

#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }

static void base32(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	/* RFC 4648 10 */
	static const char *const pairs[][2] = { { "", "" }, { "f", "MY" }, { "fo", "MZXQ" }, { "foo", "MZXW6" }, { "foob", "MZXW6YQ" },
		{ "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" } };
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct slice raw;
		assert_string_equal(base32_text(a, slice_of(pairs[i][0])), pairs[i][1]);
		assert_int_equal(base32_bytes(a, slice_of(pairs[i][1]), &raw), OK);
		assert_true(slice_is(raw, pairs[i][0]));
	}
	struct slice raw;
	assert_int_equal(base32_bytes(a, S("mzxw 6ytb-oi======"), &raw), OK);
	assert_true(slice_is(raw, "foobar"));
	static const char *const bad[] = { "MZXW1", "A", "MZX", "MZXW6Y", "MZ", "M=ZX", "\xc3\xa9" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (base32_bytes(a, slice_of(bad[i]), &raw) == OK)
			fail_msg("accepted %s", bad[i]);
}

static const char *web_name(struct slice s) { return field_name(s, false); }
static const char *host_name(struct slice s) { return field_name(s, true); }

static void names(void **state)
{
	(void)state;
	accepts(web_name, LIST("alice", "a", "chloe.janssens", "dirk-2", "root"));
	refuses(web_name, LIST("", "Alice", "1alice", "-x", "al ice", "a*", "a)(uid=*", "chlo\xc3\xa9", "a/b", "a,b"));
	accepts(host_name, LIST("alice", "emma2"));
	refuses(host_name, LIST("root", "daemon", "nobody", "systemd-network", "www-data", "a23456789012345678901234567890123"));
	assert_non_null(field_name(S("a\0b"), false));
}

static void mails(void **state)
{
	(void)state;
	accepts(field_mail, LIST("alice@example.be", "a.b+c@mail.example.org", "o'neil@x-y.be"));
	refuses(field_mail, LIST("", "alice", "alice@", "@example.be", "a@b", "a..b@example.be", ".a@example.be", "a@-x.be", "a@x..be",
	    "a b@example.be", "a@b@example.be", "a\n@example.be", "chlo\xc3\xa9@example.be", "a@example.be."));
}

static void phones(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const char *out = NULL;
	assert_null(field_phone(a, S("+32 470/12.34-56"), &out));
	assert_string_equal(out, "+32470123456");
	static const char *const bad[] = { "", "0470123456", "0032470123456", "+0470123456", "+32470", "+3247012345678901", "+32470x23456" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (field_phone(a, slice_of(bad[i]), &out) == NULL)
			fail_msg("accepted %s", bad[i]);
}

static void secrets(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const char *one = NULL, *two = NULL;
	accepts(field_password, LIST("12345678", "correct horse battery", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
	refuses(field_password, LIST("", "1234567", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "1234567\x01", "12345678\xff"));
	assert_null(field_totp(a, S("new"), &one));
	assert_null(field_totp(a, S("new"), &two));
	assert_int_equal(strlen(one), 32);
	assert_string_not_equal(one, two);
	assert_null(field_totp(a, S("jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp"), &one));
	assert_string_equal(one, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
	assert_non_null(field_totp(a, S("JBSWY3DPEHPK3PXP"), &one));	/* 80 bits */
	assert_non_null(field_totp(a, S(""), &one));
}

static const char *web_uri(struct slice s) { return field_redirect(s, false); }
static const char *native_uri(struct slice s) { return field_redirect(s, true); }

static void redirects(void **state)
{
	(void)state;
	accepts(web_uri, LIST("https://tax.example.be/cb", "https://tax.example.be:8443/cb?x=1", "https://[::1]/cb"));
	refuses(web_uri, LIST("", "http://tax.example.be/cb", "http://127.0.0.1/cb", "https://", "https:///cb", "https://a@b.be/", "/cb",
	    "https://tax.example.be/cb#x", "https://tax.example.be/c b", "https://tax.example.be\\@evil.be/", "be.example.app:/cb", "javascript:alert(1)"));
	accepts(native_uri, LIST("http://127.0.0.1/cb", "http://127.0.0.1:9000/cb", "http://[::1]/cb", "http://localhost/cb", "be.example.app:/cb", "https://x.be/"));
	refuses(native_uri, LIST("http://127.0.0.1.evil.be/cb", "http://localhost.evil.be/", "http://localhost@evil.be/", "http://x.be/", "app:/cb", "javascript:alert(1)"));
}

static void posix_numbers(void **state)
{
	(void)state;
	struct posix p;
	assert_null(field_posix(S("10001:10002"), &p));
	assert_true(p.uid == 10001 && p.gid == 10002);
	static const char *const bad[] = { "", "10001", "0:0", "999:1000", "10001:", ":1", "65534:65534", "10001:1:1", "-1:1", "4294967296:1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (field_posix(slice_of(bad[i]), &p) == NULL)
			fail_msg("accepted %s", bad[i]);
}

static void numbers_of_the_register(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const char *out = NULL;
	assert_null(field_national(a, S("85.06.15-017.02"), false, &out));
	assert_string_equal(out, "85061501702");
	assert_non_null(field_national(a, S("85.06.15-017.03"), false, &out));
	assert_non_null(field_national(a, S("71.71.51-000.70"), false, &out));
	assert_null(field_national(a, S("71.71.51-000.70"), true, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base32), cmocka_unit_test(names), cmocka_unit_test(mails), cmocka_unit_test(phones), cmocka_unit_test(secrets),
		cmocka_unit_test(redirects), cmocka_unit_test(posix_numbers), cmocka_unit_test(numbers_of_the_register),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
