/* Texts: catalogues that agree, languages that are chosen as the standards say, and no id that nobody wrote or nobody uses. */
#include <glob.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "svc/texts.h"

static struct arena *a;
static const char *dir;

static void write_file(const char *name, const char *text_of_it)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");
	assert_non_null(f);
	fputs(text_of_it, f);
	fclose(f);
}

static int open_with(const char *en, const char *fr)
{
	write_file("en.json", en);
	write_file("fr.json", fr);
	return texts_open(dir, "en fr");
}

static void finds(void **state)
{
	(void)state;
	assert_int_equal(open_with("{\"a\":\"one\",\"b\":\"{x} and {y_z}, {x}; {} {1} {x\"}", "{\"a\":\"un\",\"b\":\"{y_z} et {x}, {} {1} {x\"}"), OK);
	assert_string_equal(text("fr", "a"), "un");
	assert_string_equal(text("de", "a"), "one");
	assert_string_equal(text(NULL, "a"), "one");
	assert_string_equal(text("fr", "none"), "none");
	assert_true(texts_have("a") && !texts_have("none") && !texts_have(""));
	assert_string_equal(text_with(a, "en", "b", "x", "{y_z}", "y_z", "2", NULL), "{y_z} and 2, {y_z}; {} {1} {x");
	assert_string_equal(text_with(a, "fr", "b", "x", NULL, NULL), "{y_z} et , {} {1} {x");
	assert_string_equal(text_with(a, "fr", "a", NULL), "un");
}

static void refuses(void **state)
{
	(void)state;
	static const struct { const char *en, *fr; } wrong[] = {
		{ "{\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}" }, { "{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\"}" }, { "{\"a\":\"{x}\"}", "{\"a\":\"{y}\"}" },
		{ "{\"a\":\"{x}\"}", "{\"a\":\"x\"}" }, { "{\"a\":\"x\"}", "{\"a\":\"{x}\"}" }, { "{\"a\":1}", "{\"a\":1}" }, { "{\"a\":\"\"}", "{\"a\":\"\"}" },
		{ "{\"a\":\"1\",\"a\":\"2\"}", "{\"a\":\"1\"}" }, { "[]", "[]" }, { "{}", "{}" }, { "{\"a\":\"1\"", "{\"a\":\"1\"}" }, { "", "" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(open_with(wrong[i].en, wrong[i].fr), E_INPUT);
	assert_int_equal(open_with("{\"a\":\"1\"}", "{\"a\":\"1\"}"), OK);
	static const char *const lists[] = { "", " ", "nl", "../en", "en/fr", "e", "en xx" };
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		assert_int_equal(texts_open(dir, lists[i]), E_INPUT);
}

static void chooses(void **state)
{
	(void)state;
	assert_int_equal(open_with("{\"a\":\"1\"}", "{\"a\":\"1\"}"), OK);
	static const struct { const char *in, *out; } accept[] = {
		{ "fr", "fr" }, { "FR-be", "fr" }, { "nl, fr;q=0.8, en;q=0.7", "fr" }, { "en;q=0.7, fr;q=0.8", "fr" }, { "fr;q=0, de", "en" }, { "", "en" }, { "*", "en" },
		{ "frx", "en" }, { "fr-", "fr" }, { "fr;q=0.5,en;q=0.5", "fr" }, { " fr ; q=1.000 , en", "fr" }, { "fr;q=x,en;q=0.001", "en" }, { ",,,,fr", "fr" },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,fr", "en" }, { "fr;q=0.9999999999999,en", "en" },
	};
	for (size_t i = 0; i < sizeof accept / sizeof *accept; i++)
		assert_string_equal(texts_choose_accept(slice_of(accept[i].in)), accept[i].out);
	assert_string_equal(texts_choose_accept(S_NONE), "en");
	assert_string_equal(texts_choose_locales(S("de fr-BE en")), "fr");
	assert_null(texts_choose_locales(S("de nl")));
	assert_null(texts_choose_locales(S("")));
	assert_null(texts_choose_locales(S_NONE));
	assert_string_equal(texts_languages()[1], "fr");
	assert_null(texts_languages()[2]);
}

/* ---- ids and their users ---- */

static struct slice all_of(const char *pattern)
{
	glob_t g;
	struct buf b = buf_new(a);
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct slice s;
		assert_int_equal(file_read(a, g.gl_pathv[i], 1 << 20, &s), OK);
		buf_raw(&b, s);
	}
	globfree(&g);
	assert_true(b.n > 1000);
	return buf_slice(&b);
}

/* For each match of re, is what its first group names, put into fmt, a text? Gives how many there were. */
static unsigned check_ids(const char *source, const char *re, const char *before, const char *after)
{
	regex_t compiled;
	regmatch_t m[2];
	unsigned n = 0;
	assert_int_equal(regcomp(&compiled, re, REG_EXTENDED), 0);
	for (; regexec(&compiled, source, 2, m, 0) == 0; source += m[0].rm_eo, n++) {
		const char *id = arena_printf(a, "%s%.*s%s", before, (int)(m[1].rm_eo - m[1].rm_so), source + m[1].rm_so, after);
		if (!texts_have(id))
			fail_msg("the sources name the text \"%s\", which is in no catalogue", id);
	}
	regfree(&compiled);
	return n;
}

static void written(void **state)
{
	(void)state;
	assert_int_equal(texts_open("share/texts", "fr nl de en"), OK);
	const char *code = all_of("idpd/*/*.c").p;
	assert_true(check_ids(code, "\"((note|deny|error|consent)[.][a-z-]+([.][a-z-]+)*)\"", "", "") >= 5);
	assert_true(check_ids(code, "web_error[(][^;]*, \"([a-z-]+)\", [a-zA-Z_>-]+[)]", "error.", ".title") >= 5);
	assert_true(check_ids(code, "web_error[(][^;]*, \"([a-z-]+)\", [a-zA-Z_>-]+[)]", "error.", ".text") >= 5);
	check_ids(code, "on_page[(]req, \"([a-z-]+)\"[)]", "error.", ".text");
}

/* ---- how they are written ---- */

static bool starts(const char *id, const char *family)
{
	return strncmp(id, family, strlen(family)) == 0;
}

/* The space of French punctuation must not break a line. Terminals and SMS have no such space: what is written for them keeps the plain one. */
static void french_spaces(void **state)
{
	static const char *const wrong[] = { " :", " ;", " ?", " !", " »", "« " };
	struct slice s;
	json_t *catalogue, *v;
	const char *id;
	(void)state;
	assert_int_equal(file_read(a, "share/texts/fr.json", 1 << 20, &s), OK);
	assert_int_equal(json_parse(a, s, &catalogue, NULL), OK);
	json_object_foreach(catalogue, id, v)
		for (size_t i = 0; !starts(id, "host.") && !starts(id, "sms.") && !starts(id, "notice.") && i < sizeof wrong / sizeof *wrong; i++)
			if (strstr(json_string_value(v), wrong[i]) != NULL)
				fail_msg("the French text \"%s\" may break a line at \"%s\"", id, wrong[i]);
}

static void moments(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_int_equal(texts_open("share/texts", "fr nl de en"), OK);
	assert_string_equal(text_time(a, "de", 1795331700), "22.11.2026 08:15 CET");
	assert_string_equal(text_time(a, "nl", 1795331700), "22/11/2026 08:15 CET");
}

static void plural(void **state)
{
	(void)state;
	assert_string_equal(text_seconds(a, 1), "2");
	assert_string_equal(text_seconds(a, 17), "17");
}

/* Ids that are put together from parts: the sources show their beginnings only. */
static bool is_built(const char *id)
{
	static const char *const families[] = { "kind.", "group.", "error.", "deny.", "note.", "consent.", "host.", "keys.state.", "keys.done.", "data.done.", "data.event.", "keys.end.", "keys.new.", "mail.", "sms.", "eid." };
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (strncmp(id, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

static void used(void **state)
{
	(void)state;
	const char *code = all_of("idpd/*/*.c").p, *html = all_of("share/html/*.html").p, *ctl = all_of("csamctl/*.c").p, *id;
	struct slice s;
	json_t *catalogue, *v;
	assert_int_equal(file_read(a, "share/texts/fr.json", 1 << 20, &s), OK);
	assert_int_equal(json_parse(a, s, &catalogue, NULL), OK);
	json_object_foreach(catalogue, id, v)
		if (!is_built(id) && strstr(html, arena_printf(a, "{{t:%s}}", id)) == NULL && strstr(code, arena_printf(a, "\"%s\"", id)) == NULL &&
		    strstr(ctl, arena_printf(a, "\"%s\"", id)) == NULL)
			fail_msg("nobody uses the text \"%s\"", id);
}

static int open_dir(void **state)
{
	(void)state;
	static char name[] = "/tmp/csam-texts-XXXXXX";
	a = arena_new();
	dir = mkdtemp(name);
	return dir != NULL ? 0 : -1;
}

static int close_dir(void **state)
{
	(void)state;
	remove(arena_printf(a, "%s/en.json", dir));
	remove(arena_printf(a, "%s/fr.json", dir));
	remove(dir);
	a = arena_free(a);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds), cmocka_unit_test(refuses), cmocka_unit_test(chooses), cmocka_unit_test(written), cmocka_unit_test(french_spaces), cmocka_unit_test(plural), cmocka_unit_test(moments), cmocka_unit_test(used),
	};
	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
