/* Runs csam-card, asks it one thing, and ends it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "card.h"
#include "wire.h"

enum { CHANNEL = 3, HIGH = 10, GRACE_MS = 2000, KILLED_MS = 1000, STEP_MS = 10 };

/* --- what it says --- */

static const char *const words[] = {
	[CSAM_CARD_BROKEN] = "broken", [CSAM_CARD_READY] = "ready", [CSAM_CARD_SIGNED] = "signed", [CSAM_CARD_NO_MODULE] = "no-module",
	[CSAM_CARD_NO_READER] = "no-reader", [CSAM_CARD_NO_CARD] = "no-card", [CSAM_CARD_NO_CERTIFICATE] = "no-certificate", [CSAM_CARD_REMOVED] = "removed",
	[CSAM_CARD_PIN_WRONG] = "pin-wrong", [CSAM_CARD_PIN_FINAL] = "pin-final", [CSAM_CARD_PIN_LOCKED] = "pin-locked",
	[CSAM_CARD_PIN_CANCELLED] = "pin-cancelled", [CSAM_CARD_PIN_FORM] = "pin-form",
};
enum { NWORDS = sizeof words / sizeof words[0] };

const char *csam_card_word(enum csam_card state)
{
	return words[(unsigned)state < NWORDS ? state : CSAM_CARD_BROKEN];
}

static bool take_state(struct csam_cards *out, const char *word)
{
	unsigned i = 0;

	while (i < NWORDS && strcmp(words[i], word) != 0)
		i++;
	out->state = i < NWORDS ? (enum csam_card)i : CSAM_CARD_BROKEN;
	return i < NWORDS;
}

/* ID:FLAGS:LABEL */
static bool take_card(struct csam_cards *out, char *value)
{
	struct csam_card_found *card = &out->cards[out->n];
	char *flags = value + CSAM_CARD_ID, *label = flags + 5;

	if (out->n == CSAM_MAX_CARDS || strlen(value) <= CSAM_CARD_ID + 5 || strspn(value, "0123456789abcdef") != CSAM_CARD_ID || *flags != ':' || label[-1] != ':')
		return false;
	if (strlen(label) > CSAM_CARD_LABEL || !wire_plain(label))
		return false;
	*flags++ = '\0';
	*card = (struct csam_card_found){ .id = value, .label = label, .pin_pad = flags[0] == 'p', .pin_final = flags[1] == 'f', .pin_locked = flags[2] == 'l' };
	out->n++;
	return true;
}

/* Letters, digits and what base64url has besides, in three parts. */
static bool take_sign(struct csam_cards *out, const char *value)
{
	size_t n = strlen(value), dots = 0;

	for (size_t i = 0; i < n; i++)
		dots += value[i] == '.';
	if (out->sign != NULL || n == 0 || n > CSAM_MAX_SIGN || dots != 2 ||
	    strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != n)
		return false;
	out->sign = value;
	return true;
}

static bool take(struct csam_cards *out, char *field, bool first)
{
	if (first)
		return strncmp(field, "state=", 6) == 0 && take_state(out, field + 6);
	if (strncmp(field, "card=", 5) == 0)
		return take_card(out, field + 5);
	return strncmp(field, "sign=", 5) == 0 && take_sign(out, field + 5);
}

void card_read(size_t n, bool sign, struct csam_cards *out)
{
	static const char head[] = "csam-card=1";
	char *p = out->reply;
	bool good = n > sizeof head && n <= sizeof out->reply && p[n - 1] == '\0' && memcmp(p, head, sizeof head) == 0;

	out->state = CSAM_CARD_BROKEN;
	out->n = 0;
	out->sign = NULL;
	for (size_t at = sizeof head, len; good && at < n; at += len) {
		len = strlen(p + at) + 1;
		good = take(out, p + at, at == sizeof head);
	}
	/* each state with what belongs to it, and in answer to its own question */
	if (good && (out->state == CSAM_CARD_READY) == (out->n > 0) && (out->state == CSAM_CARD_SIGNED) == (out->sign != NULL) &&
	    (out->state != CSAM_CARD_READY || !sign) && (out->state != CSAM_CARD_SIGNED || sign))
		return;
	out->state = CSAM_CARD_BROKEN;
	out->n = 0;
	out->sign = NULL;
}

/* --- the program --- */

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* In the child: nothing but system calls. */
static _Noreturn void become(int channel, const char *program)
{
	char name[] = "csam-card", path[] = "PATH=/usr/bin:/bin", home[] = "HOME=/nonexistent", lang[] = "LANG=C.UTF-8";
	char *const argv[] = { name, NULL }, *const environment[] = { path, home, lang, NULL };
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 || dup2(channel, CHANNEL) < 0 ||
	    syscall(SYS_close_range, CHANNEL + 1, ~0U, 0) != 0)
		_exit(127);
	execve(program, argv, environment);
	_exit(127);
}

/* Stands between: execve(2) would make the caller's child one that sends SIGCHLD, so the program is the child of a child that starts no program. */
static _Noreturn void stand_between(int channel, const char *program)
{
	sigset_t all;

	setsid();
	sigfillset(&all);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);		/* what was ignored would stay so */
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		become(channel, program);
	syscall(SYS_close_range, 0, ~0U, 0);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* A child whose end sends no signal, and which no wait() of the caller's own meets (clone(2): exit signal 0). With it, where that is allowed, ends
 * everything that it has started: a process number space of its own. */
static pid_t begin(int channel, const char *program)
{
	pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_NEWPID, NULL, NULL, NULL, NULL);

	if (pid < 0)
		pid = (pid_t)syscall(SYS_clone, 0UL, NULL, NULL, NULL, NULL);
	if (pid == 0)
		stand_between(channel, program);
	return pid;
}

/* It keeps its number, for finish() to name it by. */
static bool ended(pid_t pid, long long end)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	for (;;) {
		siginfo_t of = { .si_pid = 0 };
		int r = waitid(P_PID, (id_t)pid, &of, WEXITED | WNOHANG | WNOWAIT | __WALL);
		if ((r == 0 && of.si_pid == pid) || (r < 0 && errno != EINTR))
			return true;
		if (now_ms() >= end)
			return false;
		nanosleep(&step, NULL);
	}
}

/* It may log out of the card; then it is killed, and what it started with it. A process that hangs in the kernel is left behind. */
static void finish(pid_t pid, bool answered)
{
	bool over = answered && ended(pid, now_ms() + GRACE_MS);

	kill(-pid, SIGKILL);
	if (!over) {
		kill(pid, SIGKILL);
		ended(pid, now_ms() + KILLED_MS);
	}
	waitpid(pid, NULL, __WALL | WNOHANG);
}

static size_t received(int fd, char *to, size_t room, long long end)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = end - now_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r == 0 || (r < 0 && errno != EINTR))
			return 0;
		if (r < 0)
			continue;
		ssize_t n = recv(fd, to, room, MSG_TRUNC | MSG_DONTWAIT);
		if (n >= 0)
			return (size_t)n <= room ? (size_t)n : 0;
		if (errno != EINTR && errno != EAGAIN)
			return 0;
	}
}

/* Two ends above what a program takes for its own. */
static bool channel(int out[2])
{
	int low[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		out[i] = fcntl(low[i], F_DUPFD_CLOEXEC, HIGH);
		close(low[i]);
	}
	if (out[0] >= 0 && out[1] >= 0)
		return true;
	for (int i = 0; i < 2; i++)
		if (out[i] >= 0)
			close(out[i]);
	return false;
}

static size_t exchange(const char *program, struct wire_out *w, unsigned timeout_s, char *reply, size_t room)
{
	long long end = now_ms() + timeout_s * 1000LL;
	int fd[2];
	size_t n = 0;

	if (w->bad || !channel(fd))
		return 0;
	pid_t pid = begin(fd[1], program);
	close(fd[1]);
	if (pid > 0) {
		if (send(fd[0], w->data, w->n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)w->n)
			n = received(fd[0], reply, room, end);
		finish(pid, n > 0);
	}
	close(fd[0]);
	return n;
}

static enum csam_card ask(const struct csam_card_want *want, bool sign, struct csam_cards *out)
{
	struct wire_out w = { .n = 0 };
	char life[16];

	snprintf(life, sizeof life, "%u", want->timeout_s + GRACE_MS / 1000);
	wire_put(&w, "csam-card", "1");
	wire_put(&w, "module", want->module);
	wire_put(&w, "life", life);
	if (sign) {
		wire_put(&w, "card", want->card);
		wire_put(&w, "challenge", want->challenge);
		wire_put(&w, "pin", want->pin);
		wire_put(&w, "last_try", want->last_try ? "1" : NULL);
	}
	size_t n = exchange(want->program != NULL ? want->program : PREFIX "/libexec/csam-card", &w, want->timeout_s, out->reply, sizeof out->reply);
	explicit_bzero(&w, sizeof w);
	card_read(n, sign, out);
	return out->state;
}

enum csam_card csam_cards(const struct csam_card_want *want, struct csam_cards *out)
{
	return ask(want, false, out);
}

enum csam_card csam_sign(const struct csam_card_want *want, struct csam_cards *out)
{
	if (want->pin == NULL || *want->pin != '\0')
		return ask(want, true, out);
	out->n = 0;
	out->sign = NULL;
	return out->state = CSAM_CARD_PIN_FORM;		/* nobody's PIN: the card is not asked */
}
