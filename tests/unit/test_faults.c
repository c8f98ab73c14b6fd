/* A fault at every call of the decision path, one at a time: memory, directory, state, keyring, audit trail, parser, clock. Whole conversations with a
 * right and with a wrong answer, against a real slapd, keyring, state store and trail, each in a process of its own. FAULTS=all leaves none out. */
/* ONE TRY: what it looks for goes wrong seldom. */
/* LINK: -Wl,--wrap=EVP_CIPHER_CTX_new -Wl,--wrap=EVP_DecryptFinal_ex -Wl,--wrap=EVP_DecryptUpdate -Wl,--wrap=EVP_Digest -Wl,--wrap=EVP_EncryptFinal_ex -Wl,--wrap=EVP_EncryptUpdate -Wl,--wrap=calloc -Wl,--wrap=connect */
/* LINK: -Wl,--wrap=fdatasync -Wl,--wrap=getrandom -Wl,--wrap=json_loadb -Wl,--wrap=ldap_connect -Wl,--wrap=ldap_count_entries -Wl,--wrap=ldap_get_attribute_ber -Wl,--wrap=ldap_get_dn_ber -Wl,--wrap=ldap_get_option */
/* LINK: -Wl,--wrap=ldap_initialize -Wl,--wrap=ldap_modify_ext -Wl,--wrap=ldap_parse_result -Wl,--wrap=ldap_result -Wl,--wrap=ldap_sasl_bind -Wl,--wrap=ldap_sasl_bind_s -Wl,--wrap=ldap_search_ext -Wl,--wrap=ldap_set_option */
/* LINK: -Wl,--wrap=malloc -Wl,--wrap=mdb_cursor_get -Wl,--wrap=mdb_cursor_open -Wl,--wrap=mdb_del -Wl,--wrap=mdb_get -Wl,--wrap=mdb_put -Wl,--wrap=mdb_stat -Wl,--wrap=mdb_txn_begin */
/* LINK: -Wl,--wrap=mdb_txn_commit -Wl,--wrap=mdb_txn_renew -Wl,--wrap=open -Wl,--wrap=read -Wl,--wrap=recv -Wl,--wrap=sendmsg -Wl,--wrap=setsockopt -Wl,--wrap=socket */
/* LINK: -Wl,--wrap=write -Wl,--wrap=clock_gettime -Wl,--wrap=store_run */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include <arpa/inet.h>
#include <fcntl.h>
#include <liboath/oath.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "core/conversation.h"
#include "core/limits.h"
#include "core/session.h"
#include "faults.h"
#include "keyring/keyring.h"
#include "svc/audit.h"
#include "svc/keyring.h"

#define BASE "dc=example,dc=org"
#define ALICE "5f0c3a52-6c6e-4c1b-9d5b-0d1f3a1e7a01"
#define SEED "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

enum { ANSWERS = 7, ENOUGH_CALLS = 100, NOT_FIRED = 3, STEP_S = 30 };

static char dir[40], uri[64], password_file[80], socket_path[80];
static pid_t keyring_pid;
static const char *said_of_it;		/* in the child: what was tried, for messages */

/* --- the world --- */

static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	return system(cmd);
}

static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

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

static int start(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* where a sync costs nothing: what a disk would keep is not in question here */
	snprintf(dir, sizeof dir, "%s/csam-faults-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(uri, sizeof uri, "ldap://127.0.0.1:%d", free_port());
	snprintf(password_file, sizeof password_file, "%s/idpd.password", dir);
	snprintf(socket_path, sizeof socket_path, "%s/front", dir);
	if (shell("setup/directory start %s %s >> %s/log 2>&1", dir, uri + 17, dir) != 0 ||
	    shell("sed -e 's/@SUFFIX@/" BASE "/; s,@ORIGIN@,https://services.example.org,; s/@PASSWORD@/correct horse/; s/@[A-Z_]*@/" SEED "/' "
	    "conf/directory/demo.ldif > %s/demo.ldif && setup/directory load %s %s/demo.ldif >> %s/log", dir, dir, dir, dir) != 0)
		return -1;
	keyring_open(socket_path);
	keyring_pid = start_keyring();
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
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	kill(keyring_pid, SIGKILL);
	waitpid(keyring_pid, NULL, 0);
	return shell("setup/directory stop %s >> %s/log 2>&1; rm -rf %s", dir, dir, dir);
}

/* --- in the child: one conversation --- */

static void must(bool that, const char *what)
{
	if (that)
		return;
	fprintf(stderr, "%s, call %d (%s%s): %s\n", said_of_it, faults->calls, faults->fired ? "" : "not reached, last ", faults->name, what);
	_exit(1);
}

static void open_all(void)
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
}

static const char *code_now(struct arena *a)
{
	char *seed = NULL, otp[8];
	size_t n = 0;
	must(oath_base32_decode(SEED, strlen(SEED), &seed, &n) == OATH_OK && oath_totp_generate(seed, n, now(), STEP_S, 0, 6, otp) == OATH_OK, "a code");
	free(seed);
	return arena_strdup(a, otp);
}

struct words { const char *secret, *code; };

/* Answers whatever is asked, and the same again when it is told to. */
static struct turn talk(struct arena *a, enum door door, const struct words *say)
{
	static const struct slice binding = { "browser-cookie", 14 };
	const struct want want = { .door = door, .binding = binding, .service = "tax-on-web", .back = "/", .cancel = "/", .lang = "en",
		.name = door == DOOR_HOST ? "alice" : NULL, .can = ASK_TEXT | ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_SHOW };
	struct turn turn;
	if (conversation_begin(a, &want, "192.0.2.7", &turn) != OK)
		return (struct turn){ 0 };
	must(turn.verdict != V_ALLOW, "a beginning allows nothing");
	for (int i = 0; i < ANSWERS && (turn.verdict == V_MORE || turn.verdict == V_DOWN); i++) {
		struct answer answer = { .text = S("alice") };
		if (turn.ask.ask & ASK_CODE)
			answer = (struct answer){ .code = slice_of(say->code) };
		else if (turn.ask.ask & ASK_CHOICE)
			answer = (struct answer){ .choice = slice_of(turn.ask.choices[0].id) };
		else
			answer.secret = slice_of(say->secret);
		if (turn.ask.ask == ASK_SECRET)
			answer.text = S_NONE;
		int rc = conversation_answer(a, slice_of(turn.ticket), binding, "192.0.2.7", &answer, &turn);
		must(rc == OK || (turn.verdict != V_ALLOW && turn.session.n == 0), "an error brings no yes along");
		if (rc != OK)
			return (struct turn){ 0 };
	}
	return turn;
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

/* Whatever failed on the way: a yes stands on everything that a yes needs. */
static void check_yes(struct arena *a, enum door door, const struct turn *turn, const struct words *said)
{
	struct login login;
	int rc = door == DOOR_HOST ? session_thaw(a, turn->session, &login) : session_login(a, turn->session, &login);
	must(rc == OK && strcmp(login.person->subject, ALICE) == 0 && login.level == 400, "it is hers, at level 400");
	must(trail_has(a, "\"event\":\"login.ok\",\"class\":\"identification\""), "its line is in the trail");	/* whose it is is sealed: only alice knows the words */
	must(talk(a, door, said).verdict != V_ALLOW, "its code is spent");
}

/* Soon, with another code; a machine that is busy may take longer than a time-out once or twice. */
static bool gets_in(struct arena *a, enum door door)
{
	for (int i = 0; i < 4; i++) {
		usleep(600 * 1000);		/* after a connection that failed nobody tries for half a second */
		faults->shift += STEP_S;
		if (talk(a, door, &(struct words){ "correct horse", code_now(a) }).verdict == V_ALLOW)
			return true;
	}
	return false;
}

static int run_child(enum door door, bool right_secret, bool right_code, int n)
{
	AUTO_ARENA a = arena_new();
	faults->shift += 2 * STEP_S;		/* each child has codes of its own */
	open_all();
	fault_thread = true;
	struct words say = { right_secret ? "correct horse" : "wrong horse", right_code ? code_now(a) : "000000" };
	faults_arm(n);
	struct turn turn = talk(a, door, &say);
	faults->armed = false;
	bool fired = faults->fired;
	must(turn.verdict == V_ALLOW || turn.session.n == 0, "no session without a yes");
	must((right_secret && right_code) || turn.verdict != V_ALLOW, "WHAT IS WRONG IS LET IN");
	if (turn.verdict == V_ALLOW)
		check_yes(a, door, &turn, &say);
	else if (right_secret && right_code)
		must(gets_in(a, door), "afterwards she gets in");
	return fired ? 0 : NOT_FIRED;
}

/* --- in the parent --- */

struct tally { int calls, yes, fell; };

/* False: there was no such call. */
static bool with_fault(enum door door, bool right_secret, bool right_code, int n, struct tally *tally)
{
	pid_t self = getpid(), pid = fork();
	int status;
	if (pid == 0) {
		process_die_with(self);
		alarm(60);
		said_of_it = arena_printf(arena_new(), "%s, %s password, %s code, fault %d", door == DOOR_HOST ? "host" : "browser",
		    right_secret ? "right" : "wrong", right_code ? "right" : "wrong", n);
		_exit(run_child(door, right_secret, right_code, n));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* without memory, random bytes or ciphers the process may end, and does so in order */
	bool fell = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && faults->fired && faults->fatal;
	if (!fell && (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != NOT_FIRED)))
		print_error("fault %d in %s: status %x\n", n, faults->name, (unsigned)status);
	assert_true(fell || (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NOT_FIRED)));
	tally->calls += faults->fired;
	tally->fell += fell;
	return faults->fired;
}

/* Every call in turn; where there is little time every 23rd, beginning with another one each day. */
static void every_fault(enum door door, bool right_secret, bool right_code)
{
	bool all = getenv("FAULTS") != NULL;
	int step = all ? 1 : 23;
	struct tally tally = { 0 };
	for (int n = all ? 0 : (int)(time(NULL) / 86400 % step); with_fault(door, right_secret, right_code, n, &tally); n += step)
		;
	print_message("%d faults, %d of which ended the process\n", tally.calls, tally.fell);
	assert_true(tally.calls * step > ENOUGH_CALLS);
}

static void browser_right(void **state) { (void)state; every_fault(DOOR_BROWSER, true, true); }
static void browser_wrong_password(void **state) { (void)state; every_fault(DOOR_BROWSER, false, true); }
static void browser_wrong_code(void **state) { (void)state; every_fault(DOOR_BROWSER, true, false); }
static void host_right(void **state) { (void)state; every_fault(DOOR_HOST, true, true); }
static void host_wrong_password(void **state) { (void)state; every_fault(DOOR_HOST, false, true); }
static void host_wrong_code(void **state) { (void)state; every_fault(DOOR_HOST, true, false); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(browser_right), cmocka_unit_test(browser_wrong_password), cmocka_unit_test(browser_wrong_code),
		cmocka_unit_test(host_right), cmocka_unit_test(host_wrong_password), cmocka_unit_test(host_wrong_code),
	};
	faults_open();
	log_open("test", (enum log_level)(getenv("SHOW") != NULL ? LOG_LEVEL_DEBUG : 0));
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, start, stop);
}
