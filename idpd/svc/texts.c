/* The text catalogues: loaded once, compared with each other, read by everyone. */
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include "base/json.h"
#include "base/buf.h"
#include "base/log.h"
#include "svc/texts.h"

enum { MAX_LANGUAGES = 16, MAX_WANTED = 16 };

static struct arena *memory;
static const char *codes[MAX_LANGUAGES + 1];
static json_t *catalogues[MAX_LANGUAGES];
static size_t count;

/* A language tag we can have as a file name: letters, digits and hyphens (RFC 5646 2.1). */
static bool is_tag(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return s.n >= 2 && s.n <= 35;
}

static int load(const char *dir, const char *code)
{
	json_error_t e;
	const char *path = arena_printf(memory, "%s/%s.json", dir, code);
	json_t *texts = json_own(memory, json_load_file(path, JSON_REJECT_DUPLICATES, &e));
	if (texts == NULL)
		return fail(E_INPUT, "%s:%d: %s", path, e.line, e.text);
	if (!json_is_object(texts) || json_object_size(texts) == 0)
		return fail(E_INPUT, "%s:1: not an object of texts", path);
	const char *id;
	json_t *v;
	json_object_foreach(texts, id, v)
		if (json_string_length(v) == 0)
			return fail(E_INPUT, "%s: \"%s\" is no text", path, id);
	codes[count] = code;
	catalogues[count++] = texts;
	return OK;
}

/* The next "{name}" at or after s; false when there is none. A brace that does not open a name is a text. */
bool texts_placeholder(struct slice s, struct slice *before, struct slice *name, struct slice *after)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '{')
			continue;
		size_t j = i + 1;
		while (j < s.n && ((s.p[j] >= 'a' && s.p[j] <= 'z') || s.p[j] == '_'))
			j++;
		if (j == i + 1 || j == s.n || s.p[j] != '}')
			continue;
		*before = slice_mem(s.p, i);
		*name = slice_mem(s.p + i + 1, j - i - 1);
		*after = slice_mem(s.p + j + 1, s.n - j - 1);
		return true;
	}
	return false;
}

static bool has_placeholder(struct slice s, struct slice wanted)
{
	struct slice before, name;
	while (texts_placeholder(s, &before, &name, &s))
		if (slice_eq(name, wanted))
			return true;
	return false;
}

static bool placeholders_within(struct slice a, struct slice b)
{
	struct slice before, name;
	while (texts_placeholder(a, &before, &name, &a))
		if (!has_placeholder(b, name))
			return false;
	return true;
}

/* Every text of language i is in language j, with all its placeholders. (The other direction is asked for by itself.) */
static int compare(const char *dir, size_t i, size_t j)
{
	const char *id;
	json_t *v;
	json_object_foreach(catalogues[i], id, v) {
		struct slice mine = slice_of(json_string_value(v)), other = slice_of(json_str(catalogues[j], id));
		if (other.p == NULL)
			return fail(E_INPUT, "%s/%s.json: the text \"%s\" of %s.json is missing", dir, codes[j], id, codes[i]);
		if (!placeholders_within(mine, other))
			return fail(E_INPUT, "%s/%s.json: \"%s\" has other {placeholders} than in %s.json", dir, codes[j], id, codes[i]);
	}
	return OK;
}

int texts_open(const char *dir, const char *languages)
{
	memory = arena_free(memory);
	memory = arena_new();
	count = 0;
	struct slice rest = slice_of(languages);
	for (struct slice word; slice_cut(&rest, ' ', &word);) {
		if (word.n == 0)
			continue;
		if (!is_tag(word) || count == MAX_LANGUAGES)
			return fail(E_INPUT, "languages: \"%s\" is no list of language tags", languages);
		int e = load(dir, arena_str(memory, word));
		if (e != OK)
			return e;
	}
	codes[count] = NULL;
	if (count == 0)
		return fail(E_INPUT, "languages: none given");
	for (size_t i = 1; i < count; i++)
		if (compare(dir, 0, i) != OK || compare(dir, i, 0) != OK)
			return E_INPUT;
	return OK;
}

static const json_t *catalogue(const char *lang)
{
	for (size_t i = 0; lang != NULL && i < count; i++)
		if (strcmp(codes[i], lang) == 0)
			return catalogues[i];
	return count > 0 ? catalogues[0] : NULL;
}

bool texts_have(const char *id)
{
	return json_str(catalogue(NULL), id) != NULL;
}

const char *text(const char *lang, const char *id)
{
	const char *s = json_str(catalogue(lang), id);
	if (s == NULL)
		log_warn("no text \"%s\"", id);
	return s != NULL ? s : id;
}

/* The value of `name` among pairs of name and value. */
static const char *argument(va_list args, struct slice name)
{
	const char *value = NULL;
	va_list again;
	va_copy(again, args);
	for (const char *k; value == NULL && (k = va_arg(again, const char *)) != NULL;) {
		const char *v = va_arg(again, const char *);
		if (slice_is(name, k))
			value = v != NULL ? v : "";
	}
	va_end(again);
	return value;
}

const char *text_with(struct arena *a, const char *lang, const char *id, ...)
{
	struct buf b = buf_new(a);
	struct slice rest = slice_of(text(lang, id)), before, name, after;
	va_list args;
	va_start(args, id);
	for (; texts_placeholder(rest, &before, &name, &after); rest = after) {
		const char *value = argument(args, name);
		buf_raw(&b, before);
		if (value != NULL)
			buf_raw(&b, slice_of(value));
		else
			buf_printf(&b, "{%.*s}", (int)name.n, name.p);
	}
	va_end(args);
	buf_raw(&b, rest);
	return buf_cstr(&b);
}

const char *text_time(struct arena *a, const char *lang, time_t t)
{
	struct tm tm;
	char zone[16] = "";
	if (localtime_r(&t, &tm) == NULL)
		return "";
	strftime(zone, sizeof zone, "%Z", &tm);
	return text_with(a, lang, "message.time", "day", arena_printf(a, "%02d", tm.tm_mday), "month", arena_printf(a, "%02d", tm.tm_mon + 1),
	    "year", arena_printf(a, "%d", tm.tm_year + 1900), "clock", arena_printf(a, "%02d:%02d", tm.tm_hour, tm.tm_min), "zone", zone, NULL);
}

const char *text_seconds(struct arena *a, unsigned seconds)
{
	return arena_printf(a, "%u", seconds == 1 ? 2 : seconds);
}

/* RFC 4647 3.4, lookup: fr-BE, then fr. */
static const char *ours(struct slice tag)
{
	while (tag.n > 0) {
		for (size_t i = 0; i < count; i++)
			if (strlen(codes[i]) == tag.n && strncasecmp(codes[i], tag.p, tag.n) == 0)
				return codes[i];
		do
			tag.n--;
		while (tag.n > 0 && tag.p[tag.n] != '-');
	}
	return NULL;
}

const char *texts_choose_locales(struct slice ui_locales)
{
	size_t seen = 0;
	for (struct slice tag; seen++ < MAX_WANTED && slice_cut(&ui_locales, ' ', &tag);) {
		const char *code = ours(tag);
		if (code != NULL)
			return code;
	}
	return NULL;
}

/* "q=0.8" in thousandths (RFC 9110 12.4.2); 0 for what is none. */
static unsigned quality(struct slice weight)
{
	weight = slice_trim(weight, " \t");
	if (weight.n == 0)
		return 1000;
	if (weight.n < 3 || (weight.p[0] != 'q' && weight.p[0] != 'Q') || weight.p[1] != '=' || weight.p[2] < '0' || weight.p[2] > '1')
		return 0;
	unsigned q = (unsigned)(weight.p[2] - '0') * 1000, unit = 100;
	for (size_t i = 4; i < weight.n && unit > 0; i++, unit /= 10) {
		if (weight.p[i] < '0' || weight.p[i] > '9')
			return 0;
		q += (unsigned)(weight.p[i] - '0') * unit;
	}
	return q > 1000 ? 1000 : q;
}

const char *texts_choose_accept(struct slice accept_language)
{
	const char *best = NULL;
	unsigned best_q = 0;
	size_t seen = 0;
	for (struct slice range; seen++ < MAX_WANTED && slice_cut(&accept_language, ',', &range);) {
		struct slice tag;
		slice_cut(&range, ';', &tag);
		unsigned q = quality(range);
		const char *code = ours(slice_trim(tag, " \t"));
		if (code != NULL && q > best_q) {
			best = code;
			best_q = q;
		}
	}
	return best != NULL ? best : codes[0];
}

const char *const *texts_languages(void)
{
	return codes;
}
