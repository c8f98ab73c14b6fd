/* Mail: a message becomes a text of RFC 5322 and goes its way. */
#include "svc/outbox_carriers.h"

static struct mail_conf conf;

static enum sent carry(struct arena *a, const struct parcel *p, const char **why)
{
	struct buf b = buf_new(a);
	buf_printf(&b, "To: %s\nSubject: ", p->to);
	parcel_text(&b, p, arena_printf(a, "%s.subject", p->text_id), buf_raw);
	buf_lit(&b, "\n\n");
	parcel_text(&b, p, arena_printf(a, "%s.text", p->text_id), buf_raw);
	buf_char(&b, '\n');
	return folder_put(a, conf.folder, p, "eml", buf_slice(&b), why);
}

outbox_carrier *mail_open(const struct mail_conf *c)
{
	conf = *c;
	return *conf.folder != '\0' ? carry : NULL;
}
