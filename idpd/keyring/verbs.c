/* What the keyring can be asked. */
#include <inttypes.h>
#include <limits.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "keyring/totp.h"
#include "keyring/verbs.h"

enum { DAY_S = 86400, SEALED_VERSION = 1, SEALED_HEAD = 1 + RING_ID };
#define SEALED_MARK "{CSAM}"

static void give(struct call *c, struct slice field)
{
	c->out.field[c->out.n++] = field;
}

static void give_number(struct call *c, uint64_t number)
{
	give(c, wire_put_number(arena_alloc(c->a, WIRE_NUMBER), number));
}

static int sign(struct call *c)
{
	const char *alg = arena_str(c->a, c->in->field[0]);
	const struct ring_key *key = keystore_current(c->store, "sign", alg);
	struct slice sig;
	if (key == NULL || !slice_is(c->in->field[0], alg))
		return fail(E_NOENT, "keyring: refused to sign: no key for \"%s\"", alg);
	int e = ring_key_sign(c->a, key, c->in->field[1], &sig);
	if (e != OK)
		return e;
	give(c, sig);
	give(c, slice_of(key->kid));
	return OK;
}

static int public(struct call *c)
{
	give(c, c->store->jwks);
	return OK;
}

/* "{CSAM}" base64(version 1 | key id 8 | nonce, ciphertext, tag) */
static int seal(struct call *c)
{
	const struct ring_key *key = keystore_current(c->store, "seal", NULL);
	struct slice sealed;
	struct buf raw = buf_new(c->a), text = buf_new(c->a);
	if (c->in->field[0].n == 0)
		return fail(E_INPUT, "keyring: refused to seal nothing");
	aead_seal(c->a, key->secret, c->in->field[0], c->in->field[1], &sealed);
	buf_char(&raw, SEALED_VERSION);
	buf_raw(&raw, slice_mem(key->id, RING_ID));
	buf_raw(&raw, sealed);
	buf_lit(&text, SEALED_MARK);
	buf_b64(&text, buf_slice(&raw));
	give(c, buf_slice(&text));
	return OK;
}

static int unseal(struct call *c, struct slice text, struct slice ad, struct slice *plain)
{
	struct slice raw, b64 = { text.p + sizeof SEALED_MARK - 1, text.n - (sizeof SEALED_MARK - 1) };
	if (b64_decode(c->a, b64, &raw) != OK || raw.n < SEALED_HEAD || raw.p[0] != SEALED_VERSION)
		return fail(E_INPUT, "keyring: a sealed secret is damaged (for %.*s)", (int)ad.n, ad.p);
	const struct ring_key *key = keystore_by_id(c->store, "seal", (const unsigned char *)raw.p + 1);
	if (key == NULL)
		return fail(E_INPUT, "keyring: a sealed secret names a key that is not here (for %.*s)", (int)ad.n, ad.p);
	if (aead_open(c->a, key->secret, (struct slice){ raw.p + SEALED_HEAD, raw.n - SEALED_HEAD }, ad, plain) != OK)
		return fail(E_INPUT, "keyring: a sealed secret is damaged or of another entry (for %.*s)", (int)ad.n, ad.p);
	return OK;
}

/* The seed in field 0, sealed for field 1 or plain. */
static int seed(struct call *c, struct slice *secret, bool *exposed)
{
	const struct slice *f = c->in->field;
	struct slice base32 = f[0];
	*exposed = !slice_starts(f[0], S(SEALED_MARK));
	if (!*exposed && unseal(c, f[0], f[1], &base32) != OK)
		return E_INPUT;
	if (totp_secret(c->a, base32, secret) != OK)
		return fail(E_INPUT, "keyring: a secret is no base32 of at least 128 bits (for %.*s)", (int)f[1].n, f[1].p);
	return OK;
}

static int otp(struct call *c)
{
	const struct slice *f = c->in->field;
	uint64_t when, back, fwd, floor, step;
	struct slice secret;
	bool exposed;
	if (wire_get_number(f[3], INT64_MAX / 2, &when) != OK || wire_get_number(f[4], TOTP_REACH, &back) != OK ||
	    wire_get_number(f[5], TOTP_REACH, &fwd) != OK || wire_get_number(f[6], UINT64_MAX, &floor) != OK)
		return fail(E_INPUT, "keyring: refused a code: no such time, or a window of more than %d steps", TOTP_REACH);
	if (seed(c, &secret, &exposed) != OK)
		return E_INPUT;
	struct totp_window w = { (time_t)when, (unsigned)back, (unsigned)fwd, floor };
	int e = totp_match(secret, f[2], &w, &step);
	if (e != OK)
		return e;
	give_number(c, step);
	give_number(c, exposed);
	return OK;
}

/* A code of any device: of a token, of a printed card. */
static int code(struct call *c)
{
	const struct slice *f = c->in->field;
	struct otp_range r = { .alg = f[3] };
	uint64_t digits, number;
	struct slice secret;
	bool exposed;
	if (wire_get_number(f[4], OTP_DIGITS_MAX, &digits) != OK || wire_get_number(f[5], INT64_MAX / 2, &r.first) != OK ||
	    wire_get_number(f[6], INT64_MAX / 2, &r.last) != OK)
		return fail(E_INPUT, "keyring: refused a code: no such numbers");
	if (seed(c, &secret, &exposed) != OK)
		return E_INPUT;
	r.digits = (unsigned)digits;
	int e = otp_match(secret, f[2], &r, &number);
	if (e != OK)
		return e;
	give_number(c, number);
	give_number(c, exposed);
	return OK;
}

/* OpenID Connect Core 8.1: the same sector and person always, and nobody else can compute it. The zero byte keeps ("a", "bc") and
 * ("ab", "c") apart. */
static int subject(struct call *c)
{
	struct slice sector = c->in->field[0], person = c->in->field[1];
	struct buf in = buf_new(c->a), out = buf_new(c->a);
	unsigned char *mac = arena_alloc(c->a, SHA256_LEN);
	if (sector.n == 0 || person.n == 0 || memchr(sector.p, 0, sector.n) != NULL)
		return fail(E_INPUT, "keyring: refused a subject without sector or person");
	buf_raw(&in, sector);
	buf_char(&in, '\0');
	buf_raw(&in, person);
	hmac_sha256(slice_mem(keystore_current(c->store, "subject", NULL)->secret, RING_SECRET), buf_slice(&in), mac);
	buf_b64url(&out, slice_mem(mac, SHA256_LEN));
	give(c, buf_slice(&out));
	return OK;
}

static int day_key(struct call *c)
{
	uint64_t day, today = (uint64_t)now() / DAY_S;
	unsigned char *key = arena_alloc(c->a, AEAD_KEY_LEN);
	if (wire_get_number(c->in->field[0], UINT64_MAX, &day) != OK || day + 1 < today || day > today + 1)
		return fail(E_INPUT, "keyring: refused a key of another day");
	const struct ring_key *from = keystore_current(c->store, "day", NULL);
	derive_key(slice_mem(from->secret, RING_SECRET), arena_printf(c->a, "csam day %" PRIu64, day), key, AEAD_KEY_LEN);
	give(c, slice_mem(key, AEAD_KEY_LEN));
	return OK;
}

static int status(struct call *c)
{
	struct buf b = buf_new(c->a);
	buf_printf(&b, "{\"version\":\"%s\",\"keys\":[", VERSION);
	for (size_t i = 0; i < c->store->n; i++) {
		const struct ring_key *k = &c->store->keys[i];
		buf_printf(&b, "%s{\"kid\":\"%s\",\"use\":\"%s\",\"alg\":\"%s\",\"state\":\"%s\",\"created\":\"%s\"}", i > 0 ? "," : "", k->kid, k->kind->use,
		    k->kind->alg, ring_state_name(k->state), time_iso(c->a, k->created));
	}
	buf_lit(&b, "]}");
	give(c, buf_slice(&b));
	return OK;
}

static const struct verb {
	const char *name;
	unsigned askers;		/* enum asker */
	size_t fields;
	int (*run)(struct call *);
} verbs[WIRE_VERBS] = {
	[WIRE_SIGN]	= { "sign", ASKER_FRONT, 2, sign },
	[WIRE_PUBLIC]	= { "public", ASKER_FRONT | ASKER_CONTROL, 0, public },
	[WIRE_SEAL]	= { "seal", ASKER_FRONT | ASKER_CONTROL, 2, seal },
	[WIRE_OTP]	= { "otp", ASKER_FRONT, 7, otp },
	[WIRE_SUBJECT]	= { "subject", ASKER_FRONT, 2, subject },
	[WIRE_DAY_KEY]	= { "day key", ASKER_FRONT, 1, day_key },
	[WIRE_STATUS]	= { "status", ASKER_CONTROL, 0, status },
	[WIRE_CODE]	= { "code", ASKER_FRONT, 7, code },
};

int verb_run(struct call *c)
{
	const struct verb *v = c->in->code < WIRE_VERBS ? &verbs[c->in->code] : NULL;
	if (v == NULL || v->run == NULL)
		return fail(E_BUG, "keyring: refused unknown verb %u", c->in->code);
	if ((v->askers & c->asker) == 0)
		return fail(E_BUG, "keyring: refused %s: not on this socket", v->name);
	if (c->in->n != v->fields)
		return fail(E_BUG, "keyring: refused %s: %zu fields instead of %zu", v->name, c->in->n, v->fields);
	return v->run(c);
}
