/* Templates: what is escaped, what is drawn when, and which mistakes stop the start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "svc/texts.h"
#include "web/static.h"
#include "web/template.h"

static struct arena *a;
static const char *dir;

const char *static_address(const char *name)
{
	return strcmp(name, "x.txt") == 0 ? "/static/1/x.txt" : NULL;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int load(const char *text, struct template **out)
{
	write_file("t.html", text);
	return template_load(a, dir, "t", "en", out);
}

static const char *draw(const char *source, const char *values)
{
	struct template *t;
	json_t *v = NULL;
	assert_int_equal(load(source, &t), OK);
	assert_int_equal(json_parse(a, slice_of(values), &v, NULL), OK);
	struct buf b = buf_new(a);
	template_draw(&b, &(struct drawing){ .inner = t, .lang = "en", .values = v });
	return buf_cstr(&b);
}

static void escapes(void **state)
{
	(void)state;
	assert_string_equal(draw("<p>{{x}}</p>", "{\"x\":\"<b>&\\\"'\"}"), "<p>&lt;b&gt;&amp;&quot;&#39;</p>");
	assert_string_equal(draw("<p title=\"{{x}}\">", "{\"x\":\"\\\"><script>\"}"), "<p title=\"&quot;&gt;&lt;script&gt;\">");
	assert_string_equal(draw("{{n}}{{none}}{{o}}", "{\"n\":-42,\"o\":{}}"), "-42");
	assert_string_equal(draw("{{t:hello}}|{{t=which}}", "{\"name\":\"<Z>\",\"which\":\"hello\"}"), "Hello &lt;Z&gt; &amp; co|Hello &lt;Z&gt; &amp; co");
	assert_string_equal(draw("<a href=\"{{s:x.txt}}\">", "{}"), "<a href=\"/static/1/x.txt\">");
	assert_string_equal(draw("{{t=which}}", "{\"which\":\"<none>\"}"), "&lt;none&gt;");
}

static void addresses(void **state)
{
	(void)state;
	static const struct { const char *in, *out; } cases[] = {
		{ "/a?b=1&c", "/a?b=1&amp;c" }, { "https://a.example/", "https://a.example/" }, { "HTTP://a.example", "HTTP://a.example" }, { "/", "/" }, { "#x", "#x" },
		{ "javascript:alert(1)", "#" }, { "//evil.example", "#" }, { "/\\\\evil.example", "#" }, { "data:text/html,x", "#" }, { "", "#" }, { " https://x", "#" }, { "https:evil", "#" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(draw("<a href=\"{{u}}\">", arena_printf(a, "{\"u\":\"%s\"}", cases[i].in)), arena_printf(a, "<a href=\"%s\">", cases[i].out));
	assert_string_equal(draw("<form action='{{u}}'><img SRC=\"{{u}}\">", "{\"u\":\"vbscript:x\"}"), "<form action='#'><img SRC=\"#\">");
	assert_string_equal(draw("<a href=\"/l?c={{u}}\">{{u}}", "{\"u\":\"x:\\\"\"}"), "<a href=\"/l?c=x:&quot;\">x:&quot;");
}

static void sections(void **state)
{
	(void)state;
	static const char *const empty[] = { "{}", "{\"x\":false}", "{\"x\":\"\"}", "{\"x\":[]}", "{\"x\":null}" };
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(draw("a{{#x}}yes{{/x}}{{^x}}no{{/x}}b", empty[i]), "anob");
	assert_string_equal(draw("{{#x}}[{{.}}]{{/x}}", "{\"x\":[\"1\",\"<\"]}"), "[1][&lt;]");
	assert_string_equal(draw("{{#x}}{{a}}{{b}}{{#y}}({{a}}{{c}}){{/y}};{{/x}}", "{\"b\":\"B\",\"x\":[{\"a\":1},{\"a\":2,\"y\":[{\"c\":3},{\"a\":9}]}]}"), "1B;2B(23)(9);");
	assert_string_equal(draw("{{#x}}{{a}}{{/x}}", "{\"x\":{\"a\":\"in\"}}"), "in");
	assert_string_equal(draw("{{#x}}{{x}}{{/x}}", "{\"x\":\"s\"}"), "s");
	assert_string_equal(draw("a\n\t\t{{!note\nlong}}\n\n\tb {{#x}} c{{/x}}\n", "{\"x\":true}"), "a\nb  c\n");
}

static void blocks_and_includes(void **state)
{
	(void)state;
	struct template *outer, *inner;
	write_file("part.html", "<i>{{x}}</i>");
	write_file("outer.html", "<title>{{<title}}</title>{{<content}}!");
	assert_int_equal(template_load(a, dir, "outer", "en", &outer), OK);
	assert_int_equal(load("{{$title}}T {{x}}{{/title}}body {{>part}}{{common}}", &inner), OK);
	json_t *v = json_own(a, json_pack("{s:s}", "x", "&")), *common = json_own(a, json_pack("{s:s,s:s}", "common", "C", "x", "hidden"));
	struct buf b = buf_new(a);
	template_draw(&b, &(struct drawing){ .outer = outer, .inner = inner, .lang = "en", .values = v, .common = common });
	assert_string_equal(buf_cstr(&b), "<title>T &amp;</title>body <i>&amp;</i>C!");
	b = buf_new(a);
	template_draw(&b, &(struct drawing){ .outer = outer, .inner = inner, .lang = "en" });
	assert_string_equal(buf_cstr(&b), "<title>T </title>body <i></i>!");
}

static void mistakes(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"{{t:no.such}}", "{{s:no.such}}", "{{>no-such}}", "{{#x}}", "{{/x}}", "{{#x}}{{/y}}", "{{x", "{{}}", "{{X}}", "{{a b}}", "{{t:}}",
		"<a class={{x}}>", "<a {{x}}>", "<a onclick=\"{{x}}\">", "<a style='{{x}}'>", "<a title={{t:hello}}>", "{{>t}}",
		"{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}", "bad \xff utf-8",
	};
	struct template *t;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(load(wrong[i], &t), E_INPUT);
	assert_int_equal(template_load(a, dir, "absent", "en", &t), E_INPUT);
}

static int open_dir(void **state)
{
	(void)state;
	static char name[] = "/tmp/csam-template-XXXXXX";
	a = arena_new();
	dir = mkdtemp(name);
	write_file("en.json", "{\"hello\": \"Hello {name} & co\"}");
	return texts_open(dir, "en");
}

static int close_dir(void **state)
{
	(void)state;
	static const char *const files[] = { "t.html", "part.html", "outer.html", "en.json" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		remove(arena_printf(a, "%s/%s", dir, files[i]));
	remove(dir);
	a = arena_free(a);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes), cmocka_unit_test(addresses), cmocka_unit_test(sections), cmocka_unit_test(blocks_and_includes), cmocka_unit_test(mistakes),
	};
	return cmocka_run_group_tests(tests, open_dir, close_dir);
}
