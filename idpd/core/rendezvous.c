/* Where somebody waits for what another request brings: one record under its code, and the atomic acts on it. */
#include "base/clock.h"
#include "base/user_code.h"
#include "base/wait.h"
#include "core/subscriber.h"
#include "core/pack.h"
#include "core/rendezvous.h"
#include "svc/state.h"

enum { RECORD_VERSION = 1, TRIES = 8, AFTER_S = 60, GUESSES = 50, GUESSES_S = 3600 };

static const char ns[] = "rendezvous", ns_guess[] = "limit.code";
static unsigned max_level;

void rendezvous_set_max(unsigned level)
{
	max_level = level;
}

unsigned rendezvous_max(void)
{
	return max_level;
}

/* --- the record --- */

static void fields(struct pack *p, struct rendezvous *r)
{
	pack_str(p, &r->service);
	pack_str(p, &r->name);
	pack_str(p, &r->via);
	pack_str(p, &r->peer);
	pack_str(p, &r->lang);
	pack_uint(p, &r->level);
	pack_slice(p, &r->memo);
	pack_str(p, &r->code);
	pack_time(p, &r->created);
	pack_uint(p, &r->state);
	pack_slice(p, &r->brought);
	pack_bytes(p, r->lock, sizeof r->lock);
	pack_time(p, &r->asked);
	pack_uint(p, &r->interval);
}

static struct slice encode(struct arena *a, struct rendezvous *r)
{
	struct pack p = pack_writer(a, RECORD_VERSION);
	fields(&p, r);
	return buf_slice(&p.out);
}

static int decode(struct arena *a, struct slice bytes, struct rendezvous *out)
{
	struct rendezvous r = { 0 };
	if (bytes.p == NULL)
		return E_NOENT;
	struct pack p = pack_reader(a, RECORD_VERSION, bytes);
	fields(&p, &r);
	if (pack_done(&p) != OK || r.code == NULL || r.service == NULL)
		return E_NOENT;
	*out = r;
	return OK;
}

/* --- who waits --- */

static int open_fn(struct state_change *c)
{
	struct rendezvous *r = c->ctx;
	if (c->old.p != NULL)
		return E_EXISTS;
	c->val = encode(c->a, r);
	c->ttl_s = RENDEZVOUS_LIFE_S;
	c->guest = true;
	c->source = subscriber_of(c->a, r->peer);
	return OK;
}

int rendezvous_open(struct arena *a, struct rendezvous *r, struct slice secret)
{
	int rc = E_EXISTS;
	r->created = now();
	r->state = RENDEZVOUS_WAITING;
	r->interval = RENDEZVOUS_INTERVAL_S;
	r->asked = 0;
	sha256(secret, r->lock);
	for (int i = 0; rc == E_EXISTS && i < TRIES; i++) {
		r->code = user_code_new(a, RENDEZVOUS_CODE_CHARS);
		rc = state_update(ns, slice_of(r->code), open_fn, r);
	}
	return rc == E_EXISTS ? E_DOWN : rc;
}

struct asking {
	const unsigned char *lock;
	struct rendezvous *out;
	bool early;
};

/* RFC 8628 3.5: five seconds more for everyone who cannot wait. */
static int ask_fn(struct state_change *c)
{
	struct asking *q = c->ctx;
	struct rendezvous r;
	int rc = decode(c->a, c->old, &r);
	if (rc != OK || !slice_same_secret(slice_mem(r.lock, SHA256_LEN), slice_mem(q->lock, SHA256_LEN)))
		return E_NOENT;
	q->early = r.state == RENDEZVOUS_WAITING && now() - r.asked < (time_t)r.interval;
	if (q->early)
		r.interval += RENDEZVOUS_INTERVAL_S;
	r.asked = now();
	c->val = encode(c->a, &r);
	return OK;
}

int rendezvous_ask(struct arena *a, struct slice code, struct slice secret, struct rendezvous *out)
{
	unsigned char lock[SHA256_LEN];
	struct slice bytes;
	struct asking q = { .lock = lock };
	sha256(secret, lock);
	int rc = state_update(ns, code, ask_fn, &q);
	if (rc == OK)
		rc = q.early ? E_LIMIT : state_get(a, ns, code, &bytes);
	return rc == OK ? decode(a, bytes, out) : rc;
}

int rendezvous_take(struct arena *a, const char *code, struct rendezvous *out)
{
	struct slice bytes;
	int rc = state_take(a, ns, slice_of(code), &bytes);
	return rc == OK ? decode(a, bytes, out) : rc;
}

void rendezvous_close(const char *code)
{
	state_del(ns, slice_of(code));
}

/* --- who comes --- */

static int count_fn(struct state_change *c)
{
	unsigned n = 0;
	if (c->old.n == sizeof n)
		memcpy(&n, c->old.p, sizeof n);
	if (n >= GUESSES)
		return E_LIMIT;
	n++;
	c->val = arena_copy(c->a, slice_mem(&n, sizeof n));
	c->ttl_s = n == 1 ? GUESSES_S : 0;
	return OK;
}

static int uncount_fn(struct state_change *c)
{
	unsigned n = 0;
	if (c->old.n == sizeof n)
		memcpy(&n, c->old.p, sizeof n);
	if (n == 0)
		return OK;
	n--;
	c->val = arena_copy(c->a, slice_mem(&n, sizeof n));
	return OK;
}

int rendezvous_find(struct arena *a, struct slice typed, const char *peer, struct rendezvous *out)
{
	const char *code = user_code_typed(a, typed, RENDEZVOUS_CODE_CHARS);
	struct slice network = subscriber_of(a, peer), bytes;
	if (would_block())
		return E_WAIT;
	if (code == NULL)
		return E_NOENT;		/* nothing was guessed */
	int rc = state_update(ns_guess, network, count_fn, NULL);
	if (rc != OK)
		return rc;
	rc = state_get(a, ns, slice_of(code), &bytes);
	if (rc == OK)
		rc = decode(a, bytes, out);
	if (rc != E_NOENT)
		state_update(ns_guess, network, uncount_fn, NULL);
	return rc;
}

struct bringing {
	unsigned state;
	struct slice answer;
};

static int bring_fn(struct state_change *c)
{
	const struct bringing *b = c->ctx;
	struct rendezvous r;
	int rc = decode(c->a, c->old, &r);
	if (rc != OK || r.state != RENDEZVOUS_WAITING)
		return rc != OK ? rc : E_EXISTS;
	r.state = b->state;
	r.brought = b->answer;
	c->val = encode(c->a, &r);
	c->ttl_s = (unsigned)(r.created + RENDEZVOUS_LIFE_S - now()) + AFTER_S;	/* who waits may be about to ask */
	return OK;
}

int rendezvous_bring(const char *code, struct slice answer)
{
	struct bringing b = { RENDEZVOUS_BROUGHT, answer };
	return state_update(ns, slice_of(code), bring_fn, &b);
}

int rendezvous_refuse(const char *code)
{
	struct bringing b = { RENDEZVOUS_REFUSED, S("") };
	return state_update(ns, slice_of(code), bring_fn, &b);
}
