/* Mail and SMS: what is written, and what servers that refuse, stall, lie and hang up make of it. The SMTP server is a real one (aiosmtpd). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#include "base/clock.h"
#include "svc/mime.h"
#include "svc/outbox_carriers.h"
#include "tests/unit/outside.h"

#define smtpd(...) server_start("tests/integration/smtpd.py", (const char *const[]){ __VA_ARGS__, NULL })

static struct mail_conf conf(const char *scheme)
{
	return (struct mail_conf){ .folder = "", .from = "noreply@csam.example", .from_name = "CSAM", .reply_to = "",
		.server = { .url = arena_printf(a, "%s://localhost:%u", scheme, server.port), .name = "idp.csam.example", .plain = true, .timeout_ms = 3000 },
		.html = S("<html lang=\"{lang}\"><style>p{color:red}</style><title>{title}</title>\n{content}</html>") };
}

static const char *why;
static uint64_t took;

static enum sent send_with(const struct mail_conf *c, const char *to, const char *service)
{
	outbox_carrier *carry = NULL;
	const struct text_arg args[] = { { "code", "735912" }, { "service", service }, { "host", "idp.csam.example" }, { "url", "https://idp.csam.example/keys" } };
	const struct parcel p = { .channel = CHANNEL_MAIL, .id = "Zm9vYmFy_-", .to = to, .lang = "fr", .text_id = "mail.x", .args = args, .nargs = 4,
		.created = 1795252845, .expires = now() + 60, .tries = 1 };
	uint64_t t = ticks_ms();
	assert_int_equal(mail_open(c, &carry), OK);
	assert_non_null(carry);
	why = "";
	enum sent s = carry(a, &p, &why);
	took = ticks_ms() - t;
	return s;
}

static enum sent mail(const char *to)
{
	struct mail_conf c = conf("smtp");
	return send_with(&c, to, "Tax");
}

/* ---- what is written ---- */

static void longest_line_is_at_most(struct slice s, size_t max)
{
	struct slice line;
	while (slice_cut(&s, '\n', &line))
		if (line.n > max + 1) {
			print_error("%zu: %.*s\n", line.n, (int)line.n, line.p);
			_fail(__FILE__, __LINE__);
		}
}

static const char *without_breaks(const char *m)
{
	struct buf b = buf_new(a);
	for (; *m != '\0'; m++)
		if (strncmp(m, "=\r\n", 3) == 0)
			m += 2;
		else
			buf_char(&b, *m);
	return buf_cstr(&b);
}

static void writes(void **s)
{
	(void)s;
	smtpd(NULL);
	struct mail_conf c = conf("smtp");
	c.from_name = "CSAM – accès";
	c.reply_to = "help@csam.example";
	assert_int_equal(send_with(&c, "alice@example.org", "Impôts <b>&\r\nBcc: eve@example.org"), SENT_OK);
	json_t *v = taken(0);
	const char *m = nth(v, 3);
	assert_string_equal(nth(v, 1), "noreply@csam.example");
	assert_int_equal(json_array_size(json_array_get(v, 0)), 1);
	assert_non_null(strstr(m, "From: =?UTF-8?B?Q1NBTSDigJMgYWNjw6hz?=\r\n <noreply@csam.example>\r\n"));
	assert_non_null(strstr(m, "\r\nReply-To: <help@csam.example>\r\n"));
	assert_non_null(strstr(m, "\r\nTo: <alice@example.org>\r\n"));
	assert_non_null(strstr(m, "\r\nDate: Sat, 21 Nov 2026 09:20:45 +0000\r\n"));
	assert_non_null(strstr(m, "\r\nMessage-ID: <Zm9vYmFy_-@csam.example>\r\n"));
	assert_non_null(strstr(m, "\r\nAuto-Submitted: auto-generated\r\n"));
	assert_non_null(strstr(m, "\r\nContent-Type: multipart/alternative;\r\n boundary=\"=_Zm9vYmFy_-\"\r\n"));
	assert_true(strstr(m, "\r\nBcc") == NULL || strstr(m, "\r\nBcc") > strstr(m, "\r\n\r\n"));	/* the head ends first */
	assert_non_null(strstr(m, "&lt;b&gt;&amp;"));
	assert_non_null(strstr(without_breaks(m), "letter-spacing:.15em\">735912</p>"));	/* the code stands alone and stands out */
	assert_null(strstr(without_breaks(m), "letter-spacing:.15em\">https"));		/* an address does not */
	assert_non_null(strstr(without_breaks(m), " personne.<br>\r\nLieu : idp.csam.example</p>"));
	assert_non_null(strstr(m, "p{color:red}"));
	assert_non_null(strstr(m, "\r\n\r\n735912\r\n\r\n"));
	longest_line_is_at_most(slice_of(m), 78);
	for (const char *p = m; *p != '\0'; p++)
		assert_true((*p == '\n') == (p > m && p[-1] == '\r') && (unsigned char)*p < 0x7f);
}

/* Python's own parser reads back what was written. */
static void reads_back(void **s)
{
	(void)s;
	static const char *const subjects[] = { "x", "Code 735912", "Déjà vu – naïve façade, très très très longue, et plus longue encore que cela, oui", "=?UTF-8?B?eA==?=",
		"日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語", "a\r\nBcc: eve", "", "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀" };
	static const char *const texts[] = { "one\n", "\n.\n..\nFrom me\n", "trailing \ntab\t\n = =3D\n", "é\n", "no end" };
	static char huge[10001];
	memset(huge, 'h', sizeof huge - 1);
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		struct buf b = buf_new(a);
		const char *body = i < 5 ? texts[i] : huge;
		mime_write(&b, &(struct mime){ "f@x.example", subjects[i], "", "t@x.example", subjects[i], "fr", "id", 0, slice_of(body), slice_of(body) });
		longest_line_is_at_most(buf_slice(&b), 78);
		write_file("mail", buf_cstr(&b));
		write_file("subject", subjects[i]);
		write_file("body", body);
		const char *command = arena_printf(a, "/usr/bin/python3 - %s <<'END'\n"
		    "import email, email.policy, sys\n"
		    "d = sys.argv[1]\n"
		    "m = email.message_from_bytes(open(d + '/mail', 'rb').read(), policy=email.policy.default)\n"
		    "s = open(d + '/subject', newline='').read().replace('\\r', ' ').replace('\\n', ' ')\n"
		    "b = open(d + '/body', newline='').read().rstrip('\\n')\n"
		    "assert m['subject'] == s, (m['subject'], s)\n"
		    "n = m['from'].addresses[0].display_name.replace(' ', '')	# that parser keeps the folds in names\n"
		    "assert n == s.replace(' ', ''), (m['from'], s)\n"
		    "assert m['bcc'] is None and not m.defects and m.get_content_type() == 'multipart/alternative', m.defects\n"
		    "p = list(m.iter_parts())\n"
		    "assert [x.get_content_type() for x in p] == ['text/plain', 'text/html']\n"
		    "for x in p: assert x.get_content().replace('\\r\\n', '\\n').rstrip('\\n') == b, (x.get_content(), b)\n"
		    "END", dir);
		if (system(command) != 0)
			assert_string_equal(subjects[i], "read back");
	}
}

/* ---- what servers do ---- */

static void refusals(void **s)
{
	(void)s;
	smtpd(NULL);
	assert_int_equal(mail("greylist1@example.org"), SENT_LATER);
	assert_non_null(strstr(why, "450"));
	assert_int_equal(mail("greylist1@example.org"), SENT_OK);
	assert_int_equal(mail("later@example.org"), SENT_LATER);
	assert_int_equal(mail("no@example.org"), SENT_NEVER);
	assert_int_equal(mail("full@example.org"), SENT_NEVER);
	assert_int_equal(mail("busy@example.org"), SENT_DOWN);
	assert_int_equal(mail("alice@example.org"), SENT_OK);
	assert_int_equal(mail("x@example.org\r\nRCPT TO:<eve@example.org>"), SENT_NEVER);
	struct mail_conf c = conf("smtp");
	c.from = "refused@csam.example";
	assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);	/* not this mail's fault */
	assert_int_equal(json_array_size(json_array_get(taken(0), 0)), 1);
	assert_non_null(taken(1));
	assert_null(taken(2));
}

/* Nobody can know whether the server has it: it is said again, as the same mail. */
static void torn(void **s)
{
	(void)s;
	smtpd(NULL);
	assert_int_equal(mail("torn@example.org"), SENT_LATER);
	assert_int_equal(mail("torn@example.org"), SENT_OK);
	assert_string_equal(nth(taken(0), 2), nth(taken(1), 2));
}

static void stalls(void **s)
{
	(void)s;
	static const char *const raw[] = { "silent", "drip", "refuse", "hangup" };
	for (size_t i = 0; i < 4; i++) {
		smtpd("--raw", raw[i]);
		struct mail_conf c = conf("smtp");
		c.server.timeout_ms = 600;
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);
		assert_in_range(took, 0, 3000);
		assert_true(*why != '\0');
	}
	server_end();
	assert_int_equal(mail("alice@example.org"), SENT_DOWN);		/* nobody listens */
	smtpd(NULL);
	struct mail_conf c = conf("smtp");
	c.server.timeout_ms = 300;
	assert_int_equal(send_with(&c, "slow@example.org", ""), SENT_DOWN);
	assert_in_range(took, 200, 950);
}

/* A server that was started anew hangs up on connections that were kept: the mail goes all the same, at once. */
static void restarted(void **s)
{
	(void)s;
	smtpd(NULL);
	assert_int_equal(mail("alice@example.org"), SENT_OK);
	unsigned port = server.port;
	server_end();
	smtpd("--port", arena_printf(a, "%u", port));
	assert_int_equal(mail("alice@example.org"), SENT_OK);
}

static void tls(void **s)
{
	(void)s;
	certificate("right", "localhost");
	certificate("other", "localhost");
	certificate("name", "mail.example.org");
	for (int implicit = 0; implicit < 2; implicit++) {
		const char *how = implicit ? "smtps" : "starttls";
		smtpd("--tls", how, "--cert", path("right.pem"), "--key", path("right.key"), "--auth", "idp:s3cret");
		struct mail_conf c = conf(implicit ? "smtps" : "smtp");
		c.server.plain = false;
		c.server.ca_file = path("right.pem");
		c.server.user = "idp";
		c.server.password = "s3cret";
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_OK);
		c.server.password = "wrong";
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);
		c.server.user = "";
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);		/* 530 */
		c.server.user = "idp";
		c.server.password = "s3cret";
		c.server.ca_file = path("other.pem");
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);
		assert_non_null(strstr(why, "certificate"));
		c.server.ca_file = "";
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);
		smtpd("--tls", how, "--cert", path("name.pem"), "--key", path("name.key"));
		c = conf(implicit ? "smtps" : "smtp");
		c.server.plain = false;
		c.server.ca_file = path("name.pem");
		assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);		/* another's name */
	}
	smtpd(NULL);			/* no STARTTLS there: nothing is sent */
	struct mail_conf c = conf("smtp");
	c.server.plain = false;
	assert_int_equal(send_with(&c, "alice@example.org", ""), SENT_DOWN);
	c.server.plain = true;		/* and no password in the clear */
	c.server.user = "idp";
	c.server.password = "s3cret";
	assert_true(send_with(&c, "alice@example.org", "") != SENT_OK);
	assert_non_null(taken(1));
	assert_null(taken(2));
}

/* csamctl check: what is tried without a mail. */
static void tries_the_server(void **s)
{
	(void)s;
	struct smtp_answer r;
	smtpd(NULL);
	struct mail_conf c = conf("smtp");
	assert_int_equal(partner_smtp_check(a, &c.server, &r), OK);
	c.server.plain = false;
	assert_int_equal(partner_smtp_check(a, &c.server, &r), E_DOWN);
	assert_true(*r.why != '\0');
	assert_int_equal(read_all("journal").n, 0);
}

static void into_a_folder(void **s)
{
	(void)s;
	struct mail_conf c = conf("smtp");
	c.folder = path("mails");
	assert_int_equal(send_with(&c, "alice@example.org", "Tax"), SENT_OK);
	assert_non_null(strstr(read_all("mails/Zm9vYmFy_-.eml").p, "\r\nTo: <alice@example.org>\r\n"));
	c.folder = "/proc/none";
	assert_int_equal(send_with(&c, "alice@example.org", "Tax"), SENT_DOWN);
	c.from = "nobody";
	outbox_carrier *carry;
	assert_int_equal(mail_open(&c, &carry), E_INPUT);
	c.folder = c.server.url = "";
	assert_int_equal(mail_open(&c, &carry), OK);
	assert_null(carry);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(writes), T(reads_back), T(refusals), T(torn), T(stalls), T(restarted), T(tls), T(tries_the_server), T(into_a_folder),
	};
	log_open("test", LOG_LEVEL_ERR);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
