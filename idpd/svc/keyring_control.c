/* The keyring as administrators see it. */
#include "base/log.h"
#include "svc/keyring_link.h"

int keyring_address(struct arena *a, struct slice *jwk)
{
	struct wire q = { .code = WIRE_ADDRESS };
	return link_ask_text(a, &q, jwk);
}

/* Verbs that reply why not, and a result. */
static int ask_change(struct arena *a, struct wire *q, const char **why, struct slice *out)
{
	struct wire r;
	size_t len;
	link_patience(true);
	int e = link_ask(q, 2, &r, &len);
	link_patience(false);
	if (e != OK)
		return e;
	*why = arena_str(a, r.field[0]);
	*out = arena_copy(a, r.field[1]);
	return OK;
}

int keyring_rotate(struct arena *a, const char *use, bool at_once, const char **why, struct slice *from)
{
	unsigned char now[WIRE_NUMBER];
	struct wire q = { WIRE_ROTATE, 2, { slice_of(use), wire_put_number(now, at_once) } };
	return ask_change(a, &q, why, from);
}

int keyring_retire(struct arena *a, const char *kid, const char **why)
{
	struct wire q = { WIRE_RETIRE, 1, { slice_of(kid) } };
	struct slice nothing;
	return ask_change(a, &q, why, &nothing);
}

int keyring_export(struct arena *a, struct slice node, struct slice passphrase, const char **why, struct slice *jwe)
{
	struct wire q = { WIRE_EXPORT, 2, { node, passphrase } };
	return ask_change(a, &q, why, jwe);
}

int keyring_import(struct arena *a, struct slice jwe, struct slice passphrase, bool replace, const char **why, struct slice *keys)
{
	unsigned char all[WIRE_NUMBER];
	struct wire q = { WIRE_IMPORT, 3, { jwe, passphrase, wire_put_number(all, replace) } };
	return ask_change(a, &q, why, keys);
}

int keyring_reseal(struct arena *a, struct slice secret, struct slice ad, struct slice *sealed, bool *exposed)
{
	struct wire q = { WIRE_RESEAL, 2, { secret, ad } }, r;
	uint64_t plain;
	size_t len;
	int e = link_ask(&q, 2, &r, &len);
	if (e != OK)
		return e;
	if (wire_get_number(r.field[1], 1, &plain) != OK)
		return fail(E_DOWN, "keyring: a reply that makes no sense (reseal)");
	*exposed = plain != 0;
	if (r.field[0].n == 0)
		return E_EXISTS;
	*sealed = arena_copy(a, r.field[0]);
	return OK;
}
