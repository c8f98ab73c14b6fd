/* LINK: -lpam -Wl,--export-dynamic-symbol=getpwnam_r -Wl,--export-dynamic-symbol=syslog -Wl,--export-dynamic-symbol=__syslog_chk */
/* pam_csam.so in the real libpam: the table of its manual page, the ways to ask, and everybody who does not play by the rules. */
#include "pam_talk.h"

#define SOCKET "socket=%s timeout=2 "
#define OFF PAM_PROMPT_ECHO_OFF
#define ON PAM_PROMPT_ECHO_ON
#define INFO PAM_TEXT_INFO

static const struct fake_step two_factors[] = {
	{ "op=authenticate|user=alice|service=login|rhost=192.0.2.7", "csam=1|result=ask|ask=secret|label=Password: |", 0 },
	{ "op=answer|secret=pa+ss", "csam=1|result=ask|ask=code|label=Code (app): |note=Use the app.|", 0 },
	{ "op=answer|code=123456", "csam=1|result=allow|name=alice|uid=10001|", 0 }, { 0 } };
static const struct line two_lines[] = { { .style = OFF, .shows = "Password: ", .types = "pa+ss" }, { .style = INFO, .shows = "Use the app." },
	{ .style = ON, .shows = "Code (app): ", .types = "123456" }, { 0 } };

static void test_password_and_code(void **state)
{
	(void)state;
	fake_start(two_factors);
	pam_begin("login", "alice", SOCKET, two_lines);
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_setcred(talk.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	pam_finish();
	fake_stop();
	assert_int_equal(talk.nlog, 0);	/* the agent has its line */
}

/* entry point × whose call → code: the table of pam_csam(8) */
enum { AUTH, SETCRED, ACCT, CHAUTHTOK, OPEN, CLOSE, ENTRIES };

static int call(int entry)
{
	switch (entry) {
	case AUTH: return pam_authenticate(talk.pamh, 0);
	case SETCRED: return pam_setcred(talk.pamh, PAM_ESTABLISH_CRED);
	case ACCT: return pam_acct_mgmt(talk.pamh, 0);
	case CHAUTHTOK: return pam_chauthtok(talk.pamh, 0);
	case OPEN: return pam_open_session(talk.pamh, 0);
	default: return pam_close_session(talk.pamh, 0);
	}
}

static int in_stack(int entry, const char *user, const char *arguments, const struct fake_step *steps, bool permit)
{
	static const struct line none[] = { { 0 } };

	fake_start(steps);
	pam_begin("login", user, arguments, none);
	if (permit)
		pam_then("pam_permit.so");
	int rc = call(entry);
	pam_finish();
	fake_stop();
	return rc;
}

/* libpam makes PAM_PERM_DENIED of a stack that only ignores. Who lets others decide, and denies when there is nobody, has said PAM_IGNORE. */
static int answer(int entry, const char *user, const char *arguments, const struct fake_step *steps)
{
	int followed = in_stack(entry, user, arguments, steps, true), alone = in_stack(entry, user, arguments, steps, false);

	if (followed == PAM_SUCCESS && alone == PAM_PERM_DENIED)
		return PAM_IGNORE;
	assert_int_equal(followed, alone);
	return alone;
}

static void table(const char *user, const char *arguments, const struct fake_step *steps, const int wanted[ENTRIES])
{
	for (int e = 0; e < ENTRIES; e++) {
		int rc = answer(e, user, arguments, steps);
		if (rc != wanted[e])
			fail_msg("entry point %d for %s: %d, not %d", e, user, rc, wanted[e]);
	}
}

static void test_table_ours(void **state)
{
	static const struct fake_step allows[] = { { "", "csam=1|result=allow|name=alice|uid=10001|", 0 }, { 0 } };
	static const struct fake_step denies[] = { { "", "csam=1|result=deny|", 0 }, { 0 } };
	static const struct fake_step suspended[] = { { "", "csam=1|result=suspended|", 0 }, { 0 } };
	static const struct fake_step not_allowed[] = { { "", "csam=1|result=not_allowed|", 0 }, { 0 } };
	static const struct fake_step unknown[] = { { "", "csam=1|result=unknown|", 0 }, { 0 } };
	static const struct fake_step must_change[] = { { "", "csam=1|result=must_change_password|", 0 }, { 0 } };
	static const struct fake_step changed[] = { { "", "csam=1|result=changed|", 0 }, { 0 } };
	(void)state;

	table("alice", SOCKET, allows, (int[]){ PAM_SUCCESS, PAM_IGNORE, PAM_SUCCESS, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE, PAM_IGNORE });
	table("alice", SOCKET, denies, (int[]){ PAM_AUTH_ERR, PAM_IGNORE, PAM_PERM_DENIED, PAM_AUTHTOK_ERR, PAM_IGNORE, PAM_IGNORE });
	table("alice", SOCKET, suspended, (int[]){ PAM_ACCT_EXPIRED, PAM_IGNORE, PAM_ACCT_EXPIRED, PAM_AUTHTOK_ERR, PAM_IGNORE, PAM_IGNORE });
	table("alice", SOCKET, not_allowed, (int[]){ PAM_PERM_DENIED, PAM_IGNORE, PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_IGNORE, PAM_IGNORE });
	table("alice", SOCKET, unknown, (int[]){ PAM_USER_UNKNOWN, PAM_IGNORE, PAM_USER_UNKNOWN, PAM_USER_UNKNOWN, PAM_IGNORE, PAM_IGNORE });
	table("alice", SOCKET, must_change, (int[]){ PAM_AUTH_ERR, PAM_IGNORE, PAM_NEW_AUTHTOK_REQD, PAM_AUTHTOK_ERR, PAM_IGNORE, PAM_IGNORE });
	table("alice", SOCKET, changed, (int[]){ PAM_AUTHINFO_UNAVAIL, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_SUCCESS, PAM_IGNORE, PAM_IGNORE });
}

static void test_table_down(void **state)
{
	static const struct fake_step down[] = { { "", "csam=1|result=down|", 0 }, { 0 } };
	static const struct fake_step gone[] = { { 0 } };
	static const int wanted[] = { PAM_AUTHINFO_UNAVAIL, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE, PAM_IGNORE };
	(void)state;

	table("alice", SOCKET, down, wanted);
	table("alice", SOCKET, gone, wanted);
	table("alice", "socket=/nonexistent/agent.sock", gone, wanted);
}

static void test_table_local(void **state)
{
	static const struct fake_step allows[] = { { "", "csam=1|result=allow|name=root|uid=0|", 0 }, { 0 } };
	static const int ignored[] = { PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE };
	(void)state;

	table("root", SOCKET, allows, ignored);
	assert_int_equal(fake.connections, 0);
	table("daemon", "socket=/nonexistent/agent.sock", allows, ignored);
	/* a wrong argument does not take the console from root */
	table("root", "min_udi=5", allows, ignored);
	/* min_uid: the system's number below it */
	nss_uid = 999;
	table("alice", SOCKET, allows, ignored);
	assert_int_equal(fake.connections, 0);
	nss_uid = 10001;
	table("alice", "socket=/nonexistent/agent.sock min_uid=10002", allows, ignored);
}

static void test_arguments(void **state)
{
	static const char *const wrong[] = { "min_udi=1000", "min_uid=", "min_uid=0", "min_uid=-1", "min_uid=99999999999", "min_uid=1000x", "timeout=0", "timeout=999",
		"timeout=", "prompt=three", "prompt", "after_publickey=yes", "after_publickey", "socket=agent.sock", "socket=", "DEBUG", "nullok", "quiet=1" };
	static const struct fake_step allows[] = { { "", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const int closed[] = { PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR };
	char arguments[256];
	(void)state;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(arguments, sizeof arguments, "socket=%s %s", "%s", wrong[i]);
		table("alice", arguments, allows, closed);
		assert_int_equal(fake.connections, 0);
		assert_non_null(strstr(talk.log[0], "wrong argument"));
	}
	table("alice", SOCKET "min_uid=1 quiet debug prompt=auto after_publickey=code try_first_pass use_first_pass", allows,
	    (int[]){ PAM_SUCCESS, PAM_IGNORE, PAM_SUCCESS, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE, PAM_IGNORE });
}

static void test_setcred_mirrors(void **state)
{
	static const struct fake_step denies[] = { { "", "csam=1|result=deny|", 0 }, { 0 } };
	static const struct line none[] = { { 0 } };
	(void)state;

	fake_start(denies);
	pam_begin("login", "alice", SOCKET, none);
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_AUTH_ERR);
	assert_int_equal(pam_setcred(talk.pamh, PAM_ESTABLISH_CRED), PAM_CRED_ERR);
	pam_finish();
	fake_stop();
	/* after PAM_IGNORE: others said yes, others set what is to be set */
	fake_start(denies);
	pam_begin("login", "root", SOCKET, none);
	pam_then("pam_permit.so");
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_setcred(talk.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	pam_finish();
	fake_stop();
	assert_int_equal(fake.connections, 0);
	/* without authenticate: not ours to say, and a stack of ours alone is refused by libpam */
	fake_start(denies);
	pam_begin("login", "alice", SOCKET, none);
	assert_int_equal(pam_setcred(talk.pamh, PAM_ESTABLISH_CRED), PAM_PERM_DENIED);
	pam_finish();
	fake_stop();
}

static void test_who_it_is(void **state)
{
	static const char *const others[] = { "csam=1|result=allow|name=bruno|uid=10001|", "csam=1|result=allow|name=Alice|", "csam=1|result=allow|name=alice |",
		"csam=1|result=allow|name=alice|uid=10002|", "csam=1|result=allow|name=alice|uid=0|" };
	static const char *const reasons[] = { "other_name", "other_name", "other_name", "other_uid", "other_uid" };
	static const struct line none[] = { { 0 } };
	(void)state;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		const struct fake_step steps[] = { { "", others[i], 0 }, { 0 } };
		assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, none), PAM_AUTH_ERR);
		assert_int_equal(talk.nlog, 1);
		assert_non_null(strstr(talk.log[0], reasons[i]));
		fake_start(steps);
		pam_begin("login", "alice", SOCKET, none);
		assert_int_equal(pam_acct_mgmt(talk.pamh, 0), PAM_PERM_DENIED);
		pam_finish();
		fake_stop();
	}
	/* the system does not know alice: the name alone counts, but never a number below min_uid */
	static const struct fake_step low[] = { { "", "csam=1|result=allow|name=alice|uid=0|", 0 }, { 0 } };
	static const struct fake_step fine[] = { { "", "csam=1|result=allow|name=alice|uid=10001|", 0 }, { 0 } };
	nss_knows = false;
	assert_int_equal(authenticate_as("login", "alice", SOCKET, low, none), PAM_AUTH_ERR);
	assert_non_null(strstr(talk.log[0], "low_uid"));
	assert_int_equal(authenticate_as("login", "alice", SOCKET, fine, none), PAM_SUCCESS);
	nss_rc = EIO;
	assert_int_equal(authenticate_as("login", "alice", SOCKET, low, none), PAM_AUTH_ERR);
	nss_rc = ERANGE;
	assert_int_equal(authenticate_as("login", "alice", SOCKET, fine, none), PAM_SYSTEM_ERR);
	nss_rc = 0;
	nss_knows = true;
	/* names that nobody has */
	static const char *const odd[] = { "", "al:ice", "alice\nroot", "\033[2J" };
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		assert_int_equal(authenticate_as("login", odd[i], SOCKET, fine, none), PAM_USER_UNKNOWN);
	static char longest[258];
	memset(longest, 'a', 257);
	assert_int_equal(authenticate_as("login", longest, SOCKET, fine, none), PAM_USER_UNKNOWN);
	assert_int_equal(fake.connections, 0);
}

static void test_hostile_answers(void **state)
{
	static char huge[10001], long_enough[512];
	memset(huge, 'a', 10000);
	memset(long_enough, 'b', 511);
	const struct { struct line line; int rc; const char *reason; } answers[] = {
		{ { .style = OFF, .types = NULL }, PAM_CONV_ERR, "no_answer" }, { { .style = OFF, .no_response = true }, PAM_CONV_ERR, "no_answer" },
		{ { .style = OFF, .rc = PAM_CONV_ERR }, PAM_CONV_ERR, "conversation" }, { { .style = OFF, .rc = PAM_BUF_ERR }, PAM_CONV_ERR, "conversation" },
		{ { .style = OFF, .rc = PAM_CONV_AGAIN }, PAM_CONV_ERR, "conversation" }, { { .style = OFF, .rc = PAM_ABORT }, PAM_CONV_ERR, "conversation" },
		{ { .style = OFF, .types = "" }, PAM_AUTH_ERR, "empty" }, { { .style = OFF, .types = huge }, PAM_AUTH_ERR, "too_long" },
		{ { .style = OFF, .types = "pa+ss", .becomes = "bruno" }, PAM_AUTH_ERR, "user_changed" },
		{ { .style = OFF, .types = "pa+ss", .becomes = "root" }, PAM_AUTH_ERR, "user_changed" },
		{ { .style = OFF, .types = "pa+ss", .becomes = "" }, PAM_AUTH_ERR, "user_changed" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct line first[] = { answers[i].line, { 0 } };
		assert_int_equal(authenticate_as("login", "alice", SOCKET, two_factors, first), answers[i].rc);
		assert_int_equal(fake.requests, 1);	/* it was not sent */
		char wanted[200];
		snprintf(wanted, sizeof wanted, "csam: denied user=alice rhost=192.0.2.7 service=login reason=%s", answers[i].reason);
		assert_int_equal(talk.nlog, 1);
		assert_string_equal(talk.log[0], wanted);
		struct line second[] = { two_lines[0], two_lines[1], answers[i].line, { 0 } };
		second[2].style = ON;
		assert_int_equal(authenticate_as("login", "alice", SOCKET, two_factors, second), answers[i].rc);
		assert_int_equal(fake.requests, 2);
	}
	/* 511 bytes are a password, and so are bytes that are no text */
	struct fake_step steps[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "op=answer", "csam=1|result=deny|", 0 }, { 0 } };
	struct line lines[] = { { .style = OFF, .shows = "Password: ", .types = long_enough }, { 0 } };
	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, lines), PAM_AUTH_ERR);
	assert_int_equal(fake.requests, 2);
	steps[1].wants = "secret=\xff\x01\b\n\r\177INCORRECTx";
	lines[0].types = "\xff\x01\b\n\r\177INCORRECTx";
	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, lines), PAM_AUTH_ERR);
	assert_int_equal(fake.requests, 2);
}

/* Whom sshd lets type for nothing goes the whole way with what is never right, and it is another each time. */
static void test_sshd_placeholder(void **state)
{
	static const char *const junk[] = { "\b\n\r\177INCORRECT", "\b\n\r\177INC", "\b", "\b\n\r\177INCORRECT\b\n\r\177INCORREC" };
	static const struct fake_step steps[] = { { "op=authenticate", "csam=1|result=ask|ask=secret|label=Password: |", 0 },
		{ "op=answer", "csam=1|result=ask|ask=code|label=Code: |", 0 }, { "op=answer", "csam=1|result=deny|message=No.|", 0 }, { 0 } };
	char before[512] = "";
	(void)state;

	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		const struct line lines[] = { { .style = OFF, .shows = "Password: ", .types = junk[i] }, { .style = ON, .shows = "Code: ", .types = junk[i] },
			{ .style = PAM_ERROR_MSG, .shows = "No." }, { 0 } };
		assert_int_equal(authenticate_as("sshd", "alice", SOCKET, steps, lines), PAM_AUTH_ERR);
		assert_int_equal(fake.requests, 3);
		assert_int_equal(talk.nlog, 0);		/* the agent has its line */
		const char *secret = strstr(fake.got[1], "secret="), *code = strstr(fake.got[2], "code=");
		assert_non_null(secret);
		assert_non_null(code);
		assert_int_equal(strspn(secret + strlen("secret="), "abcdefghijklmnopqrstuvwxyz"), 32);
		assert_int_equal(strspn(code + strlen("code="), "abcdefghijklmnopqrstuvwxyz"), 32);
		assert_string_not_equal(secret, before);
		snprintf(before, sizeof before, "%s", secret);
	}
}

static void test_no_conversation(void **state)
{
	static const struct pam_conv none = { NULL, NULL };
	static const struct line nobody[] = { { 0 } };
	(void)state;

	fake_start(two_factors);
	pam_begin("login", "alice", SOCKET, nobody);
	assert_int_equal(pam_set_item(talk.pamh, PAM_CONV, &none), PAM_SUCCESS);
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_CONV_ERR);
	pam_finish();
	fake_stop();
}

/* The user is changed while the last words are shown, when nothing is asked any more. */
static void test_changed_at_the_end(void **state)
{
	static const struct fake_step steps[] = { { "", "csam=1|result=allow|name=alice|message=Welcome|", 0 }, { 0 } };
	static const struct line lines[] = { { .style = PAM_ERROR_MSG, .shows = "Welcome", .becomes = "bruno" }, { 0 } };
	(void)state;

	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, lines), PAM_AUTH_ERR);
	assert_non_null(strstr(talk.log[0], "user_changed"));
}

static void test_agent_that_vanishes(void **state)
{
	static const struct fake_step after_secret[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "secret=pa+ss", NULL, 0 }, { 0 } };
	static const struct fake_step garbage[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "", "csam=1|result=allow|", 0 }, { 0 } };
	static const struct fake_step huge[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "", "csam=1|result=allow|name=alice|", 16500 }, { 0 } };
	static const struct fake_step silent[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "", "", 0 }, { 0 } };
	static const struct fake_step after_code[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "", "csam=1|result=ask|ask=code|", 0 }, { "code=1", NULL, 0 }, { 0 } };
	static const struct fake_step *const lies[] = { after_secret, garbage, huge, silent };
	static const struct line lines[] = { { .style = OFF, .types = "pa+ss" }, { 0 } };
	static const struct line more[] = { { .style = OFF, .types = "pa+ss" }, { .style = ON, .types = "1" }, { 0 } };
	(void)state;

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		assert_int_equal(authenticate_as("login", "alice", "socket=%s timeout=1", lies[i], lines), PAM_AUTHINFO_UNAVAIL);
		assert_string_equal(talk.log[0], "csam: down user=alice rhost=192.0.2.7 service=login reason=agent");
	}
	assert_int_equal(authenticate_as("login", "alice", SOCKET, after_code, more), PAM_AUTHINFO_UNAVAIL);
}

static void test_endless_agent(void **state)
{
	static const struct fake_step steps[] = { { "", "csam=1|result=ask|ask=show|label=Still waiting|", 0 }, { 0 } };
	static struct line lines[300];
	(void)state;

	for (size_t i = 0; i < 200; i++)
		lines[i] = (struct line){ .style = INFO, .shows = "Still waiting" };
	fake.forever = true;
	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, lines), PAM_MAXTRIES);
	fake.forever = false;
	assert_non_null(strstr(talk.log[0], "too_many_turns"));
}

static void test_choice(void **state)
{
	static const struct fake_step steps[] = { { "can=secret,code,text,choice,show,device", "csam=1|result=ask|ask=choice|label=Which? |choice=app:App|choice=sms:SMS|", 0 },
		{ "choice=sms", "csam=1|result=ask|ask=text|label=Word: |", 0 }, { "text=blue", "csam=1|result=deny|message=Sorry|", 0 }, { 0 } };
	static const struct line lines[] = {
		{ .style = INFO, .shows = "1) App" }, { .style = INFO, .shows = "2) SMS" }, { .style = ON, .shows = "Which? ", .types = "3" },
		{ .style = INFO }, { .style = INFO }, { .style = ON, .types = "2x" }, { .style = INFO }, { .style = INFO }, { .style = ON, .types = "2" },
		{ .style = ON, .shows = "Word: ", .types = "blue" }, { .style = PAM_ERROR_MSG, .shows = "Sorry" }, { 0 } };
	static const struct line never[] = { { .style = INFO }, { .style = INFO }, { .style = ON, .types = "0" }, { .style = INFO }, { .style = INFO },
		{ .style = ON, .types = "99999999999999999999" }, { .style = INFO }, { .style = INFO }, { .style = ON, .types = "-1" }, { 0 } };
	(void)state;

	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, lines), PAM_AUTH_ERR);
	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, never), PAM_AUTH_ERR);
	/* quiet leaves out what nobody needs in order to answer */
	static const struct fake_step notes[] = { { "", "csam=1|result=ask|ask=secret|note=Hello|", 0 }, { "", "csam=1|result=deny|message=No|", 0 }, { 0 } };
	static const struct line quiet[] = { { .style = OFF, .types = "x" }, { 0 } };
	assert_int_equal(authenticate_as("login", "alice", SOCKET "quiet", notes, quiet), PAM_AUTH_ERR);
}

static void test_wait(void **state)
{
	static const struct fake_step steps[] = { { "", "csam=1|result=ask|ask=secret|wait=1|", 0 }, { "", "csam=1|result=deny|", 0 }, { 0 } };
	static const struct line lines[] = { { .style = OFF, .types = "x" }, { 0 } };
	struct timespec a, b;
	(void)state;

	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(authenticate_as("login", "alice", SOCKET, steps, lines), PAM_AUTH_ERR);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 1000);
}

/* Another device: what to do there, line by line, and then what it shows. */
static void test_device(void **state)
{
	static const struct fake_step steps[] = { { "can=code,text,choice,show,device", "csam=1|result=ask|ask=device,code|label=Digits: |line=\xe2\x96\x88\xe2\x96\x80|line=Open it.|", 0 },
		{ "code=123456", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const struct line lines[] = { { .style = PAM_TEXT_INFO, .shows = "\xe2\x96\x88\xe2\x96\x80" }, { .style = PAM_TEXT_INFO, .shows = "Open it." },
		{ .style = ON, .shows = "Digits: ", .types = "123456" }, { 0 } };
	(void)state;

	assert_int_equal(authenticate_as("login", "alice", SOCKET "prompt=device", steps, lines), PAM_SUCCESS);
	/* a quiet program shows it too: nobody could answer without */
	assert_int_equal(authenticate_as("login", "alice", SOCKET "prompt=device quiet", steps, lines), PAM_SUCCESS);
}

/* One string: the last '+' parts password and code. */
static void test_single(void **state)
{
	static const struct { const char *types, *secret, *code; int rc; } strings[] = {
		{ "secret+123456", "secret=secret", "code=123456", PAM_SUCCESS }, { "se+cr+et+123456", "secret=se+cr+et", "code=123456", PAM_SUCCESS },
		{ "se+cret", "secret=se", "code=cret", PAM_SUCCESS }, { "secret+", "secret=secret", NULL, PAM_AUTH_ERR }, { "secret", "secret=secret", NULL, PAM_AUTH_ERR },
		{ "+123456", NULL, NULL, PAM_AUTH_ERR }, { "+", NULL, NULL, PAM_AUTH_ERR },
	};
	(void)state;

	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		const struct fake_step steps[] = { { "can=secret,code", "csam=1|result=ask|ask=secret|label=Password: |", 0 }, { strings[i].secret ? strings[i].secret : "", "csam=1|result=ask|ask=code|", 0 },
			{ strings[i].code ? strings[i].code : "", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
		const struct line lines[] = { { .style = OFF, .shows = "Password: ", .types = strings[i].types }, { 0 } };
		assert_int_equal(authenticate_as("login", "alice", SOCKET "prompt=single", steps, lines), strings[i].rc);
		assert_int_equal(fake.requests, strings[i].rc == PAM_SUCCESS ? 3 : strings[i].secret ? 2 : 1);
		/* auto: by the service's name */
		assert_int_equal(authenticate_as("dovecot", "alice", SOCKET, steps, lines), strings[i].rc);
	}
	/* both in one turn, and one string asked twice */
	static const struct fake_step both[] = { { "", "csam=1|result=ask|ask=secret,code|", 0 }, { "secret=a|code=1", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const struct fake_step twice[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "secret=a", "csam=1|result=ask|ask=secret|", 0 }, { 0 } };
	static const struct line once[] = { { .style = OFF, .types = "a+1" }, { 0 } };
	static const struct line two[] = { { .style = OFF, .types = "a" }, { .style = ON, .types = "1" }, { 0 } };
	assert_int_equal(authenticate_as("login", "alice", SOCKET "prompt=single", both, once), PAM_SUCCESS);
	assert_int_equal(authenticate_as("login", "alice", SOCKET "prompt=single", twice, once), PAM_AUTH_ERR);
	assert_int_equal(authenticate_as("login", "alice", SOCKET, both, two), PAM_SUCCESS);
	assert_int_equal(authenticate_as("dovecot", "alice", SOCKET "prompt=two", both, two), PAM_SUCCESS);
}

/* What modules behind us find as PAM_AUTHTOK: pam_exec gives it to tee. */
static void authtok_is(const char *arguments, const struct fake_step *steps, const struct line *lines, const char *wanted)
{
	char then[200], file[100], found[64] = "";

	fake_start(steps);
	pam_begin("login", "alice", arguments, lines);
	snprintf(file, sizeof file, "%s/token", fake.folder);
	snprintf(then, sizeof then, "pam_exec.so quiet expose_authtok /usr/bin/tee %s", file);
	pam_then(then);
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_SUCCESS);
	pam_finish();
	FILE *f = fopen(file, "r");
	if (f != NULL && fread(found, 1, sizeof found - 1, f) == 0)
		found[0] = '\0';
	if (f != NULL)
		fclose(f);
	unlink(file);
	fake_stop();
	assert_string_equal(found, wanted);
}

static void test_password_for_others(void **state)
{
	static const struct fake_step single[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "secret=a+b", "csam=1|result=ask|ask=code|", 0 },
		{ "code=123456", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const struct line one[] = { { .style = OFF, .types = "a+b+123456" }, { 0 } };
	static const struct fake_step code_alone[] = { { "", "csam=1|result=ask|ask=code|", 0 }, { "", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	/* pam_exec asks for what is not there */
	static const struct line code[] = { { .style = ON, .types = "123456" }, { .style = OFF, .types = "typed" }, { 0 } };
	(void)state;

	authtok_is(SOCKET, two_factors, two_lines, "pa+ss");
	authtok_is(SOCKET "prompt=single", single, one, "a+b");
	authtok_is(SOCKET, code_alone, code, "typed");
}

/* Our module twice: the second finds the password that the first has left. */
static void first_pass(const char *second, const struct fake_step *steps, const struct line *lines, int wanted)
{
	char then[700];

	fake_start(steps);
	pam_begin("login", "alice", SOCKET, lines);
	snprintf(then, sizeof then, "%s socket=%s timeout=2 %s", talk.module, fake.path, second);
	pam_then(then);
	assert_int_equal(pam_authenticate(talk.pamh, 0), wanted);
	pam_finish();
	fake_stop();
}

static void test_first_pass(void **state)
{
	static const struct fake_step once[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { "secret=pw", "csam=1|result=allow|name=alice|", 0 },
		{ "", "csam=1|result=ask|ask=secret|", 0 }, { "secret=pw", "csam=1|result=ask|ask=secret,code|", 0 }, { "secret=other|code=1", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const struct line try[] = { { .style = OFF, .types = "pw" }, { .style = OFF, .types = "other" }, { .style = ON, .types = "1" }, { 0 } };
	static const struct line use[] = { { .style = OFF, .types = "pw" }, { 0 } };
	static const struct fake_step none[] = { { "", "csam=1|result=ask|ask=secret|", 0 }, { 0 } };
	static const struct line silent[] = { { 0 } };
	(void)state;

	first_pass("try_first_pass", once, try, PAM_SUCCESS);
	first_pass("use_first_pass", once, use, PAM_AUTH_ERR);
	assert_int_equal(fake.requests, 4);
	assert_int_equal(authenticate_as("login", "alice", SOCKET "use_first_pass", none, silent), PAM_AUTH_ERR);
	assert_non_null(strstr(talk.log[0], "no_first_pass"));
}

static void publickey_case(const char *service, const char *arguments, const char *info, bool proven)
{
	static const struct fake_step steps[] = { { "op=authenticate", "csam=1|result=ask|ask=code|label=Code: |", 0 }, { "code=123456", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const struct line lines[] = { { .style = ON, .shows = "Code: ", .types = "123456" }, { 0 } };

	fake_start(steps);
	pam_begin(service, "alice", arguments, lines);
	if (info != NULL)
		assert_int_equal(pam_putenv(talk.pamh, info), PAM_SUCCESS);
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_SUCCESS);
	pam_finish();
	fake_stop();
	assert_int_equal(strstr(fake.got[0], "proven=publickey|") != NULL, proven);
}

static void test_after_publickey(void **state)
{
	static const char key[] = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\n";
	(void)state;

	publickey_case("sshd", SOCKET "after_publickey=code", key, geteuid() == 0);
	publickey_case("sshd", SOCKET, key, false);
	publickey_case("login", SOCKET "after_publickey=code", key, false);
	publickey_case("sshd", SOCKET "after_publickey=code", NULL, false);
	publickey_case("sshd", SOCKET "after_publickey=code", "SSH_AUTH_INFO_0=", false);
	publickey_case("sshd", SOCKET "after_publickey=code", "SSH_AUTH_INFO_0=password\n", false);
	publickey_case("sshd", SOCKET "after_publickey=code", "SSH_AUTH_INFO_0=publickeys x\nxpublickey y\nkeyboard-interactive/pam publickey z\n", false);
	publickey_case("sshd", SOCKET "after_publickey=code", "SSH_AUTH_INFO_0=hostbased\npublickey ssh-rsa AAAA\n", geteuid() == 0);
	/* the process's own environment is not PAM's */
	setenv("SSH_AUTH_INFO_0", "publickey ssh-rsa AAAA\n", 1);
	publickey_case("sshd", SOCKET "after_publickey=code", NULL, false);
	unsetenv("SSH_AUTH_INFO_0");
}

static void test_language(void **state)
{
	static const struct { const char *lang, *wants; } cases[] = { { "LANG=nl_BE.UTF-8", "|lang=nl|" }, { "LANG=de", "|lang=de|" }, { "LANG=C.UTF-8", NULL }, { "LANG=../../etc", NULL },
		{ "LANG=english", NULL }, { "LANG=", NULL } };
	static const struct fake_step steps[] = { { "op=authenticate", "csam=1|result=deny|", 0 }, { 0 } };
	static const struct line none[] = { { 0 } };
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fake_start(steps);
		pam_begin("login", "alice", SOCKET, none);
		pam_putenv(talk.pamh, cases[i].lang);
		assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_AUTH_ERR);
		pam_finish();
		fake_stop();
		assert_int_equal(strstr(fake.got[0], "lang=") != NULL, cases[i].wants != NULL);
		if (cases[i].wants != NULL)
			assert_non_null(strstr(fake.got[0], cases[i].wants));
	}
}

static void test_log_line(void **state)
{
	static const struct line none[] = { { 0 } };
	(void)state;

	fake_start(NULL);
	pam_begin("login", "al=ice rhost=192.0.2.1\"\\", "socket=/nonexistent/x", none);
	pam_set_item(talk.pamh, PAM_RHOST, "a b\nreason=x\033");
	assert_int_equal(pam_authenticate(talk.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	pam_finish();
	fake_stop();
	assert_string_equal(talk.log[0], "csam: down user=al?ice?rhost?192.0.2.1?? rhost=a?b?reason?x? service=login reason=agent");
}

static void test_new_password(void **state)
{
	static const struct fake_step steps[] = { { "op=password|user=alice|service=login", "csam=1|result=ask|ask=secret|label=Present: |", 0 },
		{ "secret=old", "csam=1|result=ask|ask=secret|label=New: |", 0 }, { "secret=short", "csam=1|result=ask|ask=secret|label=New: |note=Too short.|", 0 },
		{ "secret=longer", "csam=1|result=ask|ask=secret|label=Again: |", 0 }, { "secret=longer", "csam=1|result=changed|", 0 }, { 0 } };
	static const struct line lines[] = { { .style = OFF, .shows = "Present: ", .types = "old" }, { .style = OFF, .shows = "New: ", .types = "short" },
		{ .style = INFO, .shows = "Too short." }, { .style = OFF, .types = "longer" }, { .style = OFF, .shows = "Again: ", .types = "longer" }, { 0 } };
	static const struct fake_step not_expired[] = { { "op=account", "csam=1|result=allow|name=alice|", 0 }, { 0 } };
	static const struct line none[] = { { 0 } };
	(void)state;

	fake_start(steps);
	pam_begin("login", "alice", SOCKET, lines);
	/* the first pass opens a connection and says nothing on it */
	assert_int_equal(pam_chauthtok(talk.pamh, 0), PAM_SUCCESS);
	pam_finish();
	fake_stop();
	assert_null(strstr(fake.got[0], "rhost"));
	/* asked only for what has expired: nothing has */
	fake_start(not_expired);
	pam_begin("login", "alice", SOCKET, none);
	assert_int_equal(pam_chauthtok(talk.pamh, PAM_CHANGE_EXPIRED_AUTHTOK), PAM_PERM_DENIED);
	pam_finish();
	fake_stop();
}

/* What is typed for a new password obeys the same rules; the answers are those of the password phase. */
static void test_new_password_hostile(void **state)
{
	static char huge[10001];
	static const struct fake_step steps[] = { { "op=password", "csam=1|result=ask|ask=secret|", 0 }, { 0 } };
	memset(huge, 'a', 10000);
	const struct { struct line line; int rc; } answers[] = { { { .style = OFF, .types = "" }, PAM_AUTHTOK_ERR }, { { .style = OFF, .types = huge }, PAM_AUTHTOK_ERR },
		{ { .style = OFF, .types = "old", .becomes = "bruno" }, PAM_AUTHTOK_ERR }, { { .style = OFF, .types = NULL }, PAM_CONV_ERR },
		{ { .style = OFF, .rc = PAM_CONV_ERR }, PAM_CONV_ERR } };
	(void)state;

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		const struct line lines[] = { answers[i].line, { 0 } };
		fake_start(steps);
		pam_begin("login", "alice", SOCKET, lines);
		assert_int_equal(pam_chauthtok(talk.pamh, 0), answers[i].rc);
		pam_finish();
		fake_stop();
		assert_int_equal(fake.requests, 1);	/* it was not sent */
	}
}

/* A no takes two seconds, give or take libpam's chance; that nobody answers takes none. */
static void test_delay(void **state)
{
	static const struct fake_step denies[] = { { "", "csam=1|result=deny|", 0 }, { 0 } }, down[] = { { "", "csam=1|result=down|", 0 }, { 0 } };
	static const struct line none[] = { { 0 } };
	(void)state;

	delayed = 0;
	assert_int_equal(authenticate_as("login", "alice", SOCKET, denies, none), PAM_AUTH_ERR);
	assert_in_range(delayed, 900000, 3100000);
	delayed = 0;
	assert_int_equal(authenticate_as("login", "alice", SOCKET, down, none), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(delayed, 0);
}

#include <time.h>
/* What a login pays for the module and its two turns: reported, and held to a bound that a busy machine keeps. */
static void test_speed(void **state)
{
	enum { RUNS = 300 };
	static struct line lines[4];
	static const struct fake_step steps[] = { { "op=authenticate", "csam=1|result=ask|ask=secret|", 0 }, { "", "csam=1|result=ask|ask=code|", 0 },
		{ "", "csam=1|result=allow|name=alice|uid=10001|", 0 }, { 0 } };
	static double took[RUNS];
	static const struct pam_conv conv = { person, NULL };
	(void)state;

	lines[0] = (struct line){ .style = OFF, .types = "x" };
	lines[1] = (struct line){ .style = ON, .types = "123456" };
	fake.forever = true;
	fake_start(steps);
	pam_begin("login", "alice", SOCKET, NULL);
	talk.lines = lines;
	for (int i = 0; i < RUNS; i++) {
		struct timespec a, b;
		pam_handle_t *p;
		talk.spoken = 0;
		clock_gettime(CLOCK_MONOTONIC, &a);
		assert_int_equal(pam_start_confdir("login", "alice", &conv, talk.folder, &p), PAM_SUCCESS);
		assert_int_equal(pam_authenticate(p, 0), PAM_SUCCESS);
		pam_end(p, PAM_SUCCESS);
		clock_gettime(CLOCK_MONOTONIC, &b);
		took[i] = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
		for (int j = i; j > 0 && took[j] < took[j - 1]; j--) {
			double t = took[j];
			took[j] = took[j - 1];
			took[j - 1] = t;
		}
	}
	pam_finish();
	fake_stop();
	fake.forever = false;
	printf("# pam_start, authenticate with two turns, pam_end: p50 %.0f us, p99 %.0f us\n", took[RUNS / 2], took[RUNS * 99 / 100]);
	assert_true(took[RUNS / 2] < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password_and_code), cmocka_unit_test(test_table_ours), cmocka_unit_test(test_table_down), cmocka_unit_test(test_table_local),
		cmocka_unit_test(test_arguments), cmocka_unit_test(test_setcred_mirrors), cmocka_unit_test(test_who_it_is), cmocka_unit_test(test_hostile_answers), cmocka_unit_test(test_sshd_placeholder),
		cmocka_unit_test(test_no_conversation), cmocka_unit_test(test_changed_at_the_end), cmocka_unit_test(test_agent_that_vanishes),
		cmocka_unit_test(test_endless_agent), cmocka_unit_test(test_choice), cmocka_unit_test(test_wait), cmocka_unit_test(test_device), cmocka_unit_test(test_single), cmocka_unit_test(test_password_for_others), cmocka_unit_test(test_first_pass),
		cmocka_unit_test(test_after_publickey), cmocka_unit_test(test_language), cmocka_unit_test(test_log_line), cmocka_unit_test(test_new_password), cmocka_unit_test(test_new_password_hostile), cmocka_unit_test(test_delay),
		cmocka_unit_test(test_speed),
	};
	unsetenv("LANG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
