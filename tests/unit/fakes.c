/* Services in memory for the core's tests. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/wait.h"
#include "fakes.h"
#include "svc/keyring.h"
#include "svc/sealed.h"
#include "svc/state.h"

time_t fake_now;
int fake_fault = -1;
bool fake_fault_hit;
const char *fake_fault_name, *fake_down;
unsigned fake_get_ms;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return fake_now;
}

static bool broken(const char *call)
{
	if (fake_down != NULL && strncmp(call, fake_down, strlen(fake_down)) == 0)
		return true;
	pthread_mutex_lock(&lock);
	bool hit = fake_fault >= 0 && fake_fault-- == 0;
	if (hit) {
		fake_fault_hit = true;
		fake_fault_name = call;
	}
	pthread_mutex_unlock(&lock);
	return hit;
}

#define BREAK() do { if (broken(__func__)) return E_DOWN; } while (0)
#define WRITES() do { if (would_block()) return E_WAIT; BREAK(); } while (0)

/* --- state: what svc/state.c rests on --- */

enum { NRECORDS = 4096 };
static struct item { char ns[32], *key, *val; size_t nkey, nval; time_t end; } items[NRECORDS];

static struct item *find(const char *ns, struct slice key)
{
	for (struct item *i = items; i < items + NRECORDS; i++)
		if (i->key != NULL && strcmp(i->ns, ns) == 0 && slice_eq(slice_mem(i->key, i->nkey), key) && i->end > fake_now)
			return i;
	return NULL;
}

static char *dup_slice(struct slice s)
{
	char *p = malloc(s.n + 1);
	if (p == NULL)
		abort();
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

static void drop(struct item *i)
{
	free(i->key);
	free(i->val);
	*i = (struct item){ 0 };
}

static void keep(const char *ns, struct slice key, struct slice val, time_t end)
{
	struct item *i = find(ns, key);
	for (struct item *j = items; i == NULL && j < items + NRECORDS; j++)
		if (j->key == NULL || j->end <= fake_now)
			i = j;
	if (i == NULL)
		abort();
	char *k = dup_slice(key), *v = dup_slice(val);
	drop(i);
	snprintf(i->ns, sizeof i->ns, "%s", ns);
	*i = (struct item){ .key = k, .val = v, .nkey = key.n, .nval = val.n, .end = end };
	snprintf(i->ns, sizeof i->ns, "%s", ns);
}

/* All or none: the changes are kept when every fn has said yes. */
static int update_all(const struct state_act *acts, size_t n)
{
	AUTO_ARENA a = arena_new();
	struct state_change c[6];
	int rc = OK;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; rc == OK && i < n; i++) {
		struct item *had = find(acts[i].ns, acts[i].key);
		struct slice old = had ? arena_copy(a, slice_mem(had->val, had->nval)) : S_NONE;
		c[i] = (struct state_change){ .a = a, .old = old, .val = old, .ctx = acts[i].ctx };
		rc = acts[i].fn(&c[i]);
	}
	for (size_t i = 0; rc == OK && i < n; i++) {
		struct item *had = find(acts[i].ns, acts[i].key);
		if (c[i].val.p == NULL && had != NULL)
			drop(had);
		else if (c[i].val.p != NULL)
			keep(acts[i].ns, acts[i].key, c[i].val, c[i].ttl_s != 0 ? fake_now + c[i].ttl_s : had ? had->end : fake_now);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	WRITES();
	return update_all(&(struct state_act){ ns, key, fn, ctx }, 1);
}

int state_update_all(const struct state_act *acts, size_t n)
{
	WRITES();
	return update_all(acts, n);
}

int state_get(struct arena *a, const char *ns, struct slice key, struct slice *out)
{
	BREAK();
	pthread_mutex_lock(&lock);
	struct item *i = find(ns, key);
	if (i != NULL)
		*out = arena_copy(a, slice_mem(i->val, i->nval));
	pthread_mutex_unlock(&lock);
	if (fake_get_ms != 0)
		usleep(fake_get_ms * 1000);
	return i != NULL ? OK : E_NOENT;
}

void state_update_later(struct arena *own, const struct state_act *act)
{
	if (!would_block())
		update_all(act, 1);
	arena_free(own);
}

uint64_t fake_self = 1;

uint64_t state_self(void)
{
	return fake_self;
}

bool state_alive(uint64_t process)
{
	return process == fake_self;
}

bool fake_state_holds(struct slice bytes)
{
	for (struct item *i = items; i < items + NRECORDS; i++)
		if (i->key != NULL && (memmem(i->val, i->nval, bytes.p, bytes.n) || memmem(i->key, i->nkey, bytes.p, bytes.n)))
			return true;
	return false;
}

size_t fake_state_size(const char *ns)
{
	size_t n = 0;
	for (struct item *i = items; i < items + NRECORDS; i++)
		n += i->key != NULL && strcmp(i->ns, ns) == 0 && i->end > fake_now;
	return n;
}

void fake_state_forget(const char *ns)
{
	for (struct item *i = items; i < items + NRECORDS; i++)
		if (i->key != NULL && strcmp(i->ns, ns) == 0)
			drop(i);
}

/* --- directory --- */

struct person fake_person[NPERSONS];
struct key fake_key[NPERSONS][NKEYS];
const char *fake_password[NPERSONS];
struct service fake_service[2];
bool fake_allowed;
unsigned fake_verified, fake_verify_ms, fake_resealed;
const char *fake_password_hash;
const struct person *fake_verified_person;
uint64_t fake_used;
struct key fake_added, fake_activated;
bool fake_beaten;

int directory_person_typed(struct arena *a, struct slice name, const struct person **out)
{
	(void)a;
	BREAK();
	for (size_t i = 0; i < NPERSONS; i++)
		if (slice_is(name, fake_person[i].name) || (fake_person[i].mail && slice_is(name, fake_person[i].mail))) {
			*out = &fake_person[i];
			return OK;
		}
	return E_NOENT;
}

int directory_person(struct arena *a, const char *subject, const struct person **out)
{
	(void)a;
	BREAK();
	for (size_t i = 0; i < NPERSONS; i++)
		if (fake_person[i].subject && strcmp(subject, fake_person[i].subject) == 0) {
			*out = &fake_person[i];
			return OK;
		}
	return E_NOENT;
}

int directory_person_by_number(struct arena *a, struct slice number, const struct person **out)
{
	(void)a;
	WRITES();
	for (size_t i = 0; i < NPERSONS; i++)
		if (fake_person[i].national_number && slice_is(number, fake_person[i].national_number)) {
			*out = &fake_person[i];
			return OK;
		}
	return E_NOENT;
}

int directory_verify(const struct person *person, struct slice password)
{
	WRITES();
	pthread_mutex_lock(&lock);
	fake_verified++;
	fake_verified_person = person;
	pthread_mutex_unlock(&lock);
	if (fake_verify_ms != 0)
		usleep(fake_verify_ms * 1000);
	if (person == NULL || !person->has_password || strcmp(person->state, "active") != 0)
		return E_NOENT;
	return slice_is(password, fake_password[person - fake_person]) ? OK : E_NOENT;
}

int directory_enrolment(struct arena *a, struct slice id, struct enrolment *out)
{
	(void)a, (void)id, (void)out;
	return E_NOENT;			/* tests/e2e/activate has real ones */
}

int directory_enrolment_close(const struct enrolment *e, const char *state)
{
	(void)e, (void)state;
	return E_EXISTS;
}

int directory_allowed(struct arena *a, const struct service *service, const struct person *person)
{
	(void)a, (void)service, (void)person;
	BREAK();
	return fake_allowed ? OK : E_NOENT;
}

int directory_service(struct arena *a, const char *id, const struct service **out)
{
	(void)a;
	BREAK();
	for (size_t i = 0; i < 2; i++)
		if (strcmp(fake_service[i].id, id) == 0) {
			*out = &fake_service[i];
			return OK;
		}
	return E_NOENT;
}

bool fake_terms;

int directory_terms(struct arena *a, const char *lang, struct terms *out)
{
	(void)a, (void)lang;
	*out = (struct terms){ .version = "4.2", .text = "the terms" };
	return fake_terms ? OK : E_NOENT;
}

struct kind_switch fake_switch;
const char *fake_switched;

struct kind_switch directory_kind(const char *kind, const char *service)
{
	struct kind_switch open = { .state = KIND_IS_OPEN };
	struct kind_switch it = fake_switched != NULL && strcmp(kind, fake_switched) == 0 ? fake_switch : open;
	it.elsewhere = it.elsewhere && service != NULL && strcmp(service, "mail") != 0;
	return it;
}

int directory_key_used(const struct key *key, uint64_t counter)
{
	(void)key;
	BREAK();
	fake_used = counter;
	return OK;
}

int directory_key_add(const struct person *person, const struct key *key)
{
	(void)person;
	WRITES();
	BREAK();
	fake_added = *key;
	return OK;
}

int directory_key_activate(const struct key *key)
{
	WRITES();
	BREAK();
	fake_activated = *key;
	return OK;
}

int directory_reached(const struct person *person, bool mail, const char *address)
{
	(void)person;
	WRITES();
	BREAK();
	fake_added = (struct key){ .id = mail ? "@mail" : "@mobile", .address = address };
	return OK;
}

int directory_key_spend(const struct key *key, uint64_t counter)
{
	WRITES();
	int rc = E_EXISTS;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < NPERSONS * NKEYS; i++) {
		struct key *k = &fake_key[i / NKEYS][i % NKEYS];
		if (k == key && !fake_beaten) {
			k->counter = counter;
			k->last_used = fake_now;
			rc = OK;
		}
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int directory_key_reseal(const struct key *key, struct slice sealed)
{
	(void)key, (void)sealed;
	BREAK();
	fake_resealed++;
	return OK;
}

int directory_password_set(const struct person *person, const char *hash)
{
	WRITES();
	fake_password_hash = hash;
	((struct person *)person)->password_changed = slice_is(S("20261121090000Z"), person->password_changed) ? "20261121091000Z" : "20261121090000Z";
	return OK;
}

/* --- keyring and seals --- */

static uint64_t code_number(const struct key *key, uint64_t step)
{
	return (step * 7919 + key->secret.n * 31 + (unsigned char)key->secret.p[key->secret.n - 1]) % 1000000;
}

const char *fake_code(const struct key *key, time_t when)
{
	static _Thread_local char code[8];
	snprintf(code, sizeof code, "%06u", (unsigned)code_number(key, (uint64_t)when / 30));
	return code;
}

int keyring_otp(struct otp *otp)
{
	BREAK();
	struct key key = { .secret = otp->secret };
	if (slice_is(otp->secret, "broken") || memchr(otp->ad.p, '|', otp->ad.n) == NULL)
		return E_INPUT;
	otp->exposed = !slice_starts(otp->secret, S("{CSAM}"));
	uint64_t at = (uint64_t)otp->when / 30;
	for (uint64_t step = at - otp->back; step <= at + otp->fwd; step++) {
		char code[8];
		snprintf(code, sizeof code, "%06u", (unsigned)code_number(&key, step));
		if (step > otp->floor && slice_is(otp->code, code)) {
			otp->step = step;
			return OK;
		}
	}
	return E_NOENT;
}

const char *fake_number_code(const struct key *key, uint64_t number, unsigned digits)
{
	static _Thread_local char code[16];
	snprintf(code, sizeof code, "%0*u", (int)digits, (unsigned)code_number(key, number));
	return code;
}

int keyring_code(struct code *c)
{
	BREAK();
	struct key key = { .secret = c->secret };
	if (slice_is(c->secret, "broken") || memchr(c->ad.p, '|', c->ad.n) == NULL || c->first > c->last || c->last - c->first >= 256)
		return E_INPUT;
	c->exposed = !slice_starts(c->secret, S("{CSAM}"));
	for (uint64_t n = c->first; n <= c->last; n++)
		if (slice_is(c->code, fake_number_code(&key, n, c->digits))) {
			c->number = n;
			return OK;
		}
	return E_NOENT;
}

int keyring_seal(struct arena *a, struct slice plain, struct slice ad, struct slice *sealed)
{
	(void)plain, (void)ad;
	BREAK();
	*sealed = slice_of(arena_strdup(a, "{CSAM}sealed"));
	return OK;
}

static struct slice veil(struct arena *a, struct slice s)
{
	struct slice v = arena_copy(a, s);
	for (size_t i = 0; i < v.n; i++)
		((char *)v.p)[i] = (char)(v.p[i] ^ 0x5a);
	return v;
}

int sealed_make(struct arena *a, const char *kind, struct slice plain, time_t expires, struct slice *out)
{
	BREAK();
	struct buf b = buf_new(a);
	buf_printf(&b, "%s:%lld:", kind, (long long)expires);
	buf_b64url(&b, veil(a, plain));
	*out = buf_slice(&b);
	return OK;
}

int sealed_open(struct arena *a, const char *kind, struct slice text, struct slice *plain)
{
	struct slice head, until, body;
	unsigned long long expires;
	BREAK();
	if (!slice_cut(&text, ':', &head) || !slice_is(head, kind) || !slice_cut(&text, ':', &until) || slice_number(until, INT64_MAX, &expires) != OK ||
	    b64url_decode(a, text, &body) != OK)
		return E_INPUT;
	if ((time_t)expires <= fake_now)
		return E_NOENT;
	*plain = veil(a, body);
	return OK;
}

/* --- outbox: one record, stored with the caller's --- */

struct fake_mail fake_mail;
unsigned fake_woken;
bool fake_carries[CHANNELS];

bool outbox_carries(enum channel channel)
{
	return fake_carries[channel];
}

static int posting(struct state_change *c)
{
	struct fake_mail *m = c->ctx;
	m->sent = fake_mail.sent + 1;
	int n = snprintf(m->all, sizeof m->all, "%.160s%s", fake_mail.all, fake_mail.sent > 0 ? " " : "");
	snprintf(m->all + n, sizeof m->all - (size_t)n, "%s", m->to);
	fake_mail = *m;
	c->val = S("x");
	c->ttl_s = 60;
	return OK;
}

int outbox_acts(struct arena *a, const struct message *m, struct state_act acts[2], size_t *n)
{
	struct fake_mail *f = ARENA_NEW(a, struct fake_mail);
	BREAK();
	if (m->channel == CHANNEL_MAIL ? !outbox_mail_address(slice_of(m->to)) : !outbox_phone_number(slice_of(m->to)))
		return E_INPUT;
	f->expires = m->expires;
	snprintf(f->to, sizeof f->to, "%s", m->to);
	snprintf(f->text_id, sizeof f->text_id, "%s", m->text_id);
	snprintf(f->lang, sizeof f->lang, "%s", m->lang != NULL ? m->lang : "");
	for (size_t i = 0; i < m->nargs; i++) {
		const struct { const char *name; char *to; size_t size; } known[] = { { "code", f->code, sizeof f->code },
			{ "service", f->service, sizeof f->service }, { "place", f->place, sizeof f->place }, { "host", f->host, sizeof f->host },
			{ "what", f->what, sizeof f->what }, { "of", f->of, sizeof f->of }, { "url", f->url, sizeof f->url } };
		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			if (strcmp(known[k].name, m->args[i].name) == 0)
				snprintf(known[k].to, known[k].size, "%s", m->args[i].value != NULL ? m->args[i].value : "");
	}
	acts[0] = (struct state_act){ "outbox", slice_of(random_id(a, 16)), posting, f };
	*n = 1;
	return OK;
}

int outbox_put(struct arena *a, const struct message *m)
{
	struct state_act acts[2];
	size_t n;
	int rc = outbox_acts(a, m, acts, &n);
	return rc != OK ? rc : state_update_all(acts, n);
}

void outbox_wake(enum channel channel)
{
	(void)channel;
	fake_woken++;
}

const char *service_name(const struct service *service, const char *lang)
{
	(void)lang;
	return service->id;
}

/* --- audit --- */

struct fake_line fake_line[NLINES];
size_t fake_nlines;

int audit_write(const struct audit_line *l)
{
	WRITES();
	pthread_mutex_lock(&lock);
	struct fake_line *f = &fake_line[fake_nlines++ % NLINES];
	*f = (struct fake_line){ .event = l->event };
#define COPY(field) snprintf(f->field, sizeof f->field, "%s", l->field ? l->field : "")
	COPY(subject);
	COPY(name);
	COPY(kind);
	COPY(key);
	COPY(card);
	COPY(service);
	COPY(peer);
	COPY(why);
	COPY(session);
	pthread_mutex_unlock(&lock);
	return OK;
}

const struct fake_line *fake_last(enum audit_event event)
{
	for (size_t i = fake_nlines; i-- > 0;)
		if (fake_line[i % NLINES].event == event)
			return &fake_line[i % NLINES];
	return NULL;
}

/* --- limits: the real ones with -DREAL_LIMITS --- */

#ifndef REAL_LIMITS
#include "fake_limits.c"
#else
int directory_key_lock(const struct key *key)
{
	BREAK();
	((struct key *)key)->state = "locked";
	return OK;
}

int directory_password_failures(const struct person *person, unsigned n)
{
	BREAK();
	((struct person *)person)->password_failures = n;
	return OK;
}
#endif

/* --- a fresh world --- */

static void add_key(int who, const char *id, const char *kind, const char *secret)
{
	struct person *p = &fake_person[who];
	fake_key[who][p->nkeys++] = (struct key){ .dn = "csamKeyId=x", .id = id, .kind = kind, .state = "active", .secret = slice_of(secret) };
}

void fake_reset(void)
{
	static const char *const names[] = { "alice", "bruno", "chloe", "dirk", "emma" };
	static const char *const subjects[] = { "0a11ce00-0000-4000-8000-000000000001", "0b200000-0000-4000-8000-000000000002",
		"0c41e000-0000-4000-8000-000000000003", "0d120000-0000-4000-8000-000000000004", "0e330000-0000-4000-8000-000000000005" };
	fake_now = 1795255200;
	fake_fault = -1;
	fake_fault_hit = false;
	fake_fault_name = fake_down = NULL;
	fake_nlines = 0;
	fake_verified = fake_verify_ms = fake_get_ms = fake_resealed = 0;
	fake_verified_person = NULL;
	fake_used = 0;
	fake_beaten = false;
	fake_switched = NULL;
	fake_terms = false;
	fake_mail = (struct fake_mail){ 0 };
	fake_woken = 0;
	memset(fake_carries, 0, sizeof fake_carries);
	fake_password_hash = NULL;
	fake_allowed = true;
#ifndef REAL_LIMITS
	memset(counters, 0, sizeof counters);
	fake_limits = (struct limits_conf){ .password_max = 100, .second_max = 10, .turns_max = 10 };
	fake_wait_s = fake_send_wait_s = 0;
	fake_send_refused = false;
	fake_password_refused = fake_refused_meanwhile = false;
#endif
	for (struct item *i = items; i < items + NRECORDS; i++)
		drop(i);
	for (size_t i = 0; i < NPERSONS; i++) {
		fake_person[i] = (struct person){ .dn = "uid=x", .subject = subjects[i], .name = names[i], .state = "active",
			.has_password = true, .password_changed = "20261101080000Z", .keys = fake_key[i] };
		fake_password[i] = "correct horse";
	}
	add_key(ALICE, "app-1", "app", "{CSAM}alice");
	add_key(ALICE, "password", "password", "");
	add_key(BRUNO, "password", "password", "");
	add_key(CHLOE, "app-1", "app", "{CSAM}chloe1");
	add_key(CHLOE, "app-2", "app", "{CSAM}chloe2");
	add_key(DIRK, "app-1", "app", "{CSAM}dirk");
	fake_person[DIRK].state = "suspended";
	fake_person[EMMA].has_password = false;
	fake_password[EMMA] = NULL;
	fake_service[0] = (struct service){ .id = "tax", .level = 400, .state = "active" };
	fake_service[1] = (struct service){ .id = "mail", .level = 200 };
	wait_was_wanted();
}
