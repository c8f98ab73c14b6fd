/* LINK: -Wl,--wrap=now -Wl,--wrap=keyring_day_key */
/* Sealed texts: what opens, what does not, and what happens around midnight and without a keyring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include "base/log.h"
#include "base/wait.h"
#include "svc/keyring.h"
#include "svc/sealed.h"

static time_t at = 20000 * 86400L + 100;
static int keyring_rc;
static unsigned asked;

time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return at;
}

int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN]);
int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	asked++;
	if (keyring_rc != OK)
		return keyring_rc;
	derive_key(slice_mem(&day, sizeof day), "test", out, AEAD_KEY_LEN);
	return OK;
}

static void round_trip(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t, t2, p;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t2), OK);
	assert_false(slice_eq(t, t2));
	assert_int_equal(t.p[t.n], '\0');
	assert_null(memmem(t.p, t.n, "grant", 5));
	assert_int_equal(sealed_open(a, "code", t, &p), OK);
	assert_true(slice_is(p, "grant"));
	assert_int_equal(sealed_make(a, "code", S_NONE, at + 60, &t), OK);
	assert_int_equal(sealed_open(a, "code", t, &p), OK);
	assert_int_equal(p.n, 0);
}

static void another_kind(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t, p;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	assert_int_equal(sealed_open(a, "access", t, &p), E_INPUT);
	assert_int_equal(sealed_open(a, "", t, &p), E_INPUT);
	assert_int_equal(sealed_open(a, "code2", t, &p), E_INPUT);
}

/* Every single character changed, every length cut, something added. */
static void changed(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t, p = S_NONE;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	char *c = arena_str(a, t);
	for (size_t i = 0; i < t.n; i++) {
		c[i] = t.p[i] == 'A' ? 'B' : 'A';
		assert_int_equal(sealed_open(a, "code", slice_of(c), &p), E_INPUT);
		c[i] = t.p[i];
		assert_int_equal(sealed_open(a, "code", slice_mem(c, i), &p), E_INPUT);
	}
	assert_int_equal(sealed_open(a, "code", slice_of(arena_printf(a, "%sA", c)), &p), E_INPUT);
	assert_int_equal(sealed_open(a, "code", slice_of(arena_printf(a, "%s=", c)), &p), E_INPUT);
	assert_int_equal(sealed_open(a, "code", S_NONE, &p), E_INPUT);
	assert_null(p.p);
	assert_int_equal(sealed_open(a, "code", slice_of(c), &p), OK);
}

static void expires(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t, p;
	time_t start = at;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	at = start + 59;
	assert_int_equal(sealed_open(a, "code", t, &p), OK);
	at = start + 60;
	assert_int_equal(sealed_open(a, "code", t, &p), E_NOENT);
	at = start;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 86400 + 1, &t), E_BUG);
	assert_int_equal(sealed_make(a, "code", S("grant"), at - 1, &t), OK);
	assert_int_equal(sealed_open(a, "code", t, &p), E_NOENT);
}

static void over_midnight(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t, ahead, p;
	time_t start = at;
	at = 20001 * 86400L - 1;
	assert_int_equal(sealed_make(a, "access", S("token"), at + 86400, &t), OK);
	at += 2;
	assert_int_equal(sealed_open(a, "access", t, &p), OK);
	at += 86400 - 3;
	assert_int_equal(sealed_open(a, "access", t, &p), OK);
	at += 1;
	assert_int_equal(sealed_open(a, "access", t, &p), E_NOENT);
	at += 86400;
	assert_int_equal(sealed_open(a, "access", t, &p), E_INPUT);
	/* a node whose clock is a little ahead */
	at = 20005 * 86400L + 1;
	assert_int_equal(sealed_make(a, "access", S("token"), at + 60, &ahead), OK);
	at -= 3;
	assert_int_equal(sealed_open(a, "access", ahead, &p), OK);
	at -= 86400;
	assert_int_equal(sealed_open(a, "access", ahead, &p), E_INPUT);
	at = start;
}

static void keys_are_asked_once(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t, p;
	at += 100 * 86400;
	asked = 0;
	wait_forbid();
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(asked, 0);
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	assert_int_equal(asked, 1);
	wait_forbid();
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	assert_int_equal(sealed_open(a, "code", t, &p), OK);
	assert_false(wait_was_wanted());
	assert_int_equal(asked, 1);
}

static void without_keyring(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice t = S_NONE, p;
	at += 100 * 86400;
	keyring_rc = E_DOWN;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), E_DOWN);
	keyring_rc = E_INPUT;		/* its clock has another day */
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), E_DOWN);
	assert_null(t.p);
	keyring_rc = OK;
	assert_int_equal(sealed_make(a, "code", S("grant"), at + 60, &t), OK);
	at += 86400;
	keyring_rc = E_DOWN;
	assert_int_equal(sealed_open(a, "code", t, &p), E_NOENT);	/* yesterday's key is known */
	keyring_rc = OK;
}

int main(void)
{
	log_open("test_sealed", 2);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(another_kind), cmocka_unit_test(changed), cmocka_unit_test(expires),
		cmocka_unit_test(over_midnight), cmocka_unit_test(keys_are_asked_once), cmocka_unit_test(without_keyring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
