/* libcsam against an agent that answers, lies, drips, hangs up and stays silent: whatever goes wrong reads as down, never as yes. */
#include "fake_agent.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include "libcsam/csam.h"

static const struct csam_who alice = { .user = "alice", .service = "sshd", .rhost = "192.0.2.7", .tty = "ssh", .lang = "nl",
	.can = CSAM_SECRET | CSAM_CODE | CSAM_TEXT | CSAM_CHOICE | CSAM_SHOW };

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void test_password_and_code(void **state)
{
	static const struct fake_step steps[] = {
		{ "csam=1|op=authenticate|user=alice|service=sshd|rhost=192.0.2.7|tty=ssh|lang=nl|can=secret,code,text,choice,show",
		    "csam=1|result=ask|ask=secret|label=Wachtwoord: |note=Welkom, Zoë|wait=4|" , 0 },
		{ "csam=1|op=answer|secret=+a=b+ é", "csam=1|result=ask|newer=thing|label=Code: |ask=code|", 0 },
		{ "csam=1|op=answer|code=123456", "csam=1|name=alice|result=allow|uid=10001|level=400|", 0 }, { 0 } };
	struct csam_turn t;
	(void)state;

	fake_start(steps);
	struct csam *c = csam_open(fake.path, 2000);
	assert_non_null(c);
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_ASK);
	assert_int_equal(t.ask, CSAM_SECRET);
	assert_string_equal(t.label, "Wachtwoord: ");
	assert_string_equal(t.note, "Welkom, Zoë");
	assert_int_equal(t.wait_s, 4);
	assert_null(t.message);
	assert_int_equal(csam_answer(c, &(struct csam_answer){ .secret = "+a=b+ é" }, &t), CSAM_ASK);
	assert_int_equal(t.ask, CSAM_CODE);
	assert_int_equal(csam_answer(c, &(struct csam_answer){ .code = "123456" }, &t), CSAM_ALLOW);
	assert_string_equal(t.name, "alice");
	assert_true(t.has_uid);
	assert_int_equal(t.uid, 10001);
	/* a conversation that has ended says nothing more */
	assert_int_equal(csam_answer(c, &(struct csam_answer){ .code = "123456" }, &t), CSAM_DOWN);
	assert_null(t.name);
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_DOWN);
	assert_null(csam_close(c));
	fake_stop();
	assert_string_equal(strstr(fake.got[1], "op="), "op=answer|secret=+a=b+ é|");
}

static void test_choices(void **state)
{
	static const struct fake_step steps[] = {
		{ "proven=publickey", "csam=1|result=ask|ask=choice|choice=app:The app: green|choice=sms:SMS|", 0 },
		{ "op=answer|choice=app", "csam=1|result=deny|message=No.|", 0 }, { 0 } };
	struct csam_who who = alice;
	struct csam_turn t;
	(void)state;

	fake_start(steps);
	struct csam *c = csam_open(fake.path, 2000);
	who.publickey = true;
	assert_int_equal(csam_authenticate(c, &who, &t), CSAM_ASK);
	assert_int_equal(t.nchoices, 2);
	assert_string_equal(t.choices[0].id, "app");
	assert_string_equal(t.choices[0].label, "The app: green");
	assert_string_equal(t.choices[1].label, "SMS");
	/* the id lives in the reply that the next one overwrites */
	assert_int_equal(csam_answer(c, &(struct csam_answer){ .choice = t.choices[0].id }, &t), CSAM_DENY);
	assert_string_equal(t.message, "No.");
	csam_close(c);
	fake_stop();
}

static void test_lines(void **state)
{
	static const struct fake_step steps[] = { { "can=code,device", "csam=1|result=ask|ask=code,device|label=Digits: |line=\xe2\x96\x84 \xe2\x96\x88|line=Open it.|", 0 }, { 0 } };
	struct csam_who who = alice;
	struct csam_turn t;
	(void)state;

	fake_start(steps);
	struct csam *c = csam_open(fake.path, 2000);
	who.can = CSAM_CODE | CSAM_DEVICE;
	assert_int_equal(csam_authenticate(c, &who, &t), CSAM_ASK);
	assert_int_equal(t.ask, CSAM_CODE | CSAM_DEVICE);
	assert_int_equal(t.nlines, 2);
	assert_string_equal(t.lines[0], "\xe2\x96\x84 \xe2\x96\x88");
	assert_string_equal(t.lines[1], "Open it.");
	csam_close(c);
	fake_stop();
}

static enum csam_result once(enum csam_result (*op)(struct csam *, const struct csam_who *, struct csam_turn *), const char *says, size_t raw)
{
	const struct fake_step steps[] = { { "csam=1", says, raw }, { 0 } };
	struct csam_turn t;

	memset(&t, 0xff, sizeof t);
	fake_start(steps);
	struct csam *c = csam_open(fake.path, says != NULL && *says == '\0' && raw == 0 ? 150 : 2000);
	enum csam_result r = op(c, &alice, &t);
	assert_int_equal(t.result, r);
	if (r == CSAM_DOWN)
		assert_true(t.ask == 0 && t.label == NULL && t.name == NULL && !t.has_uid && t.nchoices == 0);
	csam_close(c);
	fake_stop();
	return r;
}

static void test_every_result(void **state)
{
	(void)state;
	assert_int_equal(once(csam_account, "csam=1|result=allow|name=alice|", 0), CSAM_ALLOW);
	assert_int_equal(once(csam_account, "csam=1|result=deny|", 0), CSAM_DENY);
	assert_int_equal(once(csam_account, "csam=1|result=suspended|", 0), CSAM_SUSPENDED);
	assert_int_equal(once(csam_account, "csam=1|result=not_allowed|", 0), CSAM_NOT_ALLOWED);
	assert_int_equal(once(csam_account, "csam=1|result=unknown|", 0), CSAM_UNKNOWN);
	assert_int_equal(once(csam_account, "csam=1|result=must_change_password|", 0), CSAM_MUST_CHANGE);
	assert_int_equal(once(csam_account, "csam=1|result=down|", 0), CSAM_DOWN);
	assert_int_equal(once(csam_password, "csam=1|result=changed|", 0), CSAM_CHANGED);
	assert_int_equal(once(csam_password, "csam=1|result=ask|ask=secret|", 0), CSAM_ASK);
	assert_int_equal(once(csam_authenticate, "csam=1|result=ask|ask=device,code|", 0), CSAM_DOWN);		/* and nothing to show */
	assert_int_equal(once(csam_authenticate, "csam=1|result=ask|ask=code|line=a|", 0), CSAM_DOWN);
	assert_int_equal(once(csam_authenticate, "csam=1|result=ask|ask=device,code|line=a\nb|", 0), CSAM_DOWN);
	assert_int_equal(once(csam_authenticate, "csam=1|result=ask|ask=device,code|line=\033[2J|", 0), CSAM_DOWN);
	/* a yes to another question is none */
	assert_int_equal(once(csam_password, "csam=1|result=allow|name=alice|", 0), CSAM_DOWN);
	assert_int_equal(once(csam_authenticate, "csam=1|result=changed|", 0), CSAM_DOWN);
	assert_int_equal(once(csam_account, "csam=1|result=ask|ask=secret|", 0), CSAM_DOWN);
}

static void test_lies(void **state)
{
	static const char *const lies[] = {
		"x", "|", "csam=1", "csam=1|", "csam=2|result=allow|name=alice|", "result=allow|csam=1|name=alice|", "csam=1|result=allow|name=alice",
		"csam=1|result=allow|", "csam=1|result=allow|name=|", "csam=1|result=allow|name=alice|name=bruno|", "csam=1|result=deny|result=allow|name=alice|",
		"csam=1|csam=1|result=allow|name=alice|", "csam=1|result=ALLOW|name=alice|", "csam=1|result=|name=alice|", "csam=1|name=alice|",
		"csam=1|result=allow|name=al\nice|", "csam=1|result=allow|name=alice|uid=|", "csam=1|result=allow|name=alice|uid=-1|",
		"csam=1|result=allow|name=alice|uid=4294967295|", "csam=1|result=allow|name=alice|uid=99999999999999999999|", "csam=1|result=allow|name=alice|uid=1e3|",
		"csam=1|result=allow|name=alice|Name=x|", "csam=1|result=allow|name=alice|=x|", "csam=1|result=allow|name=alice|word|", "csam=1||result=allow|name=alice|",
		"csam=1|result=ask|", "csam=1|result=ask|ask=|", "csam=1|result=ask|ask=secret,|", "csam=1|result=ask|ask=finger|", "csam=1|result=ask|ask=choice|",
		"csam=1|result=ask|ask=secret|choice=a:b|", "csam=1|result=ask|ask=choice|choice=ab|", "csam=1|result=ask|ask=choice|choice=:b|",
		"csam=1|result=ask|ask=secret|wait=x|", "csam=1|result=ask|ask=secret|wait=99999|", "csam=1|result=ask|ask=secret|label=\033[2J|",
		"csam=1|result=ask|ask=secret|note=\xc2\x9b""2J|", "csam=1|result=ask|ask=secret|note=\xff|", "csam=1|result=ask|ask=secret|note=\xc0\xaf|",
		"csam=1|result=ask|ask=secret|note=\xed\xa0\x80|", "csam=1|result=ask|ask=secret|note=\xe2\x82|", "csam=1|result=deny|message=a\x7f|",
		"csam=1|result=ask|ask=choice|choice=1:a|choice=2:a|choice=3:a|choice=4:a|choice=5:a|choice=6:a|choice=7:a|choice=8:a|choice=9:a|choice=10:a|"
		"choice=11:a|choice=12:a|choice=13:a|choice=14:a|choice=15:a|choice=16:a|choice=17:a|",
	};
	(void)state;

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		if (once(csam_authenticate, lies[i], 0) != CSAM_DOWN)
			fail_msg("believed: %s", lies[i]);
}

static void test_sizes(void **state)
{
	(void)state;
	/* the end of the message is not where it should be; more than 16 KiB; a value that is too long */
	assert_int_equal(once(csam_authenticate, "csam=1|result=allow|name=alice|", 16384), CSAM_DOWN);
	assert_int_equal(once(csam_authenticate, "csam=1|result=allow|name=alice|", 16385), CSAM_DOWN);
	static char says[5000];
	size_t n = (size_t)sprintf(says, "csam=1|result=deny|x=");
	memset(says + n, 'a', CSAM_MAX_VALUE);
	strcpy(says + n + CSAM_MAX_VALUE, "|");
	assert_int_equal(once(csam_authenticate, says, 0), CSAM_DENY);
	strcpy(says + n + CSAM_MAX_VALUE, "a|");
	assert_int_equal(once(csam_authenticate, says, 0), CSAM_DOWN);
}

static void test_vanishes(void **state)
{
	static const struct fake_step first[] = { { "op=authenticate", NULL, 0 }, { 0 } };
	static const struct fake_step second[] = { { "op=authenticate", "csam=1|result=ask|ask=secret|", 0 }, { "op=answer", NULL, 0 }, { 0 } };
	static const struct fake_step before[] = { { 0 } };
	struct csam_turn t;
	(void)state;

	fake_start(first);
	struct csam *c = csam_open(fake.path, 2000);
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_DOWN);
	csam_close(c);
	fake_stop();
	fake_start(second);
	c = csam_open(fake.path, 2000);
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_ASK);
	assert_int_equal(csam_answer(c, &(struct csam_answer){ .secret = "x" }, &t), CSAM_DOWN);
	csam_close(c);
	fake_stop();
	/* gone before the request: the SIGPIPE of it would end this test */
	signal(SIGPIPE, SIG_DFL);
	fake_start(before);
	c = csam_open(fake.path, 2000);
	usleep(20000);
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_DOWN);
	csam_close(c);
	fake_stop();
	assert_null(csam_open(fake.path, 2000));
	assert_int_equal(csam_authenticate(NULL, &alice, &t), CSAM_DOWN);
	assert_int_equal(csam_answer(NULL, &(struct csam_answer){ 0 }, &t), CSAM_DOWN);
	assert_null(csam_close(NULL));
}

static int signals;
static void on_alarm(int sig)
{
	(void)sig;
	signals++;
}

static void test_silence_ends(void **state)
{
	static const struct fake_step silent[] = { { "op=authenticate", "", 0 }, { 0 } };
	struct itimerval every = { { 0, 10000 }, { 0, 10000 } }, never = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };	/* no SA_RESTART: every call gets EINTR */
	struct csam_turn t;
	(void)state;

	fake_start(silent);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	struct csam *c = csam_open(fake.path, 200);
	long long begun = now_ms();
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_DOWN);
	long long took = now_ms() - begun;
	setitimer(ITIMER_REAL, &never, NULL);
	assert_true(took >= 190 && took < 1500);
	assert_true(signals > 3);
	csam_close(c);
	fake_stop();
	/* nobody accepts: the queue takes the request, nobody answers it; then the queue is full */
	fake_start(NULL);
	struct csam *many[64];
	size_t n = 0;
	while (n < 64 && (many[n] = csam_open(fake.path, 100)) != NULL)
		n++;
	assert_in_range(n, 1, 63);
	begun = now_ms();
	assert_int_equal(csam_authenticate(many[0], &alice, &t), CSAM_DOWN);
	assert_null(csam_open(fake.path, 200));
	took = now_ms() - begun;
	assert_true(took >= 280 && took < 1500);
	while (n > 0)
		csam_close(many[--n]);
	fake_stop();
}

static void test_answers_that_are_none(void **state)
{
	static const struct fake_step steps[] = { { "op=authenticate", "csam=1|result=ask|ask=secret|", 0 }, { "", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static char huge[10001];
	static const struct csam_answer none[] = { { 0 }, { .secret = "" }, { .code = "1" }, { .secret = "x", .code = "1" }, { .secret = huge }, { .text = "x" } };
	struct csam_turn t;
	(void)state;

	memset(huge, 'a', 10000);
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		fake_start(steps);
		struct csam *c = csam_open(fake.path, 2000);
		assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_ASK);
		assert_int_equal(csam_answer(c, &none[i], &t), CSAM_DENY);
		assert_int_equal(csam_answer(c, &(struct csam_answer){ .secret = "x" }, &t), CSAM_DOWN);
		csam_close(c);
		fake_stop();
		assert_int_equal(fake.requests, 1);
	}
	struct csam_who who = alice;
	who.user = "";
	fake_start(steps);
	struct csam *c = csam_open(fake.path, 2000);
	assert_int_equal(csam_authenticate(c, &who, &t), CSAM_DENY);
	who.user = huge;
	csam_close(c);
	c = csam_open(fake.path, 2000);
	assert_int_equal(csam_authenticate(c, &who, &t), CSAM_DENY);
	csam_close(c);
	/* what cannot be drawn is not begun */
	c = csam_open(fake.path, 2000);
	who.user = "alice";
	who.can = CSAM_CODE;
	assert_int_equal(csam_authenticate(c, &who, &t), CSAM_DOWN);
	csam_close(c);
	fake_stop();
}

/* A child must not speak in its parent's conversation; closing its copy does not end it. */
static void test_fork(void **state)
{
	static const struct fake_step steps[] = { { "op=authenticate", "csam=1|result=ask|ask=secret|", 0 }, { "secret=x", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	struct csam_turn t;
	int status;
	(void)state;

	fake_start(steps);
	struct csam *c = csam_open(fake.path, 2000);
	assert_int_equal(csam_authenticate(c, &alice, &t), CSAM_ASK);
	pid_t child = fork();
	if (child == 0) {
		bool down = csam_answer(c, &(struct csam_answer){ .secret = "y" }, &t) == CSAM_DOWN;
		csam_close(c);
		_exit(down ? 0 : 1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(csam_answer(c, &(struct csam_answer){ .secret = "x" }, &t), CSAM_ALLOW);
	csam_close(c);
	fake_stop();
}

static void test_descriptors(void **state)
{
	static const struct fake_step steps[] = { { "", "csam=1|result=deny|", 0 }, { 0 } };
	char name[64];
	(void)state;

	fake_start(steps);
	int saved = dup(STDIN_FILENO);
	close(STDIN_FILENO);
	struct csam *c = csam_open(fake.path, 2000);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
	dup2(saved, STDIN_FILENO);
	close(saved);
	int found = 0;
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_un peer = { 0 };
		socklen_t n = sizeof peer;
		if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0 && strcmp(peer.sun_path, fake.path) == 0) {
			assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
			found++;
		}
	}
	assert_int_equal(found, 1);
	csam_close(c);
	fake_stop();
	snprintf(name, sizeof name, "agent.sock");
	assert_null(csam_open(name, 100));
	assert_null(csam_open("/", 100));
	assert_null(csam_open("", 100));
	static char longest[200];
	memset(longest, '/', 199);
	assert_null(csam_open(longest, 100));
}

/* Somebody who is neither root nor the owner of the folder listens there. */
static void test_stranger(void **state)
{
	int ready[2];
	struct stat st;
	(void)state;

	if (geteuid() != 0)
		skip();
	fake_start(NULL);
	assert_int_equal(chmod(fake.folder, 0777), 0);
	unlink(fake.path);
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		alarm(20);	/* also when the test fails */
		struct sockaddr_un sun = { .sun_family = AF_UNIX };
		memcpy(sun.sun_path, fake.path, strlen(fake.path) + 1);
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (setuid(65534) != 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0 || listen(fd, 4) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	char x;
	assert_int_equal(read(ready[0], &x, 1), 1);
	assert_int_equal(stat(fake.path, &st), 0);
	assert_null(csam_open(fake.path, 500));
	/* the owner of the folder may */
	assert_int_equal(chown(fake.folder, 65534, 65534), 0);
	struct csam *c = csam_open(fake.path, 500);
	assert_non_null(c);
	csam_close(c);
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password_and_code), cmocka_unit_test(test_choices), cmocka_unit_test(test_lines), cmocka_unit_test(test_every_result), cmocka_unit_test(test_lies),
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_vanishes), cmocka_unit_test(test_silence_ends), cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_fork), cmocka_unit_test(test_descriptors), cmocka_unit_test(test_stranger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
