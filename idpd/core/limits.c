/* How often somebody may be wrong: a pace for each network, a tally for each password and each second factor. */
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "core/history.h"
#include "core/limits.h"
#include "core/notice.h"
#include "core/subscriber.h"
#include "svc/state.h"

enum {
	KEEP_S = 30 * 24 * 3600,
	WAITS_S = 3600,		/* of a key that is to be added: who was wrong too often can try again later */
	STRANGER_S = 3600,	/* names nobody has must not fill the store; that their tally forgets sooner cannot be seen */
	PACE_S = 3600,		/* far above any delay; the same for known and unknown names, for this can be seen */
	TELLING_MS = 5 * 1000,
	LAG_MS = 30 * 1000,	/* what was written to the directory is seen there by every request that begins this much later */
};

static struct limits_conf conf;		/* zero until it is opened: everything is refused */

void limits_open(const struct limits_conf *c)
{
	conf = *c;
}

unsigned limits_turns(void)
{
	return conf.turns_max;
}

/* ---- the tally: wrong tries in a row, from everywhere ---- */

struct tally {
	int64_t told_at;	/* since when the directory knows that this is refused; 0: it does not */
	int64_t telling;	/* since when somebody tells it: of many refused at once, on any node, one does; if in vain, the next */
	uint32_t count;
	uint32_t forgiven;	/* the directory's lock is that of an older password: not taken for this one */
	unsigned char generation[SHA256_LEN];
};

struct attempt {
	unsigned max, ttl_s;
	bool locked_there;	/* what the directory says */
	bool waits;		/* the key is not active yet: there is nothing to lock */
	unsigned char generation[SHA256_LEN];
	bool refused, tell, forgive;	/* out */
};

static bool tally_read(struct slice s, struct tally *out)
{
	if (s.n != sizeof *out)
		return false;
	memcpy(out, s.p, sizeof *out);
	return true;
}

static struct tally tally_new(const struct attempt *t)
{
	struct tally r = { 0 };
	memcpy(r.generation, t->generation, sizeof r.generation);
	return r;
}

/* What the tally is before this attempt, after what happened in the directory since the last one. */
static struct tally tally_now(struct slice stored, const struct attempt *t)
{
	struct tally r;
	int64_t at = now_ms();
	if (!tally_read(stored, &r)) {
		r = tally_new(t);
	} else if (memcmp(r.generation, t->generation, sizeof r.generation) != 0) {
		r = tally_new(t);	/* another password */
		r.forgiven = t->locked_there;
	}
	if (!t->locked_there) {
		r.forgiven = false;
		if (r.told_at != 0 && at - r.told_at > LAG_MS)
			r = tally_new(t);	/* it was locked there and is not any more: an administrator's work */
	} else if (!r.forgiven) {
		r.count = t->max;	/* the directory is the floor of a store that lost its records */
		if (r.told_at == 0)
			r.told_at = at;
	}
	return r;
}

static int attempt(struct state_change *c)
{
	struct attempt *t = c->ctx;
	struct tally r = tally_now(c->old, t);
	int64_t at = now_ms();
	t->refused = r.count >= t->max;
	t->tell = t->refused && !t->waits && r.told_at == 0 && llabs(at - r.telling) > TELLING_MS;
	t->forgive = r.forgiven;
	if (t->tell)
		r.telling = at;
	if (!t->refused)
		r.count++;
	struct slice val = slice_mem(&r, sizeof r);
	if (t->refused && !t->tell && slice_eq(val, c->old))
		return OK;		/* hammering at a locked door writes nothing */
	c->val = arena_copy(c->a, val);
	c->ttl_s = t->ttl_s;
	return OK;
}

static int told(struct state_change *c)
{
	struct tally r;
	if (!tally_read(c->old, &r))
		return OK;
	r.told_at = now_ms();
	r.forgiven = false;
	c->val = arena_copy(c->a, slice_mem(&r, sizeof r));
	return OK;
}

static int right(struct state_change *c)
{
	struct tally r;
	if (!tally_read(c->old, &r))
		return OK;
	if (r.told_at != 0)
		return E_LIMIT;
	r.count = 0;
	c->val = r.forgiven ? arena_copy(c->a, slice_mem(&r, sizeof r)) : S_NONE;
	return OK;
}

static int taken_back(struct state_change *c)
{
	struct tally r;
	if (!tally_read(c->old, &r) || r.told_at != 0 || r.count == 0)
		return OK;
	r.count--;
	c->val = arena_copy(c->a, slice_mem(&r, sizeof r));
	return OK;
}

/* ---- the pace: delays between wrong tries from one network ---- */

struct pace {
	int64_t last;
	uint64_t count;
};

static int64_t delay_ms(uint64_t count)
{
	if (count == 0 || count < conf.password_free)
		return 0;
	uint64_t doubled = count - conf.password_free;
	uint64_t s = doubled > 20 ? conf.delay_max_s : UINT64_C(1) << doubled;
	return (int64_t)(s < conf.delay_max_s ? s : conf.delay_max_s) * 1000;
}

static int pace(struct state_change *c)
{
	struct pace r = { 0 };
	if (c->old.n == sizeof r)
		memcpy(&r, c->old.p, sizeof r);
	int64_t at = now_ms(), delay = delay_ms(r.count), left = r.last + delay - at;
	if (left > delay)
		left = delay;		/* the clock was set back */
	if (left > 0) {
		*(unsigned *)c->ctx = (unsigned)((left + 999) / 1000);
		return E_LIMIT;
	}
	r.last = at;
	r.count++;
	c->val = arena_copy(c->a, slice_mem(&r, sizeof r));
	c->ttl_s = PACE_S;
	return OK;
}

static int pace_taken_back(struct state_change *c)
{
	struct pace r;
	if (c->old.n != sizeof r)
		return OK;
	memcpy(&r, c->old.p, sizeof r);
	if (r.count > 0)
		r.count--;
	c->val = arena_copy(c->a, slice_mem(&r, sizeof r));
	return OK;
}

/* ---- passwords ---- */

/* Whose password: a person by subject, however they were named; a name nobody has, as it is whatever its case. */
struct who {
	const char *tally_ns, *pace_ns;
	struct slice key, pace_key;
	unsigned ttl_s;
};

static struct who who_of(struct arena *a, const struct person *person, struct slice name, const char *peer)
{
	struct who w = { "limit.password", "limit.pace", slice_of(person ? person->subject : NULL), S_NONE, KEEP_S };
	if (person == NULL) {
		char *p = arena_str(a, name);
		for (size_t i = 0; i < name.n; i++)
			if (p[i] >= 'A' && p[i] <= 'Z')
				p[i] += 'a' - 'A';
		w = (struct who){ "limit.password.name", "limit.pace.name", slice_mem(p, name.n), S_NONE, STRANGER_S };
	}
	struct buf b = buf_new(a);
	buf_raw(&b, subscriber_of(a, peer));
	buf_char(&b, '|');
	buf_raw(&b, w.key);
	w.pace_key = buf_slice(&b);
	return w;
}

static int locked_audit(const struct person *person, const char *kind, const struct key *key, const char *peer)
{
	const char *id = key != NULL ? key->id : NULL;
	int rc = HISTORY(NULL, .event = EV_KEY_LOCKED, .subject = person->subject, .kind = kind, .key = id, .peer = peer, .why = "limit");
	if (rc == OK)
		NOTICE(.event = NOTICE_KEY_LOCKED, .person = person, .kind = kind, .key = id, .label = key != NULL ? key->label : NULL, .peer = peer);
	return rc;
}

/* The directory hears of it until it has taken it; refused it is here in any case. */
static int password_refused(const struct person *person, const struct who *w, const char *peer)
{
	if (directory_password_failures(person, conf.password_max) != OK)
		return E_LIMIT;
	int rc = locked_audit(person, "password", NULL, peer);
	if (rc == OK)
		rc = state_update(w->tally_ns, w->key, told, NULL);
	return rc == OK ? E_LIMIT : rc;
}

enum { TOGETHER = 4 };

static int update_with(const struct state_act *with, size_t nwith, const struct state_act *acts, size_t n)
{
	struct state_act all[TOGETHER];
	if (nwith + n > TOGETHER)
		abort();
	for (size_t i = 0; i < nwith; i++)
		all[i] = with[i];
	memcpy(all + nwith, acts, n * sizeof *acts);
	return state_update_all(all, nwith + n);
}

/* Nothing is to be counted: what was to happen with it happens alone. */
static int limited(const struct state_act *with)
{
	int rc = with != NULL ? state_update_all(with, 1) : OK;
	return rc == OK ? E_LIMIT : rc;
}

int limits_password(const struct person *person, struct slice name, const char *peer, const struct state_act *with, unsigned *wait_s)
{
	AUTO_ARENA a = arena_new();
	struct who w = who_of(a, person, name, peer);
	*wait_s = 0;
	struct attempt t = { .max = conf.password_max, .ttl_s = w.ttl_s };
	t.locked_there = person != NULL && person->password_failures >= conf.password_max;
	sha256(slice_of(person ? person->password_changed : NULL), t.generation);
	const struct state_act acts[] = { { w.pace_ns, w.pace_key, pace, wait_s }, { w.tally_ns, w.key, attempt, &t } };
	int rc = update_with(with, with != NULL, acts, 2);
	if (rc != OK)
		return rc == E_LIMIT ? limited(with) : rc;
	if (t.tell && person != NULL)
		return password_refused(person, &w, peer);
	if (t.forgive)
		directory_password_failures(person, 0);		/* asked again at each try until it shows */
	return t.refused ? E_LIMIT : OK;
}

void limits_password_right(struct arena *a, const struct person *person, const char *peer, struct state_act out[LIMITS_RIGHT])
{
	struct who w = who_of(a, person, S_NONE, peer);
	out[0] = (struct state_act){ w.tally_ns, w.key, right, NULL };
	out[1] = (struct state_act){ w.pace_ns, w.pace_key, state_deleting, NULL };
}

int limits_password_undo(const struct person *person, struct slice name, const char *peer)
{
	AUTO_ARENA a = arena_new();
	struct who w = who_of(a, person, name, peer);
	const struct state_act acts[] = { { w.tally_ns, w.key, taken_back, NULL }, { w.pace_ns, w.pace_key, pace_taken_back, NULL } };
	return state_update_all(acts, 2);
}

/* ---- codes that are sent ---- */

static const char send_ns[] = "limit.send";
enum { DAY_S = 24 * 3600, SEND_PAUSE_S = 30, SEND_PAUSE_MAX_S = 600 };

struct sending {
	int64_t last, day;		/* when: the last one, and the first of those that `today` counts */
	uint32_t row, today;		/* in a row without one that was typed back; of this day */
};

/* Mail addresses are one whatever their case, for who reads them; and none begins with a blank. */
static struct slice address_key(struct arena *a, const char *address, bool adding)
{
	char *p = arena_printf(a, "%s%s", adding ? " " : "", address != NULL ? address : "");
	for (size_t i = 0; p[i] != '\0'; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] += 'a' - 'A';
	return slice_of(p);
}

static struct sending send_record(struct slice stored, int64_t at)
{
	struct sending r = { .day = at };
	if (stored.n == sizeof r)
		memcpy(&r, stored.p, sizeof r);
	if (at - r.day >= DAY_S * INT64_C(1000) || r.day > at) {
		r.day = at;
		r.today = 0;
	}
	return r;
}

static int send_one(struct state_change *c)
{
	int64_t at = now_ms(), pause = 0;
	struct sending r = send_record(c->old, at);
	unsigned *wait_s = c->ctx;
	*wait_s = 0;
	if (r.today >= conf.sent_max)
		return E_LIMIT;
	if (r.row > 0)
		pause = r.row > 5 ? SEND_PAUSE_MAX_S : SEND_PAUSE_S << (r.row - 1);
	if (pause > SEND_PAUSE_MAX_S)
		pause = SEND_PAUSE_MAX_S;
	int64_t left = r.last + pause * 1000 - at;
	if (left > 0 && left <= pause * 1000) {	/* more: the clock was set back */
		*wait_s = (unsigned)((left + 999) / 1000);
		return E_LIMIT;
	}
	r.last = at;
	r.row++;
	r.today++;
	c->val = arena_copy(c->a, slice_mem(&r, sizeof r));
	c->ttl_s = DAY_S;
	return OK;
}

static int send_read(struct state_change *c)
{
	struct sending r = send_record(c->old, now_ms());
	if (c->old.p == NULL)
		return OK;
	r.row = 0;
	c->val = arena_copy(c->a, slice_mem(&r, sizeof r));
	return OK;
}

int limits_send(const char *address, bool adding, unsigned *wait_s)
{
	AUTO_ARENA a = arena_new();
	return state_update(send_ns, address_key(a, address, adding), send_one, wait_s);
}

/* ---- links and codes of activation ---- */

enum { WRONG_AT_ONCE = 30, WRONG_EVERY_MS = 5000 };

/* What is kept is when the network will have none left to its account (ITU-T I.371, A: the virtual scheduling algorithm). */
static int wrong_activation(struct state_change *c)
{
	int64_t at = now_ms(), full = at + WRONG_AT_ONCE * WRONG_EVERY_MS, then = at;
	if (c->old.n == sizeof then)
		memcpy(&then, c->old.p, sizeof then);
	if (then < at || then > full)		/* more: the clock was set back */
		then = at;
	then += WRONG_EVERY_MS;
	if (then > full) {
		*(unsigned *)c->ctx = (unsigned)((then - full + 999) / 1000);
		return E_LIMIT;
	}
	c->val = arena_copy(c->a, slice_mem(&then, sizeof then));
	c->ttl_s = WRONG_AT_ONCE * WRONG_EVERY_MS / 1000;
	return OK;
}

int limits_activation(const char *peer, unsigned *wait_s)
{
	AUTO_ARENA a = arena_new();
	*wait_s = 0;
	return state_update("limit.activation", subscriber_of(a, peer), wrong_activation, wait_s);
}

/* ---- second factors ---- */

static const char second_ns[] = "limit.second";

static struct slice second_key(struct arena *a, const struct person *person, const struct key *key)
{
	return slice_of(arena_printf(a, "%s|%s", person->subject, key->id));
}

int limits_second(const struct person *person, const struct key *key, const char *peer, const struct state_act *with)
{
	AUTO_ARENA a = arena_new();
	struct slice k = second_key(a, person, key);
	struct attempt t = { .max = conf.second_max, .ttl_s = KEEP_S };
	t.locked_there = strcmp(key->state, "locked") == 0;
	t.waits = strcmp(key->state, "pending") == 0;
	if (!t.locked_there && !t.waits && !key_is_active(key))
		return limited(with);
	if (t.waits)
		t.ttl_s = WAITS_S;
	int rc = update_with(with, with != NULL, &(struct state_act){ second_ns, k, attempt, &t }, 1);
	if (rc != OK || !t.refused)
		return rc;
	if (!t.tell || directory_key_lock(key) != OK)
		return E_LIMIT;
	rc = locked_audit(person, key->kind, key, peer);
	if (rc == OK)
		rc = state_update(second_ns, k, told, NULL);
	return rc == OK ? E_LIMIT : rc;
}

int limits_second_right(const struct person *person, const struct key *key, bool adding, const struct state_act *with, size_t n)
{
	AUTO_ARENA a = arena_new();
	const struct state_act acts[] = {
		{ second_ns, second_key(a, person, key), right, NULL }, { send_ns, address_key(a, key->address, adding), send_read, NULL },
	};
	return update_with(with, n, acts, key->address != NULL ? 2 : 1);
}

int limits_second_undo(const struct person *person, const struct key *key)
{
	AUTO_ARENA a = arena_new();
	return state_update(second_ns, second_key(a, person, key), taken_back, NULL);
}
