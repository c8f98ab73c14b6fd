/* JSON texts: what is taken is not deep, and written out and read again it is the same. */
#include "fuzz.h"
#include "base/json.h"

static int depth(const json_t *v)
{
	int most = 0;
	const char *key;
	json_t *member;
	size_t i;
	json_object_foreach((json_t *)v, key, member)
		most = depth(member) > most ? depth(member) : most;
	json_array_foreach(v, i, member)
		most = depth(member) > most ? depth(member) : most;
	return json_is_object(v) || json_is_array(v) ? most + 1 : 0;
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	json_t *v, *again;
	const char *why = NULL;
	if (json_parse(a, in, &v, &why) != OK) {
		promise(why != NULL);
		return;
	}
	promise(depth(v) <= 8);
	promise(json_parse(a, json_text(a, v), &again, &why) == OK && json_equal(v, again));
}
