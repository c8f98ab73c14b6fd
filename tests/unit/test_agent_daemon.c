/* The daemon as a process: its sockets, its signals, its key, what it may do and what it keeps of a secret. */
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include "agent_fakes.h"
#include "agent/message.h"
#include "base/log.h"
#undef fail
#include <cmocka.h>

enum { NOBODY = 65534, DOORS = 16, LOGINS = 1000, OWN_MAX_KB = 4096 };

static char dir[] = "/tmp/test_agentd.XXXXXX", program[PATH_MAX];
static _Thread_local char reply[MESSAGE_MAX + 1];

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

static char *contents(struct arena *a, const char *path)
{
	char *text = arena_alloc(a, 1 << 20);
	int fd = open(path, O_RDONLY);
	ssize_t n = 0, r;
	while (fd >= 0 && n < (1 << 20) - 1 && (r = read(fd, text + n, (size_t)((1 << 20) - 1 - n))) > 0)
		n += r;
	close(fd);
	return text;
}

/* --- starting and ending --- */

static void be_the_agent(int socket_fd)
{
	char pid[16];
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* a test that fails leaves nothing behind */
	alarm(60);
	int log = open(in_dir("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(log, STDERR_FILENO);
	if (socket_fd >= 0) {
		dup2(socket_fd, 3);
		snprintf(pid, sizeof pid, "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
	}
	execl(program, "csam-agent", "-c", in_dir("csam.conf"), (char *)NULL);
	_exit(127);
}

static pid_t spawn(int socket_fd)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_the_agent(socket_fd);
	return pid;
}

static int try_connect(void)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(u.sun_path, sizeof u.sun_path, "%s/agent.sock", dir);
	if (connect(fd, (struct sockaddr *)&u, sizeof u) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Until it serves. */
static pid_t start(void)
{
	pid_t pid = spawn(-1);
	for (int i = 0, fd; i < 500; i++, usleep(10000))
		if ((fd = try_connect()) >= 0) {
			close(fd);
			return pid;
		}
	AUTO_ARENA a = arena_new();
	fail_msg("it does not start: %s", contents(a, in_dir("log")));
	return -1;
}

static int status_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void stop(pid_t pid)
{
	AUTO_ARENA a = arena_new();
	kill(pid, SIGTERM);
	int status = status_of(pid);
	if (status != 0)
		fail_msg("it ended with %d: %s", status, contents(a, in_dir("log")));
}

static void configure(const char *more)
{
	AUTO_ARENA a = arena_new();
	const struct group *g = getgrgid(getgid());
	fake_write_files(dir, arena_printf(a, "agent {\n\tgroup = \"%s\"\n}\n%s", g ? g->gr_name : "", more));
}

static int fresh(void **state)
{
	(void)state;
	atomic_store(&idp.lie, TRUTH);
	configure("");
	return 0;
}

/* --- talking --- */

static const char *say(int fd, const char *fields)
{
	char m[MESSAGE_MAX];
	size_t n = strlen(fields) + 1;
	memcpy(m, fields, n);
	for (size_t i = 0; i < n; i++)
		m[i] = m[i] == '|' ? '\0' : m[i];
	if (send(fd, m, n, MSG_NOSIGNAL) != (ssize_t)n)
		return "";
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t got = poll(&p, 1, 5000) == 1 ? recv(fd, reply, MESSAGE_MAX, 0) : 0;
	if (got <= 16)
		return "";
	reply[got] = '\0';
	return reply + sizeof "csam=1" + sizeof "result";
}

#define LOGIN "csam=1|op=authenticate|user=alice|service=sshd"
#define SECRET "csam=1|op=answer|secret=" FAKE_SECRET
#define CODE "csam=1|op=answer|code=" FAKE_CODE

static const char *login(void)
{
	int fd = try_connect();
	assert_true(fd >= 0);
	const char *r = say(fd, LOGIN);
	if (strcmp(r, "ask") == 0)
		r = say(fd, SECRET);
	if (strcmp(r, "ask") == 0)
		r = say(fd, CODE);
	close(fd);
	return r;
}

/* --- tests --- */

static void lets_in_and_says_so_in_one_line(void **state)
{
	struct stat st;
	AUTO_ARENA a = arena_new();
	(void)state;
	pid_t pid = start();
	assert_int_equal(stat(in_dir("agent.sock"), &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0666);
	assert_string_equal(login(), "allow");
	stop(pid);
	assert_int_equal(access(in_dir("agent.sock"), F_OK), -1);
	const char *log = contents(a, in_dir("log"));
	assert_non_null(strstr(log, "csam: allowed user=alice rhost=- service=sshd reason=proven\n"));
	assert_null(strstr(log, FAKE_SECRET));
	assert_null(strstr(log, FAKE_CODE));
}

/* Reads the daemon's memory as only root can. */
static bool holds(pid_t pid, const char *what)
{
	AUTO_ARENA a = arena_new();
	unsigned long from, to;
	bool found = false;
	char line[512], *block = arena_alloc(a, 1 << 16);
	FILE *maps = fopen(arena_printf(a, "/proc/%d/maps", (int)pid), "r");
	int mem = open(arena_printf(a, "/proc/%d/mem", (int)pid), O_RDONLY);
	assert_non_null(maps);
	while (mem >= 0 && fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2)
			continue;
		for (unsigned long at = from; at < to; at += (1 << 16) - 64) {
			ssize_t n = pread(mem, block, 1 << 16, (off_t)at);
			found |= n > 0 && memmem(block, (size_t)n, what, strlen(what)) != NULL;
		}
	}
	fclose(maps);
	close(mem);
	return found;
}

static void keeps_nothing_of_a_secret(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();			/* terabytes of shadow, and freed memory kept on purpose */
#endif
	if (geteuid() != 0)
		skip();
	configure("idp {\n\ttimeout = 3000\n}\n");
	pid_t pid = start();
	int fd = try_connect();
	assert_string_equal(say(fd, LOGIN), "ask");
	assert_string_equal(say(fd, SECRET), "ask");
	usleep(50000);		/* the turn is over, the conversation is not */
	assert_true(holds(pid, "host-1"));	/* one can look */
	assert_false(holds(pid, FAKE_SECRET));
	assert_false(holds(pid, "correct%20horse"));
	assert_string_equal(say(fd, CODE), "allow");
	close(fd);
	usleep(50000);
	assert_false(holds(pid, "code=" FAKE_CODE));
	stop(pid);
}

/* The identity provider of these tests knows one login at a time: who is overtaken by another is refused at the end, and costs as much. */
static void *many_logins(void *unanswered)
{
	for (int i = 0; i < LOGINS / DOORS; i++)
		if (*login() == '\0')
			atomic_fetch_add((atomic_int *)unanswered, 1);
	return NULL;
}

/* Its own, not its part of what is shared: that depends on who else runs here. */
static long own_kb(pid_t pid)
{
	AUTO_ARENA a = arena_new();
	const char *line = strstr(contents(a, arena_printf(a, "/proc/%d/smaps_rollup", (int)pid)), "\nPss_Anon:");
	return line != NULL ? strtol(line + sizeof "Pss_Anon:", NULL, 10) : -1;
}

/* However many came at once: what they took is given back, and it takes no more after many than after a few. */
static void stays_small(void **state)
{
	pthread_t door[DOORS];
	atomic_int unanswered = 0;
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();			/* shadow and quarantine are not small */
#endif
	configure("idp {\n\ttimeout = 5000\n}\n");
	pid_t pid = start();
	for (int i = 0; i < DOORS; i++)
		assert_int_equal(pthread_create(&door[i], NULL, many_logins, &unanswered), 0);
	for (int i = 0; i < DOORS; i++)
		pthread_join(door[i], NULL);
	long busy = own_kb(pid), quiet = busy;
	for (int i = 0; i < 40 && (quiet < 0 || quiet > OWN_MAX_KB || i < 25); i++, usleep(100000))
		quiet = own_kb(pid);
	printf("# %d logins by %d doors: %ld kB of its own, and %ld kB when it is quiet\n", LOGINS, DOORS, busy, quiet);
	stop(pid);
	assert_int_equal(unanswered, 0);
	assert_true(quiet > 0 && quiet <= OWN_MAX_KB);
}

static void ends_at_once_whatever_is_under_way(void **state)
{
	(void)state;
	pid_t pid = start();
	int asked = try_connect(), calling = try_connect(), silent = try_connect();
	assert_string_equal(say(asked, LOGIN), "ask");
	atomic_store(&idp.lie, SILENCE);
	assert_int_equal(send(calling, "csam=1\0op=account\0user=alice\0service=sshd", 42, 0), 42);
	usleep(200000);
	uint64_t t = ticks_ms();
	stop(pid);
	assert_true(ticks_ms() - t < 2000);
	assert_int_equal(recv(asked, reply, sizeof reply, 0), 0);
	close(asked);
	close(calling);
	close(silent);
}

static void takes_a_changed_configuration(void **state)
{
	AUTO_ARENA a = arena_new();
	(void)state;
	pid_t pid = start();
	assert_string_equal(login(), "allow");
	configure("idp {\n\tissuer = \"http://nonsense\"\n}\n");
	kill(pid, SIGHUP);
	usleep(200000);
	assert_string_equal(login(), "allow");
	assert_non_null(strstr(contents(a, in_dir("log")), "stays as it was"));
	int fd = try_connect();
	assert_string_equal(say(fd, LOGIN), "ask");	/* goes on under the old one */
	configure("people {\n\tlevel = 500\n}\n");
	kill(pid, SIGHUP);
	usleep(300000);
	assert_string_equal(say(fd, SECRET), "ask");
	assert_string_equal(say(fd, CODE), "allow");
	close(fd);
	assert_string_equal(login(), "deny");
	stop(pid);
}

static void only_a_dead_socket_is_replaced(void **state)
{
	struct stat st;
	(void)state;
	pid_t pid = start();
	assert_int_equal(status_of(spawn(-1)), EX_CONFIG);	/* another one serves */
	assert_string_equal(login(), "allow");
	kill(pid, SIGKILL);
	status_of(pid);
	assert_int_equal(access(in_dir("agent.sock"), F_OK), 0);
	stop(start());
	FILE *f = fopen(in_dir("agent.sock"), "w");
	fputs("mine", f);
	fclose(f);
	assert_int_equal(status_of(spawn(-1)), EX_CONFIG);
	assert_int_equal(stat(in_dir("agent.sock"), &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(in_dir("agent.sock"));
	assert_int_equal(symlink("/etc/passwd", in_dir("agent.sock")), 0);
	assert_int_equal(status_of(spawn(-1)), EX_CONFIG);
	unlink(in_dir("agent.sock"));
}

static int listening(int type)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);
	snprintf(u.sun_path, sizeof u.sun_path, "%s/agent.sock", dir);
	unlink(u.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&u, sizeof u), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void takes_sockets_from_systemd(void **state)
{
	(void)state;
	int fd = listening(SOCK_SEQPACKET);
	pid_t pid = spawn(fd);
	close(fd);
	assert_string_equal(login(), "allow");		/* waited in the backlog */
	stop(pid);
	assert_int_equal(access(in_dir("agent.sock"), F_OK), 0);	/* not ours to remove */
	fd = listening(SOCK_STREAM);
	assert_int_equal(status_of(spawn(fd)), EX_CONFIG);
	close(fd);
	unlink(in_dir("agent.sock"));
}

static void wants_a_key_that_is_safe_and_fit(void **state)
{
	static const struct { const char *group; int mode; } keys[] = { { "P-256", 0644 }, { "P-256", 0620 }, { "P-384", 0600 }, { NULL, 0600 } };
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		EVP_PKEY *key = keys[i].group ? EVP_EC_gen(keys[i].group) : EVP_RSA_gen(1024);
		FILE *f = fopen(in_dir("host.key"), "w");
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
		fclose(f);
		EVP_PKEY_free(key);
		chmod(in_dir("host.key"), (mode_t)keys[i].mode);
		if (status_of(spawn(-1)) != EX_CONFIG)
			fail_msg("key %zu was taken", i);
	}
	assert_int_equal(rename(in_dir("host.key"), in_dir("real.key")), 0);
	configure("");
	assert_int_equal(rename(in_dir("host.key"), in_dir("real.key")), 0);
	assert_int_equal(symlink("real.key", in_dir("host.key")), 0);
	assert_int_equal(status_of(spawn(-1)), EX_CONFIG);
	unlink(in_dir("host.key"));
	assert_int_equal(status_of(spawn(-1)), EX_CONFIG);
	assert_int_equal(mkdir(in_dir("host.key"), 0700), 0);
	assert_int_equal(status_of(spawn(-1)), EX_CONFIG);
	rmdir(in_dir("host.key"));
	unlink(in_dir("real.key"));
	configure("");
	stop(start());
}

static bool status_says(pid_t pid, const char *line)
{
	AUTO_ARENA a = arena_new();
	const char *text = contents(a, arena_printf(a, "/proc/%d/status", (int)pid));
	return strstr(text, line) != NULL;
}

static void has_no_rights_it_does_not_need(void **state)
{
	AUTO_ARENA a = arena_new();
	(void)state;
	if (geteuid() == 0) {
		configure("agent {\n\tuser = nobody\n}\n");
		assert_int_equal(chown(in_dir("host.key"), NOBODY, NOBODY), 0);
	}
	pid_t pid = start();
	assert_string_equal(login(), "allow");
	assert_true(status_says(pid, "NoNewPrivs:\t1"));
	if (geteuid() == 0) {
		assert_true(status_says(pid, "Uid:\t65534\t65534\t65534\t65534"));
		assert_true(status_says(pid, "CapEff:\t0000000000000000"));
		assert_true(status_says(pid, "CapPrm:\t0000000000000000"));
		assert_true(status_says(pid, "Groups:\t \n"));
	}
	const char *limits = contents(a, arena_printf(a, "/proc/%d/limits", (int)pid));
	assert_non_null(strstr(limits, "Max core file size        0                    0"));
#ifndef __SANITIZE_ADDRESS__
	assert_true(status_says(pid, "Seccomp:\t2"));
#endif
	stop(pid);
	unlink(in_dir("agent.sock"));
	unlink(in_dir("host.key"));	/* is nobody's now */
}

static void is_never_full_for_all(void **state)
{
	int fd[4];
	(void)state;
	configure("agent {\n\tconversations = 4\n}\n");
	pid_t pid = start();
	usleep(50000);
	for (int i = 0; i < 4; i++) {
		fd[i] = try_connect();
		assert_string_equal(say(fd[i], LOGIN), "ask");
	}
	int more = try_connect();
	struct pollfd p = { .fd = more, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 2000), 1);
	ssize_t n = recv(more, reply, sizeof reply, 0);
	assert_int_equal(n, 19);
	assert_memory_equal(reply, "csam=1\0result=down", 19);
	close(more);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	usleep(100000);
	assert_string_equal(login(), "allow");
	stop(pid);
}

static int connect_as(uid_t uid)
{
	gid_t groups[64];
	int n = getgroups(64, groups);
	assert_int_equal(setgroups(0, NULL) | setegid(uid) | seteuid(uid), 0);
	int fd = try_connect();
	assert_int_equal(seteuid(0) | setegid(0) | setgroups((size_t)n, groups), 0);
	assert_true(fd >= 0);
	return fd;
}

/* Who has a user namespace has many user ids; what the programs of a service need is not theirs to take. */
static void many_users_leave_room_for_services(void **state)
{
	int fd[16], n = 0;
	(void)state;
	if (geteuid() != 0)
		skip();
	const struct passwd *mail = getpwnam("mail");
	assert_non_null(mail);
	configure("agent {\n\tconversations = 16\n\tservices = {\"mail sshd\"}\n}\n");
	pid_t pid = start();
	usleep(50000);
	for (uid_t uid = 200001; uid <= 200004; uid++)
		for (int i = 0; i < 4; i++)
			fd[n++] = connect_as(uid);
	int theirs = connect_as(mail->pw_uid);
	assert_string_equal(say(theirs, LOGIN), "ask");
	close(theirs);
	while (n > 0)
		close(fd[--n]);
	stop(pid);
}

static int set_up(void **state)
{
	char self[PATH_MAX] = "";
	(void)state;
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
		return -1;
	snprintf(program, sizeof program, "%.4000s/../csam-agent", dirname(self));
	log_open("test", (enum log_level)0);
	fake_start(dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	atomic_store(&idp.stop, true);
	shutdown(idp.listener, SHUT_RDWR);
	pthread_join(idp.thread, NULL);
	json_decref(idp.host_jwks);
	return unlink(in_dir("ca.pem")) || unlink(in_dir("host.key")) || unlink(in_dir("csam.conf")) || unlink(in_dir("log")) || rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		TEST(lets_in_and_says_so_in_one_line), TEST(keeps_nothing_of_a_secret), TEST(stays_small), TEST(ends_at_once_whatever_is_under_way),
		TEST(takes_a_changed_configuration), TEST(only_a_dead_socket_is_replaced), TEST(takes_sockets_from_systemd),
		TEST(wants_a_key_that_is_safe_and_fit), TEST(has_no_rights_it_does_not_need), TEST(is_never_full_for_all), TEST(many_users_leave_room_for_services),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
