/* CSV files: what RFC 4180 allows, what people send, and what must be refused without losing the next line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "csamctl/csv.c"

static struct csv open_text(struct slice text)
{
	struct csv c = { .f = fmemopen((void *)text.p, text.n, "r"), .separator = ',' };
	assert_non_null(c.f);
	return c;
}

/* Every record as "[a|b]", refused ones as "!LINE". */
static const char *all(struct arena *a, struct slice text, bool header)
{
	struct csv c = open_text(text);
	struct buf b = buf_new(a);
	struct slice f[CSV_FIELDS];
	const char *why;
	size_t n = 0;
	int rc = header ? csv_header(&c, a, f, &n, &why) : csv_next(&c, a, f, &n, &why);
	for (; rc != E_NOENT; rc = csv_next(&c, a, f, &n, &why)) {
		if (rc != OK) {
			buf_printf(&b, "!%lu", c.line);
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			buf_char(&b, i ? '|' : '[');
			buf_raw(&b, f[i]);
		}
		buf_char(&b, ']');
	}
	fclose(c.f);
	return buf_cstr(&b);
}

static void as_the_standard_says(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_string_equal(all(a, S("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"), false), "[aaa|bbb|ccc][zzz|yyy|xxx]");
	assert_string_equal(all(a, S("aaa,bbb,ccc\nzzz,yyy,xxx"), false), "[aaa|bbb|ccc][zzz|yyy|xxx]");
	assert_string_equal(all(a, S("\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx"), false), "[aaa|b \r\nbb|ccc][zzz|yyy|xxx]");
	assert_string_equal(all(a, S("\"aaa\",\"b\"\"bb\",\"c,c\""), false), "[aaa|b\"bb|c,c]");
	assert_string_equal(all(a, S("a,,\n,\n\"\"\n"), false), "[a||][|][]");
	assert_string_equal(all(a, S("a\n\n\r\n\nb\n"), false), "[a][b]");
	assert_string_equal(all(a, S("\n"), false), "");
}

static void headers(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_string_equal(all(a, S("uid,mail\nalice,a@b.be"), true), "[uid|mail][alice|a@b.be]");
	assert_string_equal(all(a, S("\xef\xbb\xbf\"uid\";\"mail\"\r\nalice;\"x;y,z\""), true), "[uid|mail][alice|x;y,z]");
	assert_string_equal(all(a, S("uid\nalice;b\n"), true), "[uid][alice;b]");
	assert_string_equal(all(a, S("\n"), true), "");
}

static void refused_and_goes_on(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_string_equal(all(a, S("a\"b,c\nd\n"), false), "!1[d]");
	assert_string_equal(all(a, S("\"a\"b,c\nd\n"), false), "!1[d]");
	assert_string_equal(all(a, S("a\rb\nc\n"), false), "!1[c]");
	assert_string_equal(all(a, S("a\rmallory,x\nc\n"), false), "!1[c]");	/* what follows on the line is nobody */
	assert_string_equal(all(a, S("a\nb\xff\nc\n"), false), "[a]!2[c]");
	assert_string_equal(all(a, S("a\nb\0\nc\n"), false), "[a]!2[c]");
	assert_string_equal(all(a, S("a\n\"b\nc\n"), false), "[a]!2");
	assert_string_equal(all(a, S("\"a\nb\"\nx\"\nc\n"), false), "[a\nb]!3[c]");
}

static void bounds(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct buf many = buf_new(a), longest = buf_new(a);
	for (int i = 0; i < CSV_FIELDS; i++)
		buf_lit(&many, "x,");
	buf_lit(&many, "x\nok\n");
	assert_string_equal(all(a, buf_slice(&many), false), "!1[ok]");
	buf_char(&longest, '"');
	for (int i = 0; i < 2 * CSV_RECORD; i++)
		buf_char(&longest, i % 100 ? 'x' : '\n');
	struct csv c = open_text(buf_slice(&longest));
	struct slice f[CSV_FIELDS];
	size_t n;
	const char *why = NULL;
	assert_int_equal(csv_next(&c, a, f, &n, &why), E_INPUT);
	assert_non_null(why);
	fclose(c.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_standard_says), cmocka_unit_test(headers), cmocka_unit_test(refused_and_goes_on), cmocka_unit_test(bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
