/* The verbs of the keyring that belong to the audit trail. */
#include "base/log.h"
#include "svc/keyring_link.h"
#include "svc/keyring_audit.h"

static int nonsense(const char *verb)
{
	return fail(E_DOWN, "keyring: a reply that makes no sense (%s)", verb);
}

int keyring_audit_head(struct arena *a, struct audit_head *h, struct slice *sig, const char **kid)
{
	unsigned char seq[WIRE_NUMBER];
	struct wire q = { WIRE_AUDIT_HEAD, 4, { slice_of(h->node), slice_of(h->boot), wire_put_number(seq, h->seq), slice_of(h->chain) } }, r;
	uint64_t at, signatures;
	size_t len;
	int e = link_ask(&q, 4, &r, &len);
	if (e != OK)
		return e;
	if (wire_get_number(r.field[0], INT64_MAX / 2, &at) != OK || wire_get_number(r.field[1], UINT64_MAX, &signatures) != OK)
		return nonsense("audit head");
	h->time = (time_t)at;
	h->signatures = signatures;
	*kid = arena_str(a, r.field[2]);
	*sig = arena_copy(a, r.field[3]);
	return OK;
}

/* The one field of the reply. */
static int ask_field(struct arena *a, struct wire *q, struct slice *out)
{
	struct wire r;
	size_t len;
	int e = link_ask(q, 1, &r, &len);
	if (e != OK)
		return e;
	*out = arena_copy(a, r.field[0]);
	link_wipe(len);
	return OK;
}

int keyring_audit_public(struct arena *a, struct slice *json)
{
	struct wire q = { .code = WIRE_AUDIT_PUBLIC };
	return ask_field(a, &q, json);
}

int keyring_audit_month(struct arena *a, const char *class, const char *month, struct slice *sealed)
{
	struct wire q = { WIRE_AUDIT_MONTH, 2, { slice_of(class), slice_of(month) } };
	return ask_field(a, &q, sealed);
}

int keyring_audit_hour(struct slice month, const char *class, const char *hour, unsigned char out[AEAD_KEY_LEN])
{
	AUTO_ARENA a = arena_new();
	struct wire q = { WIRE_AUDIT_HOUR, 3, { month, slice_of(class), slice_of(hour) } };
	struct slice key;
	int e = ask_field(a, &q, &key);
	if (e != OK)
		return e;
	if (key.n != AEAD_KEY_LEN)
		return nonsense("audit hour");
	memcpy(out, key.p, AEAD_KEY_LEN);
	return OK;
}

int keyring_audit_open(struct arena *a, const struct audit_sealed *w, struct slice *plain)
{
	struct wire q = { WIRE_AUDIT_OPEN, 5, { w->month, slice_of(w->class), slice_of(w->hour), w->sealed, slice_of(w->reason) } };
	return ask_field(a, &q, plain);
}

int keyring_audit_notice(struct arena *a, uint64_t done, uint64_t *number, struct slice *json)
{
	unsigned char room[WIRE_NUMBER];
	struct wire q = { WIRE_AUDIT_NOTICE, 1, { wire_put_number(room, done) } }, r;
	size_t len;
	int e = link_ask(&q, 2, &r, &len);
	if (e != OK)
		return e;
	if (wire_get_number(r.field[0], UINT64_MAX, number) != OK)
		return nonsense("audit notice");
	*json = arena_copy(a, r.field[1]);
	return OK;
}
