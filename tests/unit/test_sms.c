/* SMS by a gateway: what is sent for each description of one, and what its answers mean. The gateway is a real HTTP server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include "base/clock.h"
#include "svc/gsm.h"
#include "svc/outbox_carriers.h"
#include "tests/unit/outside.h"

#define gateway(...) server_start("tests/integration/sms-gateway.py", (const char *const[]){ __VA_ARGS__, NULL })

static const char *why;
static uint64_t took;

static struct sms_conf conf(void)
{
	static const char *const none[] = { NULL };
	return (struct sms_conf){ .folder = "", .url = arena_printf(a, "http://127.0.0.1:%u/v1/send", server.port), .method = "", .type = "application/json",
		.body = "{\"to\": \"{to}\", \"text\": \"{text}\"}", .headers = none, .secret = "", .accepted = "messages.0.status=queued", .ca_file = "",
		.plain_http = true, .timeout_ms = 500 };
}

static enum sent send_with(const struct sms_conf *c, const char *to, const char *service)
{
	outbox_carrier *carry = NULL;
	const struct text_arg args[] = { { "code", "735912" }, { "service", service }, { "host", "idp.csam.example" } };
	const struct parcel p = { .channel = CHANNEL_SMS, .id = "Zm9vYmFy_-", .to = to, .lang = "fr", .text_id = "sms.x", .args = args, .nargs = 3,
		.expires = now() + 60, .tries = 1 };
	uint64_t t = ticks_ms();
	assert_int_equal(sms_open(a, c, &carry), OK);
	assert_non_null(carry);
	why = "";
	enum sent s = carry(a, &p, &why);
	took = ticks_ms() - t;
	return s;
}

static enum sent sms(const char *end)
{
	struct sms_conf c = conf();
	return send_with(&c, arena_printf(a, "+324701234%s", end), "Tax");
}

static void answers(void **s)
{
	(void)s;
	static const struct { const char *end; enum sent want; } of[] = {
		{ "00", SENT_OK }, { "01", SENT_NEVER }, { "02", SENT_DOWN }, { "03", SENT_DOWN }, { "04", SENT_LATER }, { "05", SENT_LATER },
		{ "06", SENT_DOWN }, { "07", SENT_DOWN }, { "08", SENT_DOWN }, { "09", SENT_DOWN }, { "10", SENT_DOWN },
	};
	gateway(NULL);
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		enum sent got = sms(of[i].end);
		if (got != of[i].want || took > 2500 || (got == SENT_OK) != (*why == '\0')) {
			print_error("%s: %d after %llu ms: %s\n", of[i].end, got, (unsigned long long)took, why);
			_fail(__FILE__, __LINE__);
		}
	}
	server_end();
	assert_int_equal(sms("00"), SENT_DOWN);
}

/* Whatever the service is called, the gateway reads the text that we wrote, in JSON, in a form and in an address. */
static void escapes(void **s)
{
	(void)s;
	static const char *const names[] = { "Tax", "a\"b\\c", "x&to=+32000\", \"to\": \"+32", "Impôts – 100 % + {to} {secret} 😀", "</script>=;?#" };
	static const char *const none[] = { NULL };
	gateway(NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (unsigned how = 0; how < 3; how++) {
			struct sms_conf c = conf();
			c.headers = none;
			if (how == 1) {
				c.type = "application/x-www-form-urlencoded";
				c.body = "from=CSAM&to={to}&text={text}&id={id}";
			}
			if (how == 2) {
				c.body = "";
				c.url = arena_printf(a, "%s?to={to}&text={text}", c.url);
			}
			enum sent sent = send_with(&c, "+32470123400", names[i]);
			assert_string_equal(why, "");
			assert_int_equal(sent, SENT_OK);
			json_t *line = taken((unsigned)(i * 3 + how));
			assert_string_equal(nth(line, 0), how == 2 ? "GET" : "POST");
			assert_string_equal(nth(line, 3), "+32470123400");
			assert_string_equal(nth(line, 4), arena_printf(a, "735912 pour %s. %s personne !\n\n@idp.csam.example #735912", names[i], strstr(names[i], "😀") ? "À" : "A"));
		}
	assert_non_null(strstr(nth(taken(1), 5), "from=CSAM&to=%2B32470123400&"));
	assert_non_null(strstr(nth(taken(1), 5), "&id=Zm9vYmFy_-"));
}

/* 160 letters of theirs, or 70 of all others: what can be written with theirs is, and nothing else is touched. */
static void letters_of_telephones(void **s)
{
	(void)s;
	static const struct { const char *text, *sent; } of[] = {
		{ "Ce n’est pas vous\302\240? «\342\200\257Impôts\342\200\257»…", "Ce n'est pas vous ? \" Impots \"..." }, { "à é è ù ä ö ü ß Ñ € @ {[~]}\n", "à é è ù ä ö ü ß Ñ € @ {[~]}\n" },
		{ "Çà, garçon – cœur „Œuvre“ Žižek", "Çà, garcon - coeur \"OEuvre\" Zizek" }, { "’’ Ελλάδα ô", "’’ Ελλάδα ô" }, { "ô 😀", "ô 😀" }, { "ô \a", "ô \a" },
		{ "ô \xff", "ô \xff" }, { "", "" },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct buf b = buf_new(a);
		gsm_put(&b, slice_of(of[i].text));
		assert_string_equal(buf_cstr(&b), of[i].sent);
	}
}

/* The last line is for telephones: domain and code, as browsers look for it (origin-bound one-time codes, WICG). */
static void last_line_and_length(void **s)
{
	(void)s;
	static char longest[1001];
	for (size_t i = 0; i < 1000; i += 2)
		memcpy(longest + i, "\xc3\xa9", 2);
	longest[0] = 'x';		/* so that 64 bytes end within a character */
	memmove(longest + 1, longest + 2, 998);
	longest[999] = '\0';
	gateway(NULL);
	struct sms_conf c = conf();
	assert_int_equal(send_with(&c, "+32470123400", longest), SENT_OK);
	const char *text_of_it = nth(taken(0), 4), *last = strrchr(text_of_it, '\n');
	assert_string_equal(last + 1, "@idp.csam.example #735912");
	assert_in_range(strlen(text_of_it), 100, 140);
}

static void secrets(void **s)
{
	(void)s;
	static const char *const headers[] = { "Authorization: Bearer {secret}", "X-Account: 7", NULL };
	certificate("right", "localhost");
	certificate("other", "localhost");
	gateway("--tls", "--cert", path("right.pem"), "--key", path("right.key"), "--secret", "t0k3n");
	struct sms_conf c = conf();
	c.url = arena_printf(a, "https://localhost:%u/v1", server.port);
	c.plain_http = false;
	c.headers = headers;
	c.secret = "t0k3n";
	c.ca_file = path("right.pem");
	assert_int_equal(send_with(&c, "+32470123400", "Tax"), SENT_OK);
	c.secret = "other";
	assert_int_equal(send_with(&c, "+32470123400", "Tax"), SENT_DOWN);	/* 401: ours to mend */
	c.secret = "t0k3n\r\nX: y";
	assert_int_equal(send_with(&c, "+32470123400", "Tax"), SENT_DOWN);
	c.secret = "t0k3n";
	c.ca_file = path("other.pem");
	assert_int_equal(send_with(&c, "+32470123400", "Tax"), SENT_DOWN);
	assert_non_null(strstr(why, "certificate"));
	c.url = "http://localhost:1/v1";
	outbox_carrier *carry;
	assert_int_equal(sms_open(a, &c, &carry), OK);
	assert_int_equal(send_with(&c, "+32470123400", "Tax"), SENT_DOWN);	/* http only where said */
	c.url = "https://user@localhost/";
	assert_int_equal(sms_open(a, &c, &carry), E_INPUT);
	assert_non_null(taken(0));
	assert_null(taken(1));
}

static void accepted(void **s)
{
	(void)s;
	static const struct { const char *accepted, *body; bool yes; } of[] = {
		{ "", "", true }, { "", "no", true }, { "status=ok", "{\"status\":\"ok\"}", true }, { "status=ok", "{\"status\":\"okay\"}", false },
		{ "status=ok", "{\"status\":[\"ok\"]}", false }, { "a.b=1", "{\"a\":{\"b\":1}}", true }, { "a.b=1", "{\"a\":{\"b\":\"1\"}}", true },
		{ "a.1.b=true", "{\"a\":[0,{\"b\":true}]}", true }, { "a.1.b=true", "{\"a\":[0,{\"b\":false}]}", false }, { "a.2=x", "{\"a\":[\"x\"]}", false },
		{ "a=", "{\"a\":\"\"}", true }, { "a=", "{}", false }, { "a=x=y", "{\"a\":\"x=y\"}", true }, { "a", "{\"a\":\"\"}", false },
		{ "a.x=1", "{\"a\":[1]}", false }, { "a=null", "{\"a\":null}", false }, { "a=b", "[\"b\"]", false }, { "0=b", "[\"b\"]", true }, { "a=b", "{\"a\":\"b\"", false },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (sms_answer_accepts(a, of[i].accepted, slice_of(of[i].body)) != of[i].yes)
			assert_string_equal(of[i].accepted, of[i].body);
}

static void into_a_folder(void **s)
{
	(void)s;
	struct sms_conf c = conf();
	c.folder = path("sms");
	assert_int_equal(send_with(&c, "+32470123400", "Tax"), SENT_OK);
	assert_true(slice_is(read_all("sms/Zm9vYmFy_-.sms"), "To: +32470123400\n\n735912 pour Tax. A personne !\n\n@idp.csam.example #735912\n"));
	outbox_carrier *carry;
	c.folder = c.url = "";
	assert_int_equal(sms_open(a, &c, &carry), OK);
	assert_null(carry);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(answers), T(escapes), T(letters_of_telephones), T(last_line_and_length), T(secrets), T(accepted), T(into_a_folder),
	};
	log_open("test", LOG_LEVEL_ERR);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
