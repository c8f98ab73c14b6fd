/* The pure parsers of a request: target, parameters, cookies. */
#include <strings.h>
#include "base/codec.h"
#include "http/params.h"

struct slice trim(struct slice s)
{
	return slice_trim(s, " \t");
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Visible ASCII without '#' (RFC 3986 2; a fragment is never sent, RFC 9110 4.2.5), escapes whole and none of them NUL. */
static bool target_is_clean(struct slice t)
{
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (c <= 0x20 || c >= 0x7f || c == '#')
			return false;
		if (c != '%')
			continue;
		if (i + 2 >= t.n || !is_hex(t.p[i + 1]) || !is_hex(t.p[i + 2]))
			return false;
		if (t.p[i + 1] == '0' && t.p[i + 2] == '0')
			return false;
	}
	return true;
}

/* RFC 9112 3.2.2: a server must accept the absolute form. Whose name it carries does not matter, as the Host header's does not. */
static struct slice without_authority(struct slice t)
{
	size_t scheme = slice_starts(t, S("https://")) ? 8 : slice_starts(t, S("http://")) ? 7 : 0;
	if (scheme == 0)
		return t;
	while (scheme < t.n && t.p[scheme] != '/' && t.p[scheme] != '?')
		scheme++;
	return (struct slice){ t.p + scheme, t.n - scheme };
}

int target_split(struct slice target, struct slice *path, struct slice *query)
{
	if (target.n == 0 || !target_is_clean(target))
		return E_INPUT;
	struct slice rest = without_authority(target);
	const char *mark = rest.n > 0 ? memchr(rest.p, '?', rest.n) : NULL;
	size_t n = mark != NULL ? (size_t)(mark - rest.p) : rest.n;
	*path = n > 0 ? (struct slice){ rest.p, n } : S("/");
	*query = mark != NULL ? (struct slice){ mark + 1, rest.n - n - 1 } : S_NONE;
	return OK;
}

static size_t count_parts(struct slice text)
{
	size_t n = 0;
	for (struct slice part; slice_cut(&text, '&', &part);)
		n += part.n > 0;
	return n;
}

int params_parse(struct arena *a, struct slice text, size_t most, struct param_list *out)
{
	struct param_list p = { 0 };
	size_t n = count_parts(text);
	if (n > most)
		return E_INPUT;
	if (n > 0)
		p.at = ARENA_ARRAY(a, struct param, n);
	for (struct slice part, name; slice_cut(&text, '&', &part);) {
		if (part.n == 0)
			continue;
		struct slice value = part;
		slice_cut(&value, '=', &name);
		if (value.p == NULL)
			value = S("");
		struct param *at = &p.at[p.n++];
		if (form_decode(a, name, &at->name) != OK || form_decode(a, value, &at->value) != OK)
			return E_INPUT;
	}
	*out = p;
	return OK;
}

const struct param *params_find(const struct param_list *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (slice_is(p->at[i].name, name))
			return &p->at[i];
	return NULL;
}

static bool may_repeat(struct slice name, const char *const *may)
{
	for (; may != NULL && *may != NULL; may++)
		if (slice_is(name, *may))
			return true;
	return false;
}

/* At most 100 names in all: pairs are compared outright. */
static bool has(const struct param_list *p, size_t from, struct slice name)
{
	for (size_t i = from; i < p->n; i++)
		if (slice_eq(p->at[i].name, name))
			return true;
	return false;
}

static bool repeats_inside(const struct param_list *p, const char *const *may)
{
	for (size_t i = 0; i + 1 < p->n; i++)
		if (has(p, i + 1, p->at[i].name) && !may_repeat(p->at[i].name, may))
			return true;
	return false;
}

bool params_repeat(const struct param_list *query, const struct param_list *form, const char *const *may)
{
	for (size_t i = 0; i < query->n; i++)
		if (has(form, 0, query->at[i].name))
			return true;
	return repeats_inside(query, may) || repeats_inside(form, may);
}

size_t cookie_find(struct slice header, const char *name, struct slice *value)
{
	size_t times = 0;
	for (struct slice pair, key; slice_cut(&header, ';', &pair);) {
		struct slice rest = trim(pair);
		slice_cut(&rest, '=', &key);
		if (rest.p == NULL || !slice_is(trim(key), name))
			continue;
		times++;
		if (value->p == NULL)
			*value = trim(rest);
	}
	return times;
}

bool media_type_is(struct slice header, const char *type)
{
	struct slice media = S_NONE;
	slice_cut(&header, ';', &media);
	media = trim(media);
	return media.n == strlen(type) && strncasecmp(media.p, type, media.n) == 0;
}
