/* National numbers: published examples, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/national.h"
/* LINK: -Wl,--wrap=now */

time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return 1795255200;	/* 2026-11-21 */
}

static int check(const char *s)
{
	return national_number_check(slice_of(s), false);
}

static void valid(void **state)
{
	(void)state;
	static const char *const good[] = {
		"85061501702", "04022912406", "92310903303", "01521804622", "70000000510", "00000100760", "00000100789",
		"90010102497", "85073003328", "17073003384", "98472899765", "01490700185", "01050399864",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (check(good[i]) != OK)
			fail_msg("refused %s", good[i]);
}

/* The check digits find every single wrong digit, except one that makes it another person's number of the other century. */
static void one_digit_changed(void **state)
{
	(void)state;
	const char *good = "85061501702";
	for (size_t i = 0; i < 11; i++)
		for (char d = '0'; d <= '9'; d++) {
			char s[12];
			snprintf(s, sizeof s, "%s", good);
			s[i] = d;
			if (d != good[i] && check(s) == OK)
				fail_msg("accepted %s", s);
		}
}

/* nine digits with the check digits of a century */
static int with_check(unsigned long long nine, unsigned century)
{
	char s[32];
	snprintf(s, sizeof s, "%09llu%02llu", nine, 97 - (nine + (century == 20 ? 2000000000ull : 0)) % 97);
	return check(s);
}

static void dates(void **state)
{
	(void)state;
	assert_int_equal(with_check(850615017, 19), OK);
	assert_int_equal(with_check(850615017, 20), E_INPUT);	/* 2085 */
	assert_int_equal(with_check(261120017, 20), OK);
	assert_int_equal(with_check(261125017, 20), E_INPUT);	/* next week */
	assert_int_equal(with_check(261125017, 19), OK);
	assert_int_equal(with_check(10229017, 20), E_INPUT);	/* 2001 was no leap year */
	assert_int_equal(with_check(850632017, 19), E_INPUT);
	assert_int_equal(with_check(850600017, 19), OK);	/* day unknown */
	assert_int_equal(with_check(850615000, 19), E_INPUT);	/* serial numbers begin at 001 */
	assert_int_equal(with_check(850615999, 19), E_INPUT);
	for (unsigned month = 0; month < 100; month++) {
		bool good = month <= 12 || (month >= 20 && month <= 32) || (month >= 40 && month <= 52);
		assert_int_equal(with_check(850000017ull + month * 100000ull + 1000, 19), good ? OK : E_INPUT);
	}
}

static void not_a_number(void **state)
{
	(void)state;
	assert_int_equal(check(""), E_INPUT);
	assert_int_equal(check("8506150170"), E_INPUT);
	assert_int_equal(check("850615017020"), E_INPUT);
	assert_int_equal(check("85.06.15-017.02"), E_INPUT);
	assert_int_equal(check("8506150170x"), E_INPUT);
	assert_int_equal(national_number_check(S_NONE, true), E_INPUT);
}

static void test_cards(void **state)
{
	(void)state;
	assert_int_equal(check("71715100070"), E_INPUT);
	assert_int_equal(national_number_check(S("71715100070"), true), OK);
	assert_int_equal(national_number_check(S("71715100071"), true), E_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid), cmocka_unit_test(one_digit_changed), cmocka_unit_test(dates),
		cmocka_unit_test(not_a_number), cmocka_unit_test(test_cards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
