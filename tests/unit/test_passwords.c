/* What a new password must be, and the list of those that everybody knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/err.h"
#include "core/password.h"
#include "svc/passwords.h"

static const struct person emma = { .name = "emma", .mail = "emma.maes@csam.example", .given_name = "Emma", .family_name = "Vandenbroucke", .display_name = "Emma Vandenbroucke" };

static int load(void **state)
{
	(void)state;
	const char *file = access("share/passwords.txt", R_OK) == 0 ? "share/passwords.txt" : "../../share/passwords.txt";
	return passwords_open(file);
}

static void is(const char *password, bool second, const char *expected)
{
	const char *fault = password_fault(&emma, second, slice_of(password));
	if ((fault == NULL) != (expected == NULL) || (fault != NULL && strcmp(fault, expected) != 0))
		fail_msg("%s: %s", password, fault ? fault : "taken");
}

static void the_length_is_in_characters_and_bounded_in_bytes(void **state)
{
	(void)state;
	char long_one[258];
	for (size_t i = 0; i < sizeof long_one; i++)
		long_one[i] = "lampe rideau tapis "[i % 19];
	long_one[257] = '\0';
	is("lampe 7", true, "note.password-short");
	is("lampe 7x", true, NULL);
	is("\xc3\xa9\xc3\xa8\xc3\xa0\xc3\xb9\xc3\xa7\xc3\xaa\xc3\xae", true, "note.password-short");
	is("\xc3\xa9\xc3\xa8\xc3\xa0\xc3\xb9\xc3\xa7\xc3\xaa\xc3\xae\xc3\xb4", true, NULL);
	is("lampe 14 ridea", false, "note.password-short-alone");
	is("lampe 14 rideau", false, NULL);
	is(long_one, true, "note.password-long");
	long_one[256] = '\0';
	is(long_one, true, NULL);
}

static void what_cannot_be_typed_everywhere_is_refused(void **state)
{
	(void)state;
	is("lampe\trideau tapis", true, "note.password-characters");
	is("lampe\xff rideau tapis", true, "note.password-characters");
	is("lampe\x7frideau tapis", true, "note.password-characters");
	assert_string_equal(password_fault(&emma, true, slice_mem("lampe\0rideau", 12)), "note.password-characters");
}

static void known_ones_are_refused_in_every_dress(void **state)
{
	(void)state;
	static const char *const known[] = { "password", "Password2024!", "MOTDEPASSE", "azertyuiop", "qwertyuiop", "1q2w3e4r5t", "12345678", "87654321", "zzzzzzzz", "        ",
		"welkom2023", "!!bruxelles!!", "liverpool1", "p@ssw0rd", "iloveyou<3", "december2023", "passwordpassword", "sunshinesunshine1", "01011990", "12345678901" };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		is(known[i], true, "note.password-known");
	static const char *const fine[] = { "correct horse battery", "lampe rideau 7", "xk2!fWq9", "bruxelles en hiver", "84920173651", "passwordless door" };
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		is(fine[i], true, NULL);
}

static void ones_own_name_is_refused(void **state)
{
	(void)state;
	static const char *const own[] = { "emma.maes@csam.example", "EMMA.MAES", "emma.maes2024", "Vandenbroucke", "vandenbroucke!1", "Emma Vandenbroucke" };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		is(own[i], true, "note.password-name");
	is("vandenbroucke lampe", true, NULL);
	static const struct person second = { .name = "vandenbroucke2" };
	assert_string_equal(password_fault(&second, true, S("vandenbroucke299")), "note.password-name");
	static const struct person bare = { .name = "x" };
	assert_null(password_fault(&bare, true, S("lampe rideau")));
}

static void write_list(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_list_that_cannot_be_searched_is_no_list(void **state)
{
	char path[] = "/tmp/csam-words.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	static const char *const bad[] = { "", "# nothing\n", "b\na\n", "a\na\n" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_list(path, bad[i]);
		assert_int_equal(passwords_open(path), E_INPUT);
	}
	write_list(path, "# two\naardvark\nbuffalo");
	assert_int_equal(passwords_open(path), OK);
	assert_true(password_is_known(S("Aardvark1")));
	assert_true(password_is_known(S("buffalo")));
	assert_false(password_is_known(S("password")));
	unlink(path);
	assert_int_equal(passwords_open(path), E_INPUT);
	assert_int_equal(load(state), OK);
}

static void hashes_are_argon2id_and_never_the_same(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const char *x = password_hash(a, S("lampe rideau")), *y = password_hash(a, S("lampe rideau"));
	assert_true(slice_starts(slice_of(x), S("{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$")));
	assert_string_not_equal(x, y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_length_is_in_characters_and_bounded_in_bytes), cmocka_unit_test(what_cannot_be_typed_everywhere_is_refused),
		cmocka_unit_test(known_ones_are_refused_in_every_dress), cmocka_unit_test(ones_own_name_is_refused),
		cmocka_unit_test(a_list_that_cannot_be_searched_is_no_list), cmocka_unit_test(hashes_are_argon2id_and_never_the_same),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
