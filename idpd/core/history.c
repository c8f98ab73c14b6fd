/* A person's own history: one bounded record, the oldest line first.
 *
 * Refusals push no login out: they have a share of their own, so that somebody who guesses passwords cannot hide what was before. */
#include "core/history.h"
#include "base/clock.h"
#include "core/pack.h"

#define NS "person.history"
enum { RECORD_VERSION = 2, BEFORE_BY = 1 /* had no `by` and no `at` */, TOGETHER_S = 24 * 3600 };

static const char *const names[] = {
#define EVENT(id, name, class) [EV_##id] = name,
#include "svc/audit.def"
#undef EVENT
};

struct book {
	struct history at[HISTORY_MAX + 1];
	size_t n;
};

static void fields(struct pack *p, struct book *b, unsigned version)
{
	uint64_t n = b->n;
	pack_u64(p, &n);
	p->bad = p->bad || n > HISTORY_MAX;
	b->n = p->bad ? 0 : (size_t)n;
	for (size_t i = 0; i < b->n; i++) {
		struct history *h = &b->at[i];
		pack_time(p, &h->when);
		pack_str(p, &h->event);
		pack_str(p, &h->kind);
		pack_str(p, &h->key);
		pack_str(p, &h->service);
		pack_str(p, &h->place);
		pack_str(p, &h->browser);
		pack_str(p, &h->via);
		pack_uint(p, &h->times);
		if (version > BEFORE_BY) {
			pack_str(p, &h->by);
			pack_str(p, &h->at);
		}
		p->bad = p->bad || h->event == NULL;
	}
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_no(const struct history *h)
{
	return strcmp(h->event, names[EV_LOGIN_NO]) == 0 || strcmp(h->event, names[EV_LOGIN_LIMITED]) == 0;
}

static void take_out(struct book *b, size_t i)
{
	memmove(&b->at[i], &b->at[i + 1], (--b->n - i) * sizeof b->at[0]);
}

static size_t oldest(const struct book *b, bool no)
{
	size_t i = 0;
	while (i < b->n && no && !is_no(&b->at[i]))
		i++;
	return i;
}

static void tidy(struct book *b)
{
	size_t refusals = 0;
	while (b->n > 0 && b->at[0].when < now() - HISTORY_KEEP_S)
		take_out(b, 0);
	for (size_t i = 0; i < b->n; i++)
		refusals += is_no(&b->at[i]);
	if (refusals > HISTORY_NO_MAX)
		take_out(b, oldest(b, true));
	if (b->n > HISTORY_MAX)
		take_out(b, 0);
}

static bool is_there(const struct book *b, const char *at)
{
	for (size_t i = 0; at != NULL && i < b->n; i++)
		if (same(b->at[i].at, at))
			return true;
	return false;
}

static void add(struct book *b, const struct history *h)
{
	struct history *last = b->n > 0 ? &b->at[b->n - 1] : NULL;
	if (last != NULL && is_no(h) && same(last->event, h->event) && same(last->place, h->place) && same(last->kind, h->kind) && same(last->service, h->service) &&
	    h->when - last->when < TOGETHER_S) {
		last->when = h->when;
		last->times++;
		return;
	}
	/* What others did is told a little later than it happened, or a day when nobody was there to hear of it. */
	size_t i = b->n++;
	for (; h->at != NULL && i > 0 && b->at[i - 1].when > h->when; i--)
		b->at[i] = b->at[i - 1];
	b->at[i] = *h;
	tidy(b);
}

static bool read_version(struct arena *a, struct slice bytes, unsigned version, struct book *b)
{
	struct pack p = pack_reader(a, version, bytes);
	*b = (struct book){ .n = 0 };
	fields(&p, b, version);
	return pack_done(&p) == OK;
}

static void read_book(struct arena *a, struct slice bytes, struct book *b)
{
	if (!read_version(a, bytes, RECORD_VERSION, b) && !read_version(a, bytes, BEFORE_BY, b))
		b->n = 0;		/* another version's */
}

static int adding(struct state_change *c)
{
	struct book *b = arena_alloc(c->a, sizeof *b);
	struct pack p = pack_writer(c->a, RECORD_VERSION);
	const struct history *h = c->ctx;
	b->n = 0;
	if (c->old.p != NULL)
		read_book(c->a, c->old, b);
	if (is_there(b, h->at))
		return E_EXISTS;
	add(b, h);
	fields(&p, b, RECORD_VERSION);
	c->val = buf_slice(&p.out);
	c->ttl_s = HISTORY_KEEP_S;
	return OK;
}

static const char *kept(struct arena *a, const char *s)
{
	return s != NULL ? arena_strdup(a, s) : NULL;
}

struct state_act history_adding(struct arena *a, const char *subject, const struct history *h)
{
	struct history *copy = ARENA_NEW(a, struct history);
	*copy = (struct history){ .when = h->when != 0 ? h->when : now(), .event = kept(a, h->event), .kind = kept(a, h->kind), .key = kept(a, h->key),
		.service = kept(a, h->service), .place = kept(a, h->place), .browser = kept(a, h->browser), .via = kept(a, h->via),
		.by = kept(a, h->by), .at = kept(a, h->at), .times = h->times > 0 ? h->times : 1 };
	return (struct state_act){ NS, slice_of(arena_strdup(a, subject)), adding, copy };
}

int history_audit(const struct audit_line *line, const char *browser)
{
	int e = audit_write(line);
	if (e != OK || line->subject == NULL)
		return e;
	struct arena *own = arena_new();
	const struct history h = { .event = names[line->event], .kind = line->kind, .key = line->key, .service = line->service, .place = line->peer,
		.browser = browser, .via = line->via };
	const struct state_act act = history_adding(own, line->subject, &h);
	state_update_later(own, &act);
	return OK;
}

int history_tell(const char *subject, const struct history *h)
{
	AUTO_ARENA a = arena_new();
	const struct state_act act = history_adding(a, subject, h);
	return state_update_all(&act, 1);
}

int history_forget(const char *subject)
{
	return state_del(NS, slice_of(subject));
}

int history_read(struct arena *a, const char *subject, struct history **out, size_t *n)
{
	struct slice bytes;
	struct book *b = arena_alloc(a, sizeof *b);
	int e = state_get(a, NS, slice_of(subject), &bytes);
	b->n = 0;
	if (e != OK && e != E_NOENT)
		return e;
	if (e == OK)
		read_book(a, bytes, b);
	while (b->n > 0 && b->at[0].when < now() - HISTORY_KEEP_S)
		take_out(b, 0);
	for (size_t i = 0, j = b->n; i + 1 < j; i++) {
		struct history h = b->at[i];
		b->at[i] = b->at[--j];
		b->at[j] = h;
	}
	*out = b->at;
	*n = b->n;
	return OK;
}
