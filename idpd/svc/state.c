/* The verbs of the state store, each one atomic change of one record. */
#include "base/number.h"
#include "svc/state.h"

static uint64_t number_of(struct slice record)
{
	return number_get(record.p, record.n < sizeof(uint64_t) ? record.n : sizeof(uint64_t));
}

static struct slice record_of(struct arena *a, uint64_t v)
{
	unsigned char *p = arena_alloc(a, sizeof v);
	number_put(p, sizeof v, v);
	return slice_mem(p, sizeof v);
}

int state_putting(struct state_change *c)
{
	const struct state_value *p = c->ctx;
	c->val = slice_mem(p->val.n > 0 ? p->val.p : "", p->val.n);
	c->ttl_s = p->ttl_s;
	c->guest = p->guest;
	c->source = p->source;
	return OK;
}

int state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s)
{
	struct state_value v = { .val = val, .ttl_s = ttl_s };
	return state_update(ns, key, state_putting, &v);
}

int state_put_guest(const char *ns, struct slice key, struct slice val, unsigned ttl_s, struct slice source)
{
	struct state_value v = { .val = val, .ttl_s = ttl_s, .guest = true, .source = source };
	return state_update(ns, key, state_putting, &v);
}

int state_deleting(struct state_change *c)
{
	c->val = S_NONE;
	return OK;
}

int state_del(const char *ns, struct slice key)
{
	return state_update(ns, key, state_deleting, NULL);
}

struct take {
	struct arena *a;
	struct slice val;
};

static int take(struct state_change *c)
{
	struct take *t = c->ctx;
	if (c->old.p == NULL)
		return E_NOENT;
	t->val = arena_copy(t->a, c->old);
	c->val = S_NONE;
	return OK;
}

int state_take(struct arena *a, const char *ns, struct slice key, struct slice *out)
{
	struct take t = { .a = a };
	int rc = state_update(ns, key, take, &t);
	if (rc == OK)
		*out = t.val;
	return rc;
}

int state_claiming(struct state_change *c)
{
	if (c->old.p != NULL)
		return E_EXISTS;
	c->val = S("");
	const struct state_claim *claim = c->ctx;
	c->ttl_s = claim->ttl_s;
	c->until = claim->until;
	return OK;
}

int state_claim(const char *ns, struct slice key, unsigned ttl_s)
{
	return state_update(ns, key, state_claiming, &(struct state_claim){ .ttl_s = ttl_s });
}

struct count {
	unsigned window_s;
	uint64_t n;
};

static int count(struct state_change *c)
{
	struct count *k = c->ctx;
	k->n = number_of(c->old) + 1;
	c->val = record_of(c->a, k->n);
	c->ttl_s = c->old.p == NULL ? k->window_s : 0;
	return OK;
}

int state_count(const char *ns, struct slice key, unsigned window_s, unsigned *out)
{
	struct count k = { .window_s = window_s };
	int rc = state_update(ns, key, count, &k);
	if (rc == OK)
		*out = k.n > UINT32_MAX ? UINT32_MAX : (unsigned)k.n;
	return rc;
}

int state_advancing(struct state_change *c)
{
	const struct state_number *k = c->ctx;
	if (c->old.p != NULL && k->value <= number_of(c->old))
		return E_EXISTS;
	c->val = record_of(c->a, k->value);
	c->ttl_s = k->ttl_s;
	return OK;
}

int state_number(const char *ns, struct slice key, uint64_t *out)
{
	AUTO_ARENA a = arena_new();
	struct slice val;
	int rc = state_get(a, ns, key, &val);
	if (rc != OK && rc != E_NOENT)
		return rc;
	*out = rc == OK ? number_of(val) : 0;
	return OK;
}
