/* csamctl mail test, sms test, and what check looks at: are there ways out, and do they work? */
#include <unistd.h>
#include "base/clock.h"
#include "base/conf.h"
#include "base/digest.h"
#include "csamctl/check.h"
#include "csamctl/queue.h"
#include "csamctl/send.h"
#include "outgoing.h"
#include "svc/texts.h"

int send_texts(struct ctl *c)
{
	const struct conf *f = c->set.conf;
	if (f == NULL)
		return usage(c, "there is no configuration file to take the server from (-c FILE)");
	return texts_open(arena_printf(c->a, "%s/texts", f->server_share_dir), f->server_languages) == OK ? DONE : refuse("nothing was sent");
}

int send_now(struct ctl *c, enum channel channel, struct parcel p)
{
	const struct conf *f = c->set.conf;
	struct outgoing out;
	const char *to = p.to, *why = "";
	int rc = send_texts(c);
	if (rc != DONE)
		return rc;
	if (channel == CHANNEL_MAIL ? !outbox_mail_address(slice_of(to)) : !outbox_phone_number(slice_of(to)))
		return refuse("'%s' is no %s", to, channel == CHANNEL_MAIL ? "mail address that idpd sends to" : "telephone number like +32470123456");
	if (outgoing_read(c->a, f, &out) != OK || outgoing_open(c->a, &out) != OK)
		return refuse("nothing was sent");
	outbox_carrier *carry = out.outbox.of[channel].carry;
	if (carry == NULL)
		return refuse("%s is switched off → set %s", outbox_channel_name(channel), channel == CHANNEL_MAIL ? "mail.server" : "sms.url");
	p.channel = channel;
	p.id = random_id(c->a, 16);
	p.created = now();
	p.expires = now() + 60;
	p.tries = 1;
	p.lang = texts_choose_locales(slice_of(p.lang));
	enum sent sent = carry(c->a, &p, &why);
	partner_close();
	if (sent == SENT_OK) {
		say("%s took it for %s", channel == CHANNEL_MAIL ? "the mail server" : "the gateway", to);
		return DONE;
	}
	return refuse("not sent: %s → %s", harmless(c->a, why), sent == SENT_NEVER ? "this address is refused for good" :
	    sent == SENT_LATER ? "idpd would try again" : "the server or how we speak to it is to mend; idpd would wait for it");
}

static int test_run(struct ctl *c, enum channel channel, const char *text_id)
{
	const struct text_arg args[] = { { "host", c->set.issuer } };
	return send_now(c, channel, (struct parcel){ .to = c->operands[0], .text_id = text_id, .args = args, .nargs = 1 });
}

static int mail_test_run(struct ctl *c)
{
	return test_run(c, CHANNEL_MAIL, "mail.test");
}

static int sms_test_run(struct ctl *c)
{
	return test_run(c, CHANNEL_SMS, "sms.test");
}

/* ---- check ---- */

static void check_mail(struct check *k, const struct conf *f, const struct outgoing *out)
{
	struct smtp_answer r = { .why = "" };
	if (*f->mail_folder != '\0')
		return check_warn(k, "mail goes into the folder %s → set mail.server, unless this is a demonstration", f->mail_folder);
	if (*f->mail_server == '\0')
		return check_ok(k, "mail is switched off");
	if (!f->mail_starttls && strncmp(f->mail_server, "smtp:", 5) == 0)
		check_warn(k, "mail: codes go to %s in clear → mail.starttls = true, or smtps://", f->mail_server);
	if (partner_smtp_check(k->c->a, &out->mail.server, &r) == OK)
		check_ok(k, "mail server %s answers%s (nothing was sent; csamctl mail test ADDRESS does)", f->mail_server, *f->mail_user != '\0' ? ", and knows us" : "");
	else
		check_fail(k, "mail server %s: %s → is it running, are its certificate, mail.user and mail.password_file right?", f->mail_server, harmless(k->c->a, r.why));
}

/* Without a message only this can be known: that a server is there, with a certificate that we believe. */
static void check_sms(struct check *k, const struct conf *f)
{
	struct partner_answer r = { .why = "" };
	struct arena *a = k->c->a;
	const char *allow[] = { arena_str(a, slice_mem(f->sms_url, strcspn(f->sms_url, "?{"))), NULL };
	if (*f->sms_folder != '\0')
		return check_warn(k, "SMS go into the folder %s → set sms.url, unless this is a demonstration", f->sms_folder);
	if (*f->sms_url == '\0')
		return check_ok(k, "SMS are switched off");
	int rc = partner_call(a, &(struct partner_call){ .url = allow[0], .allow = allow, .method = "OPTIONS", .plain_http = f->server_testing,
		.ca_file = *f->sms_ca_file != '\0' ? f->sms_ca_file : NULL, .timeout_ms = (unsigned)f->sms_timeout, .quiet = true }, &r);
	if (rc == OK)
		check_ok(k, "SMS gateway %s answers (nothing was sent; csamctl sms test NUMBER does)", allow[0]);
	else
		check_fail(k, "SMS gateway %s: %s → is the address right, and its certificate believed (sms.ca_file)?", allow[0],
		    rc == E_DOWN ? harmless(a, r.why) : "it may not be called");
}

struct queue {
	unsigned n;
	time_t oldest;
};

static bool count(void *ctx, const struct outbox_entry *e)
{
	struct queue *q = ctx;
	q->n++;
	if (q->oldest == 0 || e->created < q->oldest)
		q->oldest = e->created;
	return true;
}

static void check_queue(struct check *k)
{
	struct queue waiting = { 0 }, dead = { 0 };
	const struct conf *f = k->c->set.conf;
	if (access(arena_printf(k->c->a, "%s/data.mdb", f->server_state_dir), R_OK | W_OK) != 0)
		return check_warn(k, "outbox: not checked → run this as root or as idpd's user, after idpd has run once");
	if (queue_open(k->c) != DONE)
		return check_fail(k, "outbox: the state store cannot be opened");
	for (enum channel ch = 0; ch < CHANNELS; ch++) {
		outbox_each(k->c->a, ch, OUTBOX_WAITING, count, &waiting);
		outbox_each(k->c->a, ch, OUTBOX_DEAD, count, &dead);
	}
	state_close();
	if (waiting.n > 0 && now() - waiting.oldest > 300)
		check_warn(k, "outbox: %u messages wait, the oldest since %s → csamctl outbox list", waiting.n, time_iso(k->c->a, waiting.oldest));
	else if (dead.n > 0)
		check_warn(k, "outbox: %u messages could not be sent this week → csamctl outbox list --dead", dead.n);
	else
		check_ok(k, "outbox: %u messages wait, and none is a dead letter", waiting.n);
}

void check_outgoing(struct check *k)
{
	const struct conf *f = k->c->set.conf;
	struct outgoing out;
	if (f == NULL)
		return;
	if (outgoing_read(k->c->a, f, &out) != OK || outgoing_open(k->c->a, &out) != OK)
		return check_fail(k, "mail and SMS: the configuration is not complete (see above) → idpd does not start with it");
	check_mail(k, f, &out);
	check_sms(k, f);
	partner_close();
	check_queue(k);
}

const struct command cmd_mail_test = {
	.path = "mail test", .operands = "ADDRESS", .noperands = 1, .run = mail_test_run,
	.what = "sends one mail by the configured server, now, and shows what it says",
	.examples = "  csamctl mail test you@example.org\n",
};

const struct command cmd_sms_test = {
	.path = "sms test", .operands = "NUMBER", .noperands = 1, .run = sms_test_run,
	.what = "sends one SMS by the configured gateway, now, and shows what it says",
	.examples = "  csamctl sms test +32470123456\n",
};
