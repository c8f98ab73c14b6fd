/* LINK: -Wl,--wrap=now -Wl,--wrap=now_ms -Wl,--wrap=audit_write -Wl,--wrap=state_update -Wl,--wrap=directory_enrolment -Wl,--wrap=directory_enrolment_close -Wl,--wrap=directory_person */
/* Activation: one pair of link and code begins it, once; in one browser it stands for half an hour; and guessers learn nothing and shut nobody out. */
/* ONE TRY: what it looks for goes wrong seldom. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "core/activation.h"
#include "svc/audit.h"
#include "svc/state.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAA"
#define LINK ID ".SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS"
#define CODE "BCDFGHJKLM"
static const struct slice browser = S("browser"), elsewhere = S("another browser");

static char dir[64];
static struct arena *a;
static _Atomic int64_t skew_s;
static unsigned char of_link[SHA256_LEN], of_code[SHA256_LEN];
static struct person jules;

/* The directory: one enrolment and one person. */
static struct { pthread_mutex_t lock; char state[16]; int rc, close_rc, person_rc; time_t end; unsigned level; bool forgets; } there = { .lock = PTHREAD_MUTEX_INITIALIZER };
static atomic_uint lines, lines_of_it;
static char last_why[32];

time_t __real_now(void);
time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return __real_now() + skew_s;
}

int64_t __real_now_ms(void);
int64_t __wrap_now_ms(void);
int64_t __wrap_now_ms(void)
{
	return __real_now_ms() + skew_s * 1000;
}

int __wrap_directory_enrolment(struct arena *arena, struct slice id, struct enrolment *out);
int __wrap_directory_enrolment(struct arena *arena, struct slice id, struct enrolment *out)
{
	if (there.rc != OK)
		return there.rc;
	if (!slice_is(id, ID))
		return E_NOENT;
	pthread_mutex_lock(&there.lock);
	*out = (struct enrolment){ .id = ID, .dn = "csamEnrolmentId=" ID, .subject = jules.subject, .state = arena_strdup(arena, there.state), .level = there.level,
		.end = there.end, .link = slice_mem(of_link, SHA256_LEN), .code = slice_mem(of_code, SHA256_LEN) };
	pthread_mutex_unlock(&there.lock);
	return OK;
}

int __wrap_directory_enrolment_close(const struct enrolment *e, const char *state);
int __wrap_directory_enrolment_close(const struct enrolment *e, const char *state)
{
	int rc = there.close_rc;
	assert_string_equal(e->id, ID);
	pthread_mutex_lock(&there.lock);
	if (rc == OK && strcmp(there.state, "open") != 0)
		rc = E_EXISTS;
	if (rc == OK && !there.forgets)
		strcpy(there.state, state);
	pthread_mutex_unlock(&there.lock);
	return rc;
}

int __wrap_directory_person(struct arena *arena, const char *subject, const struct person **out);
int __wrap_directory_person(struct arena *arena, const char *subject, const struct person **out)
{
	(void)arena;
	assert_string_equal(subject, jules.subject);
	if (there.person_rc == OK)
		*out = &jules;
	return there.person_rc;
}

/* What waits for the disk. */
static atomic_uint waits;

int __real_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	waits++;
	return __real_state_update(ns, key, fn, ctx);
}

int __wrap_audit_write(const struct audit_line *l);
int __wrap_audit_write(const struct audit_line *l)
{
	lines++;
	waits++;
	if (l->event == EV_ACTIVATION_NO) {
		lines_of_it += l->subject != NULL;
		assert_true((l->subject != NULL) == (strcmp(l->why, "link") != 0));
		pthread_mutex_lock(&there.lock);
		snprintf(last_why, sizeof last_why, "%s", l->why);
		pthread_mutex_unlock(&there.lock);
	}
	return OK;
}

static int open_store(void)
{
	strcpy(dir, "/tmp/test_activation.XXXXXX");
	return mkdtemp(dir) == NULL || state_open(dir, 16) != OK;
}

static void close_store(void)
{
	char path[96];
	state_close();
	for (const char *const *f = (const char *const[]){ "data.mdb", "lock.mdb", "processes", NULL }; *f != NULL; f++) {
		snprintf(path, sizeof path, "%s/%s", dir, *f);
		unlink(path);
	}
	rmdir(dir);
}

static int setup(void **s)
{
	(void)s;
	skew_s = 0;
	lines = lines_of_it = 0;
	jules = (struct person){ .subject = "11111111-2222-4333-8444-555555555555", .name = "jules", .state = "active" };
	strcpy(there.state, "open");
	there.rc = there.close_rc = there.person_rc = OK;
	there.end = now() + 14 * 24 * 3600;
	there.level = 400;
	there.forgets = false;
	activation_digests(S(LINK), CODE, of_link, of_code);
	a = arena_new();
	return open_store();
}

static int teardown(void **s)
{
	(void)s;
	close_store();
	a = arena_free(a);
	return 0;
}

static int begin_from(const char *peer, const char *link, const char *code, struct activation_begun *out)
{
	struct activation_begun none;
	return activation_begin(a, slice_of(link), slice_of(code), browser, peer, out != NULL ? out : &none);
}

static int begin(const char *link, const char *code)
{
	return begin_from("192.0.2.7", link, code, NULL);
}

static struct slice begun(void)
{
	struct activation_begun b = { .wait_s = 9 };
	assert_int_equal(begin_from("192.0.2.7", LINK, CODE, &b), OK);
	assert_true(b.cookie.n > 0 && b.wait_s == 0);
	return b.cookie;
}

static void the_pair_begins_once_and_stands_in_one_browser(void **s)
{
	(void)s;
	struct activation is;
	struct slice cookie = begun();
	assert_string_equal(there.state, "used");
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
	assert_ptr_equal(is.person, &jules);
	assert_int_equal(is.level, 400);
	assert_false(is.alone);
	assert_int_equal(activation_note_alone(is.id), OK);
	assert_int_equal(activation_by_id(a, is.id, &is), OK);
	assert_true(is.alone);
	assert_int_equal(activation_of(a, cookie, elsewhere, &is), E_NOENT);
	assert_int_equal(activation_of(a, cookie, S(""), &is), E_NOENT);
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "used");
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
	assert_int_equal(activation_end(is.id), OK);
	assert_int_equal(activation_of(a, cookie, browser, &is), E_NOENT);
	assert_int_equal(activation_by_id(a, is.id, &is), E_NOENT);
	assert_int_equal(activation_note_alone(is.id), E_NOENT);
}

static void codes_are_read_as_people_write_them(void **s)
{
	(void)s;
	assert_int_equal(begin(LINK, " bcdfg-hjklm "), OK);
}

static void cookies_that_are_none(void **s)
{
	(void)s;
	struct activation is;
	struct slice cookie = begun();
	const char *id = arena_printf(a, "%.22s", cookie.p);
	for (size_t i = 0; i < cookie.n; i++) {
		char *bent = arena_str(a, cookie);
		bent[i] = bent[i] == 'A' ? 'B' : 'A';
		assert_int_equal(activation_of(a, slice_of(bent), browser, &is), E_NOENT);
		assert_int_equal(activation_of(a, slice_mem(cookie.p, i), browser, &is), E_NOENT);
	}
	assert_int_equal(activation_of(a, S_NONE, browser, &is), E_NOENT);
	assert_int_equal(activation_of(a, S(LINK), browser, &is), E_NOENT);
	assert_int_equal(activation_of(a, slice_of(arena_printf(a, "%s.%.43s", id, LINK + 23)), browser, &is), E_NOENT);
	assert_int_equal(activation_by_id(a, "", &is), E_NOENT);
	assert_int_equal(activation_by_id(a, cookie.p, &is), E_NOENT);
}

static void links_that_are_none(void **s)
{
	(void)s;
	static const char *const bad[] = { "", ".", ID, ID ".", "." ID, LINK "S", ID ".SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS", ID "-SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS",
		"BAAAAAAAAAAAAAAAAAAAAA.SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS", ID ".SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSST",
		"AAAAAAAAAAAAAAAAAAAAA.ASSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS", "*.SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(begin(bad[i], CODE), E_NOENT);
		assert_string_equal(last_why, "link");
	}
	assert_int_equal(begin_from("192.0.2.7", LINK, "", NULL), E_NOENT);
	assert_string_equal(last_why, "wrong-code");
	assert_int_equal(begin(LINK, CODE), OK);
}

static void only_what_is_open_begins(void **s)
{
	(void)s;
	for (const char *const *state = (const char *const[]){ "used", "locked", "cancelled", "", "Open", NULL }; *state != NULL; state++) {
		close_store();			/* no five tries together */
		assert_int_equal(open_store(), 0);
		strcpy(there.state, *state);
		assert_int_equal(begin(LINK, CODE), E_NOENT);
		assert_string_equal(last_why, *state);
	}
	strcpy(there.state, "open");
	jules.state = "suspended";
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "person");
	there.person_rc = E_NOENT;
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(there.state, "open");
}

static void nothing_is_spent_while_something_is_down(void **s)
{
	(void)s;
	there.rc = E_DOWN;
	assert_int_equal(begin(LINK, CODE), E_DOWN);
	there.rc = OK;
	there.person_rc = E_DOWN;
	assert_int_equal(begin(LINK, CODE), E_DOWN);
	there.person_rc = OK;
	there.close_rc = E_DOWN;
	assert_int_equal(begin(LINK, CODE), E_DOWN);
	there.close_rc = OK;
	struct slice cookie = begun();
	struct activation is;
	there.person_rc = E_DOWN;
	assert_int_equal(activation_of(a, cookie, browser, &is), E_DOWN);
	there.rc = E_DOWN;
	assert_int_equal(activation_of(a, cookie, browser, &is), E_DOWN);
	there.rc = there.person_rc = OK;
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
}

static void it_stands_as_long_as_its_enrolment_and_its_person(void **s)
{
	(void)s;
	struct activation is;
	struct slice cookie = begun();
	there.level = 200;
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
	assert_int_equal(is.level, 200);
	strcpy(there.state, "cancelled");
	assert_int_equal(activation_of(a, cookie, browser, &is), E_NOENT);
	strcpy(there.state, "open");
	assert_int_equal(activation_of(a, cookie, browser, &is), E_NOENT);
	strcpy(there.state, "used");
	jules.state = "suspended";
	assert_int_equal(activation_of(a, cookie, browser, &is), E_NOENT);
	jules.state = "active";
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
}

static void clocks_that_jump(void **s)
{
	(void)s;
	struct activation is;
	skew_s = 15 * 24 * 3600;
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "expired");
	skew_s = 14 * 24 * 3600 - 60;
	struct slice cookie = begun();
	skew_s += ACTIVATION_LIFE_S - 2;		/* what began in time goes on */
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
	skew_s += 3;
	assert_int_equal(activation_of(a, cookie, browser, &is), E_NOENT);
	skew_s -= ACTIVATION_LIFE_S + 20;		/* a clock that is corrected */
	assert_int_equal(activation_of(a, cookie, browser, &is), OK);
	skew_s -= 3600;					/* one set back makes no half hour longer */
	assert_int_equal(activation_of(a, cookie, browser, &is), E_NOENT);
}

static void after_five_wrong_codes_the_right_one_is_wrong(void **s)
{
	(void)s;
	for (int i = 0; i < ACTIVATION_TRIES; i++)
		assert_int_equal(begin(LINK, "CCCCCCCCCC"), E_NOENT);
	assert_string_equal(there.state, "open");
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "locked");
	assert_string_equal(there.state, "locked");
	skew_s = 30 * 24 * 3600;
	there.end = now() + 3600;
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	close_store();				/* and when the count is lost */
	assert_int_equal(open_store(), 0);
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "locked");
}

static void the_fifth_may_be_right(void **s)
{
	(void)s;
	for (int i = 1; i < ACTIVATION_TRIES; i++)
		assert_int_equal(begin(LINK, "nonsense"), E_NOENT);
	assert_int_equal(begin(LINK, CODE), OK);
}

/* --- at once --- */

enum { THREADS = 100 };
static struct { const char *link, *code; } tried;
static atomic_uint came[-E_WAIT + 1];
static pthread_barrier_t gate;

static void *one_try(void *unused)
{
	AUTO_ARENA own = arena_new();
	struct activation_begun b;
	(void)unused;
	pthread_barrier_wait(&gate);
	int rc = activation_begin(own, slice_of(tried.link), slice_of(tried.code), browser, "192.0.2.7", &b);
	came[-rc]++;
	return NULL;
}

static void at_once(unsigned n, const char *link, const char *code)
{
	pthread_t t[THREADS];
	tried.link = link;
	tried.code = code;
	memset(came, 0, sizeof came);
	pthread_barrier_init(&gate, NULL, n);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&t[i], NULL, one_try, NULL);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&gate);
}

static void of_five_at_once_one_begins(void **s)
{
	(void)s;
	for (int round = 0; round < 20; round++) {
		close_store();
		assert_int_equal(open_store(), 0);
		strcpy(there.state, "open");
		at_once(ACTIVATION_TRIES, LINK, CODE);
		assert_int_equal(came[OK], 1);
		assert_int_equal(came[-E_NOENT], ACTIVATION_TRIES - 1);
		assert_string_equal(there.state, "used");
	}
}

/* A directory that has not heard of it yet: the state store knows. */
static void a_second_use_is_seen_by_the_state_store_alone(void **s)
{
	(void)s;
	there.forgets = true;
	at_once(ACTIVATION_TRIES, LINK, CODE);
	assert_int_equal(came[OK], 1);
	assert_int_equal(came[-E_NOENT], ACTIVATION_TRIES - 1);
}

/* A state store that forgot, or another node's: the directory remembers. */
static void a_second_use_is_seen_by_the_directory_alone(void **s)
{
	(void)s;
	there.close_rc = E_EXISTS;		/* between our look and our change */
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "used");
	there.close_rc = OK;
	close_store();
	assert_int_equal(open_store(), 0);
	begun();
	close_store();
	assert_int_equal(open_store(), 0);
	assert_int_equal(begin(LINK, CODE), E_NOENT);
	assert_string_equal(last_why, "used");
}

static void a_hundred_guesses_at_once_are_five(void **s)
{
	(void)s;
	at_once(THREADS, LINK, "CCCCCCCCCC");
	assert_int_equal(came[OK], 0);
	assert_int_equal(lines_of_it, THREADS);
	assert_string_equal(there.state, "locked");
}

static void a_network_that_guesses_links_is_told_so_and_shuts_nobody_out(void **s)
{
	(void)s;
	struct activation_begun b = { .wait_s = 0 };
	at_once(THREADS, "BAAAAAAAAAAAAAAAAAAAAA.SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS", CODE);
	assert_int_equal(came[-E_NOENT], 30);
	assert_int_equal(came[-E_LIMIT], THREADS - 30);
	assert_int_equal(lines, 30);
	assert_int_equal(begin_from("192.0.2.200", "x", CODE, &b), E_LIMIT);		/* the same network */
	assert_in_range(b.wait_s, 1, 5);
	assert_int_equal(begin_from("192.0.2.7", LINK, "CCCCCCCCCC", &b), E_LIMIT);	/* a wrong code looks like a wrong link */
	assert_in_range(b.wait_s, 1, 5);
	assert_int_equal(lines_of_it, 1);						/* to who tries */
	assert_int_equal(begin_from("198.51.100.7", "x", CODE, &b), E_NOENT);
	assert_int_equal(begin_from("192.0.2.9", LINK, CODE, &b), OK);			/* a neighbour with what they were given */
	skew_s += 5;
	assert_int_equal(begin_from("192.0.2.7", "x", CODE, &b), E_NOENT);
	assert_int_equal(begin_from("192.0.2.7", "x", CODE, &b), E_LIMIT);
	skew_s -= 3600;									/* a clock set back does not shut for an hour */
	assert_int_equal(begin_from("192.0.2.7", "x", CODE, &b), E_NOENT);
	skew_s += 2 * 3600;
	for (int i = 0; i < 30; i++)
		assert_int_equal(begin_from("192.0.2.7", "x", CODE, &b), E_NOENT);
	assert_int_equal(begin_from("192.0.2.7", "x", CODE, &b), E_LIMIT);
}

static unsigned waits_of(const char *link, const char *code)
{
	unsigned before = waits;
	begin(link, code);
	return waits - before;
}

static void an_unknown_link_and_a_wrong_code_take_as_long(void **s)
{
	(void)s;
	unsigned wrong = waits_of(LINK, "CCCCCCCCCC");
	assert_int_equal(wrong, 3);
	assert_int_equal(waits_of(ID ".SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSST", CODE), wrong);
	assert_int_equal(waits_of("x", CODE), wrong);
	for (int i = 0; i < 40; i++)
		begin("x", CODE);
	assert_int_equal(waits_of("x", CODE), wrong);			/* also when it is one too many, and has no line */
	assert_int_equal(waits_of(LINK, "CCCCCCCCCC"), wrong);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	log_open("test_activation", 2);
	const struct CMUnitTest tests[] = { T(the_pair_begins_once_and_stands_in_one_browser), T(codes_are_read_as_people_write_them), T(cookies_that_are_none),
		T(links_that_are_none), T(only_what_is_open_begins), T(nothing_is_spent_while_something_is_down), T(it_stands_as_long_as_its_enrolment_and_its_person),
		T(clocks_that_jump), T(after_five_wrong_codes_the_right_one_is_wrong), T(the_fifth_may_be_right), T(of_five_at_once_one_begins),
		T(a_second_use_is_seen_by_the_state_store_alone), T(a_second_use_is_seen_by_the_directory_alone), T(a_hundred_guesses_at_once_are_five), T(a_network_that_guesses_links_is_told_so_and_shuts_nobody_out),
		T(an_unknown_link_and_a_wrong_code_take_as_long) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
