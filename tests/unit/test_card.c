/* How csam-card is run: it gets nothing of its caller's, its caller meets nothing of it, and every wait has an end. */
/* LINK: -Wl,--wrap=kill */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "libcsam/card.h"

static char program[] = "/tmp/csam-test-card.XXXXXX";
static struct csam_cards cards;
static volatile sig_atomic_t signals;

/* Only a process that nobody has waited for yet keeps its number to itself: what is killed is never another's. */
static unsigned kills, strangers;
int __real_kill(pid_t pid, int sig);
int __wrap_kill(pid_t pid, int sig);
int __wrap_kill(pid_t pid, int sig)
{
	kills++;
	strangers += __real_kill(pid < 0 ? -pid : pid, 0) != 0;
	return __real_kill(pid, sig);
}

static void count(int sig)
{
	(void)sig;
	signals++;
}

/* A stand-in that does this. */
static enum csam_card with(const char *script, unsigned timeout_s)
{
	FILE *f = fopen(program, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\ndd bs=8192 count=1 <&3 >/dev/null 2>&1\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(program, 0700), 0);
	return csam_cards(&(struct csam_card_want){ .program = program, .module = "/x.so", .timeout_s = timeout_s }, &cards);
}

#define SAY(state) "printf 'csam-card=1\\0state=" state "\\0' >&3"

static void what_it_says_is_read(void **state)
{
	(void)state;
	assert_int_equal(with(SAY("no-card"), 10), CSAM_CARD_NO_CARD);
	assert_int_equal(with("printf 'csam-card=1\\0state=ready\\0card=0123456789abcdef0123456789abcdef:pf-:Alice\\0' >&3", 10), CSAM_CARD_READY);
	assert_int_equal(cards.n, 1);
	assert_string_equal(cards.cards[0].label, "Alice");
	assert_true(cards.cards[0].pin_pad && cards.cards[0].pin_final && !cards.cards[0].pin_locked);
}

static void whatever_goes_wrong_is_broken(void **state)
{
	(void)state;
	static const char *const scripts[] = { "exit 0", "exit 1", "kill -SEGV $$", "printf garbage >&3", "printf 'csam-card=1\\0state=ready\\0' >&3",
		SAY("signed"), SAY("better"), "head -c 20000 /dev/zero >&3", "printf 'csam-card=1\\0state=ready\\0card=:::\\0' >&3" };
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		if (with(scripts[i], 10) != CSAM_CARD_BROKEN || cards.n != 0 || cards.sign != NULL)
			fail_msg("taken: %s", scripts[i]);
	assert_int_equal(csam_cards(&(struct csam_card_want){ .program = "/nonexistent", .module = "/x.so", .timeout_s = 5 }, &cards), CSAM_CARD_BROKEN);
}

static void every_wait_has_an_end(void **state)
{
	(void)state;
	time_t begun = time(NULL);
	assert_int_equal(with("trap '' TERM HUP INT; while :; do sleep 1; done", 1), CSAM_CARD_BROKEN);
	assert_int_equal(with(SAY("no-card") "; while :; do sleep 1; done", 5), CSAM_CARD_NO_CARD);	/* it does not end after its answer */
	assert_in_range(time(NULL) - begun, 1, 15);
}

static void nobody_else_is_killed(void **state)
{
	(void)state;
	kills = strangers = 0;
	assert_int_equal(with(SAY("no-card"), 10), CSAM_CARD_NO_CARD);
	assert_int_equal(with("exit 0", 10), CSAM_CARD_BROKEN);
	assert_int_equal(with("sleep 60", 1), CSAM_CARD_BROKEN);
	assert_true(kills > 0);
	assert_int_equal(strangers, 0);
}

static void the_caller_meets_nothing_of_it(void **state)
{
	(void)state;
	struct sigaction old, mine = { .sa_handler = count };
	sigaction(SIGCHLD, &mine, &old);
	assert_int_equal(with(SAY("no-card"), 10), CSAM_CARD_NO_CARD);
	assert_int_equal(with("sleep 60", 1), CSAM_CARD_BROKEN);
	assert_int_equal(signals, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	mine.sa_handler = SIG_IGN;		/* programs that ignore their children's ends */
	sigaction(SIGCHLD, &mine, NULL);
	assert_int_equal(with(SAY("no-card"), 10), CSAM_CARD_NO_CARD);
	sigaction(SIGCHLD, &old, NULL);
}

static void it_gets_nothing_of_the_callers(void **state)
{
	(void)state;
	int fd = open("/etc/passwd", O_RDONLY);		/* not closed by exec */
	assert_true(fd >= 0);
	setenv("LD_PRELOAD_OF_MINE", "x", 1);
	assert_int_equal(with("[ \"$(ls /proc/self/fd | tr -d '\\n')\" = 01234 ] && [ \"$(readlink /proc/self/fd/0)\" = /dev/null ] && "
	    "[ -z \"$LD_PRELOAD_OF_MINE\" ] && ! cat | grep -q . && " SAY("no-card"), 10), CSAM_CARD_NO_CARD);
	close(fd);
	unsetenv("LD_PRELOAD_OF_MINE");
}

static void an_empty_pin_starts_nothing(void **state)
{
	(void)state;
	const struct csam_card_want want = { .program = "/nonexistent", .module = "/x.so", .timeout_s = 5, .card = "a", .challenge = "b", .pin = "" };
	assert_int_equal(csam_sign(&want, &cards), CSAM_CARD_PIN_FORM);
}

static int make(void **state)
{
	(void)state;
	int fd = mkstemp(program);
	return fd >= 0 ? close(fd) : -1;
}

static int drop(void **state)
{
	(void)state;
	return unlink(program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_is_read),
		cmocka_unit_test(whatever_goes_wrong_is_broken),
		cmocka_unit_test(every_wait_has_an_end),
		cmocka_unit_test(nobody_else_is_killed),
		cmocka_unit_test(the_caller_meets_nothing_of_it),
		cmocka_unit_test(it_gets_nothing_of_the_callers),
		cmocka_unit_test(an_empty_pin_starts_nothing),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
