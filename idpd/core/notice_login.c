/* From where somebody usually comes: hashes of networks and browsers, and when each was seen last. */
#include "base/clock.h"
#include "base/digest.h"
#include "core/notice_parts.h"
#include "core/subscriber.h"
#include "svc/state.h"

enum { PLACES = 16, PLACE_LEN = 12, DAY_S = 24 * 3600, KNOWN_S = 90 * DAY_S };

struct known_place {
	unsigned char hash[PLACE_LEN];
	uint32_t day;
};
_Static_assert(sizeof(struct known_place) == PLACE_LEN + 4, "a record is an array of these");

static const char ns[] = "notice.places";

struct known {
	struct known_place at[PLACES];
	size_t n;
};

/* Those that were seen in time; what is no such list is none. */
static struct known known_of(struct slice stored, uint32_t today)
{
	struct known k = { .n = 0 };
	struct known_place p;
	if (stored.n % sizeof p != 0 || stored.n > sizeof k.at)
		return k;
	for (size_t i = 0; i < stored.n; i += sizeof p) {
		memcpy(&p, stored.p + i, sizeof p);
		if (today - p.day <= KNOWN_S / DAY_S || p.day > today)	/* the clock was set back */
			k.at[k.n++] = p;
	}
	return k;
}

static struct known_place *find(struct known *k, const struct known_place *p)
{
	for (size_t i = 0; i < k->n; i++)
		if (memcmp(k->at[i].hash, p->hash, PLACE_LEN) == 0)
			return &k->at[i];
	return NULL;
}

/* The one that was not seen for the longest makes room. */
static struct known_place *room(struct known *k)
{
	struct known_place *oldest = &k->at[0];
	if (k->n < PLACES)
		return &k->at[k->n++];
	for (size_t i = 1; i < k->n; i++)
		if (k->at[i].day < oldest->day)
			oldest = &k->at[i];
	return oldest;
}

static int seeing(struct state_change *c)
{
	const struct known_place *p = c->ctx;
	struct known k = known_of(c->old, p->day);
	struct known_place *at = find(&k, p);
	if (at == NULL)
		at = room(&k);
	*at = *p;
	c->val = arena_copy(c->a, slice_mem(k.at, k.n * sizeof *k.at));
	c->ttl_s = KNOWN_S;
	return OK;
}

static struct known_place place_of(struct arena *a, const struct notice *n)
{
	unsigned char h[SHA256_LEN];
	struct known_place p = { .day = (uint32_t)(now() / DAY_S) };
	struct buf b = buf_new(a);
	buf_printf(&b, "%s|%s|", n->person->subject, n->agent != NULL ? n->agent : "");
	buf_raw(&b, subscriber_of(a, n->peer));
	sha256(buf_slice(&b), h);
	memcpy(p.hash, h, PLACE_LEN);
	return p;
}

/* Were any of their keys used, and none in all that time? */
static bool long_gone(const struct person *person)
{
	time_t last = 0;
	for (size_t i = 0; i < person->nkeys; i++)
		if (person->keys[i].last_used > last)
			last = person->keys[i].last_used;
	return last != 0 && last < now() - KNOWN_S;
}

static int remember(struct arena *a, const struct notice *n, struct known_place *p, bool tell)
{
	struct notice_way ways[NOTICE_WAYS];
	struct state_act acts[3] = { { ns, slice_of(n->person->subject), seeing, p } };
	size_t more = 0;
	if (tell && notice_wanted(n) && notice_ways(a, n, ways) > 0) {
		struct message m;
		notice_message(a, n, ways, &m);
		int rc = outbox_acts(a, &m, acts + 1, &more);
		if (rc != OK)
			return rc;
	}
	int rc = state_update_all(acts, 1 + more);
	if (rc == OK && more > 0)
		outbox_wake(ways[0].channel);
	return rc;
}

void notice_login(const struct person *person, const struct key *key, const char *peer, const char *service, const char *agent)
{
	AUTO_ARENA a = arena_new();
	const struct notice n = { .event = NOTICE_LOGIN_NEW, .person = person, .kind = key != NULL ? key->kind : "device",
		.label = key != NULL ? key->label : NULL, .key = key != NULL ? key->id : NULL, .peer = peer, .service = service, .agent = agent };
	struct known_place p = place_of(a, &n), *seen;
	struct slice stored = S_NONE;
	int rc = state_get(a, ns, slice_of(person->subject), &stored);
	struct known k = known_of(rc == OK ? stored : S_NONE, p.day);
	if (rc == E_NOENT)
		rc = OK;
	seen = find(&k, &p);
	if (rc == OK && (seen == NULL || seen->day != p.day))	/* written once a day at most */
		rc = remember(a, &n, &p, seen == NULL && (k.n > 0 || long_gone(person)));
	if (rc != OK)
		notice_lost(&n, "not-queued");
}

int notice_forget(const char *subject)
{
	return state_del(ns, slice_of(subject));
}
