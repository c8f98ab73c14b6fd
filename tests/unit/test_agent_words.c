/* The agent's parts that ask nobody: messages, replies, who may ask, what a token must say, what is remembered, what is logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/caller.h"
#include "agent/conversation.h"
#include "agent/decision.h"
#include "agent/identity.h"
#include "agent/memory.h"
#include "agent/starts.h"
#include "base/log.h"
#undef fail
#include <cmocka.h>

static struct arena *arena;

static int fresh(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

/* '|' ends a field, for the sake of the eye. */
static struct slice fields(const char *text)
{
	char *p = arena_strdup(arena, text);
	size_t n = strlen(p);
	for (size_t i = 0; i < n; i++)
		p[i] = p[i] == '|' ? '\0' : p[i];
	return slice_mem(p, n);
}

static int parsed(const char *text, struct message *out)
{
	return message_parse(fields(text), out);
}

static void messages_are_taken_apart(void **state)
{
	struct message m;
	(void)state;
	assert_int_equal(parsed("csam=1|op=authenticate|user=alice|service=sshd|rhost=192.0.2.1|tty=pts/1|lang=nl|can=secret,show|proven=publickey|", &m), OK);
	assert_int_equal(m.op, OP_AUTHENTICATE);
	assert_true(slice_is(m.user, "alice") && slice_is(m.service, "sshd") && slice_is(m.rhost, "192.0.2.1") && slice_is(m.tty, "pts/1") && slice_is(m.lang, "nl"));
	assert_int_equal(m.can, ASK_SECRET | ASK_SHOW);
	assert_true(m.publickey);
	assert_null(m.secret.p);
	assert_int_equal(parsed("csam=1|user=al=ice|service=s|op=account|", &m), OK);	/* any order; '=' in a value */
	assert_true(slice_is(m.user, "al=ice"));
	assert_int_equal(m.can, ASK_SECRET | ASK_CODE | ASK_TEXT);
	assert_int_equal(parsed("csam=1|op=password|user=a|service=s|can=|", &m), OK);
	assert_int_equal(m.can, 0);
	assert_int_equal(parsed("csam=1|op=answer|secret=\xff\x01 =|code=|", &m), OK);	/* a password may be anything but NUL */
	assert_int_equal(m.secret.n, 4);
	assert_non_null(m.code.p);
	assert_int_equal(m.code.n, 0);
}

static void messages_that_are_none(void **state)
{
	static const char *const bad[] = {
		"", "|", "csam=1", "csam=1|", "csam=2|op=account|user=a|service=s|", "op=account|csam=1|user=a|service=s|", "csam=1|op=account|user=a|service=s",
		"csam=1|op=account|user=a|", "csam=1|op=account|service=s|", "csam=1|op=account|user=|service=s|", "csam=1|op=steal|user=a|service=s|",
		"csam=1|op=account|op=account|user=a|service=s|", "csam=1|op=account|user=a|user=a|service=s|", "csam=1|op=account|user=a|service=s||",
		"csam=1|op=account|user=a|service=s|shell=x|", "csam=1|op=account|user=a|service=s|User=b|", "csam=1|op=account|user=a\n|service=s|",
		"csam=1|op=account|user=\xc3|service=s|", "csam=1|op=account|user=a|service=s|secret=x|", "csam=1|op=account|user=a|service=s|proven=publickey|",
		"csam=1|op=authenticate|user=a|service=s|proven=password|", "csam=1|op=authenticate|user=a|service=s|can=dance|",
		"csam=1|op=authenticate|user=a|service=s|can=code,,|", "csam=1|op=answer|user=a|", "csam=1|op=answer|can=code|", "csam=1|op=answer|secret=a|secret=b|",
		"csam=1|op=answer|secret|", "csam=1|=x|op=answer|", "csam=1|csam=1|op=answer|",
	};
	struct message m;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parsed(bad[i], &m) != E_INPUT)
			fail_msg("taken: %s", bad[i]);
	char *long_user = arena_alloc(arena, 1000);
	memset(long_user, 'a', 257);
	assert_int_equal(parsed(arena_printf(arena, "csam=1|op=account|service=s|user=%s|", long_user), &m), E_INPUT);
	assert_int_equal(parsed(arena_printf(arena, "csam=1|op=account|service=s|user=%s|", long_user + 1), &m), OK);
	memset(long_user, 'a', 513);
	assert_int_equal(parsed(arena_printf(arena, "csam=1|op=answer|secret=%s|", long_user), &m), E_INPUT);
}

static void replies_hold_text_only(void **state)
{
	struct buf b = message_reply(arena, "ask");
	(void)state;
	message_put(&b, "label", S("a\x1b[2J\nb\xff\xc3\xa9"));
	assert_memory_equal(b.p, "csam=1\0result=ask\0label=a [2J b \xc3\xa9\0", b.n);
	char *big = arena_alloc(arena, 10000);
	memset(big, 'x', 9999);
	b = buf_new(arena);
	message_put(&b, "note", slice_of(big));
	assert_int_equal(b.n, 5 + MESSAGE_VALUE_MAX + 1);
}

static void languages_of_the_plug_in(void **state)
{
	static const struct { const char *lang, *locales; } cases[] = {
		{ "fr_BE.UTF-8", "fr-BE" }, { "nl", "nl" }, { "de_BE@euro:fr:C", "de-BE fr" }, { "C", NULL }, { "POSIX", NULL }, { "C.UTF-8", NULL }, { "", NULL }, { ":::", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice got = conversation_locales(arena, slice_of(cases[i].lang));
		if (!(cases[i].locales == NULL ? got.p == NULL : slice_is(got, cases[i].locales)))
			fail_msg("%s: %.*s", cases[i].lang, (int)got.n, got.p ? got.p : "");
	}
}

/* --- what idpd answers --- */

static struct reply reply_of(long status, const char *body)
{
	struct reply r;
	reply_read(arena, status, slice_of(body), ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_DEVICE, &r);
	return r;
}

#define ASK_MORE "{\"error\":\"insufficient_authorization\",\"auth_session\":\"s\",\"prompt\":"

static void replies_are_understood(void **state)
{
	(void)state;
	struct reply r = reply_of(400, ASK_MORE "{\"ask\":[\"secret\",\"code\"],\"label\":\"L\",\"note\":\"N\",\"wait\":4}}");
	assert_int_equal(r.kind, REPLY_ASK);
	assert_int_equal(r.prompt.ask, ASK_SECRET | ASK_CODE);
	assert_string_equal(r.prompt.label, "L");
	assert_string_equal(r.prompt.note, "N");
	assert_int_equal(r.prompt.wait_s, 4);
	r = reply_of(400, ASK_MORE "{\"ask\":[\"choice\"],\"choices\":[{\"id\":\"app\",\"label\":\"App\"},{\"id\":\"sms\",\"label\":\"Sms\"}]}}");
	assert_int_equal(r.kind, REPLY_ASK);
	assert_int_equal(r.prompt.nchoices, 2);
	assert_string_equal(r.prompt.choices[1].id, "sms");
	r = reply_of(400, ASK_MORE "{\"ask\":[\"code\",\"device\"],\"label\":\"D\",\"lines\":[\"one\",\"two\"]}}");
	assert_int_equal(r.kind, REPLY_ASK);
	assert_int_equal(r.prompt.nlines, 2);
	assert_string_equal(r.prompt.lines[1], "two");
	r = reply_of(200, "{\"account\":\"allowed\",\"csam_posix\":{\"name\":\"alice\"},\"valid_for\":60}");
	assert_int_equal(r.kind, REPLY_ACCOUNT);
	assert_int_equal(r.valid_for_s, 60);
	assert_false(r.who.has_uid);
	r = reply_of(400, "{\"error\":\"access_denied\"}");
	assert_int_equal(r.kind, REPLY_DENIED);
	assert_null(r.message);
	assert_int_equal(reply_of(400, "{\"error\":\"unmet_authentication_requirements\"}").kind, REPLY_DENIED);
	assert_true(reply_of(503, "{\"error\":\"temporarily_unavailable\"}").away);
	assert_false(reply_of(401, "{\"error\":\"invalid_client\"}").away);
}

static void everything_else_is_down(void **state)
{
	static const struct { long status; const char *body; } bad[] = {
		{ 200, "" }, { 200, "{}" }, { 200, "[]" }, { 200, "{\"id_token\":\"\"}" }, { 200, "{\"id_token\":1}" }, { 201, "{\"id_token\":\"c\"}" },
		{ 302, "{\"id_token\":\"c\"}" }, { 400, "{\"id_token\":\"c\"}" }, { 500, "{\"id_token\":\"c\"}" }, { 503, "{\"error\":\"access_denied\"}" },
		{ 429, "{\"error\":\"access_denied\"}" }, { 400, "{\"error\":\"invalid_session\"}" }, { 400, "{\"error\":\"invalid_request\"}" }, { 400, "{\"error\":7}" },
		{ 200, "{\"account\":\"allowed\"}" }, { 200, "{\"account\":\"allowed\",\"csam_posix\":{}}" }, { 200, "{\"account\":\"Allowed\",\"csam_posix\":{\"name\":\"a\"}}" },
		{ 200, "{\"account\":\"\",\"csam_posix\":{\"name\":\"a\"}}" }, { 200, "{\"account\":\"allowed\",\"csam_posix\":{\"name\":\"a\",\"uidNumber\":\"0\"}}" },
		{ 200, "{\"account\":\"allowed\",\"csam_posix\":{\"name\":\"a\",\"uidNumber\":-1}}" }, { 200, "{\"account\":\"allowed\",\"csam_posix\":{\"name\":\"a\",\"uidNumber\":4294967295}}" },
		{ 200, "{\"password\":\"same\"}" }, { 400, "{\"error\":\"insufficient_authorization\",\"auth_session\":\"s\"}" },
		{ 400, ASK_MORE "{\"ask\":[]}}" }, { 400, ASK_MORE "{\"ask\":[\"sign\"]}}" }, { 400, ASK_MORE "{\"ask\":[\"text\"]}}" }, { 400, ASK_MORE "{\"ask\":\"secret\"}}" },
		{ 400, ASK_MORE "{\"ask\":[\"choice\"]}}" }, { 400, ASK_MORE "{\"ask\":[\"secret\"],\"choices\":[{\"id\":\"a\",\"label\":\"b\"}]}}" },
		{ 400, ASK_MORE "{\"ask\":[\"choice\"],\"choices\":[{\"id\":\"a:b\",\"label\":\"b\"}]}}" }, { 400, ASK_MORE "{\"ask\":[\"choice\"],\"choices\":[{\"id\":\"a\"}]}}" },
		{ 400, ASK_MORE "{\"ask\":[\"device\",\"code\"]}}" }, { 400, ASK_MORE "{\"ask\":[\"code\"],\"lines\":[\"a\"]}}" },
		{ 400, ASK_MORE "{\"ask\":[\"device\"],\"lines\":[\"\"]}}" }, { 400, ASK_MORE "{\"ask\":[\"device\"],\"lines\":[1]}}" },
		{ 400, "{\"error\":\"insufficient_authorization\",\"prompt\":{\"ask\":[\"secret\"]}}" }, { 200, "{\"id_token\":\"c\",\"id_token\":\"d\"}" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (reply_of(bad[i].status, bad[i].body).kind != REPLY_DOWN)
			fail_msg("%ld %s", bad[i].status, bad[i].body);
	struct buf b = buf_new(arena);
	buf_lit(&b, ASK_MORE "{\"ask\":[\"choice\"],\"choices\":[");
	for (int i = 0; i < 17; i++)
		buf_printf(&b, "%s{\"id\":\"%d\",\"label\":\"x\"}", i ? "," : "", i);
	buf_lit(&b, "]}}");
	assert_int_equal(reply_of(400, buf_cstr(&b)).kind, REPLY_DOWN);
}

/* --- who may ask --- */

static void kernel_numbers_decide_who_may_ask(void **state)
{
	const gid_t none[] = { 100, 4000000000u }, member[] = { 100, 0 };
	const char *const services[] = { "nobody smtp", "no-such-user imap", NULL };
	const struct agent_conf conf = { .agent_group = "root", .agent_services = services };
	const struct callers *all = callers_new(arena, &conf);
	struct caller c;
	(void)state;
	caller_judge(all, 0, none, 2, &c);
	assert_int_equal(c.may, MAY_ALL);
	caller_judge(all, 1000, member, 2, &c);		/* supplementary group */
	assert_int_equal(c.may, MAY_ALL);
	caller_judge(all, 65534, none, 2, &c);
	assert_int_equal(c.may, MAY_SERVICES);
	assert_true(slice_is(c.services, "smtp"));
	caller_judge(all, 1000, none, 2, &c);
	assert_int_equal(c.may, MAY_OWN);
	const struct agent_conf absent = { .agent_group = "no-such-group", .agent_services = services + 2 };
	caller_judge(callers_new(arena, &absent), 1000, member, 2, &c);
	assert_int_equal(c.may, MAY_OWN);
}

static void what_callers_may_not_ask_is_named(void **state)
{
	const struct caller own = { 1000, MAY_OWN, S_NONE }, mail = { 107, MAY_SERVICES, S("smtp imap") }, root = { 0, MAY_ALL, S_NONE }, none = { 0 };
	const struct question q = { S("alice"), S("smtp"), S_NONE, false }, key = { S("alice"), S("smtp"), S_NONE, true },
	    far = { S("alice"), S("smtp"), S("192.0.2.1"), false }, other = { S("alice"), S("smt"), S_NONE, false };
	(void)state;
	assert_null(caller_fault(&root, &key, NULL));
	assert_null(caller_fault(&own, &q, "alice"));
	assert_string_equal(caller_fault(&own, &q, "bruno"), "caller-other-user");
	assert_string_equal(caller_fault(&own, &q, "Alice"), "caller-other-user");
	assert_string_equal(caller_fault(&own, &q, NULL), "caller-other-user");
	assert_string_equal(caller_fault(&own, &far, "alice"), "caller-rhost");
	assert_string_equal(caller_fault(&own, &key, "alice"), "caller-publickey");
	assert_null(caller_fault(&mail, &far, NULL));
	assert_string_equal(caller_fault(&mail, &other, NULL), "caller-other-service");
	assert_string_equal(caller_fault(&mail, &key, NULL), "caller-publickey");
	assert_string_equal(caller_fault(&none, &q, "alice"), "caller");
}

static void starts_are_counted_for_each_user(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(starts_take(1001, START_LOGIN));
	assert_false(starts_take(1001, START_LOGIN));
	assert_true(starts_take(1002, START_LOGIN));
	for (int i = 0; i < 20; i++)
		assert_true(starts_take(1001, START_ACCOUNT));
	assert_false(starts_take(1001, START_ACCOUNT));
	bool more = true;
	for (uid_t uid = 2000; uid < 4000; uid++)
		more = starts_take(uid, START_LOGIN);
	assert_false(more);				/* the table is bounded, and fails closed */
	assert_false(starts_take(1001, START_LOGIN));	/* nobody was pushed out of it */
}

/* --- is it them? --- */

static const char *fault_of(const char *claims, const struct wanted *w)
{
	json_t *v;
	struct identity id = { .level = 7 };
	assert_int_equal(json_parse(arena, slice_of(claims), &v, NULL), OK);
	const char *fault = identity_fault(v, w, &id);
	assert_int_equal(id.level == 7, fault != NULL);	/* nothing is filled in on failure */
	return fault ? fault : "";
}

#define TOKEN(iss, aud, nonce, exp, iat, auth, acr, posix) "{\"iss\":" iss ",\"aud\":" aud ",\"nonce\":" nonce ",\"exp\":" #exp ",\"iat\":" #iat \
	",\"auth_time\":" #auth ",\"acr\":\"urn:be:fedict:iam:fas:citizen:Level" acr "\",\"csam_posix\":" posix "}"
#define ALICE "{\"name\":\"alice\",\"uidNumber\":10001}"

static void tokens_must_say_who_was_wanted(void **state)
{
	static const struct { const char *claims, *fault; } cases[] = {
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", ALICE), "" },
		{ TOKEN("\"I\"", "[\"H\"]", "\"N\"", 941, 1060, 940, "500", ALICE), "" },
		{ TOKEN("\"I/\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", ALICE), "token-issuer" },
		{ TOKEN("1", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", ALICE), "token-issuer" },
		{ TOKEN("\"I\"", "\"G\"", "\"N\"", 1300, 1000, 1000, "400", ALICE), "token-audience" },
		{ TOKEN("\"I\"", "[]", "\"N\"", 1300, 1000, 1000, "400", ALICE), "token-audience" },
		{ TOKEN("\"I\"", "[\"H\",\"G\"]", "\"N\"", 1300, 1000, 1000, "400", ALICE), "token-audience" },
		{ TOKEN("\"I\"", "\"H\"", "\"\"", 1300, 1000, 1000, "400", ALICE), "token-nonce" },
		{ TOKEN("\"I\"", "\"H\"", "null", 1300, 1000, 1000, "400", ALICE), "token-nonce" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 940, 1000, 1000, "400", ALICE), "token-expired" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300.5, 1000, 1000, "400", ALICE), "token-expired" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", "9999", 1000, 1000, "400", ALICE), "token-expired" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 939, 1000, "400", ALICE), "token-time" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1061, 1000, "400", ALICE), "token-time" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 939, "400", ALICE), "login-time" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, null, "400", ALICE), "login-time" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "300", ALICE), "level" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "501", ALICE), "level" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "", ALICE), "level" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400x", ALICE), "level" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "null"), "no-user" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"uidNumber\":10001}"), "no-user" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice\",\"uidNumber\":\"10001\"}"), "no-user" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alic\",\"uidNumber\":10001}"), "other-user" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice \",\"uidNumber\":10001}"), "other-user" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice\",\"uidNumber\":10002}"), "other-uid" },
		{ TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice\"}"), "other-uid" },
		{ "{}", "token-issuer" },
	};
	struct wanted w = { .issuer = "I", .client_id = "H", .nonce = "N", .user = "alice", .level = 400, .min_uid = 1000,
		.unix_user = { true, 10001 }, .since = 1000, .now = 1000 };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (strcmp(fault_of(cases[i].claims, &w), cases[i].fault) != 0)
			fail_msg("%s: %s, not %s", cases[i].claims, fault_of(cases[i].claims, &w), cases[i].fault);
	w.unix_user = (struct unix_user){ false, 0 };
	assert_string_equal(fault_of(TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice\"}"), &w), "");
	assert_string_equal(fault_of(TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice\",\"uidNumber\":999}"), &w), "reserved-uid");
	assert_string_equal(fault_of(TOKEN("\"I\"", "\"H\"", "\"N\"", 1300, 1000, 1000, "400", "{\"name\":\"alice\",\"uidNumber\":0}"), &w), "reserved-uid");
}

/* --- memory and log --- */

static void memory_is_for_one_user_at_one_service(void **state)
{
	struct memory *m = memory_new();
	struct posix_name who = { .has_uid = true, .uid = 10001 }, got = { 0 };
	(void)state;
	assert_false(memory_has(m, S("alice"), S("sshd"), 3600, &got));
	memory_keep(m, S("alice"), S("sshd"), &who, 100);
	assert_true(memory_has(m, S("alice"), S("sshd"), 3600, &got));
	assert_true(got.has_uid);
	assert_int_equal(got.uid, 10001);
	assert_false(memory_has(m, S("alice"), S("sshd"), 0, &got));
	assert_false(memory_has(m, S("alice"), S("cron"), 3600, &got));
	assert_false(memory_has(m, S("alic"), S("esshd"), 3600, &got));
	memory_drop(m, S("alice"), S("cron"));
	assert_true(memory_has(m, S("alice"), S("sshd"), 3600, &got));
	memory_drop(m, S("alice"), S("sshd"));
	assert_false(memory_has(m, S("alice"), S("sshd"), 3600, &got));
	memory_keep(m, S("alice"), S("sshd"), &who, 0);
	assert_false(memory_has(m, S("alice"), S("sshd"), 3600, &got));
	memory_keep(m, S("bruno"), S("sshd"), &who, 1);
	assert_true(memory_has(m, S("bruno"), S("sshd"), 3600, &got));
	sleep(2);
	assert_false(memory_has(m, S("bruno"), S("sshd"), 3600, &got));	/* valid_for */
	for (int i = 0; i < 10000; i++) {	/* bounded */
		char user[16];
		snprintf(user, sizeof user, "u%d", i);
		memory_keep(m, slice_of(user), S("sshd"), &who, 100);
	}
	assert_true(memory_has(m, S("u9999"), S("sshd"), 3600, &got));
	memory_free(m);
}

static void lines_of_decisions_keep_their_form(void **state)
{
	char line[1000];
	struct decision d = { .what = "denied", .user = S("alice"), .rhost = S("192.0.2.1"), .service = S("sshd"), .reason = "refused-at-code" };
	(void)state;
	decision_format(&d, line, sizeof line);
	assert_string_equal(line, "csam: denied user=alice rhost=192.0.2.1 service=sshd reason=refused-at-code");
	d.user = S("x rhost=198.51.100.1 service=sshd\n\"'\xc3\xa9=%s");
	d.rhost = S_NONE;
	decision_format(&d, line, sizeof line);
	assert_string_equal(line, "csam: denied user=x?rhost?198.51.100.1?service?sshd??????%s rhost=- service=sshd reason=refused-at-code");
	char *big = arena_alloc(arena, 5000);
	memset(big, 'a', 4999);
	d.user = d.rhost = d.service = slice_of(big);
	decision_format(&d, line, sizeof line);
	assert_non_null(strstr(line, " reason=refused-at-code"));
}

/* --- configuration --- */

static void configuration_errors_name_the_place(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "idp { issuer = \"https://x\" }", "idp.client_id is missing" },
		{ "idp { issuer = \"http://x\" client_id = h }", ":1: idp.issuer" },
		{ "idp { issuer = \"https://x\" client_id = h }\nagent { sockets = {\"agent.sock\"} }", ":2: agent.sockets" },
		{ "idp { issuer = \"https://x\" client_id = h }\nagent { sockets = {\"/a 666\"} }", "a mode like 0660" },
		{ "idp { issuer = \"https://x\" client_id = h }\nagent { sockets = {\"/a 0888\"} }", "a mode like 0660" },
		{ "idp { issuer = \"https://x\" client_id = h }\nagent { services = {\"postfix\"} }", "a system user and the services" },
		{ "idp { issuer = \"https://x\" client_id = h }\npeople { min_uid = 0 }", "from 1 to" },
		{ "idp { issuer = \"https://x\" client_id = h verify = false }", "verify" },
	};
	char file[] = "/tmp/test_agent_conf.XXXXXX";
	int fd = mkstemp(file);
	const struct agent_conf *c;
	const char *why = "";
	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bad[i].text, strlen(bad[i].text), 0), strlen(bad[i].text));
		assert_int_equal(agent_conf_read(arena, file, &c, &why), E_INPUT);
		if (strstr(why, bad[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", why, bad[i].says);
	}
	static const char good[] = "idp { issuer = \"https://x\" client_id = h }\n";
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, good, sizeof good - 1, 0), sizeof good - 1);
	assert_int_equal(agent_conf_read(arena, file, &c, &why), OK);
	assert_string_equal(c->agent_sockets[0], "/run/csam/agent.sock 0666");
	assert_string_equal(c->idp_key_file, "/tmp/host.key");
	chmod(file, 0620);
	assert_int_equal(agent_conf_read(arena, file, &c, &why), E_INPUT);
	assert_non_null(strstr(why, "nobody else may write it"));
	close(fd);
	unlink(file);
}

static void socket_places(void **state)
{
	struct socket_place p = socket_place_of(arena, "/run/x");
	(void)state;
	assert_string_equal(p.path, "/run/x");
	assert_int_equal(p.mode, 0666);
	assert_null(p.group);
	p = socket_place_of(arena, "/run/x 0620 mail");
	assert_int_equal(p.mode, 0620);
	assert_string_equal(p.group, "mail");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_are_taken_apart), TEST(messages_that_are_none), TEST(replies_hold_text_only), TEST(languages_of_the_plug_in),
		TEST(replies_are_understood), TEST(everything_else_is_down), TEST(kernel_numbers_decide_who_may_ask), TEST(what_callers_may_not_ask_is_named),
		TEST(starts_are_counted_for_each_user), TEST(tokens_must_say_who_was_wanted), TEST(memory_is_for_one_user_at_one_service),
		TEST(lines_of_decisions_keep_their_form), TEST(configuration_errors_name_the_place), TEST(socket_places),
	};
	log_open("test", (enum log_level)0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
