/* What the keyring can be asked. */
#include <inttypes.h>
#include <limits.h>
#include "base/base32.h"
#include "base/buf.h"
#include "base/card.h"
#include "base/clock.h"
#include "base/log.h"
#include "keyring/audit.h"
#include "keyring/envelope.h"
#include "keyring/pace.h"
#include "keyring/secret.h"
#include "keyring/totp.h"
#include "keyring/trail.h"
#include "keyring/verbs.h"
#include "keyring/verbs_control.h"

enum { DAY_S = 86400, CARD_SEED = 20 /* RFC 4226 4: 160 bits */ };

static int sign(struct call *c)
{
	const char *alg = arena_str(c->a, c->in->field[0]);
	const struct ring_key *key = keystore_current(c->store, "sign", alg, now());
	struct slice sig;
	if (key == NULL || !slice_is(c->in->field[0], alg))
		return fail(E_NOENT, "keyring: refused to sign: no key for \"%s\"", alg);
	int e = ring_key_sign(c->a, key, c->in->field[1], &sig);
	if (e != OK)
		return e;
	audit_count_signature();
	call_give(c, sig);
	call_give(c, slice_of(arena_strdup(c->a, key->kid)));	/* the key may go before the reply does */
	return OK;
}

static int public(struct call *c)
{
	call_give(c, keystore_jwks(c->a, c->store, now(), c->terms.keep_s));
	return OK;
}

static int seal(struct call *c)
{
	struct slice text;
	if (c->in->field[0].n == 0)
		return fail(E_INPUT, "keyring: refused to seal nothing");
	secret_seal(c->a, c->store, c->in->field[0], c->in->field[1], &text);
	call_give(c, text);
	return OK;
}

/* The seed in field 0, sealed for field 1 or plain. A code for it will be looked at: that counts as wrong until judged. A secret that an
 * administrator wrote in plain is known to whoever asks: only sealed ones are guarded. */
static int seed(struct call *c, struct slice *secret, bool *exposed)
{
	const struct slice *f = c->in->field;
	struct slice base32 = f[0];
	static _Atomic uint64_t said;
	*exposed = !secret_is_sealed(f[0]);
	if (!*exposed && secret_unseal(c->a, c->store, f[0], f[1], &base32) != OK)
		return E_INPUT;
	if (totp_secret(c->a, base32, secret) != OK)
		return fail(E_INPUT, "keyring: a secret is no base32 of at least 128 bits (for %.*s)", (int)f[1].n, f[1].p);
	if (*exposed || guess_take(f[1], c->limits != NULL ? c->limits->wrong_day : 0))
		return OK;
	if (pace_seldom(&said)) {
		log_warn("keyring: too many wrong codes in a day (for %.*s)", (int)f[1].n, f[1].p);
		trail_line(&(struct trail_line){ .event = "guessed", .key = f[1], .peer = c->peer });
	}
	return E_LIMIT;
}

static int judged(struct call *c, int e)
{
	if (e == OK && secret_is_sealed(c->in->field[0]))
		guess_right(c->in->field[1]);
	return e;
}

static int otp(struct call *c)
{
	const struct slice *f = c->in->field;
	uint64_t when, back, fwd, floor, step, at = (uint64_t)now();
	struct slice secret;
	bool exposed;
	if (wire_get_number(f[3], INT64_MAX / 2, &when) != OK || wire_get_number(f[4], TOTP_REACH, &back) != OK ||
	    wire_get_number(f[5], TOTP_REACH, &fwd) != OK || wire_get_number(f[6], UINT64_MAX, &floor) != OK)
		return fail(E_INPUT, "keyring: refused a code: no such time, or a window of more than %d steps", TOTP_REACH);
	if (secret_is_sealed(f[0]) && (when + GUESS_TIME_S < at || when > at + GUESS_TIME_S))
		return fail(E_INPUT, "keyring: refused a code of another time than now");
	int e = seed(c, &secret, &exposed);
	if (e != OK)
		return e;
	if (floor < (uint64_t)c->store->otp_after / TOTP_STEP_S)
		floor = (uint64_t)c->store->otp_after / TOTP_STEP_S;
	struct totp_window w = { (time_t)when, (unsigned)back, (unsigned)fwd, floor };
	e = judged(c, totp_match(secret, f[2], &w, &step));
	if (e != OK)
		return e;
	call_give_number(c, step);
	call_give_number(c, exposed);
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
	int e = seed(c, &secret, &exposed);
	if (e != OK)
		return e;
	r.digits = (unsigned)digits;
	e = judged(c, otp_match(secret, f[2], &r, &number));
	if (e != OK)
		return e;
	call_give_number(c, number);
	call_give_number(c, exposed);
	return OK;
}

/* A new printed card: its seed is made here and shown to nobody, its codes are shown this once. */
static int card(struct call *c)
{
	struct otp_range all = { S("sha1"), CARD_DIGITS, 1, 0 };
	unsigned char raw[CARD_SEED];
	struct slice seed, codes, sealed;
	if (wire_get_number(c->in->field[1], CARD_MAX, &all.last) != OK || all.last == 0)
		return fail(E_INPUT, "keyring: refused a card of no, or too many codes");
	random_bytes(raw, sizeof raw);
	seed = slice_mem(raw, sizeof raw);
	int e = otp_codes(c->a, seed, &all, &codes);
	if (e == OK) {
		secret_seal(c->a, c->store, slice_of(base32_text(c->a, seed)), c->in->field[0], &sealed);
		call_give(c, sealed);
		call_give(c, codes);
	}
	wipe(raw, sizeof raw);
	return e;
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
	hmac_sha256(slice_mem(keystore_current(c->store, "subject", NULL, now())->secret, RING_SECRET), buf_slice(&in), mac);
	buf_b64url(&out, slice_mem(mac, SHA256_LEN));
	call_give(c, buf_slice(&out));
	return OK;
}

static int day_key(struct call *c)
{
	uint64_t day, today = (uint64_t)now() / DAY_S;
	unsigned char *key = arena_alloc(c->a, AEAD_KEY_LEN);
	if (wire_get_number(c->in->field[0], UINT64_MAX, &day) != OK || day + 1 < today || day > today + 1)
		return fail(E_INPUT, "keyring: refused a key of another day");
	/* The key that was current when the day began: a rotation waits for midnight, and all nodes agree. */
	const struct ring_key *from = keystore_current(c->store, "day", NULL, (time_t)(day * DAY_S));
	derive_key(slice_mem(from->secret, RING_SECRET), arena_printf(c->a, "csam day %" PRIu64, day), key, AEAD_KEY_LEN);
	call_give(c, slice_mem(key, AEAD_KEY_LEN));
	return OK;
}

static int status(struct call *c)
{
	struct buf b = buf_new(c->a);
	buf_printf(&b, "{\"version\":\"%s\",\"follows\":%s,\"keys\":[", VERSION, c->store->follows ? "true" : "false");
	for (size_t i = 0; i < c->store->n; i++) {
		const struct ring_key *k = &c->store->keys[i];
		enum ring_state state = keystore_state(c->store, k, now(), c->terms.keep_s);
		buf_printf(&b, "%s{\"kid\":\"%s\",\"use\":\"%s\",\"alg\":\"%s\",\"state\":\"%s\",\"created\":\"%s\",\"from\":\"%s\"}", i > 0 ? "," : "", k->kid,
		    k->kind->use, k->kind->alg, ring_state_name(state), time_iso(c->a, k->created), time_iso(c->a, k->from));
	}
	buf_lit(&b, "]}");
	call_give(c, buf_slice(&b));
	return OK;
}

/* Sealing keys that other secrets rest on are exchanged secret by secret: nothing is shown, not even to administrators. */
static int reseal(struct call *c)
{
	struct slice text;
	bool exposed;
	int e = secret_reseal(c->a, c->store, c->in->field[0], c->in->field[1], &text, &exposed);
	if (e != OK && e != E_EXISTS)
		return e;
	call_give(c, e == OK ? text : S(""));
	call_give_number(c, exposed);
	return OK;
}

static int address(struct call *c)
{
	call_give(c, envelope_address(c->a, keystore_current(c->store, "node", NULL, now())->secret));
	return OK;
}

enum { FRONT = ASKER_FRONT, CONTROL = ASKER_CONTROL, BOTH = ASKER_FRONT | ASKER_CONTROL };

/* What may be asked in a minute is far above what a machine that is used as it should be asks, and far below what somebody needs who
 * wants all of it: see idpd(8), SECURITY. */
static const struct verb {
	const char *name;
	unsigned askers;		/* enum asker */
	size_t fields;
	unsigned minute;		/* the most in a minute; 0: no limit of its own */
	bool changes;
	int (*run)(struct call *);
} verbs[WIRE_VERBS] = {
	[WIRE_SIGN]	= { "sign", FRONT, 2, 0, false, sign },
	[WIRE_PUBLIC]	= { "public", BOTH, 0, 60000, false, public },
	[WIRE_SEAL]	= { "seal", BOTH, 2, 60000, false, seal },
	[WIRE_OTP]	= { "otp", FRONT, 7, 120000, false, otp },
	[WIRE_CODE]	= { "code", FRONT, 7, 120000, false, code },
	[WIRE_CARD]	= { "card", FRONT, 2, 60000, false, card },
	[WIRE_SUBJECT]	= { "subject", FRONT, 2, 600000, false, subject },
	[WIRE_DAY_KEY]	= { "day key", FRONT, 1, 600, false, day_key },
	[WIRE_STATUS]	= { "status", CONTROL, 0, 600, false, status },
	[WIRE_ADDRESS]	= { "address", CONTROL, 0, 600, false, address },
	[WIRE_ROTATE]	= { "rotate", CONTROL, 2, 10, true, verb_rotate },
	[WIRE_RESEAL]	= { "reseal", CONTROL, 2, 0, false, reseal },
	[WIRE_RETIRE]	= { "retire", CONTROL, 1, 60, true, verb_retire },
	[WIRE_EXPORT]	= { "export", CONTROL, 2, 10, true, verb_export },
	[WIRE_IMPORT]	= { "import", CONTROL, 3, 10, true, verb_import },
	[WIRE_AUDIT_HEAD] = { "audit head", FRONT, 4, 6000, false, audit_verb_head },
	[WIRE_AUDIT_PUBLIC] = { "audit public", BOTH, 0, 6000, false, audit_verb_public },
	[WIRE_AUDIT_MONTH] = { "audit month", FRONT, 2, 6000, false, audit_verb_month },
	[WIRE_AUDIT_HOUR] = { "audit hour", FRONT, 3, 6000, false, audit_verb_hour },
	[WIRE_AUDIT_OPEN] = { "audit open", CONTROL, 5, 0, false, audit_verb_open },
	[WIRE_AUDIT_NOTICE] = { "audit notice", FRONT, 1, 6000, false, audit_verb_notice },
};

static const struct verb *known(unsigned code)
{
	return code < WIRE_VERBS && verbs[code].run != NULL ? &verbs[code] : NULL;
}

bool verb_changes(unsigned code)
{
	const struct verb *v = known(code);
	return v != NULL && v->changes;
}

bool verb_waits(unsigned code)
{
	return code >= WIRE_AUDIT_HEAD && code <= WIRE_AUDIT_NOTICE;
}

const char *verb_name(unsigned code)
{
	const struct verb *v = known(code);
	return v != NULL ? v->name : NULL;
}

static int limited(const struct call *c, const struct verb *v)
{
	static _Atomic uint64_t said[WIRE_VERBS];
	if (pace_seldom(&said[c->in->code])) {
		log_warn("keyring: %s is asked more often than it may be, by process %d", v->name, c->peer);
		trail_line(&(struct trail_line){ .event = "limited", .verb = v->name, .peer = c->peer });
	}
	return E_LIMIT;
}

int verb_run(struct call *c)
{
	const struct verb *v = known(c->in->code);
	if (v == NULL)
		return fail(E_BUG, "keyring: refused unknown verb %u", c->in->code);
	if ((v->askers & c->asker) == 0)
		return fail(E_BUG, "keyring: refused %s: not on this socket", v->name);
	if (c->in->n != v->fields)
		return fail(E_BUG, "keyring: refused %s: %zu fields instead of %zu", v->name, c->in->n, v->fields);
	unsigned most = c->in->code == WIRE_SIGN && c->limits != NULL ? c->limits->sign_minute : v->minute;
	return pace_take(c->in->code, most) ? v->run(c) : limited(c, v);
}
