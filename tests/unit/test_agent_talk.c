/* Conversations through the agent with an identity provider that tells the truth, and with one that lies: every lie denies or is down, in time. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "agent_fakes.h"
#include "agent/conversation.h"
#include "base/log.h"
#undef fail
#include <cmocka.h>

static char dir[] = "/tmp/test_agent.XXXXXX";
static struct host *host;
static struct memory *memory;

/* --- the plug-in's side --- */

struct talk {
	pthread_t thread;
	int ours, theirs;
	struct caller caller;
	char reply[MESSAGE_MAX + 1];
	ssize_t n;
};

static void *agent_side(void *arg)
{
	struct talk *t = arg;
	conversation_run(host, memory, t->theirs, &t->caller);
	close(t->theirs);
	return NULL;
}

static void talk_open_as(struct talk *t, uid_t uid, enum may may)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	*t = (struct talk){ .ours = fds[0], .theirs = fds[1], .caller = { .uid = uid, .may = may, .services = S("smtp imap") } };
	assert_int_equal(pthread_create(&t->thread, NULL, agent_side, t), 0);
}

static void talk_open(struct talk *t)
{
	talk_open_as(t, 0, MAY_ALL);
}

static void talk_close(struct talk *t)
{
	close(t->ours);
	pthread_join(t->thread, NULL);
}

/* Fields are separated by '|', for the sake of the eye. */
static void talk_send(struct talk *t, const char *fields)
{
	char m[MESSAGE_MAX];
	size_t n = strlen(fields) + 1;
	memcpy(m, fields, n);
	for (size_t i = 0; i < n; i++)
		m[i] = m[i] == '|' ? '\0' : m[i];
	assert_int_equal(send(t->ours, m, n, MSG_NOSIGNAL), n);
}

static const char *talk_field(const struct talk *t, const char *name)
{
	size_t len = strlen(name);
	for (const char *p = t->reply; p < t->reply + t->n; p += strlen(p) + 1)
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return p + len + 1;
	return NULL;
}

/* The word of the reply; "" when the agent hung up without one. */
static const char *talk_reply(struct talk *t)
{
	struct pollfd p = { .fd = t->ours, .events = POLLIN };
	t->n = 0;
	if (poll(&p, 1, 5000) == 1)
		t->n = recv(t->ours, t->reply, MESSAGE_MAX, 0);
	t->n = t->n > 0 ? t->n : 0;
	t->reply[t->n] = '\0';
	const char *result = talk_field(t, "result");
	return result ? result : "";
}

static const char *talk_say(struct talk *t, const char *fields)
{
	talk_send(t, fields);
	return talk_reply(t);
}

#define LOGIN "csam=1|op=authenticate|user=alice|service=sshd|rhost=192.0.2.1|lang=fr_BE.UTF-8|can=secret,code,text,choice,show"
#define SECRET "csam=1|op=answer|secret=" FAKE_SECRET
#define CODE "csam=1|op=answer|code=" FAKE_CODE
#define ACCOUNT "csam=1|op=account|user=alice|service=sshd"

/* The last word of a login with the right answers. */
static const char *login(struct talk *t)
{
	talk_open(t);
	const char *r = talk_say(t, LOGIN);
	if (strcmp(r, "ask") == 0)
		r = talk_say(t, SECRET);
	if (strcmp(r, "ask") == 0)
		r = talk_say(t, CODE);
	talk_close(t);
	return r;
}

static void new_host(const char *more)
{
	AUTO_ARENA a = arena_new();
	fake_write_files(dir, more);
	host_drop(host);
	host = NULL;
	assert_int_equal(host_new(arena_printf(a, "%s/csam.conf", dir), &host), OK);
}

static int fresh(void **state)
{
	(void)state;
	atomic_store(&idp.lie, TRUTH);
	atomic_store(&idp.account, "allowed");
	atomic_store(&idp.valid_for, 3600);
	atomic_store(&idp.uid, 10001);
	atomic_store(&idp.faults, 0);
	memory_free(memory);
	memory = memory_new();
	new_host("");
	return 0;
}

static int no_faults(void **state)
{
	(void)state;
	if (atomic_load(&idp.faults) != 0)
		fprintf(stderr, "the identity provider did not like: %s\n", idp.fault);
	return atomic_load(&idp.faults) != 0;
}

/* --- the truth --- */

static void right_answers_let_in(void **state)
{
	struct talk t;
	AUTO_ARENA a = arena_new();
	(void)state;
	talk_open(&t);
	assert_string_equal(talk_say(&t, LOGIN), "ask");
	assert_string_equal(talk_field(&t, "ask"), "secret");
	assert_string_equal(talk_field(&t, "label"), "Password: ");
	struct slice form = slice_of(idp.last_form);
	assert_string_equal(fake_param(a, form, "user"), "alice");
	assert_string_equal(fake_param(a, form, "pam_service"), "sshd");
	assert_string_equal(fake_param(a, form, "rhost"), "192.0.2.1");
	assert_string_equal(fake_param(a, form, "ui_locales"), "fr-BE");
	assert_string_equal(fake_param(a, form, "can"), "secret code text choice show");
	assert_string_equal(fake_param(a, form, "acr_values"), "urn:be:fedict:iam:fas:citizen:Level400");
	assert_null(fake_param(a, form, "proven"));
	assert_string_equal(talk_say(&t, SECRET), "ask");
	assert_string_equal(talk_field(&t, "ask"), "code");
	assert_string_equal(talk_say(&t, CODE), "allow");
	assert_string_equal(talk_field(&t, "name"), "alice");
	assert_string_equal(talk_field(&t, "uid"), "10001");
	assert_string_equal(talk_field(&t, "level"), "400");
	assert_string_equal(talk_reply(&t), "");	/* and hangs up */
	talk_close(&t);
}

static void wrong_answers_deny_and_say_what_may_be_shown(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	assert_string_equal(talk_say(&t, LOGIN), "ask");
	assert_string_equal(talk_say(&t, "csam=1|op=answer|secret=wrong"), "deny");
	assert_string_equal(talk_field(&t, "message"), "Not  recognised");	/* without the bell */
	talk_close(&t);
	talk_open(&t);
	assert_string_equal(talk_say(&t, LOGIN), "ask");
	assert_string_equal(talk_say(&t, SECRET), "ask");
	assert_string_equal(talk_say(&t, "csam=1|op=answer|code=000000"), "deny");
	talk_close(&t);
}

static void a_verified_public_key_is_passed_on(void **state)
{
	struct talk t;
	AUTO_ARENA a = arena_new();
	(void)state;
	talk_open(&t);
	assert_string_equal(talk_say(&t, LOGIN "|proven=publickey"), "ask");
	assert_string_equal(fake_param(a, slice_of(idp.last_form), "proven"), "publickey");
	talk_close(&t);
}

static void passwords_are_changed(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	assert_string_equal(talk_say(&t, "csam=1|op=password|user=alice|service=passwd"), "ask");
	assert_string_equal(talk_say(&t, SECRET), "ask");
	assert_string_equal(talk_say(&t, "csam=1|op=answer|secret=a new and longer one"), "changed");
	talk_close(&t);
}

static void connections_are_kept(void **state)
{
	struct talk t;
	(void)state;
	assert_string_equal(login(&t), "allow");
	int before = atomic_load(&idp.handshakes), keys = atomic_load(&idp.keys_asked);
	for (int i = 0; i < 5; i++)
		assert_string_equal(login(&t), "allow");
	assert_int_equal(atomic_load(&idp.handshakes), before);
	assert_int_equal(atomic_load(&idp.keys_asked), keys);
}

static void a_new_key_is_fetched_once_a_minute_at_most(void **state)
{
	struct talk t;
	(void)state;
	assert_string_equal(login(&t), "allow");
	int keys = atomic_load(&idp.keys_asked);
	atomic_store(&idp.kid_is_new, true);
	assert_string_equal(login(&t), "deny");		/* the keys are younger than a minute */
	assert_int_equal(atomic_load(&idp.keys_asked), keys);
	new_host("");
	assert_string_equal(login(&t), "allow");
	atomic_store(&idp.kid_is_new, false);
}

/* --- lies --- */

static const struct { enum lie lie; const char *name, *result; } lies[] = {
#define LIE(l, r) { l, #l, r }
	LIE(OTHER_METADATA, "down"), LIE(NO_PROFILE, "down"), LIE(HTTP_ENDPOINT, "down"),
	LIE(OTHER_ISSUER, "deny"), LIE(OTHER_AUDIENCE, "deny"), LIE(TWO_AUDIENCES, "deny"), LIE(OTHER_NONCE, "deny"), LIE(OTHER_USER, "deny"),
	LIE(UPPER_CASE_USER, "deny"), LIE(NO_POSIX, "deny"), LIE(LOW_UID, "deny"), LIE(EXPIRED, "deny"), LIE(MADE_LONG_AGO, "deny"), LIE(MADE_TOMORROW, "deny"),
	LIE(OLD_LOGIN, "deny"), LIE(LOW_LEVEL, "deny"), LIE(NO_LEVEL, "deny"), LIE(OTHER_KEY, "deny"), LIE(ALG_NONE, "deny"), LIE(ALG_HS256, "deny"),
	LIE(EMBEDDED_KEY, "deny"),
	LIE(OTHER_PROMPT, "down"), LIE(NO_SESSION, "down"), LIE(YES_WITHOUT_TOKEN, "down"), LIE(ACCOUNT_FOR_LOGIN, "down"), LIE(CHANGED_FOR_LOGIN, "down"),
	LIE(REDIRECT, "down"), LIE(GARBAGE, "down"), LIE(HUGE, "down"), LIE(HUGE_UNTOLD, "down"), LIE(DRIP, "down"), LIE(SILENCE, "down"),
	LIE(HANG_UP, "down"), LIE(BROKEN, "down"), LIE(CUT, "down"), LIE(NOT_CLIENT, "down"), LIE(OTHER_CA, "down"),
};

/* Lied from the beginning, and only once the conversation is under way and the connection stands. */
static void every_lie_denies_or_is_down_in_time(void **state)
{
	struct talk t;
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		new_host("");
		atomic_store(&idp.lie, lies[i].lie);
		uint64_t start = ticks_ms();
		const char *r = login(&t);
		if (strcmp(r, lies[i].result) != 0 || ticks_ms() - start > 1800)
			fail_msg("%s: %s after %d ms", lies[i].name, r, (int)(ticks_ms() - start));
		atomic_store(&idp.lie, TRUTH);
	}
}

static void lies_in_the_middle(void **state)
{
	struct talk t;
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		enum lie l = lies[i].lie;
		if (l == OTHER_METADATA || l == NO_PROFILE || l == HTTP_ENDPOINT || (l >= OTHER_PROMPT && l <= CHANGED_FOR_LOGIN) || l == OTHER_CA)
			continue;	/* they are told at the beginning */
		new_host("");
		talk_open(&t);
		assert_string_equal(talk_say(&t, LOGIN), "ask");
		assert_string_equal(talk_say(&t, SECRET), "ask");
		atomic_store(&idp.lie, l);
		const char *r = talk_say(&t, CODE);
		if (strcmp(r, lies[i].result) != 0)
			fail_msg("%s in the middle: %s", lies[i].name, r);
		talk_close(&t);
		atomic_store(&idp.lie, TRUTH);
	}
}

static void nobody_listens(void **state)
{
	struct talk t;
	AUTO_ARENA a = arena_new();
	(void)state;
	int port = idp.port;
	fake_write_files(dir, "");
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof in;
	int s = socket(AF_INET, SOCK_STREAM, 0);	/* bound, not listening: connections are refused */
	assert_int_equal(bind(s, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&in, &n), 0);
	snprintf(idp.issuer, sizeof idp.issuer, "https://127.0.0.1:%d", ntohs(in.sin_port));
	new_host("");
	assert_string_equal(login(&t), "down");
	snprintf(idp.issuer, sizeof idp.issuer, "https://127.0.0.1:%d", port);
	close(s);
}

/* --- numbers and names --- */

static void a_system_user_must_be_that_person_by_number(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);		/* uid 65534 is what this host knows nobody by */
	assert_string_equal(talk_say(&t, "csam=1|op=account|user=root|service=sshd"), "deny");	/* below min_uid: nobody was asked */
	talk_close(&t);
	atomic_store(&idp.uid, 0);
	assert_string_equal(login(&t), "allow");	/* no number, and no system user of that name: mail */
	assert_null(talk_field(&t, "uid"));
}

/* --- account --- */

static const char *account(struct talk *t)
{
	talk_open(t);
	const char *r = talk_say(t, ACCOUNT);
	talk_close(t);
	return r;
}

static void account_is_asked_each_time(void **state)
{
	struct talk t;
	(void)state;
	int before = atomic_load(&idp.requests);
	assert_string_equal(account(&t), "allow");
	assert_string_equal(talk_field(&t, "name"), "alice");
	assert_int_equal(atomic_load(&idp.requests), before + 2);	/* metadata, question */
	assert_string_equal(account(&t), "allow");
	assert_int_equal(atomic_load(&idp.requests), before + 3);
	atomic_store(&idp.account, "suspended");
	assert_string_equal(account(&t), "suspended");	/* at once, whatever was said a moment ago */
	atomic_store(&idp.account, "allowed");
	assert_string_equal(account(&t), "allow");
}

/* What was taken back is not remembered either. */
static void a_no_ends_the_memory_of_a_yes(void **state)
{
	struct talk t;
	(void)state;
	assert_string_equal(account(&t), "allow");
	atomic_store(&idp.account, "suspended");
	assert_string_equal(account(&t), "suspended");
	atomic_store(&idp.lie, BROKEN);
	assert_string_equal(account(&t), "down");
}

static void account_says_no_in_words(void **state)
{
	static const char *const words[] = { "suspended", "not_allowed", "must_change_password", "unknown", NULL };
	struct talk t;
	(void)state;
	for (size_t i = 0; words[i] != NULL; i++) {
		atomic_store(&idp.account, words[i]);
		assert_string_equal(account(&t), words[i]);
	}
	atomic_store(&idp.account, "perhaps");
	assert_string_equal(account(&t), "down");
	atomic_store(&idp.account, "allowed");
	atomic_store(&idp.lie, OTHER_USER);
	assert_string_equal(account(&t), "deny");
	atomic_store(&idp.lie, LOW_UID);
	assert_string_equal(account(&t), "deny");
}

static void account_lives_from_memory_while_idpd_is_down(void **state)
{
	struct talk t;
	(void)state;
	assert_string_equal(account(&t), "allow");
	new_host("people {\n\taccount_grace = 3600\n}\n");
	for (enum lie l = SILENCE; l <= BROKEN; l++) {
		atomic_store(&idp.lie, l);
		assert_string_equal(account(&t), "allow");
	}
	talk_open(&t);		/* never for a login */
	assert_string_equal(talk_say(&t, LOGIN), "down");
	talk_close(&t);
	talk_open(&t);		/* and never for another service */
	assert_string_equal(talk_say(&t, "csam=1|op=account|user=alice|service=cron"), "down");
	talk_close(&t);
}

static void account_grace_zero_remembers_nothing(void **state)
{
	struct talk t;
	(void)state;
	new_host("people {\n\taccount_grace = 0\n}\n");
	assert_string_equal(account(&t), "allow");
	atomic_store(&idp.lie, BROKEN);
	assert_string_equal(account(&t), "down");
}

static void a_host_that_is_locked_out_lives_on_no_memory(void **state)
{
	struct talk t;
	struct posix_name who = { .name = "alice", .has_uid = true, .uid = 10001 };
	(void)state;
	atomic_store(&idp.valid_for, 0);	/* may not be remembered at all */
	assert_string_equal(account(&t), "allow");
	atomic_store(&idp.lie, NOT_CLIENT);
	assert_string_equal(account(&t), "down");
	assert_false(memory_has(memory, S("alice"), S("sshd"), 60, &who));
}

/* --- hostile plug-ins --- */

static void messages_that_are_none_end_the_connection(void **state)
{
	static const char *const first[] = { "", "csam=1", "csam=2|op=account|user=alice|service=sshd", "csam=1|op=answer|secret=x", LOGIN "|user=bruno",
		LOGIN "|extra=1", "csam=1|op=authenticate|service=sshd", ACCOUNT "|proven=publickey", LOGIN "|can=everything", LOGIN "|secret=x", NULL };
	struct talk t;
	(void)state;
	int before = atomic_load(&idp.requests);
	for (size_t i = 0; first[i] != NULL; i++) {
		talk_open(&t);
		if (strcmp(talk_say(&t, first[i]), "") != 0)
			fail_msg("message %zu was answered with %s", i, talk_reply(&t));
		talk_close(&t);
	}
	assert_int_equal(atomic_load(&idp.requests), before);
}

static void answers_that_were_not_asked_deny(void **state)
{
	static const char *const wrong[] = { "csam=1|op=answer|code=" FAKE_CODE, SECRET "|code=" FAKE_CODE, "csam=1|op=answer", LOGIN, ACCOUNT, "x", NULL };
	struct talk t;
	(void)state;
	for (size_t i = 0; wrong[i] != NULL; i++) {
		talk_open(&t);
		assert_string_equal(talk_say(&t, LOGIN), "ask");
		int before = atomic_load(&idp.requests);
		assert_string_equal(talk_say(&t, wrong[i]), "deny");
		assert_int_equal(atomic_load(&idp.requests), before);
		talk_close(&t);
	}
}

static void a_message_beyond_the_bound_denies(void **state)
{
	static char big[MESSAGE_MAX + 4000];
	struct talk t;
	(void)state;
	memset(big, 'a', sizeof big - 1);
	memcpy(big, "csam=1\0op=answer\0secret=", 24);
	talk_open(&t);
	assert_string_equal(talk_say(&t, LOGIN), "ask");
	assert_int_equal(send(t.ours, big, sizeof big, MSG_NOSIGNAL), sizeof big);
	assert_string_equal(talk_reply(&t), "deny");
	talk_close(&t);
}

static void a_plug_in_that_vanishes_ends_it(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	assert_string_equal(talk_say(&t, LOGIN), "ask");
	uint64_t start = ticks_ms();
	talk_close(&t);			/* joins: the thread has ended */
	assert_true(ticks_ms() - start < 500);
	talk_open(&t);
	talk_send(&t, LOGIN);
	talk_close(&t);
	talk_open(&t);
	start = ticks_ms();
	assert_string_equal(talk_say(&t, LOGIN), "ask");
	assert_string_equal(talk_reply(&t), "");	/* says nothing: answer_timeout = 2 */
	assert_in_range(ticks_ms() - start, 1500, 3500);
	talk_close(&t);
}

/* --- who may ask --- */

static void others_ask_about_themselves_and_their_services_only(void **state)
{
	struct talk t;
	(void)state;
	talk_open_as(&t, 65534, MAY_OWN);
	assert_string_equal(talk_say(&t, ACCOUNT), "deny");
	talk_close(&t);
	talk_open_as(&t, 65534, MAY_OWN);
	assert_string_equal(talk_say(&t, "csam=1|op=account|user=nobody|service=xlock|rhost=192.0.2.7"), "deny");
	talk_close(&t);
	talk_open_as(&t, 4000000, MAY_OWN);	/* has no name */
	assert_string_equal(talk_say(&t, ACCOUNT), "deny");
	talk_close(&t);
	talk_open_as(&t, 65534, MAY_SERVICES);
	assert_string_equal(talk_say(&t, "csam=1|op=authenticate|user=alice|service=smtp"), "ask");
	talk_close(&t);
	talk_open_as(&t, 65534, MAY_SERVICES);
	assert_string_equal(talk_say(&t, LOGIN), "deny");
	talk_close(&t);
	talk_open_as(&t, 65534, MAY_SERVICES);
	assert_string_equal(talk_say(&t, "csam=1|op=authenticate|user=alice|service=smtp|proven=publickey"), "deny");
	talk_close(&t);
	talk_open_as(&t, 65534, MAY_NOTHING);
	assert_string_equal(talk_say(&t, ACCOUNT), "deny");
	talk_close(&t);
}

static void they_begin_five_times_a_minute(void **state)
{
	static const char own[] = "csam=1|op=authenticate|user=nobody|service=xlock";
	struct talk t;
	(void)state;
	for (int i = 0; i < 6; i++) {
		talk_open_as(&t, 65534, MAY_OWN);
		assert_string_equal(talk_say(&t, own), i < 5 ? "ask" : "deny");
		talk_close(&t);
	}
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	log_open("test", getenv("TEST_LOG") ? LOG_LEVEL_DEBUG : (enum log_level)0);
	fake_start(dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	host_drop(host);
	memory_free(memory);
	atomic_store(&idp.stop, true);
	shutdown(idp.listener, SHUT_RDWR);
	pthread_join(idp.thread, NULL);
	usleep(100000);		/* connections end */
	json_decref(idp.host_jwks);
	return unlink(arena_printf(a, "%s/ca.pem", dir)) || unlink(arena_printf(a, "%s/host.key", dir)) || unlink(arena_printf(a, "%s/csam.conf", dir)) || rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, no_faults)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(right_answers_let_in), TEST(wrong_answers_deny_and_say_what_may_be_shown), TEST(a_verified_public_key_is_passed_on),
		TEST(passwords_are_changed), TEST(connections_are_kept), TEST(a_new_key_is_fetched_once_a_minute_at_most),
		TEST(every_lie_denies_or_is_down_in_time), TEST(lies_in_the_middle), TEST(nobody_listens),
		TEST(a_system_user_must_be_that_person_by_number),
		TEST(account_is_asked_each_time), TEST(a_no_ends_the_memory_of_a_yes), TEST(account_says_no_in_words), TEST(account_lives_from_memory_while_idpd_is_down),
		TEST(account_grace_zero_remembers_nothing), TEST(a_host_that_is_locked_out_lives_on_no_memory),
		TEST(messages_that_are_none_end_the_connection), TEST(answers_that_were_not_asked_deny), TEST(a_message_beyond_the_bound_denies),
		TEST(a_plug_in_that_vanishes_ends_it), TEST(others_ask_about_themselves_and_their_services_only), TEST(they_begin_five_times_a_minute),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
