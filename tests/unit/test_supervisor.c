/* The supervisor: real children that die, refuse, hang, and are followed. */
/* LINK: -Wl,--wrap=ticks_ms */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "supervisor.h"

enum { STARTS = 16 };

/* The supervisor's clock, which a test may let run faster. */
static unsigned haste = 1;
uint64_t __real_ticks_ms(void);
uint64_t __wrap_ticks_ms(void);
uint64_t __wrap_ticks_ms(void)
{
	return __real_ticks_ms() * haste;
}

/* What the children of one test tell, in memory that all processes share. */
static struct note {
	volatile int starts, hups, terms, order, fd_open, uid, groups;
	volatile pid_t pid;
	volatile uint64_t at[STARTS];
} *note;	/* [0] the first child, [1] the second */
static volatile int *order;

static void began(struct note *n)
{
	n->pid = getpid();
	if (n->starts < STARTS)
		n->at[n->starts] = ticks_ms();
	n->starts++;
}

static volatile sig_atomic_t got_hup, got_term;
static void on_hup(int s) { (void)s; got_hup = 1; }
static void on_term(int s) { (void)s; got_term = 1; }

static int polite(void *arg)
{
	struct note *n = arg;
	signal(SIGHUP, on_hup);
	signal(SIGTERM, on_term);
	began(n);
	while (!got_term) {
		usleep(2000);
		if (got_hup) {
			got_hup = 0;
			n->hups++;
		}
	}
	n->terms++;
	usleep(20000);
	n->order = ++*order;
	return 0;
}

static int dies_at_once(void *arg)
{
	began(arg);
	return 3;
}

static int hangs(void *arg)
{
	signal(SIGTERM, SIG_IGN);
	began(arg);
	while (note != NULL)
		pause();
	return 0;
}

static int refuses(void *arg)
{
	began(arg);
	return EX_CONFIG;
}

static pid_t supervisor(const struct child *c, size_t n)
{
	pid_t self = getpid(), pid = fork();
	if (pid == 0) {
		process_die_with(self);		/* also when an assertion fails */
		_exit(supervise(c, n));
	}
	return pid;
}

static void wait_for(volatile int *value, int at_least)
{
	for (int i = 0; i < 5000 && *value < at_least; i++)
		usleep(1000);
	assert_true(*value >= at_least);
}

static int ended(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static int fresh(void **state)
{
	(void)state;
	memset(note, 0, 2 * sizeof *note);
	*order = 0;
	return 0;
}

#define CHILD(name, fn, i) { name, fn, (void *)&note[i], (uid_t)-1, (gid_t)-1, NULL, 0 }

static void ends_last_first(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", polite, 0), CHILD("front", polite, 1) };
	pid_t s = supervisor(c, 2);
	wait_for(&note[0].starts, 1);
	wait_for(&note[1].starts, 1);
	assert_true(note[0].at[0] <= note[1].at[0] + 50);
	kill(s, SIGTERM);
	assert_int_equal(ended(s), 0);
	assert_int_equal(note[1].order, 1);
	assert_int_equal(note[0].order, 2);
	assert_false(alive(note[0].pid));
	assert_int_equal(note[0].starts, 1);
}

static void forwards_hup(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", polite, 0), CHILD("front", polite, 1) };
	pid_t s = supervisor(c, 2);
	wait_for(&note[0].starts, 1);
	wait_for(&note[1].starts, 1);
	kill(s, SIGHUP);
	wait_for(&note[0].hups, 1);
	wait_for(&note[1].hups, 1);
	kill(s, SIGINT);
	assert_int_equal(ended(s), 0);
}

static void starts_again(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", polite, 0), CHILD("front", polite, 1) };
	pid_t s = supervisor(c, 2);
	wait_for(&note[0].starts, 1);
	wait_for(&note[1].starts, 1);
	pid_t first = note[0].pid;
	uint64_t t = ticks_ms();
	kill(first, SIGKILL);
	wait_for(&note[0].starts, 2);
	assert_in_range(note[0].at[1] - t, 90, 400);
	assert_int_not_equal(note[0].pid, first);
	assert_int_equal(note[1].starts, 1);
	kill(s, SIGTERM);
	assert_int_equal(ended(s), 0);
	assert_false(alive(note[0].pid));
}

static void pause_grows(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", dies_at_once, 0), CHILD("front", polite, 1) };
	pid_t s = supervisor(c, 2);
	wait_for(&note[0].starts, 5);		/* at 0, 0.1, 0.3, 0.7, 1.5 s */
	for (int i = 1; i < 5; i++)
		assert_in_range(note[0].at[i] - note[0].at[i - 1], (100 << (i - 1)) - 10, (100 << (i - 1)) + 250);
	kill(s, SIGTERM);
	assert_int_equal(ended(s), 0);
	assert_int_equal(note[1].terms, 1);
}

static void ends_when_a_child_refuses(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", refuses, 0), CHILD("front", polite, 1) };
	pid_t s = supervisor(c, 2);
	assert_int_equal(ended(s), EX_CONFIG);
	assert_int_equal(note[0].starts, 1);
	assert_true(note[1].starts == 0 || !alive(note[1].pid));
}

static void kills_what_hangs(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", polite, 0), CHILD("front", hangs, 1) };
	haste = 20;
	pid_t s = supervisor(c, 2);
	haste = 1;
	wait_for(&note[0].starts, 1);
	wait_for(&note[1].starts, 1);
	uint64_t t = ticks_ms();
	kill(s, SIGTERM);
	assert_int_equal(ended(s), 0);
	assert_in_range(ticks_ms() - t, 10000 / 20 - 5, 1500);
	assert_false(alive(note[1].pid));
	assert_int_equal(note[0].terms, 1);
}

static void children_die_with_it(void **state)
{
	(void)state;
	struct child c[] = { CHILD("keyring", polite, 0), CHILD("front", polite, 1) };
	if (geteuid() == 0) {		/* also when it has dropped its rights, where the kernel forgets the signal */
		c[1].uid = 65534;
		c[1].gid = 65534;
	}
	pid_t s = supervisor(c, 2);
	wait_for(&note[0].starts, 1);
	wait_for(&note[1].starts, 1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	kill(s, SIGKILL);
	assert_int_equal(ended(s), -SIGKILL);
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(note[i].pid, &status, 0), note[i].pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

static int looks_around(void *arg)
{
	struct note *n = arg;
	n->fd_open = fcntl(100, F_GETFD) >= 0;
	n->uid = (int)geteuid();
	n->groups = getgroups(0, NULL);
	return polite(arg);
}

static void gives_each_its_own(void **state)
{
	(void)state;
	static const int fds[] = { 100 };
	int null = open("/dev/null", O_RDONLY);
	assert_int_equal(dup2(null, 100), 100);
	struct child c[] = { { "keyring", looks_around, (void *)&note[0], (uid_t)-1, (gid_t)-1, fds, 1 }, CHILD("front", looks_around, 1) };
	if (geteuid() == 0) {
		c[1].uid = 65534;
		c[1].gid = 65534;
		assert_int_equal(setgroups(1, (const gid_t[]){ 1234 }), 0);
	}
	pid_t s = supervisor(c, 2);
	wait_for(&note[0].starts, 1);
	wait_for(&note[1].starts, 1);
	assert_true(note[0].fd_open);
	assert_false(note[1].fd_open);
	assert_int_equal(note[0].uid, geteuid());
	if (geteuid() == 0) {
		assert_int_equal(note[1].uid, 65534);
		assert_int_equal(note[1].groups, 0);
	}
	kill(s, SIGTERM);
	assert_int_equal(ended(s), 0);
	close(100);
	close(null);
}

static void one_per_pid_file(void **state)
{
	(void)state;
	char path[] = "/tmp/test_supervisor.XXXXXX", text[32] = "", want[32];
	close(mkstemp(path));
	assert_int_equal(pid_file(path), OK);
	snprintf(want, sizeof want, "%d\n", (int)getpid());
	int fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	assert_string_equal(text, want);
	pid_t other = fork();
	if (other == 0)
		_exit(pid_file(path) == E_EXISTS ? 0 : 1);
	assert_int_equal(ended(other), 0);
	other = fork();
	if (other == 0) {
		pid_file_remove();	/* it is not the child's */
		_exit(0);
	}
	assert_int_equal(ended(other), 0);
	assert_int_equal(access(path, F_OK), 0);
	pid_file_remove();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(pid_file("/nonexistent/x"), E_DOWN);
}

int main(void)
{
	log_open("test", getenv("SHOW") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR - 1);
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	note = shared;
	order = (volatile int *)((char *)shared + 2048);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ends_last_first, fresh), cmocka_unit_test_setup(forwards_hup, fresh),
		cmocka_unit_test_setup(starts_again, fresh), cmocka_unit_test_setup(pause_grows, fresh),
		cmocka_unit_test_setup(ends_when_a_child_refuses, fresh), cmocka_unit_test_setup(kills_what_hangs, fresh), cmocka_unit_test_setup(gives_each_its_own, fresh),
		cmocka_unit_test_setup(children_die_with_it, fresh), cmocka_unit_test(one_per_pid_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
