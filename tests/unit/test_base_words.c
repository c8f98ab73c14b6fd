/* Slices, decoders, clock, digests and JSON: published vectors, and what must be refused. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"

/* ---- slice ---- */

static void equal(void **s)
{
	(void)s;
	assert_true(slice_eq(S("ab"), slice_mem("abc", 2)));
	assert_false(slice_eq(S("ab"), S("abc")));
	assert_true(slice_eq(S_NONE, S("")));
	assert_true(slice_is(S(""), ""));
	assert_false(slice_is(S_NONE, NULL));		/* nothing is not equal to what is not there */
	assert_false(slice_is(slice_mem("a\0", 2), "a"));
	assert_true(slice_starts(S("abc"), S("ab")) && slice_starts(S("abc"), S_NONE));
	assert_false(slice_starts(S("a"), S("ab")));
	assert_true(slice_same_secret(S("s3cret"), S("s3cret")));
	assert_false(slice_same_secret(S("s3cret"), S("s3creT")));
	assert_false(slice_same_secret(S("s3cret"), S("s3cre")));
	assert_true(slice_same_secret(S_NONE, S("")));
}

static void cut(void **s)
{
	(void)s;
	struct slice rest = S("a,,b,"), part;
	const char *const parts[] = { "a", "", "b", "" };
	for (size_t i = 0; i < 4; i++) {
		assert_true(slice_cut(&rest, ',', &part));
		assert_true(slice_is(part, parts[i]));
	}
	assert_false(slice_cut(&rest, ',', &part));
	rest = S("");
	assert_true(slice_cut(&rest, ',', &part) && part.n == 0);
	assert_false(slice_cut(&rest, ',', &part));
	rest = S_NONE;
	assert_false(slice_cut(&rest, ',', &part));
}

static void words(void **s)
{
	(void)s;
	assert_true(slice_is(slice_behind(S("a=1 b=22 c=3"), "b=", ' '), "22"));
	assert_true(slice_is(slice_behind(S("a=1 b=22"), "b=", ' '), "22"));
	assert_true(slice_behind(S("a=1 b="), "b=", ' ').n == 0 && slice_behind(S("a=1"), "b=", ' ').p == NULL && slice_behind(S_NONE, "b=", ' ').p == NULL);
	assert_true(slice_is(slice_trim(S(" \ta b\t "), " \t"), "a b"));
	assert_true(slice_is(slice_trim(S(" \ta"), " "), "\ta"));
	assert_int_equal(slice_trim(S("   "), " ").n, 0);
	assert_int_equal(slice_trim(S_NONE, " ").n, 0);
	assert_true(slice_eq(slice_trim(S("a\0"), " "), S("a\0")));
	assert_true(slice_has_word(S("openid profile"), S("openid")) && slice_has_word(S(" openid  profile "), S("profile")));
	assert_false(slice_has_word(S("openid profile"), S("open")) || slice_has_word(S("openid profile"), S("profiles")));
	assert_false(slice_has_word(S("openid  profile"), S("")) || slice_has_word(S_NONE, S("openid")));
	assert_false(slice_has_word(S("openid\tprofile"), S("openid")));
}

static void numbers(void **s)
{
	(void)s;
	unsigned long long n = 7;
	assert_int_equal(slice_number(S("0"), 10, &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(slice_number(S("010"), 10, &n), OK);
	assert_int_equal(n, 10);
	assert_int_equal(slice_number(S("18446744073709551615"), ULLONG_MAX, &n), OK);
	assert_true(n == ULLONG_MAX);
	static const char *const no[] = { "", "11", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "99999999999999999999999" };
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_int_equal(slice_number(slice_of(no[i]), 10, &n), E_INPUT);
	assert_int_equal(slice_number(S("18446744073709551616"), ULLONG_MAX, &n), E_INPUT);
	assert_int_equal(slice_number(S("1"), 0, &n), E_INPUT);
	assert_int_equal(slice_number(slice_mem("1\0", 2), 10, &n), E_INPUT);
	assert_true(n == ULLONG_MAX);		/* not written on failure */
}

static void text(void **s)
{
	(void)s;
	assert_true(slice_is_text(S("Chloé €\xf0\x9f\x98\x80"), "") && slice_is_text(S(""), "") && slice_is_text(S("a\nb"), "\n"));
	static const char *const no[] = { "\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "a\x01", "a\x7f", "a\nb", "\xc2\x85", "\xc2\x9b" };
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(slice_is_text(slice_of(no[i]), "\t"));
	assert_false(slice_is_text(slice_mem("a\0b", 3), "\n"));
	assert_true(slice_is_text(S("\xc2\xa0"), ""));
	assert_int_equal(slice_utf8_len(S("\xf4\x8f\xbf\xbfz")), 4);
	assert_int_equal(slice_utf8_len(S_NONE), 0);
}

/* ---- codec ---- */

static void decode_round_trip(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	unsigned char raw[67];
	for (size_t n = 0; n <= sizeof raw; n++) {
		random_bytes(raw, sizeof raw);
		struct buf b = buf_new(a), u = buf_new(a), h = buf_new(a), f = buf_new(a);
		struct slice in = slice_mem(raw, n), out;
		buf_b64(&b, in);
		buf_b64url(&u, in);
		buf_hex(&h, in);
		assert_int_equal(b64_decode(a, buf_slice(&b), &out), OK);
		assert_true(slice_eq(out, in) && out.p[n] == '\0');
		assert_int_equal(b64url_decode(a, buf_slice(&u), &out), OK);
		assert_true(slice_eq(out, in) && out.p[n] == '\0');
		assert_int_equal(hex_decode(a, buf_slice(&h), &out), OK);
		assert_true(slice_eq(out, in) && out.p[n] == '\0');
		for (size_t i = 0; i < n; i++)
			raw[i] |= raw[i] == 0;
		buf_url(&f, in);
		assert_int_equal(form_decode(a, buf_slice(&f), &out), OK);
		assert_true(slice_eq(out, in) && out.p[n] == '\0');
	}
}

/* One text for one value: of all texts of two characters exactly 256 decode. */
static void one_text_for_one_value(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice out;
	unsigned ok = 0, okpad = 0;
	for (int x = 0; x < 256; x++)
		for (int y = 0; y < 256; y++) {
			const char t[4] = { (char)x, (char)y, '=', '=' };
			ok += b64url_decode(a, slice_mem(t, 2), &out) == OK;
			okpad += b64_decode(a, slice_mem(t, 4), &out) == OK;
		}
	assert_int_equal(ok, 256);
	assert_int_equal(okpad, 256);
}

static void decode_refuses(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice out = S_NONE;
	static const char *const b64[] = { "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zm8", "Zm9v\n", "Zm 9v", "Zg==Zg==", "Z===", "--__", "=Zg=" };
	static const char *const url[] = { "Zg==", "A", "AAAAA", "Zh", "Zm9", "++//", "Zm9v ", "Zm9v=" };
	static const char *const hex[] = { "0", "0g", "abc", "0x", " 0", "zz" };
	static const char *const form[] = { "%", "%4", "%zz", "%00", "a%0", "%%41" };
	for (size_t i = 0; i < sizeof b64 / sizeof *b64; i++)
		assert_int_equal(b64_decode(a, slice_of(b64[i]), &out), E_INPUT);
	for (size_t i = 0; i < sizeof url / sizeof *url; i++)
		assert_int_equal(b64url_decode(a, slice_of(url[i]), &out), E_INPUT);
	for (size_t i = 0; i < sizeof hex / sizeof *hex; i++)
		assert_int_equal(hex_decode(a, slice_of(hex[i]), &out), E_INPUT);
	for (size_t i = 0; i < sizeof form / sizeof *form; i++)
		assert_int_equal(form_decode(a, slice_of(form[i]), &out), E_INPUT);
	assert_int_equal(form_decode(a, slice_mem("a\0", 2), &out), E_INPUT);
	assert_null(out.p);
	assert_int_equal(form_decode(a, S("a+b%2B%c3%A9"), &out), OK);
	assert_true(slice_is(out, "a b+é"));
	assert_int_equal(hex_decode(a, S("0aFF"), &out), OK);
	assert_true(slice_is(out, "\x0a\xff"));
}

/* ---- clock ---- */

static void times(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	time_t t = 1;
	assert_string_equal(time_iso(a, 1795256100), "2026-11-21T10:15:00Z");
	assert_string_equal(time_ldap(a, 1795256100), "20261121101500Z");
	static const struct { const char *text; time_t t; } yes[] = {
		{ "20261121101500Z", 1795256100 }, { "20261121101500.123456Z", 1795256100 }, { "20261121101500,5Z", 1795256100 },
		{ "19700101000000Z", 0 }, { "20240229235959Z", 1709251199 }, { "20161231235960Z", 1483228800 },
	};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		assert_int_equal(time_parse_ldap(yes[i].text, &t), OK);
		assert_int_equal(t, yes[i].t);
	}
	t = 42;
	static const char *const no[] = { "", "20261121101500", "2026112110150Z", "202611211015Z", "20261121101500+0100", "20261121101500ZZ",
		"20261321101500Z", "20260021101500Z", "20260230101500Z", "20230229000000Z", "20261121241500Z", "20261121106000Z",
		"20261121101561Z", "2026 121101500Z", "-0261121101500Z", "+0261121101500Z", "2026112110150 Z", "20261121101500.Z",
		"20261121101500.5", " 20261121101500Z", "20261121101500Z ", "20260230101560Z" };
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		if (time_parse_ldap(no[i], &t) != E_INPUT)
			print_error("%s\n", no[i]);
		assert_int_equal(time_parse_ldap(no[i], &t), E_INPUT);
	}
	assert_int_equal(time_parse_ldap(NULL, &t), E_INPUT);
	assert_int_equal(t, 42);
	assert_true(llabs((long long)now() - now_ms() / 1000) <= 1);
	uint64_t before = ticks_ms();
	assert_true(ticks_ms() >= before);
}

/* ---- digest ---- */

static void hex_is(const void *p, size_t n, const char *hex)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_hex(&b, slice_mem(p, n));
	assert_string_equal(b.p, hex);
}

static void digests(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	unsigned char d[64];
	struct slice key;
	sha256(S("abc"), d);		/* FIPS 180-2 B.1 */
	hex_is(d, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(S_NONE, d);
	hex_is(d, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), d);		/* RFC 4231 4.3 */
	hex_is(d, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_sha256(S_NONE, S_NONE, d);
	hex_is(d, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	/* RFC 5869 A.3: no salt, no info */
	assert_int_equal(hex_decode(a, S("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), &key), OK);
	derive_key(key, "", d, 42);
	hex_is(d, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	derive_key(key, "one purpose", d, 32);
	derive_key(key, "another", d + 32, 32);
	assert_memory_not_equal(d, d + 32, 32);
}

static void aead(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	unsigned char key[AEAD_KEY_LEN] = "0123456789abcdef0123456789abcde", other[AEAD_KEY_LEN] = "x";
	struct slice one, two, out = S_NONE;
	aead_seal(a, key, S("plain"), S("ad"), &one);
	aead_seal(a, key, S("plain"), S("ad"), &two);
	assert_int_equal(one.n, 5 + AEAD_EXTRA);
	assert_false(slice_eq(one, two));
	assert_int_equal(aead_open(a, other, one, S("ad"), &out), E_INPUT);
	assert_int_equal(aead_open(a, key, one, S("aD"), &out), E_INPUT);
	assert_int_equal(aead_open(a, key, one, S_NONE, &out), E_INPUT);
	char *p = arena_alloc(a, one.n);
	memcpy(p, one.p, one.n);
	for (size_t i = 0; i < one.n; i++) {
		p[i] ^= 1;
		assert_int_equal(aead_open(a, key, slice_mem(p, one.n), S("ad"), &out), E_INPUT);
		p[i] ^= 1;
		assert_int_equal(aead_open(a, key, slice_mem(p, i), S("ad"), &out), E_INPUT);
	}
	assert_null(out.p);
	assert_int_equal(aead_open(a, key, slice_mem(p, one.n), S("ad"), &out), OK);
	assert_true(slice_is(out, "plain") && out.p[out.n] == '\0');
	aead_seal(a, key, S_NONE, S_NONE, &one);
	assert_int_equal(aead_open(a, key, one, S_NONE, &out), OK);
	assert_int_equal(out.n, 0);
	/* Our layout is nonce, ciphertext, tag: The Galois/Counter Mode of Operation (McGrew, Viega), appendix B, test case 14 */
	unsigned char zero[AEAD_KEY_LEN] = { 0 };
	assert_int_equal(hex_decode(a, S("000000000000000000000000" "cea7403d4d606b6e074ec5d3baf39d18" "d0d1c8a799996bf0265b98b5d48ab919"), &one), OK);
	assert_int_equal(aead_open(a, zero, one, S_NONE, &out), OK);
	hex_is(out.p, out.n, "00000000000000000000000000000000");
}

static void random_words(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice raw;
	assert_int_equal(strlen(random_id(a, 16)), 22);
	assert_int_equal(b64url_decode(a, slice_of(random_id(a, 32)), &raw), OK);
	assert_int_equal(raw.n, 32);
	for (int i = 0; i < 64; i++) {		/* RFC 4122 4.4 */
		const char *u = random_uuid(a);
		assert_int_equal(strlen(u), 36);
		assert_int_equal(strspn(u, "0123456789abcdef-"), 36);
		assert_true(u[8] == '-' && u[13] == '-' && u[18] == '-' && u[23] == '-' && u[14] == '4' && strchr("89ab", u[19]) != NULL);
	}
	assert_string_not_equal(random_uuid(a), random_uuid(a));
}

/* ---- json ---- */

static void json(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	json_t *v = NULL;
	const char *why = NULL;
	assert_int_equal(json_parse(a, S("{\"a\":\"x\",\"n\":1,\"s\":\"[[[[[[[[[[\\\"{{{{\"}"), &v, &why), OK);
	assert_string_equal(json_str(v, "a"), "x");
	assert_null(json_str(v, "n"));
	assert_null(json_str(v, "none"));
	assert_null(json_str(NULL, "a"));
	assert_true(slice_is(json_text(a, json_object_get(v, "n")), "1"));
	assert_int_equal(json_parse(a, S("[[[[[[[[1]]]]]]]]"), &v, NULL), OK);
	assert_true(slice_is(json_text(a, v), "[[[[[[[[1]]]]]]]]"));
	const char *all = "{\"z\":[1,-9223372036854775808,0,2.5,true,false,null,{},[],\"\"],\"a\":\"\\\"\\\\/é\"}";
	assert_int_equal(json_parse(a, slice_of(all), &v, NULL), OK);
	assert_true(slice_is(json_text(a, v), all));		/* as it came, in its order */
	v = NULL;
	static const char *const no[] = { "", " ", "{", "{}x", "{}{}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "[[[[[[[[[1]]]]]]]]]",
		"{\"a\":[[[[[[[[1]]]]]]]]}", "{'a':1}", "[1,]", "\"text\"", "nul", "[\"\\ud800\"]", "[99999999999999999999]" };
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		why = NULL;
		assert_int_equal(json_parse(a, slice_of(no[i]), &v, &why), E_INPUT);
		assert_non_null(why);
	}
	assert_int_equal(json_parse(a, S_NONE, &v, NULL), E_INPUT);
	assert_int_equal(json_parse(a, slice_mem("{}\0", 3), &v, NULL), E_INPUT);
	assert_null(v);
	char *deep = arena_alloc(a, 65536);
	memset(deep, '[', 65535);
	assert_int_equal(json_parse(a, slice_of(deep), &v, NULL), E_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal), cmocka_unit_test(cut), cmocka_unit_test(words), cmocka_unit_test(numbers), cmocka_unit_test(text),
		cmocka_unit_test(decode_round_trip), cmocka_unit_test(one_text_for_one_value), cmocka_unit_test(decode_refuses),
		cmocka_unit_test(times), cmocka_unit_test(digests), cmocka_unit_test(aead), cmocka_unit_test(random_words), cmocka_unit_test(json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
