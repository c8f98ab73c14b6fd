/* The cache of persons: what is dropped, what is kept, what it costs, also with many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include "svc/directory_parts.h"

static char subjects[64][40];

/* Person number n: uid=pN,ou=people,dc=x with one key, whose entryUUIDs are n and n + 100. */
static struct found *found(struct arena *a, unsigned n)
{
	struct found *f = ARENA_NEW(a, struct found);
	struct key *k = ARENA_NEW(a, struct key);
	static const char *const none[] = { NULL };
	if (subjects[n][0] == '\0')
		snprintf(subjects[n], sizeof subjects[n], "00000000-0000-0000-0000-%012u", n);
	*k = (struct key){ .dn = arena_printf(a, "csamKeyId=app-1,uid=p%u,ou=people,dc=x", n), .id = "app-1", .kind = "app", .state = "active",
		.secret = S("secret") };
	f->person = (struct person){ .dn = arena_printf(a, "uid=p%u,ou=people,dc=x", n), .subject = subjects[n],
		.name = arena_printf(a, "p%u", n), .state = "active", .password_changed = "", .consents = none, .terms = none, .keys = k, .nkeys = 1 };
	f->uuids = arena_alloc_array(a, 2, UUID_LEN);
	f->nuuids = 2;
	f->uuids[0][0] = (unsigned char)n;
	f->uuids[1][0] = (unsigned char)(n + 100);
	return f;
}

static void put(unsigned n)
{
	AUTO_ARENA a = arena_new();
	cache_put(cache_sequence(), found(a, n));
}

static bool has(unsigned n)
{
	AUTO_ARENA a = arena_new();
	const struct person *by_subject = cache_get(a, BY_SUBJECT, slice_of(subjects[n]));
	const struct person *by_name = cache_get(a, BY_NAME, slice_of(arena_printf(a, "P%u", n)));
	assert_ptr_equal(by_subject, by_name);
	if (by_subject != NULL) {
		assert_string_equal(by_subject->subject, subjects[n]);
		assert_string_equal(by_subject->keys[0].state, "active");
		assert_true(slice_is(by_subject->keys[0].secret, "secret"));
		assert_null(by_subject->mail);
	}
	return by_subject != NULL;
}

static int open_cache(void **state) { (void)state; cache_open(8, 1 << 20); return 0; }
static int close_cache(void **state) { (void)state; cache_close(); return 0; }

static void keeps_and_drops(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 5; n++)
		put(n);
	for (unsigned n = 1; n <= 5; n++)
		assert_true(has(n));
	cache_drop_dn("uid=p1,ou=people,dc=x");
	cache_drop_dn("csamKeyId=new,UID=P2,ou=people,dc=x");
	unsigned char person[UUID_LEN] = { 3 }, key[UUID_LEN] = { 104 };
	cache_drop(BY_UUID, slice_mem(person, UUID_LEN));
	cache_drop(BY_UUID, slice_mem(key, UUID_LEN));
	for (unsigned n = 1; n <= 4; n++)
		assert_false(has(n));
	assert_true(has(5));
	cache_drop_dn("uid=p55,ou=people,dc=x");
	cache_drop_dn("ou=people,dc=x");	/* its own entry: the people below it are no other people */
	assert_true(has(5));
	cache_drop_dn("cn=a\\,b,dc=x");		/* cannot be compared */
	assert_false(has(5));
}

/* Read before the change, put after it: that is the old state. */
static void a_late_reader_puts_nothing(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	uint64_t before = cache_sequence();
	struct found *f = found(a, 1);
	cache_drop_dn("uid=p1,ou=people,dc=x");
	cache_put(before, f);
	assert_false(has(1));
	cache_put(cache_sequence(), f);
	assert_true(has(1));
	f->nuuids = 0;				/* its changes could not be recognised */
	f->person.subject = "x";
	cache_put(cache_sequence(), f);
	assert_null(cache_get(a, BY_SUBJECT, S("x")));
}

static void it_is_bounded(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 8; n++)
		put(n);
	assert_true(has(1));			/* used: stays when room is made */
	put(9);
	unsigned count = 0;
	for (unsigned n = 2; n <= 9; n++) {
		AUTO_ARENA a = arena_new();
		count += cache_get(a, BY_SUBJECT, slice_of(subjects[n])) != NULL;
	}
	assert_int_equal(count, 7);
	assert_true(has(1) && has(9));
	cache_close();
	cache_open(8, 3000);			/* bytes bind before the number does */
	for (unsigned n = 1; n <= 8; n++)
		put(n);
	count = 0;
	for (unsigned n = 1; n <= 8; n++)
		count += has(n);
	assert_in_range(count, 1, 5);
}

static void who_holds_it_keeps_it(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	put(1);
	const struct person *p = cache_get(a, BY_SUBJECT, slice_of(subjects[1]));
	cache_drop_all();
	assert_false(has(1));
	assert_string_equal(p->name, "p1");
}

static atomic_bool stop;

static void *reader(void *arg)
{
	unsigned long n = 0;
	for (; !atomic_load(&stop); n++) {
		AUTO_ARENA a = arena_new();
		uint64_t sequence = cache_sequence();
		const struct person *p = cache_get(a, BY_SUBJECT, slice_of(subjects[1 + n % 12]));
		if (p == NULL)
			cache_put(sequence, found(a, 1 + (unsigned)(n % 12)));
		else if (strcmp(p->subject, subjects[1 + n % 12]) != 0)
			return NULL;
	}
	return arg;
}

static void many_threads(void **state)
{
	(void)state;
	pthread_t t[4];
	void *ok;
	for (unsigned n = 1; n <= 12; n++)
		put(n);
	atomic_store(&stop, false);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, reader, &stop);
	for (unsigned i = 0; i < 3000; i++) {
		unsigned char uuid[UUID_LEN] = { (unsigned char)(1 + i % 12) };
		cache_drop(BY_UUID, slice_mem(uuid, UUID_LEN));
		if (i % 500 == 0)
			cache_drop_all();
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(t[i], &ok);
		assert_non_null(ok);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_and_drops, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(a_late_reader_puts_nothing, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(it_is_bounded, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(who_holds_it_keeps_it, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(many_threads, open_cache, close_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
