/* Looks after a whole channel of the outbox now and then, and tells its numbers. */
#include "base/clock.h"
#include "svc/outbox_lane.h"

enum { TIDY_MOST = 256 };

void lane_fewer(struct lane *l)
{
	unsigned n = atomic_load(&l->waiting);
	while (n > 0 && !atomic_compare_exchange_weak(&l->waiting, &n, n - 1))
		;
}

int lane_give_up(struct lane *l, struct arena *a, const struct ticket *t, struct letter *letter, const char *why)
{
	int rc = queue_bury(a, l->channel, OUTBOX_WAITING, t, letter, why, false);
	if (rc == OK) {
		lane_fewer(l);
		atomic_fetch_add(&l->given_up, 1);
	}
	return rc;
}

struct tidy {
	enum channel channel;
	enum outbox_place place;
	uint64_t now_ms, last_dead;
	unsigned n, nfound;
	uint64_t oldest;
	struct ticket found[TIDY_MOST];	/* waiting: expired; out: of a process that is gone */
};

static bool tidy_one(void *ctx, struct slice key, struct slice val)
{
	struct tidy *y = ctx;
	struct ticket t;
	bool found = false;
	(void)val;
	ticket_of(key, &t);
	y->n++;
	if (y->place == OUTBOX_WAITING) {
		found = t.expires <= y->now_ms / 1000;
		y->oldest = y->oldest == 0 ? t.at : y->oldest;
	}
	if (y->place == OUTBOX_OUT)
		found = t.at == y->last_dead || !state_alive(t.at);
	if (found && y->place == OUTBOX_OUT)
		y->last_dead = t.at;
	if (found && y->nfound < TIDY_MOST)
		y->found[y->nfound++] = t;
	return true;
}

static void take_back(struct lane *l, const struct ticket *t)
{
	AUTO_ARENA a = arena_new();
	struct letter letter;
	struct move m = { l->channel, OUTBOX_OUT, OUTBOX_WAITING, *t, *t, &letter };
	m.new.at = (uint64_t)now_ms();
	if (queue_get(a, l->channel, OUTBOX_OUT, t, &letter) == OK)
		queue_move(a, &m);
}

static void bury_expired(struct lane *l, const struct ticket *t)
{
	AUTO_ARENA a = arena_new();
	struct letter letter;
	if (queue_get(a, l->channel, OUTBOX_WAITING, t, &letter) == OK)
		lane_give_up(l, a, t, &letter, *letter.why != '\0' ? letter.why : "expired");
}

static unsigned tidy_place(struct lane *l, enum outbox_place place)
{
	AUTO_ARENA a = arena_new();
	struct tidy *y = ARENA_NEW(a, struct tidy);
	*y = (struct tidy){ .channel = l->channel, .place = place, .now_ms = (uint64_t)now_ms() };
	if (state_scan(queue_ns(l->channel, place), S_NONE, tidy_one, y) != OK)
		return 0;
	for (unsigned i = 0; i < y->nfound; i++)
		if (place == OUTBOX_OUT)
			take_back(l, &y->found[i]);
		else
			bury_expired(l, &y->found[i]);
	if (place == OUTBOX_WAITING)
		atomic_store(&l->oldest, y->oldest);
	return place == OUTBOX_DEAD ? y->n : y->n - y->nfound;
}

void lane_tidy(struct lane *l)
{
	atomic_store(&l->out, tidy_place(l, OUTBOX_OUT));
	atomic_store(&l->waiting, tidy_place(l, OUTBOX_WAITING));
	atomic_store(&l->dead, tidy_place(l, OUTBOX_DEAD));
}

/* ---- what can be measured ---- */

static void gauge(struct buf *b, const char *name, const char *help)
{
	buf_printf(b, "# TYPE csam_outbox_%s gauge\n# HELP csam_outbox_%s %s\n", name, name, help);
}

#define FOR_LANES(l) for (struct lane *l = outbox.lanes; l < outbox.lanes + CHANNELS; l++) if (l->carry != NULL)

void outbox_metrics(struct buf *b)
{
	if (!outbox.open)
		return;
	gauge(b, "messages", "Messages in the outbox.");
	FOR_LANES(l)
		buf_printf(b, "csam_outbox_messages{kind=\"%s\",state=\"waiting\"} %u\ncsam_outbox_messages{kind=\"%s\",state=\"out\"} %u\n"
		    "csam_outbox_messages{kind=\"%s\",state=\"dead\"} %u\n", outbox_channel_name(l->channel), atomic_load(&l->waiting),
		    outbox_channel_name(l->channel), atomic_load(&l->out), outbox_channel_name(l->channel), atomic_load(&l->dead));
	gauge(b, "late_seconds", "How long the message that is due longest has been due.");
	FOR_LANES(l) {
		uint64_t due = atomic_load(&l->oldest), at = (uint64_t)now_ms();
		buf_printf(b, "csam_outbox_late_seconds{kind=\"%s\"} %llu\n", outbox_channel_name(l->channel),
		    (unsigned long long)(due != 0 && due < at ? (at - due) / 1000 : 0));
	}
	gauge(b, "working", "1 when the last try found the server in order, 0 when the channel waits for it.");
	FOR_LANES(l) {
		pthread_mutex_lock(&l->lock);
		buf_printf(b, "csam_outbox_working{kind=\"%s\"} %d\n", outbox_channel_name(l->channel), l->down_ms == 0);
		pthread_mutex_unlock(&l->lock);
	}
	buf_lit(b, "# TYPE csam_outbox_tries counter\n# HELP csam_outbox_tries What became of messages, since the start of this process.\n");
	FOR_LANES(l) {
		const char *name = outbox_channel_name(l->channel);
		buf_printf(b, "csam_outbox_tries_total{kind=\"%s\",result=\"put\"} %lu\ncsam_outbox_tries_total{kind=\"%s\",result=\"sent\"} %lu\n"
		    "csam_outbox_tries_total{kind=\"%s\",result=\"later\"} %lu\ncsam_outbox_tries_total{kind=\"%s\",result=\"given_up\"} %lu\n",
		    name, atomic_load(&l->put), name, atomic_load(&l->sent), name, atomic_load(&l->later), name, atomic_load(&l->given_up));
	}
}
