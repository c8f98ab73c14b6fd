/* SMS: a text, handed to a gateway. */
#include "svc/outbox_carriers.h"

static struct sms_conf conf;

static enum sent carry(struct arena *a, const struct parcel *p, const char **why)
{
	struct buf b = buf_new(a);
	buf_printf(&b, "To: %s\n\n", p->to);
	parcel_text(&b, p, p->text_id, buf_raw);
	buf_char(&b, '\n');
	return folder_put(a, conf.folder, p, "sms", buf_slice(&b), why);
}

outbox_carrier *sms_open(const struct sms_conf *c)
{
	conf = *c;
	return *conf.folder != '\0' ? carry : NULL;
}
