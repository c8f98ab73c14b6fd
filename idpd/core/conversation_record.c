/* The record of a conversation: its bytes, and the four atomic acts on it. */
#include "base/clock.h"
#include "core/conversation_record.h"
#include "core/pack.h"
#include "core/subscriber.h"
#include "svc/sealed.h"

enum { RECORD_VERSION = 7 };

static void fields(struct pack *p, struct conv *c)
{
	pack_str(p, &c->id);
	pack_bytes(p, c->binding, sizeof c->binding);
	pack_uint(p, &c->door);
	pack_uint(p, &c->goal);
	pack_uint(p, &c->level);
	pack_uint(p, &c->can);
	pack_str(p, &c->service);
	pack_str(p, &c->wanted);
	pack_str(p, &c->sid);
	pack_str(p, &c->activation);
	pack_str(p, &c->back);
	pack_str(p, &c->cancel);
	pack_str(p, &c->lang);
	pack_str(p, &c->via);
	pack_str(p, &c->agent);
	pack_str(p, &c->peer);
	pack_bool(p, &c->name_fixed);
	pack_bool(p, &c->proven);
	pack_time(p, &c->created);
	pack_uint(p, &c->stage);
	pack_uint(p, &c->wrong);
	pack_uint(p, &c->wait_s);
	pack_str(p, &c->name);
	pack_str(p, &c->kind);
	pack_str(p, &c->key_id);
	pack_str(p, &c->note);
	pack_str(p, &c->note_kind);
	pack_str(p, &c->subject);
	pack_str(p, &c->password_changed);
	pack_time(p, &c->since);
	pack_bool(p, &c->by_session);
	pack_str(p, &c->device);
	pack_slice(p, &c->pending);
	pack_slice(p, &c->memory);
	pack_slice(p, &c->draft);
	pack_str(p, &c->ticket);
	pack_time(p, &c->taken);
	pack_u64(p, &c->taker);
	pack_bytes(p, c->last_ticket, sizeof c->last_ticket);
	pack_bytes(p, c->last_answer, sizeof c->last_answer);
	pack_uint(p, &c->verdict);
	pack_str(p, &c->why);
	pack_slice(p, &c->session);
}

static struct slice encode(struct arena *a, struct conv *c)
{
	struct pack p = pack_writer(a, RECORD_VERSION);
	fields(&p, c);
	return buf_slice(&p.out);
}

static int decode(struct arena *a, struct slice bytes, struct conv *c)
{
	struct pack p = pack_reader(a, RECORD_VERSION, bytes);
	*c = (struct conv){ 0 };
	fields(&p, c);
	return c->id == NULL || c->stage == 0 || c->stage > STAGE_END ? E_NOENT : pack_done(&p);
}

static bool same_hash(const unsigned char a[SHA256_LEN], const unsigned char b[SHA256_LEN])
{
	return slice_same_secret(slice_mem(a, SHA256_LEN), slice_mem(b, SHA256_LEN));
}

/* The answer under its ticket's secret, which is kept nowhere afterwards: nothing typed can be guessed from it. */
static void hash_answer(struct slice ticket, const struct answer *answer, unsigned char out[SHA256_LEN])
{
	AUTO_ARENA a = arena_new();
	struct pack p = pack_writer(a, RECORD_VERSION);
	struct answer copy = *answer;
	pack_slice(&p, &copy.choice);
	pack_slice(&p, &copy.text);
	pack_slice(&p, &copy.secret);
	pack_slice(&p, &copy.code);
	pack_slice(&p, &copy.proof);
	pack_bool(&p, &copy.back);
	pack_bool(&p, &copy.again);
	pack_bool(&p, &copy.without);
	hmac_sha256(ticket, buf_slice(&p.out), out);
}

static const char *next_ticket(struct arena *a, const struct conv *c)
{
	return arena_printf(a, "%s.%s", c->id, random_id(a, 32));
}

/* What began with a sealed ticket must be remembered as long as that opens. */
static unsigned ttl(const struct conv *c)
{
	time_t left = c->created + CONV_LIFE_S - now();
	if (c->door == DOOR_HOST)
		left += CONV_LINGER_S;
	else if (c->stage == STAGE_END)
		left = CONV_REPLY_S;
	return left < 1 ? 1 : (unsigned)left;
}

int conv_create(struct arena *a, struct conv *c, const char *peer, const struct conv_with *with)
{
	if (c->id == NULL)
		c->id = random_id(a, 16);
	c->created = now();
	c->taken = 0;
	c->ticket = NULL;
	if (c->door == DOOR_HOST && with->n == 0) {
		struct slice sealed;
		int rc = sealed_make(a, "conv", encode(a, c), c->created + CONV_LIFE_S, &sealed);
		if (rc == OK)
			c->ticket = arena_printf(a, "%s.%s", c->id, sealed.p);
		return rc;
	}
	c->ticket = next_ticket(a, c);
	struct state_value v = { encode(a, c), CONV_LIFE_S, true, subscriber_of(a, peer) };
	struct state_act acts[CONV_WITH_MAX + 1] = { { "conv", slice_of(c->id), state_putting, &v } };
	for (size_t i = 0; i < with->n; i++)
		acts[i + 1] = with->acts[i];
	return state_update_all(acts, with->n + 1);
}

/* Is it this one, of whoever asks, and alive? */
static bool is_theirs(const struct conv *c, struct slice id, struct slice binding)
{
	unsigned char hash[SHA256_LEN];
	sha256(binding, hash);
	return same_hash(hash, c->binding) && slice_is(id, c->id) && now() < c->created + CONV_LIFE_S;
}

int conv_load(struct arena *a, struct slice id, struct slice binding, struct conv *out)
{
	struct slice bytes;
	struct conv c;
	if (id.n != CONV_ID_CHARS || binding.n == 0)
		return E_NOENT;
	int rc = state_get(a, "conv", id, &bytes);
	if (rc == OK)
		rc = decode(a, bytes, &c);
	if (rc != OK)
		return rc;
	if (!is_theirs(&c, id, binding))
		return E_NOENT;
	*out = c;
	return OK;
}

int conv_open(struct arena *a, struct slice ticket, struct slice binding, struct conv *out)
{
	struct slice rest = ticket, id, bytes;
	struct conv c;
	if (ticket.n < CONV_TICKET_CHARS || ticket.n > CONV_TICKET_MOST || !slice_cut(&rest, '.', &id))
		return E_NOENT;
	int rc = conv_load(a, id, binding, out);
	if (rc != E_NOENT || ticket.n == CONV_TICKET_CHARS || binding.n == 0)
		return rc;
	rc = sealed_open(a, "conv", rest, &bytes);
	if (rc == OK)
		rc = decode(a, bytes, &c);
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	if (c.door != DOOR_HOST || !is_theirs(&c, id, binding))
		return E_NOENT;
	c.ticket = arena_str(a, ticket);
	c.sealed = true;
	*out = c;
	return OK;
}

void conv_taken(struct conv *c, const struct taking *t)
{
	c->ticket = NULL;
	c->sealed = false;
	c->taken = now();
	c->taker = state_self();
	sha256(t->ticket, c->last_ticket);
	memcpy(c->last_answer, t->answer, SHA256_LEN);
}

void conv_taken_with(struct conv *c, const struct conv *other)
{
	c->ticket = NULL;
	c->sealed = false;
	c->taken = other->taken;
	c->taker = other->taker;
	memcpy(c->last_ticket, other->last_ticket, SHA256_LEN);
	memcpy(c->last_answer, other->last_answer, SHA256_LEN);
}

/* Only who holds the ticket changes the record: what was loaded with it is still what is there. */
static int take_fn(struct state_change *s)
{
	const struct taking *t = s->ctx;
	struct conv c;
	if (s->old.p == NULL && t->c->sealed) {
		c = *t->c;
		s->ttl_s = ttl(&c);
		s->guest = true;
	} else if (s->old.p == NULL || decode(s->a, s->old, &c) != OK) {
		return E_NOENT;
	} else if (c.ticket == NULL || !slice_same_secret(slice_of(c.ticket), t->ticket)) {
		return E_EXISTS;
	}
	conv_taken(&c, t);
	s->val = encode(s->a, &c);
	return OK;
}

struct state_act conv_taking(const struct conv *c, struct slice ticket, const struct answer *answer, struct taking *t)
{
	*t = (struct taking){ .c = c, .ticket = ticket };
	hash_answer(ticket, answer, t->answer);
	return (struct state_act){ "conv", slice_of(c->id), take_fn, t };
}

static bool is_held(const struct conv *stored, const struct conv *c)
{
	return stored->ticket == NULL && same_hash(stored->last_ticket, c->last_ticket);
}

/* From here on it has as much time again: what follows may still want the disk. */
static int hold_fn(struct state_change *s)
{
	struct holding *h = s->ctx;
	struct conv c;
	h->lost = s->old.p == NULL || decode(s->a, s->old, &c) != OK || !is_held(&c, h->c);
	if (h->lost)
		return E_EXISTS;
	if (c.taken == now())
		return OK;
	c.taken = now();
	s->val = encode(s->a, &c);
	return OK;
}

struct state_act conv_holding(const struct conv *c, struct holding *h)
{
	*h = (struct holding){ .c = c };
	return (struct state_act){ "conv", slice_of(c->id), hold_fn, h };
}

struct change {
	struct conv *c;
	struct slice ticket;
};

static int store_fn(struct state_change *s)
{
	const struct change *ch = s->ctx;
	struct conv c;
	if (s->old.p == NULL || decode(s->a, s->old, &c) != OK)
		return E_NOENT;
	if (!is_held(&c, ch->c))
		return E_EXISTS;
	s->val = encode(s->a, ch->c);
	s->ttl_s = ttl(ch->c);
	return OK;
}

int conv_store(struct arena *a, struct conv *c, const struct conv_with *with)
{
	struct conv next = *c;
	next.taken = 0;
	next.ticket = next.stage == STAGE_END ? NULL : next_ticket(a, c);
	struct change ch = { .c = &next };
	struct state_act acts[CONV_WITH_MAX + 1] = { { "conv", slice_of(c->id), store_fn, &ch } };
	for (size_t i = 0; i < with->n; i++)
		acts[i + 1] = with->acts[i];
	int rc = state_update_all(acts, with->n + 1);
	if (rc == OK)
		*c = next;
	return rc;
}

/* The record's bytes and texts are the caller's: what is written later needs its own. */
struct ended {
	struct conv held;		/* last_ticket alone */
	struct state_value value;
};

static int end_fn(struct state_change *s)
{
	const struct ended *d = s->ctx;
	struct conv c;
	if (s->old.p == NULL || decode(s->a, s->old, &c) != OK || !is_held(&c, &d->held))
		return E_EXISTS;
	s->val = d->value.val;
	s->ttl_s = d->value.ttl_s;
	return OK;
}

void conv_store_later(struct conv *c)
{
	struct arena *own = arena_new();
	struct ended *d = ARENA_NEW(own, struct ended);
	c->taken = 0;
	c->ticket = NULL;
	memcpy(d->held.last_ticket, c->last_ticket, SHA256_LEN);
	d->value = (struct state_value){ .val = encode(own, c), .ttl_s = ttl(c) };
	state_update_later(own, &(struct state_act){ "conv", arena_copy(own, slice_of(c->id)), end_fn, d });
}

bool conv_is_stuck(const struct conv *c)
{
	return c->taken != 0 && (now() - c->taken >= CONV_STUCK_S || !state_alive(c->taker));
}

static int revive_fn(struct state_change *s)
{
	const struct change *ch = s->ctx;
	struct conv c;
	if (s->old.p == NULL || decode(s->a, s->old, &c) != OK)
		return E_NOENT;
	if (!conv_is_stuck(&c))
		return E_EXISTS;
	c.taken = 0;
	c.ticket = arena_str(s->a, ch->ticket);
	c.note = "note.down";
	c.note_kind = NULL;
	memset(c.last_ticket, 0, sizeof c.last_ticket);		/* a result that still comes is dropped */
	s->val = encode(s->a, &c);
	return OK;
}

int conv_revive(struct arena *a, struct conv *c)
{
	struct change ch = { .ticket = slice_of(next_ticket(a, c)) };
	struct slice bytes;
	int rc = state_update("conv", slice_of(c->id), revive_fn, &ch);
	if (rc != OK && rc != E_EXISTS)
		return rc;
	rc = state_get(a, "conv", slice_of(c->id), &bytes);
	return rc != OK ? rc : decode(a, bytes, c);
}

bool conv_is_last(const struct conv *c, struct slice ticket, const struct answer *answer)
{
	unsigned char last[SHA256_LEN], hash[SHA256_LEN];
	sha256(ticket, last);
	hash_answer(ticket, answer, hash);
	return same_hash(last, c->last_ticket) && same_hash(hash, c->last_answer);
}
