/* Small helpers over jansson. */
#include <stdlib.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { MAX_DEPTH = 8 };

void *json_memory(size_t n)
{
	void *p = malloc(n);
	if (p == NULL)
		abort();
	return p;
}

__attribute__((constructor)) static void open_memory(void)
{
	json_set_alloc_funcs(json_memory, free);
}

static void drop(void *v)
{
	json_decref(v);
}

json_t *json_own(struct arena *a, json_t *v)
{
	if (v != NULL)
		arena_defer(a, drop, v);
	return v;
}

static bool too_deep(struct slice s)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > MAX_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

int json_parse(struct arena *a, struct slice text, json_t **out, const char **why)
{
	json_error_t e = { .text = "nested too deep" };
	json_t *v = too_deep(text) ? NULL : json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &e);
	if (v == NULL) {
		if (why != NULL)
			*why = arena_printf(a, "line %d: %s", e.line, e.text);
		return E_INPUT;
	}
	*out = json_own(a, v);
	return OK;
}

const char *json_str(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void write_value(struct buf *b, const json_t *v);

static void write_string(struct buf *b, const char *p, size_t n)
{
	buf_char(b, '"');
	buf_json(b, slice_mem(p, n));
	buf_char(b, '"');
}

static void write_object(struct buf *b, const json_t *object)
{
	char sep = '{';
	json_t *o = (json_t *)object;		/* jansson's iterators take no const, and change nothing */
	for (void *i = json_object_iter(o); i != NULL; i = json_object_iter_next(o, i)) {
		buf_char(b, sep);
		write_string(b, json_object_iter_key(i), strlen(json_object_iter_key(i)));
		buf_char(b, ':');
		write_value(b, json_object_iter_value(i));
		sep = ',';
	}
	if (sep == '{')
		buf_char(b, '{');
	buf_char(b, '}');
}

static void write_array(struct buf *b, const json_t *array)
{
	buf_char(b, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_char(b, ',');
		write_value(b, json_array_get(array, i));
	}
	buf_char(b, ']');
}

static void write_real(struct buf *b, const json_t *v)
{
	char text[64];
	size_t n = json_dumpb(v, text, sizeof text, JSON_ENCODE_ANY);
	if (n == 0 || n > sizeof text)
		abort();
	buf_raw(b, slice_mem(text, n));
}

static void write_value(struct buf *b, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: write_object(b, v); break;
	case JSON_ARRAY: write_array(b, v); break;
	case JSON_STRING: write_string(b, json_string_value(v), json_string_length(v)); break;
	case JSON_INTEGER: buf_num(b, json_integer_value(v)); break;
	case JSON_REAL: write_real(b, v); break;
	case JSON_TRUE: buf_lit(b, "true"); break;
	case JSON_FALSE: buf_lit(b, "false"); break;
	case JSON_NULL: buf_lit(b, "null"); break;
	}
}

/* Not json_dumps: that hands on each few bytes through a callback, and leaves copies of secrets in memory. */
struct slice json_text(struct arena *a, const json_t *v)
{
	struct buf b = buf_new(a);
	if (v == NULL)
		abort();
	write_value(&b, v);
	return buf_slice(&b);
}
