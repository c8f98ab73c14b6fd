/* What the keyring process may still do, seen from inside; whom it serves and as whom it runs, seen from outside. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail
#include "base/confine.h"
#include "base/log.h"
#include "base/process.h"
#include "front_confine.h"
#include "keyring/confine.h"
#include "keyring/keyring.h"
#include "supervisor.h"
#include "svc/keyring.h"

enum { NOBODY = 65534, RINGER = 65533 };

static int status_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool status_says(pid_t pid, const char *what)
{
	char path[64], line[256];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		found |= strncmp(line, what, strlen(what)) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

static void *nothing(void *arg)
{
	return arg;
}

static bool refused(long rc)
{
	return rc == -1 && errno == EPERM;
}

static int dirfd;

static bool forbidden_files(void)
{
	int fd = openat(dirfd, "made", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool may = fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && renameat(dirfd, "made", dirfd, "kept") == 0 && unlinkat(dirfd, "kept", 0) == 0;
	return may && refused(renameat(dirfd, "kept", AT_FDCWD, "kept")) &&
	    refused(unlinkat(AT_FDCWD, "/tmp/test_confine.made", 0)) && refused(unlink("/tmp/test_confine.made")) &&
#ifndef __SANITIZE_ADDRESS__		/* whose reports open files */
	    refused(openat(dirfd, "kept", O_WRONLY | O_CREAT, 0600)) && refused(open("/etc/passwd", O_RDONLY)) && refused(openat(dirfd, "kept", O_RDONLY)) &&
	    refused(open("/tmp/test_confine.made", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) &&
#endif
	    refused(truncate("/tmp/test_confine.made", 0)) && refused(chmod("/tmp", 0777)) && refused(mkdir("/tmp/test_confine.made", 0700)) &&
	    refused(symlink("x", "/tmp/test_confine.made")) && refused(link("/etc/passwd", "/tmp/test_confine.made"));
}

/* The number of the first act that went otherwise than it should, 0: none. */
static int acts(void)
{
	pthread_t t;
	confine_memory();
	confine_calls(dirfd);
	if (!forbidden_files())
		return 2;
	if (!refused(socket(AF_INET, SOCK_STREAM, 0)) || !refused(socket(AF_UNIX, SOCK_STREAM, 0)))
		return 3;
#ifndef __SANITIZE_ADDRESS__
	if (!refused(fork()) || !refused(kill(getppid(), 0)) || !refused(prctl(PR_SET_DUMPABLE, 1)))
		return 5;
#endif
	if (!refused(setuid(getuid())))
		return 7;
	if (pthread_create(&t, NULL, nothing, NULL) != 0 || pthread_join(t, NULL) != 0)
		return 8;	/* that it must be able to do */
	free(malloc(1024 * 1024));
	return 0;
}

static void only_serving_is_left(void **state)
{
	(void)state;
	char here[] = "/tmp/test_confine.XXXXXX";
	assert_non_null(mkdtemp(here));
	dirfd = open(here, O_RDONLY | O_DIRECTORY);
	pid_t pid = fork();
	if (pid == 0)
		_exit(acts());
	assert_int_equal(status_of(pid), 0);
	rmdir(here);
}

/* What nobody does but somebody who has broken in: it ends there. */
static void execs(void)
{
	char *const argv[] = { (char *)"/bin/true", NULL };
	execv("/bin/true", argv);
}

static void traces(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void reads_others(void)
{
	char c;
	struct iovec mine = { &c, 1 }, theirs = { &c, 1 };
	process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0);
}

static void mounts(void)
{
	mount("none", "/tmp", "tmpfs", 0, NULL);
}

static void leaves_namespaces(void)
{
	unshare(CLONE_NEWUSER);
}

static void keyring_confines(void)
{
	confine_memory();
	confine_calls(dirfd);
}

static void breaking_in_ends_it(void **state)
{
	(void)state;
	static void (*const walls[])(void) = { keyring_confines, front_confine, confine_calls_nobody_makes };
	static void (*const deeds[])(void) = { execs, reads_others, mounts, leaves_namespaces, traces };
	for (size_t w = 0; w < sizeof walls / sizeof *walls; w++)
		for (size_t d = 0; d < sizeof deeds / sizeof *deeds; d++) {
#ifdef __SANITIZE_ADDRESS__
			if (deeds[d] == traces)
				continue;	/* that is how they look for leaks */
#endif
			pid_t pid = fork();
			if (pid == 0) {
				walls[w]();
				deeds[d]();
				_exit(0);
			}
			assert_int_equal(status_of(pid), -SIGSYS);
		}
}

/* --- what others can see of it --- */

/* Tries as another process of the same user: its memory, what it has open, a debugger. The number of the first that worked. */
static int peeks(pid_t pid, uid_t uid)
{
	char path[64];
	if (geteuid() == 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
		return 99;
	prctl(PR_SET_DUMPABLE, 1);
	static const char *const what[] = { "mem", "environ", "maps", "fd/0", "auxv", "stack" };
	for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what[i]);
		if (open(path, O_RDONLY) >= 0)
			return 1 + (int)i;
	}
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0 ? 50 : 0;
}

static int peek(pid_t pid, uid_t uid)
{
	pid_t other = fork();
	if (other == 0)
		_exit(peeks(pid, uid));
	return status_of(other);
}

static pid_t asleep(uid_t uid, void (*wall)(void))
{
	int ready[2];
	char c;
	assert_int_equal(pipe(ready), 0);
	pid_t self = getpid(), pid = fork();
	if (pid == 0) {
		process_die_with(self);
		if (geteuid() == 0 && process_drop(uid, uid) != OK)
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1);	/* setresuid took it away, which is not what is looked at here */
		if (wall != NULL)
			wall();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			sleep(100);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]), close(ready[1]);
	return pid;
}

static void nobody_looks_in(void **state)
{
	(void)state;
	static void (*const walls[])(void) = { confine_memory, front_confine, confine_memory_readers };
	pid_t open_one = asleep(NOBODY, NULL);
	assert_int_not_equal(peek(open_one, NOBODY), 0);	/* it would have been seen */
	kill(open_one, SIGKILL);
	status_of(open_one);
	for (size_t w = 0; w < sizeof walls / sizeof *walls; w++) {
		pid_t pid = asleep(NOBODY, walls[w]);
		assert_int_equal(peek(pid, NOBODY), 0);
		assert_true(status_says(pid, "CapEff:\t0000000000000000") && status_says(pid, "NoNewPrivs:\t1"));
		kill(pid, SIGKILL);
		status_of(pid);
	}
}

static void gives_up_what_root_may(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		confine_capabilities();
		_exit(chroot("/") != 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0 && chown("/tmp", NOBODY, NOBODY) != 0 ? 0 : 1);
	}
	assert_int_equal(status_of(pid), 0);
}

/* --- a keyring under its supervisor, as main starts it --- */

static char home[64], dir[80], front[80];
static struct keyring_conf conf;

static int ask_as(uid_t uid)
{
	pid_t pid = fork();
	if (pid == 0) {
		AUTO_ARENA a = arena_new();
		struct slice jwks;
		if (geteuid() == 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
			_exit(99);
		_exit(-keyring_public(a, &jwks));
	}
	return -status_of(pid);
}

static int run_keyring(void *arg)
{
	return keyring_main(arg);
}

static pid_t start(uid_t front_uid, uid_t uid)
{
	strcpy(home, "/tmp/test_confine.XXXXXX");
	assert_non_null(mkdtemp(home));
	assert_int_equal(chmod(home, 0755), 0);
	snprintf(dir, sizeof dir, "%s/store", home);
	snprintf(front, sizeof front, "%s/front", home);
	conf = (struct keyring_conf){ .dir = dir, .front_fd = keyring_listen(front, front_uid), .control_fd = -1,
		.front_uid = front_uid, .uid = uid, .gid = uid };
	assert_true(conf.front_fd >= 0);
	pid_t self = getpid(), pid = fork();
	if (pid == 0) {
		process_die_with(self);		/* also when an assertion fails */
		struct child child = { "keyring", run_keyring, &conf, (uid_t)-1, (gid_t)-1, &conf.front_fd, 1 };
		log_open("test", LOG_LEVEL_ERR - 1);
		_exit(supervise(&child, 1));
	}
	keyring_open(front);
	for (int i = 0; i < 10 && ask_as(0) != OK; i++)
		;		/* making RSA keys may take longer than one call waits */
	return pid;
}

static void clean(void)
{
	char cmd[100];
	close(conf.front_fd);
	snprintf(cmd, sizeof cmd, "rm -rf %s", home);
	assert_int_equal(system(cmd), 0);
}

static pid_t child_of(pid_t parent)
{
	char path[80];
	pid_t pid = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	FILE *f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f != NULL)
		fclose(f);
	return pid;
}

static void serves_only_the_front(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	pid_t s = start(NOBODY, RINGER);
	struct stat st;
	assert_int_equal(ask_as(NOBODY), OK);
	assert_int_equal(ask_as(0), OK);
	assert_int_equal(ask_as(RINGER), E_DOWN);	/* the file's rights already say so */
	assert_int_equal(chmod(front, 0666), 0);
	assert_int_equal(ask_as(RINGER), E_DOWN);	/* and the keyring asks the kernel who it is */
	assert_int_equal(ask_as(NOBODY), OK);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_uid, RINGER);
	assert_int_equal(st.st_mode & 07777, 0700);
	pid_t ring = child_of(s);
	assert_true(status_says(ring, "Uid:\t65533\t65533\t65533\t65533\n"));
	assert_true(status_says(ring, "Groups:\t \n") || status_says(ring, "Groups:\t\n"));
	assert_true(status_says(ring, "NoNewPrivs:\t1"));
	assert_true(status_says(ring, "CapEff:\t0000000000000000"));
	assert_true(status_says(ring, "Name:\tkeyring"));
#ifndef __SANITIZE_ADDRESS__
	assert_true(status_says(ring, "Seccomp:\t2"));
#endif
	kill(s, SIGKILL);		/* although its user changed, it dies with its supervisor */
	assert_int_equal(status_of(s), -SIGKILL);
	for (int i = 0; i < 1000 && kill(ring, 0) == 0 && !status_says(ring, "State:\tZ"); i++)
		usleep(1000);
	assert_true(kill(ring, 0) != 0 || status_says(ring, "State:\tZ"));
	clean();
}

static volatile bool ending;

static void *asks(void *arg)
{
	long *n = arg;
	while (!ending) {
		AUTO_ARENA a = arena_new();
		struct slice sig;
		const char *kid;
		if (keyring_sign(a, "ES256", S("x"), &sig, &kid) != OK)
			return (void *)1;
		++*n;
	}
	return NULL;
}

/* kill -9 again and again, while others ask: nobody is told no. */
static void nobody_notices_a_killed_keyring(void **state)
{
	(void)state;
	pid_t s = start(geteuid(), (uid_t)-1);
	pthread_t t[3];
	long done[3] = { 0 };
	AUTO_ARENA a = arena_new();
	struct slice before, after;
	assert_int_equal(keyring_public(a, &before), OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, asks, &done[i]), 0);
	for (int i = 0; i < 3; i++) {
		usleep(500000);		/* so that every thread is answered again also where eight others compile */
		pid_t old = child_of(s);
		assert_int_equal(kill(old, SIGKILL), 0);
		assert_int_equal(keyring_public(a, &after), OK);	/* waits in the queue: 0.1, 0.2, 0.4 s */
		assert_true(slice_eq(before, after));
		assert_int_not_equal(child_of(s), old);
	}
	ending = true;
	for (int i = 0; i < 3; i++) {
		void *bad;
		pthread_join(t[i], &bad);
		assert_null(bad);
		assert_true(done[i] > 3);
	}
	kill(s, SIGTERM);
	assert_int_equal(status_of(s), 0);
	clean();
}

static void refuses_to_start(void **state)
{
	(void)state;
	strcpy(home, "/tmp/test_confine.XXXXXX");
	assert_non_null(mkdtemp(home));
	snprintf(front, sizeof front, "%s/front", home);
	conf = (struct keyring_conf){ .dir = "/nonexistent/store", .front_fd = keyring_listen(front, (uid_t)-1), .control_fd = -1,
		.uid = (uid_t)-1 };
	pid_t pid = fork();
	if (pid == 0)
		_exit(keyring_main(&conf));
	assert_int_equal(status_of(pid), EX_CONFIG);
	close(conf.front_fd);
}

static void listens_only_where_it_may(void **state)
{
	(void)state;
	char file[100], path[200];
	struct stat st;
	snprintf(file, sizeof file, "%s/file", home);
	close(open(file, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(keyring_listen(file, (uid_t)-1), E_INPUT);
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);
	memset(path, 'x', sizeof path);
	memcpy(path, "/tmp/", 5);
	path[108] = '\0';
	assert_int_equal(keyring_listen(path, (uid_t)-1), E_INPUT);
	assert_int_equal(keyring_listen("", (uid_t)-1), E_INPUT);
	assert_int_equal(keyring_listen("/nonexistent/x", (uid_t)-1), E_DOWN);
	int fd = keyring_listen(front, (uid_t)-1);		/* what a dead one left behind is cleared away */
	assert_true(fd >= 0);
	assert_int_equal(stat(front, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(keyring_listen(front, (uid_t)-1), E_EXISTS);
	close(fd);
	unlink(front);
	rmdir(home);
	AUTO_ARENA a = arena_new();
	struct slice s;
	keyring_open(path);
	assert_int_equal(keyring_public(a, &s), E_DOWN);
	keyring_open(front);
	assert_int_equal(keyring_public(a, &s), E_DOWN);
}

int main(void)
{
	log_open("test", getenv("SHOW") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR - 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_serving_is_left), cmocka_unit_test(breaking_in_ends_it), cmocka_unit_test(nobody_looks_in),
		cmocka_unit_test(gives_up_what_root_may), cmocka_unit_test(serves_only_the_front),
		cmocka_unit_test(nobody_notices_a_killed_keyring), cmocka_unit_test(refuses_to_start),
		cmocka_unit_test(listens_only_where_it_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
