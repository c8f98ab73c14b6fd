/* Secrets of digital keys as they stand in the directory. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "keyring/secret.h"

enum { VERSION_1 = 1, HEAD = 1 + RING_ID };
#define MARK "{CSAM}"

bool secret_is_sealed(struct slice text)
{
	return slice_starts(text, S(MARK));
}

static int take_apart(struct arena *a, struct slice text, struct slice *raw)
{
	struct slice b64 = { text.p + sizeof MARK - 1, text.n - (sizeof MARK - 1) };
	return secret_is_sealed(text) && b64_decode(a, b64, raw) == OK && raw->n >= HEAD && raw->p[0] == VERSION_1 ? OK : E_INPUT;
}

int secret_key_id(struct arena *a, struct slice text, unsigned char id[RING_ID])
{
	struct slice raw;
	if (take_apart(a, text, &raw) != OK)
		return E_INPUT;
	memcpy(id, raw.p + 1, RING_ID);
	return OK;
}

void secret_seal(struct arena *a, const struct keystore *s, struct slice plain, struct slice ad, struct slice *out)
{
	const struct ring_key *key = keystore_current(s, "seal", NULL, now());
	struct slice sealed;
	struct buf raw = buf_new(a), text = buf_new(a);
	aead_seal(a, key->secret, plain, ad, &sealed);
	buf_char(&raw, VERSION_1);
	buf_raw(&raw, slice_mem(key->id, RING_ID));
	buf_raw(&raw, sealed);
	buf_lit(&text, MARK);
	buf_b64(&text, buf_slice(&raw));
	*out = buf_slice(&text);
}

int secret_unseal(struct arena *a, const struct keystore *s, struct slice text, struct slice ad, struct slice *plain)
{
	struct slice raw;
	if (take_apart(a, text, &raw) != OK)
		return fail(E_INPUT, "keyring: a sealed secret is damaged (for %.*s)", (int)ad.n, ad.p);
	const struct ring_key *key = keystore_by_id(s, "seal", (const unsigned char *)raw.p + 1);
	if (key == NULL)
		return fail(E_INPUT, "keyring: a sealed secret names a key that is not here (for %.*s)", (int)ad.n, ad.p);
	if (aead_open(a, key->secret, (struct slice){ raw.p + HEAD, raw.n - HEAD }, ad, plain) != OK)
		return fail(E_INPUT, "keyring: a sealed secret is damaged or of another entry (for %.*s)", (int)ad.n, ad.p);
	return OK;
}

int secret_reseal(struct arena *a, const struct keystore *s, struct slice text, struct slice ad, struct slice *out, bool *exposed)
{
	const struct ring_key *newest = keystore_current(s, "seal", NULL, now());
	unsigned char id[RING_ID];
	struct slice plain = text;
	*exposed = !secret_is_sealed(text);
	if (!*exposed && secret_unseal(a, s, text, ad, &plain) != OK)
		return E_INPUT;		/* one that cannot be opened is not "already as it should be" */
	if (!*exposed && secret_key_id(a, text, id) == OK && memcmp(id, newest->id, RING_ID) == 0)
		return E_EXISTS;
	if (plain.n == 0)
		return E_INPUT;
	secret_seal(a, s, plain, ad, out);
	return OK;
}
