/* The workers of the outbox: they take what is due, have it carried, and say what becomes of it. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "svc/outbox_lane.h"
#include "svc/partner.h"

enum {
	POLL_MS = 1000, TIDY_MS = 5000, STACK = 256 * 1024,
	DOWN_FIRST_MS = 1000, DOWN_MAX_MS = 30 * 1000, STORE_PAUSE_MS = 500, STOP_MS = 5000,
};

struct outbox outbox;

bool outbox_carries(enum channel channel)
{
	return outbox.lanes[channel].carry != NULL;
}

/* A queue that is full says so once a minute. */
bool lanes_full(enum channel channel)
{
	static _Atomic uint64_t said;
	if (atomic_load(&outbox.lanes[channel].waiting) < outbox.conf.max)
		return false;
	uint64_t t = ticks_ms(), last = atomic_load(&said);
	if ((last == 0 || t - last > 60 * 1000) && atomic_compare_exchange_strong(&said, &last, t))
		log_err("outbox: %u messages wait in %s, and no more are taken", outbox.conf.max, outbox_channel_name(channel));
	return true;
}

void outbox_wake(enum channel channel)
{
	struct lane *l = &outbox.lanes[channel];
	atomic_fetch_add(&l->waiting, 1);
	atomic_fetch_add(&l->put, 1);
	pthread_mutex_lock(&l->lock);
	l->next_due = 0;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->lock);
}

/* ---- finding work ---- */

/* A number from `ms` less a quarter to a quarter more: who failed together does not come back together. */
static uint64_t jitter(uint64_t ms)
{
	uint32_t r;
	random_bytes(&r, sizeof r);
	return ms * 3 / 4 + ms / 2 * r / UINT32_MAX;
}

/* With the lock held; of workers that are not there the hand is empty. How many there are is not known to those who run before all have begun. */
static bool in_hand(const struct lane *l, const struct ticket *t)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		if (memcmp(l->hand[i].id, t->id, OUTBOX_ID) == 0)
			return true;
	return false;
}

/* Takes what is due until the list is full; the first that is not says when to look again. */
static bool refill_one(void *ctx, struct slice key, struct slice val)
{
	struct lane *l = ctx;
	struct ticket t;
	(void)val;
	ticket_of(key, &t);
	if (t.at > (uint64_t)now_ms()) {
		l->next_due = t.at < l->next_due ? t.at : l->next_due;
		return false;
	}
	if (!in_hand(l, &t))
		l->ready[l->nready++] = t;
	return l->nready < READY;
}

static void refill(struct lane *l)
{
	l->next_due = (uint64_t)now_ms() + POLL_MS;	/* by then another process may have put something in */
	if (state_scan(queue_ns(l->channel, OUTBOX_WAITING), S_NONE, refill_one, l) != OK || l->nready == READY)
		l->next_due = 0;
	for (size_t i = 0; i < l->nready / 2; i++) {
		struct ticket t = l->ready[i];
		l->ready[i] = l->ready[l->nready - 1 - i];
		l->ready[l->nready - 1 - i] = t;
	}
}

/* Milliseconds that a worker may sleep; 0: *out is the next one, and in its hand. */
static uint64_t next(struct lane *l, unsigned worker, struct ticket *out)
{
	uint64_t ticks = ticks_ms(), wall = (uint64_t)now_ms();
	if (ticks < l->resume)
		return l->resume - ticks < POLL_MS ? l->resume - ticks : POLL_MS;
	if (l->down_ms != 0 && l->prober != 0)
		return POLL_MS;
	if (l->nready == 0 && l->next_due <= wall)
		refill(l);
	if (l->nready == 0)
		return l->next_due > wall && l->next_due - wall < POLL_MS ? l->next_due - wall : POLL_MS;
	*out = l->hand[worker] = l->ready[--l->nready];
	l->prober = l->down_ms != 0 ? worker + 1 : 0;
	return 0;
}

/* ---- one message ---- */

static uint64_t pause_ms(unsigned tries)
{
	uint64_t ms = (uint64_t)outbox.conf.pause_s * 1000, most = (uint64_t)outbox.conf.pause_max_s * 1000;
	for (unsigned i = 1; i < tries && ms < most; i++)
		ms *= 2;
	return jitter(ms < most ? ms : most);
}

static void channel_is_down(struct lane *l, const char *why)
{
	pthread_mutex_lock(&l->lock);
	bool news = l->down_ms == 0;
	/* Those that were under way when it broke say so too: one step for all of them. */
	if (news || l->prober != 0)
		l->down_ms = news ? DOWN_FIRST_MS : l->down_ms * 2 < DOWN_MAX_MS ? l->down_ms * 2 : DOWN_MAX_MS;
	l->resume = ticks_ms() + jitter(l->down_ms);
	pthread_mutex_unlock(&l->lock);
	if (news)
		log_err("outbox: %s does not work: %s", outbox_channel_name(l->channel), why);
}

static void channel_is_up(struct lane *l)
{
	pthread_mutex_lock(&l->lock);
	bool news = l->down_ms != 0;
	l->down_ms = 0;
	l->resume = 0;
	if (news)
		pthread_cond_broadcast(&l->work);
	pthread_mutex_unlock(&l->lock);
	if (news)
		log_info("outbox: %s works again", outbox_channel_name(l->channel));
}

/* What was handed over must leave the queue, or it would be handed over again: as long as the store cannot write, its worker waits for it. */
static void settle(struct lane *l, const struct move *m, bool delete)
{
	for (;;) {
		AUTO_ARENA a = arena_new();
		int rc = delete ? queue_delete(a, m->channel, m->from, &m->old) : queue_move(a, m);
		if (rc != E_DOWN)
			return;
		pthread_mutex_lock(&l->lock);
		bool ending = l->ending;
		pthread_mutex_unlock(&l->lock);
		if (ending) {
			log_err("outbox: the store cannot be written: a message of %s may be sent again", outbox_channel_name(l->channel));
			return;
		}
		struct timespec t = { 0, STORE_PAUSE_MS * 1000000L };
		nanosleep(&t, NULL);
	}
}

/* The message is out, in our hand: one try, and what follows from it. */
static void carry(struct lane *l, struct arena *a, const struct ticket *out, struct letter *letter, const struct parcel *p)
{
	const char *why = "";
	struct move m = { l->channel, OUTBOX_OUT, OUTBOX_WAITING, *out, *out, letter };
	enum sent sent = l->carry(a, p, &why);
	if (sent == SENT_DOWN)
		channel_is_down(l, why);
	else
		channel_is_up(l);
	letter->why = why;
	m.new.at = (uint64_t)now_ms() + (sent == SENT_DOWN ? jitter((uint64_t)outbox.conf.pause_s * 1000) : pause_ms(letter->tries));
	if (sent == SENT_OK) {
		atomic_fetch_add(&l->sent, 1);
		settle(l, &m, true);
		return;
	}
	if (sent == SENT_NEVER) {
		atomic_fetch_add(&l->given_up, 1);
		if (queue_bury(a, l->channel, OUTBOX_OUT, out, letter, why, true) != E_DOWN)
			return;
		letter->why = why;
	}
	atomic_fetch_add(&l->later, 1);
	log_info("outbox: %s %s (%s) to %s, try %u: %s", outbox_channel_name(l->channel), p->id, letter->text_id, letter->to_masked, letter->tries, why);
	settle(l, &m, false);
	atomic_fetch_add(&l->waiting, 1);
	pthread_mutex_lock(&l->lock);
	if (m.new.at < l->next_due)
		l->next_due = m.new.at;
	pthread_mutex_unlock(&l->lock);
}

/* A message that is due, opened; what has expired or cannot be read is put away, which is E_NOENT. E_DOWN: store or keyring. */
static int open_one(struct lane *l, struct arena *a, const struct ticket *t, struct letter *letter, struct parcel *p)
{
	int rc = queue_get(a, l->channel, OUTBOX_WAITING, t, letter);
	if (rc == E_INPUT)
		return queue_delete(a, l->channel, OUTBOX_WAITING, t) == E_DOWN ? E_DOWN : E_NOENT;
	if (rc != OK)
		return rc;		/* E_NOENT: somebody else was faster */
	rc = t->expires <= (uint64_t)now() ? E_NOENT : letter_open(a, letter, p);
	const char *why = rc == E_INPUT ? "it cannot be read any more" : *letter->why != '\0' ? letter->why : "expired";
	if (rc == E_INPUT || rc == E_NOENT)
		return lane_give_up(l, a, t, letter, why) == E_DOWN ? E_DOWN : E_NOENT;
	return rc;
}

/* From waiting to out before the first byte goes: whoever else shares the store leaves it alone, and the try counts even if it ends us. */
static void work_one(struct lane *l, const struct ticket *t)
{
	AUTO_ARENA a = arena_new();
	struct letter letter;
	struct parcel p = { .channel = l->channel, .id = ticket_id(a, t), .expires = (time_t)t->expires };
	struct move m = { l->channel, OUTBOX_WAITING, OUTBOX_OUT, *t, *t, &letter };
	int rc = open_one(l, a, t, &letter, &p);
	if (rc == OK) {
		m.new.at = state_self();
		letter.tries++;
		rc = queue_move(a, &m);
	}
	if (rc == OK) {
		lane_fewer(l);
		p.created = letter.created;
		p.tries = letter.tries;
		carry(l, a, &m.new, &letter, &p);
	} else if (rc != E_NOENT) {	/* said already by whoever is down */
		pthread_mutex_lock(&l->lock);
		l->resume = ticks_ms() + STORE_PAUSE_MS;
		pthread_mutex_unlock(&l->lock);
	}
}

/* ---- threads ---- */

struct start {
	struct lane *lane;
	unsigned worker;
};

/* False: the end. *out is work, or with id zero there is none and it is time to tidy. */
static bool wait_for_work(struct lane *l, unsigned worker, struct ticket *out, bool *tidying)
{
	pthread_mutex_lock(&l->lock);
	memset(&l->hand[worker], 0, sizeof *l->hand);
	if (l->prober == worker + 1)
		l->prober = 0;
	for (uint64_t ms; !l->ending;) {
		uint64_t ticks = ticks_ms();
		*tidying = ticks - l->tidied >= TIDY_MS;
		if (*tidying)
			l->tidied = ticks;
		if (*tidying || (ms = next(l, worker, out)) == 0)
			break;
		struct timespec until = ticks_after(ms);
		pthread_cond_clockwait(&l->work, &l->lock, CLOCK_MONOTONIC, &until);
	}
	bool going = !l->ending;
	pthread_mutex_unlock(&l->lock);
	return going;
}

static void *worker(void *arg)
{
	struct start s = *(struct start *)arg;
	struct ticket t = { 0 };
	bool tidying;
	free(arg);
	while (wait_for_work(s.lane, s.worker, &t, &tidying))
		if (tidying)
			lane_tidy(s.lane);
		else
			work_one(s.lane, &t);
	return NULL;
}

static int lane_start(struct lane *l, enum channel channel, const struct outbox_conf *c)
{
	unsigned n = c->of[channel].workers;
	pthread_attr_t attr;
	*l = (struct lane){ .channel = channel, .carry = c->of[channel].carry };
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->work, NULL);
	if (l->carry == NULL)
		return OK;
	lane_tidy(l);
	l->tidied = ticks_ms();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	n = n < WORKERS_MAX ? n : WORKERS_MAX;
	while (l->nworkers < n) {
		struct start *s = malloc(sizeof *s);
		if (s == NULL)
			abort();
		*s = (struct start){ l, l->nworkers };
		int rc = pthread_create(&l->workers[l->nworkers], &attr, worker, s);
		if (rc != 0) {
			free(s);
			break;
		}
		pthread_setname_np(l->workers[l->nworkers++], "outbox");
	}
	pthread_attr_destroy(&attr);
	return l->nworkers == n ? OK : fail(E_DOWN, "outbox: no threads for %s", outbox_channel_name(channel));
}

int outbox_open(const struct outbox_conf *c)
{
	outbox.conf = *c;
	outbox.open = true;
	for (enum channel i = 0; i < CHANNELS; i++) {
		int rc = lane_start(&outbox.lanes[i], i, c);
		if (rc != OK)
			return rc;
	}
	return OK;
}

void outbox_close(void)
{
	if (!outbox.open)
		return;
	for (enum channel i = 0; i < CHANNELS; i++) {
		struct lane *l = &outbox.lanes[i];
		pthread_mutex_lock(&l->lock);
		l->ending = true;
		pthread_cond_broadcast(&l->work);
		pthread_mutex_unlock(&l->lock);
	}
	partner_end_soon(STOP_MS);
	for (enum channel i = 0; i < CHANNELS; i++) {
		struct lane *l = &outbox.lanes[i];
		for (unsigned w = 0; w < l->nworkers; w++)
			pthread_join(l->workers[w], NULL);
		pthread_cond_destroy(&l->work);
		pthread_mutex_destroy(&l->lock);
		*l = (struct lane){ .channel = i };
	}
	outbox.open = false;
}
