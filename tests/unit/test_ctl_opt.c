/* Command lines: values, repetition, what is missing, and what somebody probably meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "csamctl/io.c"
#include "csamctl/opt.c"

static const struct opt opts[] = {
	{ "uid", "NAME", "name", OPT_MUST, 0 },
	{ "scope", "WORD", "scope", OPT_MANY, 's' },
	{ "public", NULL, "public", 0, 0 },
	{ "totp", "SECRET", "secret", OPT_SECRET, 0 },
	{ 0 },
};
static const struct command cmd = { .path = "test", .operands = "FILE", .noperands = 1, .opts = opts, .what = "test", .examples = "" };

static int parse(struct ctl *c, const char *const *words)
{
	char *argv[16] = { (char *)"csamctl" };
	int argc = 1;
	c->cmd = &cmd;
	c->given = NULL;
	for (; *words != NULL; words++)
		argv[argc++] = (char *)*words;
	char **kept = arena_alloc(c->a, sizeof argv);
	memcpy(kept, argv, sizeof argv);
	return opt_parse(c, argc, kept);
}
#define PARSE(c, ...) parse(c, (const char *const[]){ __VA_ARGS__, NULL })

static void values(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct ctl c = { .a = a };
	assert_int_equal(PARSE(&c, "--uid", "alice", "-s", "openid", "--public", "file", "--scope=email", "-H", "ldapi:///"), DONE);
	assert_string_equal(opt(&c, "uid"), "alice");
	assert_string_equal(opt(&c, "uri"), "ldapi:///");
	assert_true(opt_on(&c, "public"));
	assert_null(opt(&c, "base"));
	assert_string_equal(opt_all(&c, "scope")[0], "openid");
	assert_string_equal(opt_all(&c, "scope")[1], "email");
	assert_null(opt_all(&c, "scope")[2]);
	assert_string_equal(c.operands[0], "file");
}

/* The list of processes tells everybody what stands there. */
static void a_secret_does_not_stay_on_the_command_line(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct ctl c = { .a = a };
	char password[] = "hunter2", joined[] = "--totp=GEZDGNBV", name[] = "alice";
	assert_int_equal(PARSE(&c, "-w", password, joined, "--uid", name, "file"), DONE);
	assert_string_equal(opt(&c, "password"), "hunter2");
	assert_string_equal(opt(&c, "totp"), "GEZDGNBV");
	assert_string_equal(password, "");
	assert_string_equal(joined, "--totp=");
	assert_string_equal(name, "alice");
}

static void refused(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct ctl c = { .a = a };
	assert_int_equal(PARSE(&c, "file"), USAGE);				/* --uid is missing */
	assert_int_equal(PARSE(&c, "--uid", "alice"), USAGE);			/* FILE is missing */
	assert_int_equal(PARSE(&c, "--uid", "alice", "a", "b"), USAGE);
	assert_int_equal(PARSE(&c, "--uid", "alice", "--uid", "bruno", "a"), USAGE);
	assert_int_equal(PARSE(&c, "a", "--uid"), USAGE);
	assert_int_equal(PARSE(&c, "a", "--uid", "alice", "--nonsense"), USAGE);
	assert_int_equal(PARSE(&c, "a", "--uid", "alice", "-q"), USAGE);
	assert_int_equal(PARSE(&c, "a", "--uid", "alice", "--public=yes"), USAGE);
	assert_int_equal(PARSE(&c, "a", "--uid", "alice"), DONE);
}

static void meant(void **state)
{
	(void)state;
	static const char *const words[] = { "person new", "person remove", "service new", "uid", NULL };
	assert_string_equal(near_miss("persn new", words), "person new");
	assert_string_equal(near_miss("perosn new", words), "person new");
	assert_string_equal(near_miss("person remvoe", words), "person remove");
	assert_string_equal(near_miss("udi", words), "uid");
	assert_null(near_miss("xyz", words));
	assert_null(near_miss("keyring", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(a_secret_does_not_stay_on_the_command_line), cmocka_unit_test(refused), cmocka_unit_test(meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
