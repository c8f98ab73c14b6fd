/* Link and code become half an hour in which keys may be activated. */
#include <string.h>
#include "base/clock.h"
#include "base/user_code.h"
#include "base/wait.h"
#include "core/activation.h"
#include "core/limits.h"
#include "core/pack.h"
#include "core/subscriber.h"
#include "svc/audit.h"
#include "svc/state.h"

enum { RECORD_VERSION = 1, ID_CHARS = 22, SECRET_CHARS = 43, REMEMBER_S = 366 * 24 * 3600, ALIKE_S = 3600,
	CLOCK_S = 60 /* by which it may be corrected */ };

static const char ns[] = "activation", ns_tries[] = "activation.tries", ns_spent[] = "activation.spent", ns_alike[] = "activation.alike";

struct record {
	unsigned char lock[SHA256_LEN], browser[SHA256_LEN];
	const char *id, *enrolment, *subject;
	time_t ends;
	bool alone;
};

/* --- the record --- */

static void fields(struct pack *p, struct record *r)
{
	pack_bytes(p, r->lock, sizeof r->lock);
	pack_bytes(p, r->browser, sizeof r->browser);
	pack_str(p, &r->id);
	pack_str(p, &r->enrolment);
	pack_str(p, &r->subject);
	pack_time(p, &r->ends);
	pack_bool(p, &r->alone);
}

static struct slice encode(struct arena *a, struct record *r)
{
	struct pack p = pack_writer(a, RECORD_VERSION);
	fields(&p, r);
	return buf_slice(&p.out);
}

static int decode(struct arena *a, struct slice bytes, struct record *r)
{
	struct pack p = pack_reader(a, RECORD_VERSION, bytes);
	*r = (struct record){ .ends = 0 };
	fields(&p, r);
	return r->id == NULL || r->enrolment == NULL || r->subject == NULL ? E_NOENT : pack_done(&p);
}

static int load(struct arena *a, struct slice id, struct record *r)
{
	struct slice bytes;
	int rc = id.n == ID_CHARS ? state_get(a, ns, id, &bytes) : E_NOENT;
	if (rc == OK)
		rc = decode(a, bytes, r);
	if (rc != OK)
		return rc;
	time_t left = r->ends - now();
	return left > 0 && left <= ACTIVATION_LIFE_S + CLOCK_S ? OK : E_NOENT;	/* more: the clock was set back */
}

static bool is_digest_of(struct slice digest, struct slice secret)
{
	unsigned char sum[SHA256_LEN];
	sha256(secret, sum);
	return slice_same_secret(digest, slice_mem(sum, sizeof sum));
}

/* --- its beginning --- */

/* One try: who tries, and what comes of it. */
struct attempt {
	struct arena *a;
	const char *peer;
	struct activation_begun out;
};

/* As a wrong code's count and line wait for the disk, so does what has none: nobody learns by time whether a link is one. */
static void wait_alike(struct attempt *t)
{
	unsigned n;
	state_count(ns_alike, subscriber_of(t->a, t->peer), ALIKE_S, &n);
}

/* Every wrong code has its line; of links that nobody was given a network has as many as are told. */
static int refuse(struct attempt *t, const struct enrolment *e, const char *why)
{
	int rc = limits_activation(t->peer, &t->out.wait_s);
	if (rc != OK && rc != E_LIMIT)
		return rc;
	if (e != NULL || rc == OK)
		AUDIT(.event = EV_ACTIVATION_NO, .subject = e != NULL ? e->subject : NULL, .session = e != NULL ? e->id : NULL, .peer = t->peer, .why = why);
	else
		wait_alike(t);
	return rc == OK ? E_NOENT : rc;
}

/* A link that nobody was given: no try of any enrolment. */
static int refuse_link(struct attempt *t)
{
	wait_alike(t);
	return refuse(t, NULL, "link");
}

/* The enrolment that the token names and belongs to. */
static int find(struct attempt *t, struct slice link, struct enrolment *out)
{
	struct slice rest = link, id;
	if (link.n != ID_CHARS + 1 + SECRET_CHARS || !slice_cut(&rest, '.', &id))
		return refuse_link(t);
	int rc = directory_enrolment(t->a, id, out);
	if (rc == OK && is_digest_of(out->link, link))
		return OK;
	return rc == OK || rc == E_NOENT ? refuse_link(t) : rc;
}

/* Counted before it is looked at: of any number of tries at once five are. */
static int judge(struct attempt *t, const struct enrolment *e, struct slice link, struct slice typed)
{
	unsigned char of_link[SHA256_LEN], of_code[SHA256_LEN];
	const struct person *person;
	unsigned tries;
	const char *code = user_code_typed(t->a, typed, ACTIVATION_CODE_CHARS);
	int rc = state_count(ns_tries, slice_of(e->id), REMEMBER_S, &tries);
	if (rc != OK)
		return rc;
	if (tries > ACTIVATION_TRIES) {
		rc = directory_enrolment_close(e, "locked");	/* also for the day when the count is lost */
		return rc == OK || rc == E_EXISTS ? refuse(t, e, "locked") : rc;
	}
	if (strcmp(e->state, "open") != 0)
		return refuse(t, e, e->state);
	if (now() >= e->end)
		return refuse(t, e, "expired");
	activation_digests(link, code != NULL ? code : "", of_link, of_code);
	if (code == NULL || !slice_same_secret(e->code, slice_mem(of_code, sizeof of_code)))
		return refuse(t, e, "wrong-code");
	rc = directory_person(t->a, e->subject, &person);
	if (rc != OK && rc != E_NOENT && rc != E_INPUT)
		return rc;
	return rc == OK && person_is_active(person) ? OK : refuse(t, e, "person");
}

/* Once, whichever forgets: the state store is the arbiter among nodes that share it, the directory remembers when that was lost. */
static int spend(struct attempt *t, const struct enrolment *e)
{
	int rc = state_claim(ns_spent, slice_of(e->id), REMEMBER_S);
	if (rc == E_EXISTS)
		return refuse(t, e, "used");
	if (rc != OK)
		return rc;
	rc = directory_enrolment_close(e, "used");
	if (rc == E_EXISTS || rc == E_NOENT)
		return refuse(t, e, "used");
	if (rc != OK)
		state_del(ns_spent, slice_of(e->id));	/* nothing was spent */
	return rc;
}

static int begin(struct attempt *t, const struct enrolment *e, struct slice browser)
{
	struct record r = { .id = random_id(t->a, ACTIVATION_ID), .enrolment = e->id, .subject = e->subject, .ends = now() + ACTIVATION_LIFE_S };
	struct slice made = slice_of(arena_printf(t->a, "%s.%s", r.id, random_id(t->a, ACTIVATION_SECRET)));
	sha256(made, r.lock);
	sha256(browser, r.browser);
	int rc = AUDIT(.event = EV_ACTIVATION_BEGUN, .subject = e->subject, .session = r.id, .peer = t->peer, .level = e->level, .key = e->id);
	if (rc == OK)
		rc = state_put(ns, slice_of(r.id), encode(t->a, &r), ACTIVATION_LIFE_S);
	if (rc == OK)
		t->out.cookie = made;
	return rc;
}

int activation_begin(struct arena *a, struct slice link, struct slice code, struct slice browser, const char *peer, struct activation_begun *out)
{
	struct attempt t = { .a = a, .peer = peer };
	struct enrolment e;
	if (would_block())
		return E_WAIT;
	int rc = find(&t, link, &e);
	if (rc == OK)
		rc = judge(&t, &e, link, code);
	if (rc == OK)
		rc = spend(&t, &e);
	if (rc == OK)
		rc = begin(&t, &e, browser);
	if (rc == OK || rc == E_LIMIT)
		*out = t.out;
	return rc;
}

/* --- and what stands of it --- */

static int stand(struct arena *a, const struct record *r, struct activation *out)
{
	struct enrolment e;
	struct activation is = { .id = r->id, .enrolment = r->enrolment, .alone = r->alone };
	int rc = directory_enrolment(a, slice_of(r->enrolment), &e);
	if (rc != OK)
		return rc;
	if (strcmp(e.state, "used") != 0 || strcmp(e.subject, r->subject) != 0)
		return E_NOENT;
	rc = directory_person(a, r->subject, &is.person);
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	if (!person_is_active(is.person))
		return E_NOENT;
	is.level = e.level;
	*out = is;
	return OK;
}

int activation_of(struct arena *a, struct slice cookie, struct slice browser, struct activation *out)
{
	struct record r;
	struct slice rest = cookie, id;
	if (cookie.n != ID_CHARS + 1 + SECRET_CHARS || !slice_cut(&rest, '.', &id))
		return E_NOENT;
	int rc = load(a, id, &r);
	if (rc != OK)
		return rc;
	if (!is_digest_of(slice_mem(r.lock, sizeof r.lock), cookie) || !is_digest_of(slice_mem(r.browser, sizeof r.browser), browser))
		return E_NOENT;
	return stand(a, &r, out);
}

int activation_by_id(struct arena *a, const char *id, struct activation *out)
{
	struct record r;
	int rc = load(a, slice_of(id), &r);
	return rc != OK ? rc : stand(a, &r, out);
}

int activation_end(const char *id)
{
	return state_del(ns, slice_of(id));
}

static int note_alone(struct state_change *c)
{
	struct record r;
	if (c->old.p == NULL || decode(c->a, c->old, &r) != OK)
		return E_NOENT;
	r.alone = true;
	c->val = encode(c->a, &r);
	return OK;
}

int activation_note_alone(const char *id)
{
	return state_update(ns, slice_of(id), note_alone, NULL);
}
