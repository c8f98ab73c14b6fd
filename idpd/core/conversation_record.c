/* The record of a conversation: its bytes, and the four atomic acts on it. */
#include "base/clock.h"
#include "core/conversation_record.h"
#include "core/pack.h"
#include "core/subscriber.h"
#include "svc/state.h"

enum { RECORD_VERSION = 4 };

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
	pack_str(p, &c->back);
	pack_str(p, &c->cancel);
	pack_str(p, &c->lang);
	pack_str(p, &c->via);
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
	hmac_sha256(ticket, buf_slice(&p.out), out);
}

static const char *next_ticket(struct arena *a, const struct conv *c)
{
	return arena_printf(a, "%s.%s", c->id, random_id(a, 32));
}

static unsigned ttl(const struct conv *c)
{
	time_t left = c->stage == STAGE_END ? CONV_REPLY_S : c->created + CONV_LIFE_S - now();
	return left < 1 ? 1 : (unsigned)left;
}

int conv_create(struct arena *a, struct conv *c, const char *peer, const struct conv_with *with)
{
	if (c->id == NULL)
		c->id = random_id(a, 16);
	c->ticket = next_ticket(a, c);
	c->created = now();
	c->taken = 0;
	struct state_value v = { encode(a, c), CONV_LIFE_S, true, subscriber_of(a, peer) };
	struct state_act acts[CONV_WITH_MAX + 1] = { { "conv", slice_of(c->id), state_putting, &v } };
	for (size_t i = 0; i < with->n; i++)
		acts[i + 1] = with->acts[i];
	return state_update_all(acts, with->n + 1);
}

int conv_load(struct arena *a, struct slice id, struct slice binding, struct conv *out)
{
	struct slice bytes;
	struct conv c;
	unsigned char hash[SHA256_LEN];
	if (id.n != CONV_ID_CHARS || binding.n == 0)
		return E_NOENT;
	int rc = state_get(a, "conv", id, &bytes);
	if (rc == OK)
		rc = decode(a, bytes, &c);
	if (rc != OK)
		return rc;
	sha256(binding, hash);
	if (!same_hash(hash, c.binding) || !slice_is(id, c.id))
		return E_NOENT;
	*out = c;
	return OK;
}

struct change {
	struct conv *c;
	struct slice ticket;
	const unsigned char *answer;
};

static int take_fn(struct state_change *s)
{
	const struct change *ch = s->ctx;
	struct conv c;
	if (s->old.p == NULL || decode(s->a, s->old, &c) != OK)
		return E_NOENT;
	if (c.ticket == NULL || !slice_same_secret(slice_of(c.ticket), ch->ticket))
		return E_EXISTS;
	c.ticket = NULL;
	c.taken = now();
	c.taker = state_self();
	sha256(ch->ticket, c.last_ticket);
	memcpy(c.last_answer, ch->answer, SHA256_LEN);
	s->val = encode(s->a, &c);
	return OK;
}

int conv_take(struct conv *c, struct slice ticket, const struct answer *answer)
{
	unsigned char hash[SHA256_LEN];
	struct change ch = { .ticket = ticket, .answer = hash };
	hash_answer(ticket, answer, hash);
	int rc = state_update("conv", slice_of(c->id), take_fn, &ch);
	if (rc != OK)
		return rc;
	/* Only who holds the ticket changes the record: what was loaded with it is still what is there. */
	c->ticket = NULL;
	c->taken = now();
	c->taker = state_self();
	sha256(ticket, c->last_ticket);
	memcpy(c->last_answer, hash, sizeof hash);
	return OK;
}

static int store_fn(struct state_change *s)
{
	const struct change *ch = s->ctx;
	struct conv c;
	if (s->old.p == NULL || decode(s->a, s->old, &c) != OK)
		return E_NOENT;
	if (c.ticket != NULL || !same_hash(c.last_ticket, ch->c->last_ticket))
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
