/* What stands in a line of the audit trail. Personal fields are one JSON text, of which the line shows a digest ("commit") and the sealed form
 * ("sealed"): the digest lets somebody who is given the text see that it belongs to the line, without any key; the salt in the text keeps those
 * who are not given it from trying names. */
#include "base/buf.h"
#include "svc/audit_keys.h"
#include "svc/audit_parts.h"

enum { VALUE_MAX = 256, SALT = 16 };

static const struct {
	const char *name;
	enum audit_class class;
} events[EV_COUNT] = {
#define EVENT(id, name, class) [EV_##id] = { name, CLASS_##class },
#include "svc/audit.def"
#undef EVENT
};

static const char *const classes[CLASS_COUNT] = {
	[CLASS_IDENTIFICATION] = "identification", [CLASS_USE] = "use", [CLASS_SECURITY] = "security", [CLASS_ADMINISTRATION] = "administration",
};

const char *audit_class_name(enum audit_class class)
{
	return classes[class];
}

static void field(struct buf *b, const char *name, const char *value)
{
	struct slice v = slice_of(value);
	if (v.n == 0)
		return;
	buf_printf(b, ",\"%s\":\"", name);
	buf_json(b, v.n > VALUE_MAX ? slice_mem(v.p, VALUE_MAX) : v);
	buf_char(b, '"');
}

/* {"salt":"…","subject":"…"}; empty when there is nothing personal. */
static struct slice personal(struct arena *a, const struct audit_line *l)
{
	struct buf fields = buf_new(a), b = buf_new(a);
	unsigned char salt[SALT];
	field(&fields, "subject", l->subject);
	field(&fields, "name", l->name);
	field(&fields, "key", l->key);
	field(&fields, "card", l->card);
	field(&fields, "peer", l->peer);
	field(&fields, "session", l->session);
	field(&fields, "by", l->by);
	field(&fields, "entry", l->entry);
	field(&fields, "reason", l->reason);
	if (fields.n == 0)
		return S_NONE;
	random_bytes(salt, sizeof salt);
	buf_lit(&b, "{\"salt\":\"");
	buf_hex(&b, slice_mem(salt, sizeof salt));
	buf_char(&b, '"');
	buf_raw(&b, buf_slice(&fields));
	buf_char(&b, '}');
	return buf_slice(&b);
}

static int seal(struct buf *b, enum audit_class class, struct slice text)
{
	struct audit_key key;
	char digest[CHAIN_HEX + 1];
	struct slice sealed;
	int e = audit_key_now(class, &key);
	if (e != OK)
		return e;
	chain_digest(text, digest);
	aead_seal(b->a, key.key, text, audit_seal_ad(b->a, classes[class], key.hour), &sealed);
	wipe(key.key, sizeof key.key);
	buf_printf(b, ",\"hour\":\"%s\",\"commit\":\"%s\",\"sealed\":\"", key.hour, digest);
	buf_b64(b, sealed);
	buf_char(b, '"');
	return OK;
}

int audit_body(struct arena *a, const struct audit_line *l, struct slice *out)
{
	struct buf b = buf_new(a);
	struct slice text = personal(a, l);
	field(&b, "event", events[l->event].name);
	field(&b, "class", classes[events[l->event].class]);
	field(&b, "kind", l->kind);
	field(&b, "service", l->service);
	field(&b, "via", l->via);
	field(&b, "what", l->what);
	field(&b, "at", l->at);
	field(&b, "why", l->why);
	if (l->level != 0)
		buf_printf(&b, ",\"level\":%u", l->level);
	int e = text.n > 0 ? seal(&b, events[l->event].class, text) : OK;
	*out = buf_slice(&b);
	return e;
}

struct slice audit_body_of(struct arena *a, enum audit_event event, const char *fields)
{
	return slice_of(arena_printf(a, ",\"event\":\"%s\",\"class\":\"%s\"%s", events[event].name, classes[events[event].class], fields));
}
