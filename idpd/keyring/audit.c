/* The verbs for the audit trail. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/openssl.h"
#include "keyring/audit.h"
#include "keyring/audit_store.h"
#include "keyring/notice.h"
#include "svc/audit_chain.h"

enum { SIG_MAX = 128, HOUR_S = 3600, NODES = 16, TOLD = 64 };
#define MONTH_MARK "{CSAM-AUDIT}"

static atomic_uint_fast64_t signatures;

void audit_count_signature(void)
{
	signatures++;
}

/* --- heads --- */

/* DER, as openssl dgst -verify wants it; not the form of a JWS. */
static int sign_der(struct arena *a, const struct audit_pair *key, struct slice msg, struct slice *sig)
{
	AUTO(md_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *raw = arena_alloc(a, SIG_MAX);
	size_t n = SIG_MAX;
	if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, key->signer) != 1 || EVP_DigestSign(ctx, raw, &n, (const unsigned char *)msg.p, msg.n) != 1)
		return fail(E_BUG, "keyring: signing a head with %s: OpenSSL error %lx", key->kid, ERR_get_error());
	*sig = slice_mem(raw, n);
	return OK;
}

/* As long as the keyring lives, the trail of a node goes forward only: who cuts it off must also restart us. */
static int forward(const char *node, uint64_t seq)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct { char node[AUDIT_NODE_MAX + 1]; uint64_t seq; } of[NODES];
	int e = E_LIMIT;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < NODES && e == E_LIMIT; i++)
		if (of[i].node[0] == '\0' || strcmp(of[i].node, node) == 0) {
			e = seq < of[i].seq ? E_EXISTS : OK;
			memcpy(of[i].node, node, strlen(node) + 1);
			of[i].seq = seq < of[i].seq ? of[i].seq : seq;
		}
	pthread_mutex_unlock(&lock);
	return e == OK ? OK : fail(e, "keyring: refused to sign a head of %s that goes back to line %llu", node, (unsigned long long)seq);
}

int audit_verb_head(struct call *c)
{
	const struct slice *f = c->in->field;
	const struct audit_pair *key = audit_store_current(now());
	struct audit_head h = { .node = arena_str(c->a, f[0]), .boot = arena_str(c->a, f[1]), .chain = arena_str(c->a, f[3]) };
	struct slice sig;
	if (key == NULL)
		return fail(E_NOENT, "keyring: there is no key for the audit trail");
	if (!audit_is_name(f[0]) || !audit_is_name(f[1]) || wire_get_number(f[2], INT64_MAX, &h.seq) != OK || f[3].n != CHAIN_HEX || !audit_is_name(f[3]))
		return fail(E_INPUT, "keyring: refused to sign what is no head");
	h.time = now();
	h.signatures = signatures;
	int e = forward(h.node, h.seq);
	if (e == OK)
		e = sign_der(c->a, key, audit_statement(c->a, &h), &sig);
	if (e != OK)
		return e;
	call_give_number(c, (uint64_t)h.time);
	call_give_number(c, h.signatures);
	call_give(c, slice_of(key->kid));
	call_give(c, sig);
	return OK;
}

int audit_verb_public(struct call *c)
{
	struct buf b = buf_new(c->a);
	size_t n;
	const struct audit_pair *pairs = audit_store_all(&n);
	buf_lit(&b, "{\"keys\":[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%s{\"kid\":\"%s\",\"from\":%lld,\"pem\":\"", i > 0 ? "," : "", pairs[i].kid, (long long)pairs[i].from);
		buf_json(&b, slice_of(pairs[i].pem));
		buf_lit(&b, "\"}");
	}
	buf_lit(&b, "]}");
	call_give(c, buf_slice(&b));
	return OK;
}

/* --- months and hours --- */

static struct slice month_ad(struct arena *a, struct slice class, struct slice month)
{
	return slice_of(arena_printf(a, "csam audit month|%.*s|%.*s", (int)class.n, class.p, (int)month.n, month.p));
}

/* "{CSAM-AUDIT}" base64(key id 8 | nonce, ciphertext, tag) */
int audit_verb_month(struct call *c)
{
	const struct slice *f = c->in->field;
	const struct audit_pair *key = audit_store_current(now());
	unsigned char *secret = arena_alloc(c->a, AEAD_KEY_LEN);
	struct slice sealed;
	struct buf raw = buf_new(c->a), text = buf_new(c->a);
	if (key == NULL || !audit_is_name(f[0]) || !audit_is_name(f[1]) || f[1].n != AUDIT_MONTH_LEN)
		return fail(E_INPUT, "keyring: refused a key for what is no class and month");
	random_bytes(secret, AEAD_KEY_LEN);
	aead_seal(c->a, key->secret, slice_mem(secret, AEAD_KEY_LEN), month_ad(c->a, f[0], f[1]), &sealed);
	buf_raw(&raw, slice_mem(key->id, AUDIT_ID));
	buf_raw(&raw, sealed);
	buf_lit(&text, MONTH_MARK);
	buf_b64(&text, buf_slice(&raw));
	call_give(c, buf_slice(&text));
	return OK;
}

static const struct audit_pair *pair_of(struct slice raw)
{
	size_t n;
	const struct audit_pair *pairs = audit_store_all(&n);
	for (size_t i = 0; i < n && raw.n >= AUDIT_ID; i++)
		if (memcmp(pairs[i].id, raw.p, AUDIT_ID) == 0)
			return &pairs[i];
	return NULL;
}

/* The key of an hour, from the sealed one of its month. */
static int hour_key(struct call *c, struct slice month, struct slice class, struct slice hour, unsigned char out[AEAD_KEY_LEN])
{
	struct slice raw, secret, b64 = { month.p + sizeof MONTH_MARK - 1, month.n - (sizeof MONTH_MARK - 1) };
	const struct audit_pair *key;
	if (!slice_starts(month, S(MONTH_MARK)) || b64_decode(c->a, b64, &raw) != OK || hour.n != AUDIT_HOUR_LEN || (key = pair_of(raw)) == NULL ||
	    aead_open(c->a, key->secret, (struct slice){ raw.p + AUDIT_ID, raw.n - AUDIT_ID },
		month_ad(c->a, class, slice_mem(hour.p, AUDIT_MONTH_LEN)), &secret) != OK)
		return fail(E_INPUT, "keyring: a key of the audit trail is damaged, of another keyring, or not of %.*s, class %.*s", (int)hour.n, hour.p,
		    (int)class.n, class.p);
	derive_key(secret, arena_printf(c->a, "csam audit hour %.*s %.*s", (int)class.n, class.p, (int)hour.n, hour.p), out, AEAD_KEY_LEN);
	return OK;
}

static bool is_present(struct arena *a, struct slice hour)
{
	time_t at = now();
	for (int by = -HOUR_S; by <= HOUR_S; by += HOUR_S)
		if (slice_eq(hour, slice_mem(time_iso(a, at + by), AUDIT_HOUR_LEN)))
			return true;
	return false;
}

int audit_verb_hour(struct call *c)
{
	const struct slice *f = c->in->field;
	unsigned char *key = arena_alloc(c->a, AEAD_KEY_LEN);
	if (!is_present(c->a, f[2]))
		return fail(E_INPUT, "keyring: refused a key of the audit trail for another hour");
	int e = hour_key(c, f[0], f[1], f[2], key);
	if (e == OK)
		call_give(c, slice_mem(key, AEAD_KEY_LEN));
	return e;
}

/* --- auditors --- */

/* What was told within the hour need not be told again. */
static struct {
	pthread_mutex_t lock;
	struct { unsigned char digest[SHA256_LEN]; uint64_t until; } of[TOLD];
	size_t next;
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_told(const unsigned char digest[SHA256_LEN])
{
	bool found = false;
	pthread_mutex_lock(&told.lock);
	for (size_t i = 0; i < TOLD; i++)
		found = found || (told.of[i].until > ticks_ms() && memcmp(told.of[i].digest, digest, SHA256_LEN) == 0);
	pthread_mutex_unlock(&told.lock);
	return found;
}

static int tell(const struct notice *n)
{
	AUTO_ARENA a = arena_new();
	unsigned char digest[SHA256_LEN];
	sha256(slice_of(arena_printf(a, "%u %s %s", (unsigned)n->uid, n->key, n->why)), digest);
	if (is_told(digest))
		return OK;
	int e = notice_write(n);
	if (e != OK)
		return e;
	pthread_mutex_lock(&told.lock);
	memcpy(told.of[told.next].digest, digest, sizeof digest);
	told.of[told.next].until = ticks_ms() + (uint64_t)HOUR_S * 1000;
	told.next = (told.next + 1) % TOLD;
	pthread_mutex_unlock(&told.lock);
	return OK;
}

int audit_verb_open(struct call *c)
{
	const struct slice *f = c->in->field;	/* month, class, hour, sealed, reason */
	unsigned char *key = arena_alloc(c->a, AEAD_KEY_LEN);
	struct slice plain;
	int e = hour_key(c, f[0], f[1], f[2], key);
	if (e != OK)
		return e;
	struct slice ad = slice_of(arena_printf(c->a, "csam audit|%.*s|%.*s", (int)f[1].n, f[1].p, (int)f[2].n, f[2].p));
	if (aead_open(c->a, key, f[3], ad, &plain) != OK)
		return fail(E_INPUT, "keyring: a line of the audit trail is damaged (%.*s)", (int)f[2].n, f[2].p);
	const char *month = arena_printf(c->a, "%.*s.%.*s", AUDIT_MONTH_LEN, f[2].p, (int)f[1].n, f[1].p);
	struct notice n = { .what = "audit-open", .key = month, .why = arena_str(c->a, f[4]), .uid = c->uid };
	if ((e = tell(&n)) != OK)
		return e;
	call_give(c, plain);
	return OK;
}

int audit_verb_notice(struct call *c)
{
	uint64_t done, number;
	struct slice json;
	if (wire_get_number(c->in->field[0], UINT64_MAX, &done) != OK)
		return E_INPUT;
	int e = notice_take(c->a, done, &number, &json);
	if (e != OK)
		return e;
	call_give_number(c, number);
	call_give(c, json);
	return OK;
}
