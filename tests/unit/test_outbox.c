/* LINK: -Wl,--wrap=keyring_day_key */
/* The outbox: what is taken, what becomes of it when carriers refuse, break and die, and what a killed process leaves. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/keyring.h"
#include "svc/outbox.h"
#include "svc/texts.h"

static char dir[64];
static atomic_int keyring_rc;

int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN]);
int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	if (keyring_rc != OK)
		return keyring_rc;
	derive_key(slice_mem(&day, sizeof day), "test", out, AEAD_KEY_LEN);
	return OK;
}

/* ---- a carrier that does as it is told ---- */

enum { SEEN = 64 };
static struct {
	pthread_mutex_t lock;
	enum sent say[CHANNELS];	/* what it answers … */
	unsigned for_tries;		/* … to the first so many tries of a message; 0: always */
	unsigned n, slow_ms, in, most;	/* in: under way now; most: at once, so far */
	struct {
		char id[32], to[80], arg[OUTBOX_ARG_MAX + 1], lang[8];
		unsigned tries;
		uint64_t at;
	} seen[SEEN];
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum sent carry(struct arena *a, const struct parcel *p, const char **why)
{
	pthread_mutex_lock(&world.lock);
	unsigned slow = world.slow_ms;
	if (world.n < SEEN) {
		snprintf(world.seen[world.n].id, sizeof world.seen->id, "%s", p->id);
		snprintf(world.seen[world.n].to, sizeof world.seen->to, "%s", p->to);
		snprintf(world.seen[world.n].arg, sizeof world.seen->arg, "%s", parcel_arg(p, "code"));
		snprintf(world.seen[world.n].lang, sizeof world.seen->lang, "%s", p->lang != NULL ? p->lang : "");
		world.seen[world.n].at = ticks_ms();
		world.seen[world.n].tries = p->tries;
	}
	world.n++;
	if (++world.in > world.most)
		world.most = world.in;
	enum sent say = world.for_tries == 0 || p->tries <= world.for_tries ? world.say[p->channel] : SENT_OK;
	pthread_mutex_unlock(&world.lock);
	if (slow != 0)
		usleep(slow * 1000);
	pthread_mutex_lock(&world.lock);
	world.in--;
	pthread_mutex_unlock(&world.lock);
	*why = arena_strdup(a, "told so");
	return say;
}

static unsigned tried(void)
{
	pthread_mutex_lock(&world.lock);
	unsigned n = world.n;
	pthread_mutex_unlock(&world.lock);
	return n;
}

static void say(enum channel c, enum sent s, unsigned for_tries)
{
	pthread_mutex_lock(&world.lock);
	world.say[c] = s;
	world.for_tries = for_tries;
	pthread_mutex_unlock(&world.lock);
}

static bool count_entry(void *ctx, const struct outbox_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return true;
}

static unsigned lie_there(enum channel c, enum outbox_place p)
{
	unsigned n = 0;
	AUTO_ARENA a = arena_new();
	assert_int_equal(outbox_each(a, c, p, count_entry, &n), OK);
	return n;
}

static void not(const char *what)
{
	print_error("%s\n", what);
	_fail(__FILE__, __LINE__);
}

#define wait_until(what) do { \
	uint64_t end_ = ticks_ms() + 60000; \
	while (!(what)) { \
		if (ticks_ms() > end_) \
			not("never: " #what); \
		usleep(2000); \
	} \
} while (0)

static struct outbox_conf conf(unsigned max, unsigned workers)
{
	struct outbox_conf c = { .max = max, .pause_s = 1, .pause_max_s = 2 };
	c.of[CHANNEL_MAIL].carry = c.of[CHANNEL_SMS].carry = carry;
	c.of[CHANNEL_MAIL].workers = c.of[CHANNEL_SMS].workers = workers;
	return c;
}

static void open_outbox(unsigned max, unsigned workers)
{
	struct outbox_conf c = conf(max, workers);
	assert_int_equal(outbox_open(&c), OK);
}

static int put_to(enum channel c, const char *to, const char *code, time_t expires, const char *dedup)
{
	AUTO_ARENA a = arena_new();
	const struct text_arg args[] = { { "code", code }, { "service", "Tax" } };
	const struct message m = { .channel = c, .to = to, .lang = "fr", .text_id = c == CHANNEL_SMS ? "sms.x" : "mail.x", .args = args, .nargs = 2,
		.expires = expires, .dedup = dedup };
	return outbox_put(a, &m);
}

static int put(enum channel c, const char *code)
{
	return put_to(c, c == CHANNEL_SMS ? "+32470123456" : "alice@example.org", code, now() + 600, NULL);
}

static void write_texts(const char *name)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s.json", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("{\"mail.x.subject\":\"Code for {service}\",\"mail.x.text\":\"{code}\",\"sms.x\":\"{code}\"}", f);
	fclose(f);
}

static int setup(void **s)
{
	(void)s;
	strcpy(dir, "/tmp/test_outbox.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	write_texts("fr");
	keyring_rc = OK;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	memset(&world, 0, sizeof world);
	world.lock = lock;
	say(CHANNEL_MAIL, SENT_OK, 0);
	say(CHANNEL_SMS, SENT_OK, 0);
	return texts_open(dir, "fr") != OK || state_open(dir, 64) != OK;
}

static int teardown(void **s)
{
	(void)s;
	char command[96];
	outbox_close();
	state_close();
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command);
}

/* ---- tests ---- */

static void arrives(void **s)
{
	(void)s;
	open_outbox(100, 2);
	assert_int_equal(put(CHANNEL_MAIL, "123456"), OK);
	wait_until(tried() == 1);
	assert_string_equal(world.seen[0].to, "alice@example.org");
	assert_string_equal(world.seen[0].arg, "123456");
	assert_string_equal(world.seen[0].lang, "fr");
	assert_int_equal(world.seen[0].tries, 1);
	wait_until(lie_there(CHANNEL_MAIL, OUTBOX_OUT) + lie_there(CHANNEL_MAIL, OUTBOX_WAITING) == 0);
	assert_int_equal(lie_there(CHANNEL_MAIL, OUTBOX_DEAD), 0);
	usleep(1500 * 1000);
	assert_int_equal(tried(), 1);
}

static bool in_file(const char *name, const char *needle)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	static char bytes[4 << 20];
	size_t n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	return memmem(bytes, n, needle, strlen(needle)) != NULL;
}

static bool look(void *ctx, const struct outbox_entry *e)
{
	*(bool *)ctx = strcmp(e->to, "al…@example.org") == 0 && strcmp(e->text_id, "mail.x") == 0 && strcmp(e->why, "told so") == 0 && e->tries == 1;
	return true;
}

/* What waits can be seen by the administrator, and neither code nor address by who copies the disk. */
static void sealed_at_rest(void **s)
{
	(void)s;
	bool right = false;
	AUTO_ARENA a = arena_new();
	say(CHANNEL_MAIL, SENT_LATER, 0);
	open_outbox(100, 2);
	assert_int_equal(put(CHANNEL_MAIL, "c0d3-735912"), OK);
	wait_until(tried() == 1 && lie_there(CHANNEL_MAIL, OUTBOX_WAITING) == 1);
	assert_int_equal(outbox_each(a, CHANNEL_MAIL, OUTBOX_WAITING, look, &right), OK);
	assert_true(right);
	assert_true(in_file("data.mdb", "mail.x"));
	assert_false(in_file("data.mdb", "735912"));
	assert_false(in_file("data.mdb", "alice@"));
}

static void refuses(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct text_arg args[OUTBOX_ARGS + 1] = { { "code", "1" } };
	struct message m = { .channel = CHANNEL_MAIL, .to = "alice@example.org", .text_id = "mail.none", .expires = now() + 60 };
	open_outbox(100, 1);
	assert_int_equal(outbox_put(a, &m), E_INPUT);
	m.text_id = "mail.x";
	m.expires = now();
	assert_int_equal(outbox_put(a, &m), E_INPUT);
	m.expires = now() + 60;
	m.args = args;
	m.nargs = OUTBOX_ARGS + 1;
	assert_int_equal(outbox_put(a, &m), E_INPUT);
	m.nargs = 1;
	m.to = NULL;
	assert_int_equal(outbox_put(a, &m), E_INPUT);
	assert_int_equal(put_to(CHANNEL_MAIL, "a@example.org\r\nRCPT TO:<eve@example.org>", "1", now() + 60, NULL), E_INPUT);
	m.to = "https://tax.example/logout";
	m.channel = CHANNEL_LOGOUT;
	assert_int_equal(outbox_put(a, &m), E_DOWN);		/* nobody carries it */
	assert_false(outbox_carries(CHANNEL_LOGOUT));
	assert_true(outbox_carries(CHANNEL_MAIL));
	assert_int_equal(tried(), 0);
}

static void arguments_are_cleaned(void **s)
{
	(void)s;
	static char huge[10001];
	memset(huge, 'x', sizeof huge - 1);
	memcpy(huge + OUTBOX_ARG_MAX - 1, "\xc3\xa9", 2);	/* an é that does not fit is left away whole */
	open_outbox(100, 1);
	assert_int_equal(put(CHANNEL_MAIL, "Ren\xc3\xa9\r\nBcc: eve\t\x7f\xc2\x85\xff."), OK);
	wait_until(tried() == 1);
	assert_string_equal(world.seen[0].arg, "Ren\xc3\xa9  Bcc: eve   ?.");
	assert_int_equal(put(CHANNEL_MAIL, huge), OK);
	wait_until(tried() == 2);
	assert_int_equal(strlen(world.seen[1].arg), OUTBOX_ARG_MAX - 1);
}

static void tries_again(void **s)
{
	(void)s;
	say(CHANNEL_MAIL, SENT_LATER, 2);
	open_outbox(100, 2);
	assert_int_equal(put(CHANNEL_MAIL, "1"), OK);
	wait_until(tried() == 3);
	assert_string_equal(world.seen[0].id, world.seen[1].id);
	assert_string_equal(world.seen[0].id, world.seen[2].id);
	assert_int_equal(world.seen[2].tries, 3);
	assert_true(world.seen[1].at - world.seen[0].at >= 700);	/* a full machine may be later */
	assert_true(world.seen[2].at - world.seen[1].at >= 1450);
	wait_until(lie_there(CHANNEL_MAIL, OUTBOX_OUT) + lie_there(CHANNEL_MAIL, OUTBOX_WAITING) == 0);
}

static bool first_id(void *ctx, const struct outbox_entry *e)
{
	snprintf(ctx, 64, "%s", e->id);
	return false;
}

static void dead_letters(void **s)
{
	(void)s;
	char id[64] = "";
	AUTO_ARENA a = arena_new();
	say(CHANNEL_SMS, SENT_NEVER, 1);
	open_outbox(100, 2);
	assert_int_equal(put(CHANNEL_SMS, "1"), OK);
	wait_until(lie_there(CHANNEL_SMS, OUTBOX_DEAD) == 1);
	assert_int_equal(outbox_each(a, CHANNEL_SMS, OUTBOX_DEAD, first_id, id), OK);
	assert_string_equal(id, world.seen[0].id);
	assert_int_equal(outbox_retry(a, "nothing"), E_NOENT);
	assert_int_equal(outbox_retry(a, id), OK);
	wait_until(tried() == 2 && lie_there(CHANNEL_SMS, OUTBOX_WAITING) + lie_there(CHANNEL_SMS, OUTBOX_OUT) == 0);
	assert_int_equal(lie_there(CHANNEL_SMS, OUTBOX_DEAD), 0);
	say(CHANNEL_SMS, SENT_NEVER, 0);
	assert_int_equal(put(CHANNEL_SMS, "1"), OK);
	wait_until(lie_there(CHANNEL_SMS, OUTBOX_DEAD) == 1);
	assert_int_equal(outbox_each(a, CHANNEL_SMS, OUTBOX_DEAD, first_id, id), OK);
	assert_int_equal(outbox_drop(a, id), OK);
	assert_int_equal(outbox_drop(a, id), E_NOENT);
	assert_int_equal(lie_there(CHANNEL_SMS, OUTBOX_DEAD), 0);
}

static void expires(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	char id[64];
	say(CHANNEL_MAIL, SENT_LATER, 0);
	open_outbox(100, 2);
	assert_int_equal(put_to(CHANNEL_MAIL, "alice@example.org", "1", now() + 4, NULL), OK);
	wait_until(lie_there(CHANNEL_MAIL, OUTBOX_DEAD) == 1);
	assert_int_equal(lie_there(CHANNEL_MAIL, OUTBOX_WAITING), 0);
	unsigned n = tried();
	assert_in_range(n, 1, 5);
	assert_int_equal(outbox_each(a, CHANNEL_MAIL, OUTBOX_DEAD, first_id, id), OK);
	assert_int_equal(outbox_retry(a, id), E_NOENT);		/* nobody is told a code of yesterday */
}

static bool works(enum channel c)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	outbox_metrics(&b);
	return strstr(buf_cstr(&b), arena_printf(a, "csam_outbox_working{kind=\"%s\"} 1", outbox_channel_name(c))) != NULL;
}

/* A dead server: one message a pause goes to see whether it lives, the others wait, another channel does not. Those that expire meanwhile are buried. */
static void channel_down(void **s)
{
	(void)s;
	say(CHANNEL_MAIL, SENT_DOWN, 0);
	world.slow_ms = 200;		/* who looks takes its time: others could come meanwhile */
	open_outbox(100, 4);
	assert_true(works(CHANNEL_MAIL));
	assert_int_equal(put(CHANNEL_MAIL, "1"), OK);
	wait_until(!works(CHANNEL_MAIL));
	for (int i = 0; i < 40; i++)
		assert_int_equal(put_to(CHANNEL_MAIL, "alice@example.org", "1", now() + (i < 20 ? 3 : 600), NULL), OK);
	wait_until(lie_there(CHANNEL_MAIL, OUTBOX_DEAD) == 20);
	wait_until(tried() >= 3);
	assert_in_range(tried(), 3, 12);
	assert_int_equal(world.most, 1);
	assert_int_equal(put(CHANNEL_SMS, "1"), OK);
	wait_until(lie_there(CHANNEL_SMS, OUTBOX_WAITING) + lie_there(CHANNEL_SMS, OUTBOX_OUT) == 0);
	say(CHANNEL_MAIL, SENT_OK, 0);
	wait_until(lie_there(CHANNEL_MAIL, OUTBOX_WAITING) + lie_there(CHANNEL_MAIL, OUTBOX_OUT) == 0);
	assert_int_equal(lie_there(CHANNEL_MAIL, OUTBOX_DEAD), 20);
}

/* Runs first: later the key of the day is known. */
static void keyring_down(void **s)
{
	(void)s;
	open_outbox(100, 2);
	keyring_rc = E_DOWN;
	assert_int_equal(put(CHANNEL_MAIL, "1"), E_DOWN);
	keyring_rc = OK;
	assert_int_equal(put(CHANNEL_MAIL, "1"), OK);
	wait_until(tried() == 1);
}

static void once_per_dedup(void **s)
{
	(void)s;
	open_outbox(100, 2);
	time_t end = now() + 4;
	assert_int_equal(put_to(CHANNEL_MAIL, "alice@example.org", "1", end, "a"), OK);
	assert_int_equal(put_to(CHANNEL_MAIL, "alice@example.org", "1", end, "a"), E_EXISTS);
	assert_int_equal(put_to(CHANNEL_MAIL, "alice@example.org", "1", end, "b"), OK);
	assert_int_equal(put_to(CHANNEL_SMS, "+32470123456", "1", end, "a"), OK);
	wait_until(tried() == 3);
	wait_until(put_to(CHANNEL_MAIL, "alice@example.org", "1", now() + 60, "a") == OK);
	assert_true(now() >= end);
	wait_until(tried() == 4);
}

/* Nothing is carried here: while a message is under way, another may take its place. */
static void full(void **s)
{
	(void)s;
	open_outbox(10, 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(put(CHANNEL_MAIL, "1"), OK);
	assert_int_equal(put(CHANNEL_MAIL, "1"), E_DOWN);
	assert_int_equal(put(CHANNEL_SMS, "1"), OK);
	outbox_close();
	open_outbox(10, 0);
	assert_int_equal(put(CHANNEL_MAIL, "1"), E_DOWN);	/* who begins counts what lies there */
	outbox_close();
	open_outbox(11, 0);
	assert_int_equal(put(CHANNEL_MAIL, "1"), OK);
}

static int refusing(struct state_change *c)
{
	(void)c;
	return E_LIMIT;
}

/* A record and its message are one, or none. */
static void one_act(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct slice v;
	struct state_act acts[4];
	struct state_value val = { .val = S("turn"), .ttl_s = 60 };
	const struct message m = { .channel = CHANNEL_MAIL, .to = "alice@example.org", .text_id = "mail.x", .expires = now() + 60, .dedup = "t" };
	size_t n;
	open_outbox(100, 1);
	acts[0] = (struct state_act){ "turn", S("t"), state_putting, &val };
	assert_int_equal(outbox_acts(a, &m, acts + 1, &n), OK);
	assert_int_equal(n, 2);
	acts[3] = (struct state_act){ "limit", S("t"), refusing, NULL };
	assert_int_equal(state_update_all(acts, 4), E_LIMIT);
	assert_int_equal(state_get(a, "turn", S("t"), &v), E_NOENT);
	assert_int_equal(lie_there(CHANNEL_MAIL, OUTBOX_WAITING), 0);
	assert_int_equal(state_update_all(acts, 3), OK);
	outbox_wake(CHANNEL_MAIL);
	wait_until(tried() == 1);
	assert_int_equal(state_update_all(acts, 3), E_EXISTS);
}

static void never_on_an_event_thread(void **s)
{
	(void)s;
	open_outbox(100, 1);
	wait_forbid();
	assert_int_equal(put(CHANNEL_MAIL, "1"), E_WAIT);
	assert_true(wait_was_wanted());
	assert_int_equal(tried(), 0);
}

/* ---- processes that share the store, and die ---- */

static char journal[96];

static enum sent carry_to_journal(struct arena *a, const struct parcel *p, const char **why)
{
	int fd = open(journal, O_WRONLY | O_APPEND | O_CREAT, 0600);
	const char *line = arena_printf(a, "%s\n", parcel_arg(p, "code"));
	(void)why;
	if (write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
	return SENT_OK;
}

static void drain_as_child(void)
{
	struct outbox_conf c = conf(200000, 4);
	c.of[CHANNEL_MAIL].carry = carry_to_journal;
	if (state_open(dir, 64) != OK || outbox_open(&c) != OK)
		_exit(3);
	while (lie_there(CHANNEL_MAIL, OUTBOX_WAITING) + lie_there(CHANNEL_MAIL, OUTBOX_OUT) > 0)
		usleep(20 * 1000);
	outbox_close();
	state_close();
	_exit(0);
}

static pid_t drain(void)
{
	pid_t pid = fork();
	if (pid == 0)
		drain_as_child();
	return pid;
}

static void fill(unsigned n)
{
	struct outbox_conf off = conf(200000, 0);	/* puts in, carries nothing */
	assert_int_equal(outbox_open(&off), OK);
	for (unsigned i = 0; i < n; i++) {
		char code[16];
		snprintf(code, sizeof code, "%u", i);
		assert_int_equal(put(CHANNEL_MAIL, code), OK);
	}
	outbox_close();
	state_close();
}

/* How many of 0 … n-1 are in the journal never, and how many lines are one too many. */
static void read_journal(unsigned n, unsigned *missing, unsigned *doubled)
{
	unsigned char *seen = calloc(n, 1);
	char line[32];
	FILE *f = fopen(journal, "r");
	assert_non_null(f);
	*missing = n;
	*doubled = 0;
	while (fgets(line, sizeof line, f) != NULL) {
		unsigned long i = strtoul(line, NULL, 10);
		assert_in_range(i, 0, n - 1);
		if (seen[i]++)
			++*doubled;
		else
			--*missing;
	}
	fclose(f);
	free(seen);
}

static void shared(void **s)
{
	(void)s;
	enum { N = 400 };
	unsigned missing, doubled;
	int status, both;
	snprintf(journal, sizeof journal, "%s/journal", dir);
	fill(N);
	pid_t a = drain(), b = drain();
	assert_int_equal(waitpid(a, &status, 0), a);
	assert_int_equal(waitpid(b, &both, 0), b);
	assert_int_equal(status | both, 0);
	read_journal(N, &missing, &doubled);
	assert_int_equal(missing, 0);
	assert_int_equal(doubled, 0);
	assert_int_equal(state_open(dir, 64), OK);
}

/* Killed again and again: everything arrives, and twice only what was in a worker's hands at that moment. */
static void killed(void **s)
{
	(void)s;
	unsigned n = getenv("OUTBOX_MESSAGES") != NULL ? (unsigned)strtoul(getenv("OUTBOX_MESSAGES"), NULL, 10) : 600;
	unsigned missing, doubled, kills = 0, seed = 7;
	int status;
	snprintf(journal, sizeof journal, "%s/journal", dir);
	fill(n);
	for (;; kills++) {
		pid_t pid = drain();
		usleep(20 * 1000 + (useconds_t)rand_r(&seed) % 60000 + kills * kills * 1000);	/* longer lives: a slow machine gets there too */
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			break;
		assert_in_range(kills, 0, 100);		/* what a dead process held comes back, or this would not end */
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	read_journal(n, &missing, &doubled);
	print_message("%u messages, %u kills, %u missing, %u doubled\n", n, kills, missing, doubled);
	assert_int_equal(missing, 0);
	assert_in_range(kills, 1, 100000);
	assert_in_range(doubled, 0, kills * 4);
	assert_int_equal(state_open(dir, 64), OK);
}

static void addresses(void **s)
{
	(void)s;
	static const char *const right[] = { "alice@example.org", "a.b+c@x-1.example.be", "o'neil@example.org", "a@b.c" };
	static const char *const wrong[] = { "", "@", "a@", "@b.c", "a@b", "a@b.", "a@.b", "a@b..c", ".a@b.c", "a.@b.c", "a..b@b.c", "a b@b.c", "a@b c.d", "a@b.c\n", "a\r\n@b.c",
		"\"a\"@b.c", "a@[127.0.0.1]", "a@127.0.0.1", "a@-b.c", "a@b-.c", "a,b@c.d", "a@b@c.d", "<a@b.c>", "a@b.c>", "ren\xc3\xa9@b.c", "a@b\xc3\xa9.c", "a@b.c d", "a(x)@b.c",
		"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaa@b.c" };
	static const char *const numbers[] = { "+32470123456", "+3247012", "+123456789012345" };
	static const char *const none[] = { "", "+", "32470123456", "+0470123456", "+32 470", "+324701", "+1234567890123456", "+3247012345a", "+32470123456\n" };
	AUTO_ARENA a = arena_new();
	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		assert_true(outbox_mail_address(slice_of(right[i])));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (outbox_mail_address(slice_of(wrong[i])))
			not(wrong[i]);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		assert_true(outbox_phone_number(slice_of(numbers[i])));
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(outbox_phone_number(slice_of(none[i])));
	assert_false(outbox_mail_address(slice_mem("a\0@b.c", 6)));
	assert_string_equal(outbox_masked(a, CHANNEL_MAIL, "alice@example.org"), "al…@example.org");
	assert_string_equal(outbox_masked(a, CHANNEL_MAIL, "al@example.org"), "…@example.org");
	assert_string_equal(outbox_masked(a, CHANNEL_SMS, "+32470123456"), "+32 … 56");
	assert_string_equal(outbox_masked(a, CHANNEL_MAIL, "x\ny"), "?");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(keyring_down), T(arrives), T(sealed_at_rest), T(refuses), T(arguments_are_cleaned), T(tries_again), T(dead_letters), T(expires), T(channel_down),
		T(once_per_dedup), T(full), T(one_act), T(never_on_an_event_thread), T(shared), T(killed), T(addresses),
	};
	log_open("test", LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
