/* Small helpers over jansson. */
#include <stdlib.h>
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"

enum { MAX_DEPTH = 8 };

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

struct slice json_text(struct arena *a, const json_t *v)
{
	char *s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (s == NULL)
		abort();
	struct slice out = arena_copy(a, slice_of(s));
	wipe(s, out.n);
	free(s);
	return out;
}
