/* 'My digital keys' without its pages: which id a new key gets, and when there is none any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "apps/mykeys.h"

static struct key key[200];

static struct person owner(struct arena *a, size_t n, size_t alive)
{
	for (size_t i = 0; i < n; i++)
		key[i] = (struct key){ .dn = "x", .id = arena_printf(a, "app-%zu", i + 1), .kind = "app", .state = i < alive ? "active" : "revoked" };
	return (struct person){ .keys = key, .nkeys = n };
}

static void no_id_comes_twice(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct person p = owner(a, 0, 0);
	assert_string_equal(keys_next_id(a, &p, "app"), "app-1");
	p = owner(a, 5, 2);
	assert_string_equal(keys_next_id(a, &p, "app"), "app-6");
	assert_string_equal(keys_next_id(a, &p, "mail"), "mail-1");
}

static void so_many_at_once(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct person p = owner(a, KEYS_MAX + 3, KEYS_MAX - 1);
	assert_non_null(keys_next_id(a, &p, "app"));
	p = owner(a, KEYS_MAX + 3, KEYS_MAX);
	assert_null(keys_next_id(a, &p, "app"));
}

/* Adding and removing for ever pushes nothing out of what the directory reads of a person (200): not the entry by which their eID was closed. */
static void so_many_ever(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct person p = owner(a, 140, 1);
	assert_non_null(keys_next_id(a, &p, "app"));
	p = owner(a, 190, 1);
	assert_null(keys_next_id(a, &p, "app"));
	assert_null(keys_next_id(a, &p, "mail"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_id_comes_twice), cmocka_unit_test(so_many_at_once), cmocka_unit_test(so_many_ever) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
