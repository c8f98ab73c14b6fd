/* The queue as records of the state store: keys in order, moves as one act. */
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "svc/outbox_parts.h"
#include "svc/sealed.h"

#define SEALED_KIND "outbox"

const char *outbox_channel_name(enum channel channel)
{
	static const char *const names[CHANNELS] = { "mail", "sms", "logout" };
	return channel < CHANNELS ? names[channel] : "?";
}

const char *queue_ns(enum channel channel, enum outbox_place place)
{
	static const char *const ns[CHANNELS][OUTBOX_PLACES] = {
		{ "#outbox.mail.wait", "#outbox.mail.out", "#outbox.mail.dead" },
		{ "#outbox.sms.wait", "#outbox.sms.out", "#outbox.sms.dead" },
		{ "#outbox.logout.wait", "#outbox.logout.out", "#outbox.logout.dead" },
	};
	return ns[channel][place];
}

struct slice ticket_key(struct arena *a, const struct ticket *t)
{
	unsigned char *p = arena_alloc(a, STATE_ORDERED_KEY);
	number_put(p, 8, t->at);
	number_put(p + 8, 8, t->expires);
	memcpy(p + 16, t->id, OUTBOX_ID);
	return slice_mem(p, STATE_ORDERED_KEY);
}

void ticket_of(struct slice key, struct ticket *out)
{
	out->at = number_get(key.p, 8);
	out->expires = number_get(key.p + 8, 8);
	memcpy(out->id, key.p + 16, OUTBOX_ID);
}

const char *ticket_id(struct arena *a, const struct ticket *t)
{
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(t->id, OUTBOX_ID));
	return buf_cstr(&b);
}

/* ---- the record ---- */

struct slice letter_pack(struct arena *a, const struct letter *l)
{
	json_t *v = json_own(a, json_pack("{s:I, s:i, s:s, s:s, s:s, s:s}", "created", (json_int_t)l->created, "tries", (int)l->tries,
	    "text", l->text_id, "to", l->to_masked, "why", l->why, "sealed", l->sealed));
	return json_text(a, v);
}

static int letter_read(struct arena *a, struct slice bytes, struct letter *out)
{
	json_t *v;
	if (json_parse(a, bytes, &v, NULL) != OK)
		return fail(E_INPUT, "outbox: a record cannot be read");
	*out = (struct letter){
		.created = (time_t)json_integer_value(json_object_get(v, "created")),
		.tries = (unsigned)json_integer_value(json_object_get(v, "tries")),
		.text_id = json_str(v, "text"), .to_masked = json_str(v, "to"), .why = json_str(v, "why"), .sealed = json_str(v, "sealed"),
	};
	if (out->text_id == NULL || out->to_masked == NULL || out->why == NULL || out->sealed == NULL)
		return fail(E_INPUT, "outbox: a record is not complete");
	return OK;
}

/* One line of text, whoever wrote it: control characters become spaces, bytes that are not UTF-8 become '?', and it ends somewhere. */
static const char *argument(struct arena *a, const char *value)
{
	struct buf b = buf_new(a);
	struct slice s = slice_of(value);
	while (s.n > 0 && b.n < OUTBOX_ARG_MAX) {
		size_t n = slice_utf8_len(s);
		struct slice c = slice_mem(s.p, n > 0 ? n : 1);
		if (b.n + c.n > OUTBOX_ARG_MAX)
			break;
		if (n == 0)
			buf_char(&b, '?');
		else if (slice_is_text(c, ""))
			buf_raw(&b, c);
		else
			buf_char(&b, ' ');
		s = slice_mem(s.p + c.n, s.n - c.n);
	}
	return buf_cstr(&b);
}

int letter_seal(struct arena *a, const struct message *m, time_t expires, const char **sealed)
{
	struct slice out;
	json_t *args = json_array(), *v = json_own(a, json_pack("{s:s, s:s, s:s, s:o}", "to", m->to, "lang", m->lang != NULL ? m->lang : "",
	    "text", m->text_id, "args", args));
	for (size_t i = 0; i < m->nargs; i++)
		json_array_append_new(args, json_pack("[s, s]", m->args[i].name, argument(a, m->args[i].value)));
	if (v == NULL)
		return fail(E_INPUT, "outbox: a message that is no text");
	int rc = sealed_make(a, SEALED_KIND, json_text(a, v), expires, &out);
	if (rc == OK)
		*sealed = out.p;
	return rc;
}

int letter_open(struct arena *a, const struct letter *l, struct parcel *out)
{
	struct slice plain;
	json_t *v, *arg;
	size_t i;
	int rc = sealed_open(a, SEALED_KIND, slice_of(l->sealed), &plain);
	if (rc != OK)
		return rc;
	if (json_parse(a, plain, &v, NULL) != OK)
		return fail(E_INPUT, "outbox: a message cannot be read");
	json_t *args = json_object_get(v, "args");
	struct text_arg *list = ARENA_ARRAY(a, struct text_arg, json_array_size(args) + 1);
	json_array_foreach(args, i, arg)
		list[i] = (struct text_arg){ json_string_value(json_array_get(arg, 0)), json_string_value(json_array_get(arg, 1)) };
	const char *lang = json_str(v, "lang");
	out->to = json_str(v, "to");
	out->lang = lang != NULL && *lang != '\0' ? lang : NULL;
	out->text_id = json_str(v, "text");
	out->args = list;
	out->nargs = json_array_size(args);
	return out->to != NULL && out->text_id != NULL ? OK : E_INPUT;
}

/* ---- moves ---- */

int queue_get(struct arena *a, enum channel c, enum outbox_place p, const struct ticket *t, struct letter *out)
{
	struct slice bytes;
	int rc = state_get(a, queue_ns(c, p), ticket_key(a, t), &bytes);
	return rc == OK ? letter_read(a, bytes, out) : rc;
}

static int taking(struct state_change *c)
{
	c->val = S_NONE;
	return c->old.p != NULL ? OK : E_NOENT;
}

int queue_delete(struct arena *a, enum channel c, enum outbox_place p, const struct ticket *t)
{
	return state_update(queue_ns(c, p), ticket_key(a, t), taking, NULL);
}

/* How long the store may keep it: what nobody has moved a week after its end was forgotten by everyone. */
static unsigned ttl(enum outbox_place place, uint64_t expires)
{
	uint64_t at = (uint64_t)now();
	return OUTBOX_DEAD_S + (place != OUTBOX_DEAD && expires > at ? (unsigned)(expires - at) : 0);
}

int queue_move(struct arena *a, const struct move *m)
{
	struct state_value v = { letter_pack(a, m->letter), ttl(m->to, m->new.expires), false, S_NONE };
	const struct state_act acts[] = {
		{ queue_ns(m->channel, m->from), ticket_key(a, &m->old), taking, NULL },
		{ queue_ns(m->channel, m->to), ticket_key(a, &m->new), state_putting, &v },
	};
	return state_update_all(acts, 2);
}

static bool count_one(void *ctx, struct slice key, struct slice val)
{
	(void)key, (void)val;
	return ++*(unsigned *)ctx < OUTBOX_DEAD_MAX;
}

int queue_bury(struct arena *a, enum channel c, enum outbox_place from, const struct ticket *t, struct letter *l, const char *why, bool keep)
{
	unsigned dead = 0;
	struct move m = { c, from, OUTBOX_DEAD, *t, *t, l };
	log_warn("outbox: %s %s (%s) to %s given up after %u tries: %s", outbox_channel_name(c), ticket_id(a, t), l->text_id, l->to_masked, l->tries, why);
	if (state_scan(queue_ns(c, OUTBOX_DEAD), S_NONE, count_one, &dead) == OK && dead >= OUTBOX_DEAD_MAX)
		return queue_delete(a, c, from, t);
	m.new.at = (uint64_t)now_ms();
	l->why = why;
	if (!keep)
		l->sealed = "";
	return queue_move(a, &m);
}

/* ---- who looks at it ---- */

enum { PAGE = 256 };
struct page {
	struct arena *a;
	struct slice key[PAGE], val[PAGE];
	size_t n;
};

static bool page_add(void *ctx, struct slice key, struct slice val)
{
	struct page *p = ctx;
	p->key[p->n] = arena_copy(p->a, key);
	p->val[p->n++] = arena_copy(p->a, val);
	return p->n < PAGE;
}

/* The key behind `key`: that one with a one added. */
static struct slice key_after(struct arena *a, struct slice key)
{
	unsigned char *p = arena_alloc(a, key.n);
	memcpy(p, key.p, key.n);
	for (size_t i = key.n; i-- > 0 && ++p[i] == 0;)
		;
	return slice_mem(p, key.n);
}

static struct outbox_entry entry_of(struct arena *a, enum channel c, enum outbox_place place, struct slice key, const struct letter *l)
{
	struct ticket t;
	ticket_of(key, &t);
	return (struct outbox_entry){
		.channel = c, .place = place, .id = ticket_id(a, &t), .to = l->to_masked, .text_id = l->text_id, .why = l->why,
		.created = l->created, .expires = (time_t)t.expires, .due = place == OUTBOX_OUT ? 0 : (time_t)(t.at / 1000), .tries = l->tries,
	};
}

int outbox_each(struct arena *a, enum channel channel, enum outbox_place place, bool (*fn)(void *ctx, const struct outbox_entry *e), void *ctx)
{
	unsigned char from[STATE_ORDERED_KEY] = { 0 };
	(void)a;
	for (;;) {		/* by pages: fn may print, and what prints may wait */
		AUTO_ARENA mine = arena_new();
		struct page *p = ARENA_NEW(mine, struct page);
		struct letter l;
		p->a = mine;
		int rc = state_scan(queue_ns(channel, place), slice_mem(from, sizeof from), page_add, p);
		if (rc != OK)
			return rc;
		for (size_t i = 0; i < p->n; i++) {
			if (letter_read(mine, p->val[i], &l) != OK)
				continue;
			struct outbox_entry e = entry_of(mine, channel, place, p->key[i], &l);
			if (!fn(ctx, &e))
				return OK;
		}
		if (p->n < PAGE)
			return OK;
		memcpy(from, key_after(mine, p->key[p->n - 1]).p, sizeof from);
	}
}

struct search {
	struct slice id;
	struct ticket found;
	bool hit;
};

static bool search_one(void *ctx, struct slice key, struct slice val)
{
	struct search *s = ctx;
	(void)val;
	s->hit = slice_eq(slice_mem(key.p + STATE_ORDERED_KEY - OUTBOX_ID, OUTBOX_ID), s->id);
	if (s->hit)
		ticket_of(key, &s->found);
	return !s->hit;
}

static int find(struct arena *a, const char *id, enum channel *c, enum outbox_place *p, struct ticket *out)
{
	struct search s = { .hit = false };
	if (b64url_decode(a, slice_of(id), &s.id) != OK || s.id.n != OUTBOX_ID)
		return E_NOENT;
	for (unsigned i = 0; i < CHANNELS * OUTBOX_PLACES; i++) {
		*c = i / OUTBOX_PLACES;
		*p = i % OUTBOX_PLACES;
		int rc = state_scan(queue_ns(*c, *p), S_NONE, search_one, &s);
		if (rc != OK)
			return rc;
		if (s.hit) {
			*out = s.found;
			return OK;
		}
	}
	return E_NOENT;
}

int outbox_retry(struct arena *a, const char *id)
{
	struct move m = { .to = OUTBOX_WAITING };
	struct letter l;
	int rc = find(a, id, &m.channel, &m.from, &m.old);
	if (rc == OK)
		rc = queue_get(a, m.channel, m.from, &m.old, &l);
	if (rc != OK || m.from == OUTBOX_OUT)
		return rc;
	if (m.old.expires <= (uint64_t)now() || *l.sealed == '\0')
		return E_NOENT;
	m.new = m.old;
	m.new.at = (uint64_t)now_ms();
	m.letter = &l;
	return queue_move(a, &m);
}

int outbox_drop(struct arena *a, const char *id)
{
	enum channel c;
	enum outbox_place p;
	struct ticket t;
	int rc = find(a, id, &c, &p, &t);
	if (rc != OK)
		return rc;
	return p == OUTBOX_OUT ? E_EXISTS : queue_delete(a, c, p, &t);
}
