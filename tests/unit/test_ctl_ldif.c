/* LDIF as csamctl writes it: what needs base64, folding, escaping of DNs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/codec.h"
#include "base/err.h"
#include "csamctl/ldif.c"

static const char *attr(struct arena *a, struct slice value)
{
	struct buf b = buf_new(a);
	ldif_attr(&b, "cn", value);
	return buf_cstr(&b);
}

static void plain_and_base64(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_string_equal(attr(a, S("Alice Peeters")), "cn: Alice Peeters\n");
	assert_string_equal(attr(a, S("")), "cn:\n");
	assert_string_equal(attr(a, S("a:b<c")), "cn: a:b<c\n");
	/* RFC 2849 SAFE-INIT-CHAR, SAFE-CHAR, note 8 */
	assert_string_equal(attr(a, S(" a")), "cn:: IGE=\n");
	assert_string_equal(attr(a, S(":a")), "cn:: OmE=\n");
	assert_string_equal(attr(a, S("<a")), "cn:: PGE=\n");
	assert_string_equal(attr(a, S("a ")), "cn:: YSA=\n");
	assert_string_equal(attr(a, S("a\ndn: x")), "cn:: YQpkbjogeA==\n");
	assert_string_equal(attr(a, S("a\0b")), "cn:: YQBi\n");
	assert_string_equal(attr(a, S("Chlo\xc3\xa9")), "cn:: Q2hsb8Op\n");
}

/* Unfolded (RFC 2849 note 2) and decoded, every value comes back, whatever its length and bytes. */
static void comes_back(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	for (size_t n = 1; n < 400; n++) {
		char *value = arena_alloc(a, n);
		for (size_t i = 0; i < n; i++)
			value[i] = (char)(n % 2 ? 'a' + (int)(i % 26) : (int)(i * 37 + n));
		const char *text = attr(a, slice_mem(value, n));
		struct buf flat = buf_new(a);
		size_t column = 0;
		for (const char *p = text; *p; p++) {
			if (*p == '\n' && p[1] == ' ')
				p++, column = 1;
			else
				buf_char(&flat, *p), column++;
			assert_true(*p == '\n' || column <= FOLD);
		}
		struct slice line = buf_slice(&flat), back;
		assert_int_equal(line.p[--line.n], '\n');
		if (slice_starts(line, S("cn:: ")))
			assert_int_equal(b64_decode(a, slice_mem(line.p + 5, line.n - 5), &back), OK);
		else
			back = slice_mem(line.p + 4, line.n - 4);
		assert_int_equal(back.n, n);
		assert_memory_equal(back.p, value, n);
	}
}

static void records(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	ldif_record(&b, dn_below(a, "cn", "a,b+c=d", "dc=x"), "modify");
	ldif_mod(&b, "replace", "mail", "a@b.be");
	ldif_mod(&b, "delete", "mobile", NULL);
	ldif_end(&b);
	assert_string_equal(buf_cstr(&b), "dn: cn=a\\,b\\+c\\=d,dc=x\nchangetype: modify\nreplace: mail\nmail: a@b.be\n-\ndelete: mobile\n-\n\n");
}

/* What is read by people before it is applied: lines end where the file's did, and reasons are comments. */
static void folded(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	ldif_folded(&b, "olcAccess", "{0}to *\n by * none");
	ldif_folded(&b, "cn", "Chlo\xc3\xa9\n!");
	assert_string_equal(buf_cstr(&b), "olcAccess: {0}to *\n  by * none\ncn:: Q2hsb8OpIQ==\n");
	b = buf_new(a);
	ldif_comment(&b, "");
	assert_int_equal(b.n, 0);
	ldif_comment(&b, "one two");
	assert_string_equal(buf_cstr(&b), "# one two\n");
	b = buf_new(a);
	for (size_t i = 0; i < 60; i++)
		ldif_comment(&b, arena_printf(a, "%.*s %s", (int)i + 1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbb bbbb bbbb cccccccccccccccccc"));
	for (struct slice rest = buf_slice(&b), line; slice_cut(&rest, '\n', &line) && rest.n > 0;)
		assert_true(line.n <= FOLD && slice_starts(line, S("# ")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(plain_and_base64), cmocka_unit_test(comes_back), cmocka_unit_test(records), cmocka_unit_test(folded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
