/* The world of tests with faults: a real slapd and keyring for all, and for each fault a process of its own, with a state store and a trail of its own.
 * The parent starts with world_start, and asks every_fault to run a child with one fault after the other; FAULTS=all leaves none out. */
#ifndef CSAM_TEST_FAULT_WORLD_H
#define CSAM_TEST_FAULT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include <fcntl.h>
#include <liboath/oath.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "core/limits.h"
#include "faults.h"
#include "keyring/keyring.h"
#include "own_slapd.h"
#include "svc/audit.h"
#include "svc/directory.h"
#include "svc/keyring.h"
#include "svc/state.h"

#define SEED "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"		/* of every key, and the secret of every client */

enum { NOT_FIRED = 3, STEP_S = 30 };

static char socket_path[80];
static pid_t keyring_pid;
static const char *said_of_it;		/* in the child: what was tried, for messages */

static pid_t start_keyring(void)
{
	struct keyring_conf conf = { .control_fd = -1, .front_uid = geteuid(), .uid = (uid_t)-1, .gid = (gid_t)-1 };
	AUTO_ARENA a = arena_new();
	conf.dir = arena_printf(a, "%s/keyring", dir);
	conf.front_fd = keyring_listen(socket_path, (uid_t)-1);
	pid_t self = getpid(), pid = conf.front_fd < 0 ? -1 : fork();
	if (pid == 0) {
		process_die_with(self);
		_exit(keyring_main(&conf));
	}
	close(conf.front_fd);
	return pid;
}

static bool keyring_answers(void)
{
	/* asked in a process of its own: a connection that children inherit would mix up their answers */
	pid_t pid = fork();
	if (pid == 0) {
		AUTO_ARENA a = arena_new();
		struct slice jwks;
		int rc = E_DOWN;
		for (int i = 0; i < 10 && rc != OK; i++)	/* making RSA keys may take longer than one call waits */
			rc = keyring_public(a, &jwks);
		_exit(rc == OK ? 0 : 1);
	}
	int status = 1;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* `more` is LDIF: services that a test needs beside those of the demonstration. */
static int world_start(const char *more)
{
	/* where a sync costs nothing: what a disk would keep is not in question here */
	slapd_place(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	snprintf(socket_path, sizeof socket_path, "%s/front", dir);
	if (slapd("start") != 0 || slapd_load_demo(SEED) != 0 || (*more != '\0' && slapd_load(more) != 0))
		return -1;
	keyring_open(socket_path);
	keyring_pid = start_keyring();
	return keyring_answers() ? 0 : -1;
}

static int world_stop(void **state)
{
	(void)state;
	kill(keyring_pid, SIGKILL);
	waitpid(keyring_pid, NULL, 0);
	return slapd_end();
}

/* --- in the child --- */

static void must(bool that, const char *what)
{
	if (that)
		return;
	fprintf(stderr, "%s, call %d (%s%s): %s\n", said_of_it, faults->calls, faults->fired ? "" : "not reached, last ", faults->name, what);
	_exit(1);
}

static void world_open(void)
{
	AUTO_ARENA a = arena_new();
	const char *own = arena_printf(a, "%s/child", dir);
	static struct directory_conf conf = { .bind_dn = "cn=idpd,ou=system," BASE, .base = BASE, .people_base = "ou=people," BASE,
		.people_filter = "(objectClass=csamPerson)", .people_name_attr = "uid", .services_base = "ou=services," BASE,
		.decoy_dn = "cn=decoy,ou=system," BASE, .timeout_ms = 2000 };
	conf.uri = uri;
	conf.bind_password_file = password_file;
	must(shell("rm -rf %s && mkdir -m 700 %s", own, own) == 0, "a folder of its own");
	limits_open(&(struct limits_conf){ .password_max = 100, .password_free = 50, .delay_max_s = 60, .second_max = 50, .turns_max = 50 });
	must(state_open(own, 8) == OK && audit_open(&(struct audit_conf){ .dir = own, .node = "idp1" }) == OK && directory_open(&conf) == OK, "everything opens");
	for (int i = 0; i < 1000 && !directory_ready(); i++)
		usleep(5000);
	must(directory_ready(), "the directory is ready");
	faults->shift += 2 * STEP_S;		/* each child has codes of its own */
	fault_thread = true;
}

static const char *code_now(struct arena *a)
{
	char *seed = NULL, otp[8];
	size_t n = 0;
	must(oath_base32_decode(SEED, strlen(SEED), &seed, &n) == OATH_OK && oath_totp_generate(seed, n, now(), STEP_S, 0, 6, otp) == OATH_OK, "a code");
	free(seed);
	return arena_strdup(a, otp);
}

/* A segment that a fault tore is followed by another. */
static bool trail_has(struct arena *a, const char *text)
{
	static char all[1 << 16];
	bool found = false;
	for (int segment = 1; segment <= 9 && !found; segment++) {
		int fd = open(arena_printf(a, "%s/child/%08d.log", dir, segment), O_RDONLY);
		ssize_t n = fd >= 0 ? read(fd, all, sizeof all - 1) : -1;
		if (fd >= 0)
			close(fd);
		all[n > 0 ? n : 0] = '\0';
		found = strstr(all, text) != NULL;
	}
	return found;
}

/* --- in the parent --- */

/* Opens the world, arms the fault with that number, tries, and says what is wrong with must(). NOT_FIRED: there was no such call; else 0. */
typedef int child_fn(const void *ctx, int n);

struct tally { int calls, fell; };

/* False: there was no such call. */
static bool with_fault(const char *what, child_fn *child, const void *ctx, int n, struct tally *tally)
{
	pid_t self = getpid(), pid = fork();
	int status;
	if (pid == 0) {
		process_die_with(self);
		alarm(60);
		said_of_it = arena_printf(arena_new(), "%s, fault %d", what, n);
		_exit(child(ctx, n));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* without memory, random bytes or ciphers the process may end, and does so in order */
	bool fell = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && faults->fired && faults->fatal;
	bool well = fell || (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NOT_FIRED));
	if (!well)
		print_error("%s, fault %d in %s: status %x\n", what, n, faults->name, (unsigned)status);
	assert_true(well);
	tally->calls += faults->fired;
	tally->fell += fell;
	return faults->fired;
}

/* What was given while the clock was a year behind may have ended already: that harms nobody. */
static bool clock_jumped(void)
{
	return faults->fired && strcmp(faults->name, "clock_gettime") == 0;
}

/* Every call in turn; where there is little time every step-th, beginning with another one each day. How many calls there are, about. */
static int every_fault(const char *what, child_fn *child, const void *ctx, int step)
{
	bool all = getenv("FAULTS") != NULL;
	if (all)
		step = 1;
	struct tally tally = { 0 };
	for (int n = all ? 0 : (int)(time(NULL) / 86400 % step); with_fault(what, child, ctx, n, &tally); n += step)
		;
	print_message("%s: %d faults, %d of which ended the process\n", what, tally.calls, tally.fell);
	return tally.calls * step;
}

#endif
