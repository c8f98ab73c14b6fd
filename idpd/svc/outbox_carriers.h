/* Who carries mail and SMS: into folders, to a mail server, to a gateway. */
#ifndef CSAM_OUTBOX_CARRIERS_H
#define CSAM_OUTBOX_CARRIERS_H

#include "svc/outbox.h"

/* The strings stay the caller's, for as long as the outbox is open. */
struct mail_conf {
	const char *folder;		/* takes mail as files; "": none */
};
struct sms_conf {
	const char *folder;
};

/* NULL when there is no way out: the channel is switched off. */
outbox_carrier *mail_open(const struct mail_conf *c);
outbox_carrier *sms_open(const struct sms_conf *c);

/* The text with its arguments filled in, each through `put` (buf_raw, buf_html …), the text itself too. */
void parcel_text(struct buf *b, const struct parcel *p, const char *text_id, void (*put)(struct buf *, struct slice));

/* One file, whole or not at all: folder/ID.suffix. A second try writes the same one. */
enum sent folder_put(struct arena *a, const char *folder, const struct parcel *p, const char *suffix, struct slice bytes, const char **why);

#endif
