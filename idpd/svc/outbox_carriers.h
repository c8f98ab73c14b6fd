/* Who carries mail and SMS: into folders, to a mail server, to a gateway. */
#ifndef CSAM_OUTBOX_CARRIERS_H
#define CSAM_OUTBOX_CARRIERS_H

#include "svc/outbox.h"
#include "svc/partner_smtp.h"

/* The strings stay the caller's, for as long as the outbox is open. */
struct mail_conf {
	const char *folder;		/* takes mail as files; "": none */
	struct smtp_server server;	/* url "": none */
	const char *from, *from_name, *reply_to;
	struct slice html;		/* the template share/mail/message.html */
};

enum { SMS_HEADERS = 8 };
struct sms_conf {
	const char *folder;
	const char *url;		/* may hold {to}, {text}, {id} in its query */
	const char *method, *type, *body;	/* body: a template too; "": GET */
	const char *const *headers;	/* may hold {secret} */
	const char *secret, *accepted, *ca_file;
	bool plain_http;
	unsigned timeout_ms;
};

/* *out NULL: there is no way out, the channel is switched off. E_INPUT: logged. */
int mail_open(const struct mail_conf *c, outbox_carrier **out);
int sms_open(struct arena *a, const struct sms_conf *c, outbox_carrier **out);

/* Does the gateway's answer say what sms.accepted asks for? */
bool sms_answer_accepts(struct arena *a, const char *accepted, struct slice body);

/* The whole mail, as it goes to the server. */
struct slice mail_write(struct arena *a, const struct parcel *p);

/* The text with its {arguments} filled in, each and what stands between them through `put` (buf_raw, buf_html …). */
void parcel_fill(struct buf *b, const struct parcel *p, struct slice words, void (*put)(struct buf *, struct slice));

/* One file, whole or not at all: folder/ID.suffix. A second try writes the same one. */
enum sent folder_put(struct arena *a, const char *folder, const struct parcel *p, const char *suffix, struct slice bytes, const char **why);

#endif
