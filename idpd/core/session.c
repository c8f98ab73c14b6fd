/* A person's single sign-on in one browser.
 *
 * The cookie is "sid.secret"; the record, under the sid, holds the secret's SHA-256 and what was proven. What the proofs
 * are worth is never stored: it is worked out from person and keys as they are now. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/wait.h"
#include "core/pack.h"
#include "core/policy.h"
#include "core/session_index.h"
#include "core/session_seen.h"
#include "svc/audit.h"
#include "svc/state.h"

enum {
	RECORD_VERSION = 3, FROZEN_VERSION = 0x102,
	IDLE_S = 30 * 60, IDLE_HIGH_S = 15 * 60, HIGH_LEVEL = 500, AGE_S = 12 * 60 * 60,
	TOUCH_S = 60, KEEP_S = IDLE_S + TOUCH_S,
	SECRET_CHARS = 43,		/* 32 bytes in base64url */
	MAKE_ROOM_TRIES = 50,
};

struct record {
	unsigned char lock[SHA256_LEN];		/* SHA-256 of the cookie's secret */
	struct session s;
};

/* --- the record as bytes --- */

static void fields(struct pack *p, struct session *s)
{
	uint64_t n = s->nproofs;
	pack_str(p, &s->sid);
	pack_str(p, &s->subject);
	pack_str(p, &s->password_changed);
	pack_time(p, &s->auth_time);
	pack_time(p, &s->created);
	pack_time(p, &s->used);
	pack_u64(p, &n);
	p->bad = p->bad || n > MAX_PROOFS || s->sid == NULL || s->subject == NULL;
	s->nproofs = p->bad ? 0 : (size_t)n;
	for (size_t i = 0; i < s->nproofs; i++) {
		struct proof *proof = &s->proofs[i];
		pack_str(p, &proof->kind);
		pack_str(p, &proof->key_id);
		pack_uint(p, &proof->door_level);
		pack_time(p, &proof->when);
		pack_bool(p, &proof->alone);
		p->bad = p->bad || proof->kind == NULL || proof->key_id == NULL;
	}
}

static struct slice encode(struct arena *a, struct record *r)
{
	struct pack p = pack_writer(a, RECORD_VERSION);
	pack_bytes(&p, r->lock, sizeof r->lock);
	fields(&p, &r->s);
	pack_str(&p, &r->s.place);
	pack_str(&p, &r->s.browser);
	return buf_slice(&p.out);
}

static int decode(struct arena *a, struct slice bytes, struct record *r)
{
	struct pack p = pack_reader(a, RECORD_VERSION, bytes);
	*r = (struct record){ 0 };
	pack_bytes(&p, r->lock, sizeof r->lock);
	fields(&p, &r->s);
	pack_str(&p, &r->s.place);
	pack_str(&p, &r->s.browser);
	return pack_done(&p);
}

static int load(struct arena *a, struct slice sid, struct record *r)
{
	struct slice bytes;
	if (sid.n != SID_CHARS)
		return E_NOENT;
	int rc = state_get(a, "session", sid, &bytes);
	return rc != OK ? rc : decode(a, bytes, r);
}

/* The cookie's session, if the secret is right too. */
static int load_cookie(struct arena *a, struct slice cookie, struct record *r)
{
	unsigned char hash[SHA256_LEN];
	struct slice sid;
	if (cookie.n != SID_CHARS + 1 + SECRET_CHARS || !slice_cut(&cookie, '.', &sid) || sid.n != SID_CHARS)
		return E_NOENT;
	int rc = load(a, sid, r);
	if (rc != OK)
		return rc;
	sha256(cookie, hash);
	return slice_same_secret(slice_mem(hash, sizeof hash), slice_mem(r->lock, sizeof r->lock)) ? OK : E_NOENT;
}

/* --- when it was used last --- */

static int touch_record(struct state_change *c)
{
	struct record r;
	time_t when = *(const time_t *)c->ctx;
	if (c->old.p == NULL || decode(c->a, c->old, &r) != OK)
		return E_NOENT;
	if (r.s.used < when)
		r.s.used = when;
	c->val = encode(c->a, &r);
	c->ttl_s = KEEP_S;
	return OK;
}

/* OK, or E_NOENT when the session ended meanwhile. A store that cannot write takes nobody's session away. */
static int touch(const struct session *s, time_t when)
{
	if (when - s->used < TOUCH_S)
		return OK;
	if (wait_is_forbidden()) {
		session_seen_note(s->sid, when);
		return OK;
	}
	int rc = state_update("session", slice_of(s->sid), touch_record, &when);
	return rc == E_NOENT ? E_NOENT : OK;
}

/* --- what it is worth now --- */

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool rests_on_password(const struct proof *proof, const struct key_kind *kind)
{
	return kind->traits & KIND_PASSWORD && !proof->alone;
}

static unsigned proof_level(const struct session *s, const struct proof *proof, const struct person *person, time_t when)
{
	const struct key_kind *kind = kind_by_name(slice_of(proof->kind));
	if (kind == NULL)
		return 0;
	if (rests_on_password(proof, kind) && (!person->has_password || !same_text(s->password_changed, person_generation(person))))
		return 0;
	for (size_t i = 0; i < person->nkeys; i++) {
		const struct key *key = &person->keys[i];
		if (!same_text(key->id, proof->key_id))
			continue;
		unsigned level = policy_level(kind, person, key, when);
		return proof->door_level != 0 && proof->door_level < level ? proof->door_level : level;
	}
	return 0;
}

unsigned session_level_for(struct login *login, const struct service *service)
{
	time_t when = now();
	login->level = login->amr = 0;
	login->kind = NULL;
	for (size_t i = 0; i < login->session->nproofs; i++) {
		const struct proof *proof = &login->session->proofs[i];
		const struct key_kind *kind = kind_by_name(slice_of(proof->kind));
		unsigned level = proof_level(login->session, proof, login->person, when);
		if (level <= login->level || !policy_kind_fits(kind, service, 0))
			continue;
		login->level = level;
		login->amr = proof->alone ? kind->amr & ~(unsigned)(AMR_PWD | AMR_MFA) : kind->amr;	/* what we have seen ourselves */
		login->kind = kind->name;
	}
	return login->level;
}

unsigned session_level_since(const struct login *login, time_t since)
{
	unsigned best = 0;
	for (size_t i = 0; i < login->session->nproofs; i++) {
		const struct proof *proof = &login->session->proofs[i];
		unsigned level = proof->when >= since ? proof_level(login->session, proof, login->person, now()) : 0;
		if (level > best)
			best = level;
	}
	return best;
}

const struct proof *session_password(const struct login *login)
{
	const struct proof *newest = NULL;
	for (size_t i = 0; i < login->session->nproofs; i++) {
		const struct proof *proof = &login->session->proofs[i];
		if (proof_level(login->session, proof, login->person, now()) == 0)
			continue;
		if (rests_on_password(proof, kind_by_name(slice_of(proof->kind))) && (newest == NULL || proof->when > newest->when))
			newest = proof;
	}
	return newest;
}

static int stand(struct arena *a, const struct session *s, struct login *out)
{
	struct login login = { .session = s };
	int rc = directory_person(a, s->subject, &login.person);
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	if (!same_text(login.person->subject, s->subject) || session_level_for(&login, NULL) == 0)
		return E_NOENT;
	*out = login;
	return OK;
}

static session_ended *on_end;

void session_on_end(session_ended *fn)
{
	on_end = fn;
}

static int end(const struct session *s, const char *why)
{
	if (on_end != NULL && strcmp(why, "idle") != 0 && strcmp(why, "old") != 0)
		on_end(s);
	const struct state_act acts[] = { { "session", slice_of(s->sid), state_deleting, NULL }, session_index_without(s) };
	int rc = state_update_all(acts, 2);
	return rc != OK ? rc : AUDIT(.event = EV_SESSION_END, .subject = s->subject, .session = s->sid, .why = why);
}

/* What has fallen stays down, also when the key stands up again: that is worth a wait. */
static int end_fallen(const struct session *s, const char *why)
{
	if (would_block())
		return E_WAIT;
	end(s, why);
	return E_NOENT;
}

static int login_of(struct arena *a, struct record *r, struct login *out)
{
	time_t when = now(), idle, seen_at = session_seen_when(r->s.sid);
	int rc = OK;
	idle = when - (seen_at > r->s.used ? seen_at : r->s.used);
	if (when - r->s.created >= AGE_S)
		return end_fallen(&r->s, "old");
	if (idle >= IDLE_S)
		return end_fallen(&r->s, "idle");
	struct session *s = ARENA_NEW(a, struct session);
	*s = r->s;
	struct login login;
	rc = stand(a, s, &login);
	if (rc != OK)
		return rc == E_NOENT ? end_fallen(s, "revoked") : rc;
	if (login.level >= HIGH_LEVEL && idle >= IDLE_HIGH_S)
		return end_fallen(s, "idle");
	*out = login;
	return OK;
}

int session_look(struct arena *a, struct slice sid, struct session *out)
{
	struct record r;
	int rc = load(a, sid, &r);
	time_t when = now(), seen_at;
	if (rc != OK)
		return rc;
	seen_at = session_seen_when(r.s.sid);
	if (seen_at > r.s.used)
		r.s.used = seen_at;
	if (when - r.s.created >= AGE_S || when - r.s.used >= IDLE_S)
		return E_NOENT;
	*out = r.s;
	return OK;
}

int session_login(struct arena *a, struct slice cookie, struct login *out)
{
	struct record r;
	struct login login;
	int rc = load_cookie(a, cookie, &r);
	if (rc == OK)
		rc = login_of(a, &r, &login);
	if (rc == OK)
		rc = touch(login.session, now());
	if (rc == OK)
		*out = login;
	return rc;
}

int session_login_sid(struct arena *a, const char *sid, struct login *out)
{
	struct record r;
	struct login login;
	int rc = load(a, slice_of(sid), &r);
	if (rc == OK)
		rc = login_of(a, &r, &login);
	if (rc == OK && !wait_is_forbidden())
		rc = touch(login.session, session_seen_when(login.session->sid));
	if (rc == OK)
		*out = login;
	return rc;
}

/* --- its beginning and its end --- */

struct merge {
	const struct person *person;
	const struct proof *proof;
	const struct arrival *from;
	time_t when;
	const unsigned char *lock;
	const unsigned char *old_lock;		/* NULL: any */
};

/* Drops what the proof takes the place of: the same key's earlier one, proofs of an earlier password (which would
 * come to life again with the new generation), and the oldest when there is no room. */
static void make_room(struct session *s, const struct merge *m, bool password)
{
	bool stale = password && !same_text(s->password_changed, person_generation(m->person));
	size_t n = 0;
	for (size_t i = 0; i < s->nproofs; i++) {
		struct proof old = s->proofs[i];
		const struct key_kind *kind = kind_by_name(slice_of(old.kind));
		bool same = same_text(old.kind, m->proof->kind) && same_text(old.key_id, m->proof->key_id);
		if (kind != NULL && !same && !(stale && rests_on_password(&old, kind)))
			s->proofs[n++] = old;
	}
	if (n == MAX_PROOFS)
		memmove(&s->proofs[0], &s->proofs[1], --n * sizeof s->proofs[0]);
	s->nproofs = n;
}

static void add_proof(struct record *r, const struct merge *m)
{
	const struct key_kind *kind = kind_by_name(slice_of(m->proof->kind));
	bool password = kind != NULL && rests_on_password(m->proof, kind);
	make_room(&r->s, m, password);
	r->s.proofs[r->s.nproofs++] = *m->proof;
	if (password)
		r->s.password_changed = person_generation(m->person);
	if (r->s.auth_time < m->proof->when)
		r->s.auth_time = m->proof->when;
	r->s.used = m->when;
	r->s.place = m->from != NULL ? m->from->place : NULL;
	r->s.browser = m->from != NULL ? m->from->browser : NULL;
	memcpy(r->lock, m->lock, sizeof r->lock);
}

static int merge_record(struct state_change *c)
{
	struct record r;
	const struct merge *m = c->ctx;
	if (c->old.p == NULL || decode(c->a, c->old, &r) != OK)
		return E_NOENT;
	if (!same_text(r.s.subject, m->person->subject))
		return E_NOENT;
	if (m->old_lock != NULL && !slice_same_secret(slice_mem(m->old_lock, SHA256_LEN), slice_mem(r.lock, SHA256_LEN)))
		return E_NOENT;
	add_proof(&r, m);
	c->val = encode(c->a, &r);
	c->ttl_s = KEEP_S;
	return OK;
}

static int merge_with(const char *sid, struct merge *m)
{
	struct state_act acts[2] = { { "session", slice_of(sid), merge_record, m } };
	bool more = m->from != NULL && m->from->with != NULL;
	if (more)
		acts[1] = *m->from->with;
	return state_update_all(acts, more ? 2 : 1);
}

/* In one act with its place among the person's: a session that is not listed could not be ended from elsewhere. */
static int put_new(struct arena *a, const char *sid, struct merge *m)
{
	struct record r = { .s = { .sid = sid, .subject = m->person->subject, .created = m->when } };
	add_proof(&r, m);
	struct state_value v = { .val = encode(a, &r), .ttl_s = KEEP_S };
	struct state_act acts[3] = { { "session", slice_of(sid), state_putting, &v }, session_index_with(&r.s) };
	size_t n = 2;
	if (m->from != NULL && m->from->with != NULL)
		acts[n++] = *m->from->with;
	int rc = state_update_all(acts, n);
	for (int tries = 0; rc == E_LIMIT && tries < MAKE_ROOM_TRIES; tries++) {	/* others may take the place that was made */
		rc = session_index_room(m->person->subject);
		rc = rc == OK ? state_update_all(acts, n) : rc;
	}
	return rc == E_LIMIT ? E_DOWN : rc;
}

int session_start(struct arena *a, const struct session *old, struct slice old_cookie, const struct person *person,
    const struct proof *proof, const struct arrival *from, struct slice *cookie)
{
	unsigned char lock[SHA256_LEN], old_lock[SHA256_LEN];
	const char *secret = random_id(a, 32);
	struct merge m = { .person = person, .proof = proof, .from = from, .when = now(), .lock = lock };
	const char *sid = old != NULL ? old->sid : random_id(a, 16);
	struct slice old_sid;
	int rc;
	sha256(slice_of(secret), lock);
	if (old != NULL && old_cookie.n > 0) {
		if (!slice_cut(&old_cookie, '.', &old_sid) || !slice_is(old_sid, old->sid))
			return E_NOENT;
		sha256(old_cookie, old_lock);
		m.old_lock = old_lock;
	}
	rc = old != NULL ? merge_with(sid, &m) : put_new(a, sid, &m);
	if (rc == OK)
		*cookie = slice_of(arena_printf(a, "%s.%s", sid, secret));
	return rc;
}

int session_end(struct slice cookie)
{
	AUTO_ARENA a = arena_new();
	struct record r;
	int rc = load_cookie(a, cookie, &r);
	return rc == OK ? end(&r.s, "signed-out") : rc == E_NOENT ? OK : rc;
}

int session_end_sid(const char *sid, const char *why)
{
	AUTO_ARENA a = arena_new();
	struct record r;
	int rc = load(a, slice_of(sid), &r);
	return rc == OK ? end(&r.s, why) : rc == E_NOENT ? OK : rc;
}

/* --- what outlives it --- */

struct slice session_freeze(struct arena *a, const struct session *s)
{
	struct session copy = *s;
	struct pack p = pack_writer(a, FROZEN_VERSION);
	fields(&p, &copy);
	return buf_slice(&p.out);
}

int session_freeze_since(struct arena *a, const struct session *s, time_t since, unsigned max, struct slice *out)
{
	struct session fresh = *s;
	fresh.nproofs = 0;
	fresh.auth_time = 0;
	for (size_t i = 0; i < s->nproofs; i++) {
		struct proof proof = s->proofs[i];
		if (proof.when < since)
			continue;
		if (proof.door_level == 0 || proof.door_level > max)
			proof.door_level = max;
		if (fresh.auth_time < proof.when)
			fresh.auth_time = proof.when;
		fresh.proofs[fresh.nproofs++] = proof;
	}
	if (fresh.nproofs == 0 || max == 0)
		return E_NOENT;
	*out = session_freeze(a, &fresh);
	return OK;
}

struct slice session_frozen(struct arena *a, const struct person *person, const struct proof *proof)
{
	static const unsigned char no_lock[SHA256_LEN];
	struct merge m = { .person = person, .proof = proof, .when = now(), .lock = no_lock };
	struct record r = { .s = { .sid = "", .subject = person->subject, .created = m.when } };
	add_proof(&r, &m);
	return session_freeze(a, &r.s);
}

int session_thaw(struct arena *a, struct slice frozen, struct login *out)
{
	struct session *s = ARENA_NEW(a, struct session);
	struct pack p = pack_reader(a, FROZEN_VERSION, frozen);
	fields(&p, s);
	int rc = pack_done(&p);
	return rc != OK ? rc : stand(a, s, out);
}
