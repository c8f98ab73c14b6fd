/* What the configuration says about the world outside. */
#include "base/file.h"
#include "base/log.h"
#include "outgoing.h"

enum { SECRET_MAX = 4096, TEMPLATE_MAX = 64 * 1024 };

/* The first line of a file; "" when no file is named. */
static int secret(struct arena *a, const char *path, const char **out)
{
	struct slice text, line;
	*out = "";
	if (*path == '\0')
		return OK;
	int rc = file_read(a, path, SECRET_MAX, &text);
	if (rc == E_NOENT)
		return fail(E_INPUT, "%s is not there", path);
	if (rc != OK)
		return rc;
	if (!slice_cut(&text, '\n', &line) || !slice_is_text(line = slice_trim(line, "\r"), "") || line.n == 0)
		return fail(E_INPUT, "%s has no secret in its first line", path);
	*out = arena_str(a, line);
	return OK;
}

/* The host of the issuer: what we call ourselves to mail servers. */
static const char *own_name(struct arena *a, const char *issuer)
{
	const char *host = strstr(issuer, "://");
	host = host != NULL ? host + 3 : issuer;
	return arena_str(a, slice_mem(host, strcspn(host, ":/[")));
}

static int read_mail(struct arena *a, const struct conf *c, struct mail_conf *m)
{
	*m = (struct mail_conf){
		.folder = c->mail_folder, .from = c->mail_from, .from_name = c->mail_from_name, .reply_to = c->mail_reply_to,
		.server = { .url = c->mail_server, .name = own_name(a, c->server_issuer), .plain = !c->mail_starttls, .ca_file = c->mail_ca_file,
			.user = c->mail_user, .timeout_ms = (unsigned)c->mail_timeout },
	};
	if (*c->mail_folder == '\0' && *c->mail_server == '\0')
		return OK;
	int rc = file_read(a, arena_printf(a, "%s/mail/message.html", c->server_share_dir), TEMPLATE_MAX, &m->html);
	if (rc != OK)
		return rc == E_NOENT ? fail(E_INPUT, "%s/mail/message.html is not there", c->server_share_dir) : rc;
	return secret(a, c->mail_password_file, &m->server.password);
}

int outgoing_read(struct arena *a, const struct conf *c, struct outgoing *out)
{
	*out = (struct outgoing){
		.partner = { .proxy = c->partner_proxy, .ca_file = c->partner_ca_file },
		.sms = { .folder = c->sms_folder, .url = c->sms_url, .method = c->sms_method, .type = c->sms_type, .body = c->sms_body,
			.headers = c->sms_headers, .accepted = c->sms_accepted, .ca_file = c->sms_ca_file, .plain_http = c->server_testing,
			.timeout_ms = (unsigned)c->sms_timeout },
		.outbox = { .max = (unsigned)c->outbox_max, .pause_s = (unsigned)c->outbox_pause, .pause_max_s = (unsigned)c->outbox_pause_max },
	};
	for (enum channel i = 0; i < CHANNELS; i++)
		out->outbox.of[i].workers = (unsigned)c->outbox_workers;
	int rc = read_mail(a, c, &out->mail);
	return rc == OK ? secret(a, c->sms_secret_file, &out->sms.secret) : rc;
}

int outgoing_open(struct arena *a, struct outgoing *out)
{
	partner_open(&out->partner);
	int rc = mail_open(&out->mail, &out->outbox.of[CHANNEL_MAIL].carry);
	return rc == OK ? sms_open(a, &out->sms, &out->outbox.of[CHANNEL_SMS].carry) : rc;
}
