/* LINK: -Wl,--wrap=wipe -Wl,--wrap=calloc -Wl,--wrap=free */
/* Arenas and the strings that grow in them: alignment, zeroes, order of what is deferred, and that everything is wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include "base/buf.h"
#include "base/digest.h"

static size_t wiped, allocated, freed, found_alive;

void __real_wipe(void *p, size_t n);
void __wrap_wipe(void *p, size_t n);
void __wrap_wipe(void *p, size_t n)
{
	wiped += n;
	__real_wipe(p, n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	allocated++;
	return __real_calloc(n, size);
}

/* A block that is given back must not hold the secret any more. Blocks are what is larger than 16 KiB. */
void __real_free(void *p);
void __wrap_free(void *p);
static const char *watched;
void __wrap_free(void *p)
{
	freed += p != NULL;
	if (watched != NULL && p != NULL && (const char *)p < watched && watched < (const char *)p + 16 * 1024)
		found_alive += memcmp(watched, "secret of alice", 15) == 0;
	__real_free(p);
}

static void zeroed_and_aligned(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	for (size_t n = 0; n < 3000; n += 7) {
		unsigned char *p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	unsigned char *big = arena_alloc(a, 1 << 20), *small = arena_alloc(a, 8);
	assert_true(big[0] == 0 && big[(1 << 20) - 1] == 0);
	assert_true(small < big || small >= big + (1 << 20));
	uint64_t *array = ARENA_ARRAY(a, uint64_t, 100);
	assert_int_equal(array[99], 0);
}

static void a_large_piece_keeps_the_room_of_the_block(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	char *one = arena_alloc(a, 16);
	arena_alloc(a, 100000);
	char *two = arena_alloc(a, 16);
	assert_ptr_equal(two, one + 16);
}

static void wiped_and_freed(void **s)
{
	(void)s;
	allocated = freed = wiped = found_alive = 0;
	struct arena *a = arena_new();
	char *p = arena_strdup(a, "secret of alice");
	for (int i = 0; i < 40; i++)
		arena_alloc(a, 1000);
	watched = p;
	assert_null(arena_free(a));
	watched = NULL;
	assert_true(wiped >= 40 * 1000 + 16);
	assert_int_equal(found_alive, 0);
	assert_int_equal(allocated, freed);
	assert_null(arena_free(NULL));
}

static char order[8];
static struct arena *alive;

static void note(void *p)
{
	strncat(order, p, 1);
	assert_non_null(arena_strdup(alive, "the arena still works"));
}

static void deferred_in_reverse(void **s)
{
	(void)s;
	alive = arena_new();
	char *in_arena = arena_strdup(alive, "a");
	arena_defer(alive, note, in_arena);
	arena_defer(alive, note, (void *)"b");
	arena_defer(alive, note, (void *)"c");
	assert_string_equal(order, "");
	arena_free_p(&alive);
	assert_null(alive);
	assert_string_equal(order, "cba");
}

static void strings(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_strdup(a, ""), "");
	assert_string_equal(arena_str(a, slice_mem("ab\0cd", 5)), "ab");
	struct slice c = arena_copy(a, slice_mem("ab\0cd", 5));
	assert_int_equal(c.n, 5);
	assert_memory_equal(c.p, "ab\0cd", 6);
	assert_non_null(arena_copy(a, S_NONE).p);
	assert_string_equal(arena_printf(a, "%s-%d", "x", 42), "x-42");
	char *fill = arena_alloc(a, 40001);
	memset(fill, 'z', 40000);
	assert_int_equal(strlen(arena_printf(a, "%s%s", fill, fill)), 80000);
}

static void buf_grows(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(buf_slice(&b).n, 0);
	for (int i = 0; i < 5000; i++) {
		buf_num(&b, i % 10);
		assert_int_equal(b.p[b.n], '\0');
		assert_true(b.n < b.cap);
	}
	assert_int_equal(b.n, 5000);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], '0' + (int)(i % 10));
	struct buf e = buf_new(a);
	buf_raw(&e, S_NONE);
	assert_string_equal(buf_cstr(&e), "");
	buf_printf(&e, "%s", "");
	assert_int_equal(e.n, 0);
	buf_num(&e, INT64_MIN);
	buf_lit(&e, "|");
	buf_printf(&e, "%05d", 42);
	assert_string_equal(e.p, "-9223372036854775808|00042");
}

static void each(void (*append)(struct buf *, struct slice), struct slice in, const char *expected)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_lit(&b, "<");
	append(&b, in);
	assert_true(b.p[0] == '<');
	if (strcmp(b.p + 1, expected) != 0)
		print_error("%s\n", b.p + 1);
	assert_string_equal(b.p + 1, expected);
	assert_int_equal(b.n, strlen(expected) + 1);
}

/* Every byte alone: what an appender lets through as it is must be exactly what its context allows. */
static void let_through(void (*append)(struct buf *, struct slice), const char *plain)
{
	for (int c = 0; c < 128; c++) {
		AUTO_ARENA a = arena_new();
		struct buf b = buf_new(a);
		char byte = (char)c;
		append(&b, slice_mem(&byte, 1));
		bool same = slice_eq(buf_slice(&b), slice_mem(&byte, 1));
		if (same != (c != 0 && strchr(plain, c) != NULL))
			print_error("byte %02x\n", c);
		assert_true(same == (c != 0 && strchr(plain, c) != NULL));
	}
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void html(void **s)
{
	(void)s;
	each(buf_html, S("<a href=\"x\" b='y'>&amp;</a>"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
	each(buf_html, S("Chlo\xc3\xa9"), "Chlo\xc3\xa9");
	each(buf_html, S(""), "");
	each(buf_html, S("<"), "&lt;");
	each(buf_html, S("plain"), "plain");
	each(buf_html, S("<>plain<"), "&lt;&gt;plain&lt;");
}

static void url(void **s)
{
	(void)s;
	each(buf_url, S("a b&c=d/é?~._-\xff"), "a%20b%26c%3Dd%2F%C3%A9%3F~._-%FF");
	each(buf_url, slice_mem("\0", 1), "%00");
	let_through(buf_url, LETTERS "-._~");		/* RFC 3986 2.3 */
}

static void json(void **s)
{
	(void)s;
	each(buf_json, S("a\"b\\c\n\x01\x7f/é\xe2\x82\xac"), "a\\\"b\\\\c\\u000a\\u0001\\u007f/é\xe2\x82\xac");
	each(buf_json, slice_mem("\0", 1), "\\u0000");
	/* RFC 8259 8.1: a JSON text is UTF-8 whatever was typed */
	each(buf_json, S("\xff|\xc0\xaf|\xed\xa0\x80|\xc3"), "\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd");
	let_through(buf_json, LETTERS " !#$%&'()*+,-./:;<=>?@[]^_`{|}~");
}

static void filter(void **s)
{
	(void)s;
	each(buf_filter, S("a*)(uid=*\\"), "a\\2a\\29\\28uid=\\2a\\5c");	/* RFC 4515 3 */
	each(buf_filter, slice_mem("\0\xc3\xa9", 3), "\\00\\c3\\a9");
	let_through(buf_filter, LETTERS " !\"#$%&'+,-./:;<=>?@[]^_`{|}~");
}

static void dn(void **s)
{
	(void)s;
	each(buf_dn, S(" #a, b+c=\"d\"<e>;\\ "), "\\ #a\\, b\\+c\\=\\\"d\\\"\\<e\\>\\;\\\\\\ ");	/* RFC 4514 2.4 */
	each(buf_dn, S("#a#"), "\\#a#");
	each(buf_dn, S(" "), "\\ ");
	each(buf_dn, slice_mem("\0\n\xc3\xa9", 4), "\\00\\0a\\c3\\a9");
	let_through(buf_dn, LETTERS "!$%&'()*-./:?@[]^_`{|}~");
}

static void base64_and_hex(void **s)
{
	(void)s;
	static const char *const of[][3] = {	/* RFC 4648 10 */
		{ "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" }, { "foo", "Zm9v", "Zm9v" }, { "foob", "Zm9vYg==", "Zm9vYg" },
		{ "fooba", "Zm9vYmE=", "Zm9vYmE" }, { "foobar", "Zm9vYmFy", "Zm9vYmFy" }, { "\xfb\xef\xff", "++//", "--__" },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		each(buf_b64, slice_of(of[i][0]), of[i][1]);
		each(buf_b64url, slice_of(of[i][0]), of[i][2]);
	}
	each(buf_hex, slice_mem("\x00\x7f\xff\x0a", 4), "007fff0a");
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_lit(&b, "a==");
	buf_b64url(&b, S("f"));		/* what stood there before is not touched */
	assert_string_equal(b.p, "a==Zg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_and_aligned), cmocka_unit_test(a_large_piece_keeps_the_room_of_the_block),
		cmocka_unit_test(wiped_and_freed), cmocka_unit_test(deferred_in_reverse), cmocka_unit_test(strings),
		cmocka_unit_test(buf_grows), cmocka_unit_test(html), cmocka_unit_test(url), cmocka_unit_test(json),
		cmocka_unit_test(filter), cmocka_unit_test(dn), cmocka_unit_test(base64_and_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
