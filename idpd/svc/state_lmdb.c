/* The state store over LMDB: its environment, and what the writer thread changes in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/number.h"
#include "base/share.h"
#include "svc/state_lmdb.h"

enum {
	VALUE_MAX = 256 * 1024, MIN_MIB = 4, ROOM_MIB = 64, SWEEP = 512, PROCESSES_READERS = 510,
	CHECK_MS = 10 * 1000, COMPLAIN_MS = 60 * 1000, JUMP_MS = 10 * 1000, DOUBT_MS = 60 * 1000,
	GUESTS_S = 450,		/* a share counts what a source brought in these seconds and those before: a begun login lives as long */
	RECORD_ABOUT = 256,	/* what a record takes beside its value */
};

struct lmdb lmdb = { .env_lock = PTHREAD_RWLOCK_INITIALIZER };

/* A store that fails does so thousands of times a second: each cause is logged once a minute. */
int store_down(const char *what, int rc)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static uint64_t said_at;
	static int said;
	pthread_mutex_lock(&lock);
	uint64_t at = ticks_ms();
	bool say = said_at == 0 || said != rc || at - said_at >= COMPLAIN_MS;
	if (say) {
		said = rc;
		said_at = at;
	}
	pthread_mutex_unlock(&lock);
	return say ? fail(E_DOWN, "state: %s: %s", what, mdb_strerror(rc)) : E_DOWN;
}

uint64_t store_ended_before(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static uint64_t believed, at_ticks, ahead_since;
	uint64_t at = (uint64_t)now_ms(), t = ticks_ms();
	pthread_mutex_lock(&lock);
	uint64_t expected = believed + (t - at_ticks);
	bool ahead = believed != 0 && at > expected + JUMP_MS;
	if (!ahead)
		ahead_since = 0;
	else if (ahead_since == 0)
		ahead_since = t;
	believed = ahead && t - ahead_since < DOUBT_MS ? expected : at;
	at_ticks = t;
	at = believed;
	pthread_mutex_unlock(&lock);
	return at;
}

size_t store_key(unsigned char out[STATE_KEY_MAX], const char *ns, struct slice key)
{
	size_t n = strlen(ns);
	if (n > STATE_NS_MAX)
		abort();
	if (*ns == STATE_ORDERED && key.n != STATE_ORDERED_KEY)
		abort();
	memcpy(out, ns, n);	/* NOLINT(bugprone-not-null-terminated-result): the key follows, no NUL */
	if (*ns == STATE_ORDERED)
		memcpy(out + n, key.p, key.n);
	else
		sha256(key, out + n);
	return n + SHA256_LEN;
}

/* ---- the environment ---- */

static int databases_open(MDB_env *env)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "records.1", MDB_CREATE, &lmdb.records);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "ends.1", MDB_CREATE, &lmdb.ends);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* Takes room on the disk now: a disk that others fill later does not stop a store that holds no more than this. */
static void room_take(MDB_env *env)
{
	int fd;
	size_t n = lmdb.map_size < (size_t)ROOM_MIB << 20 ? lmdb.map_size : (size_t)ROOM_MIB << 20;
	if (mdb_env_get_fd(env, &fd) == 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)n) != 0)
		log_warn("state: cannot reserve %zu MiB on the disk: %s", n >> 20, strerror(errno));
}

static int env_open(void)
{
	MDB_env *env;
	MDB_stat stat;
	int dead, rc = mdb_env_create(&env);
	if (rc != 0)
		return rc;
	mdb_env_set_mapsize(env, lmdb.map_size);
	mdb_env_set_maxdbs(env, 2);
	mdb_env_set_maxreaders(env, PROCESSES_READERS);
	/* NOTLS: a read transaction belongs to no thread, so that idle ones can be kept and used by any. */
	rc = mdb_env_open(env, lmdb.dir, MDB_NOTLS | MDB_NORDAHEAD, 0600);
	if (rc == 0)
		rc = mdb_reader_check(env, &dead);
	if (rc == 0)
		rc = databases_open(env);
	if (rc == 0)
		rc = mdb_env_stat(env, &stat);
	if (rc != 0) {
		mdb_env_close(env);
		return rc;
	}
	room_take(env);
	/* A delete needs free pages too. Room that additions may not take keeps a full store able to empty itself. */
	size_t pages = lmdb.map_size / stat.ms_psize, reserve = pages / 4 < 4096 ? pages / 4 : 4096;
	lmdb.limit = pages - reserve;
	lmdb.page = stat.ms_psize;
	lmdb.env = env;
	return 0;
}

static void env_close(void)
{
	readers_end();
	if (lmdb.env != NULL)
		mdb_env_close(lmdb.env);
	lmdb.env = NULL;
}

/* After a failed write of its root page LMDB refuses everything until the environment is opened anew. */
static void env_renew(void)
{
	pthread_rwlock_wrlock(&lmdb.env_lock);
	env_close();
	int rc = env_open();
	pthread_rwlock_unlock(&lmdb.env_lock);
	if (rc != 0)
		store_down("open", rc);
}

/* ---- writing, on the writer's thread ---- */

static MDB_val index_key(unsigned char p[END_LEN + STATE_KEY_MAX], uint64_t end, const MDB_val *key)
{
	number_put(p, 8, end);
	memcpy(p + END_LEN, key->mv_data, key->mv_size);
	return (MDB_val){ END_LEN + key->mv_size, p };
}

static int index_add(MDB_txn *txn, uint64_t end, const MDB_val *key)
{
	unsigned char p[END_LEN + STATE_KEY_MAX];
	MDB_val k = index_key(p, end, key), none = { 0, NULL };
	return mdb_put(txn, lmdb.ends, &k, &none, 0);
}

static int index_drop(MDB_txn *txn, uint64_t end, const MDB_val *key)
{
	unsigned char p[END_LEN + STATE_KEY_MAX];
	MDB_val k = index_key(p, end, key);
	int rc = mdb_del(txn, lmdb.ends, &k, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int record_drop(MDB_txn *txn, MDB_val *key, uint64_t indexed)
{
	int rc = mdb_del(txn, lmdb.records, key, NULL);
	return rc == 0 ? index_drop(txn, indexed, key) : rc;
}

/* The value may lie in a page that the put changes, so it is copied together first. */
static int record_put(MDB_txn *txn, struct arena *a, MDB_val *key, const struct record *r)
{
	unsigned char *p = arena_alloc(a, HEAD + r->val.n);
	number_put(p, 8, r->end);
	number_put(p + 8, 8, r->indexed);
	memcpy(p + HEAD, r->val.p, r->val.n);
	MDB_val v = { HEAD + r->val.n, p };
	return mdb_put(txn, lmdb.records, key, &v, 0);
}

/* The index entry that comes due: its record goes, or has got more time meanwhile and is entered under its end. */
static int sweep_one(MDB_txn *txn, const MDB_val *entry, uint64_t at)
{
	unsigned char k[STATE_KEY_MAX];
	MDB_val key = { entry->mv_size - END_LEN, k };
	uint64_t due = number_get(entry->mv_data, 8);
	struct record r;
	if (key.mv_size > STATE_KEY_MAX)
		return MDB_CORRUPTED;
	memcpy(k, (const unsigned char *)entry->mv_data + END_LEN, key.mv_size);
	int rc = record_get(txn, &key, &r);
	if (rc == MDB_NOTFOUND || (rc == 0 && r.indexed != due))
		return index_drop(txn, due, &key);
	if (rc != 0)
		return rc;
	if (r.end <= at)
		return record_drop(txn, &key, due);
	AUTO_ARENA a = arena_new();
	r.indexed = r.end;
	rc = record_put(txn, a, &key, &r);
	if (rc == 0)
		rc = index_add(txn, r.indexed, &key);
	return rc == 0 ? index_drop(txn, due, &key) : rc;
}

static int sweep(MDB_txn *txn, uint64_t at, unsigned most, unsigned *swept)
{
	MDB_cursor *cur;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, lmdb.ends, &cur);
	if (rc != 0)
		return rc;
	for (*swept = 0; *swept < most; ++*swept) {
		rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);
		if (rc == 0 && k.mv_size <= END_LEN)
			rc = MDB_CORRUPTED;
		if (rc != 0 || number_get(k.mv_data, 8) > at)
			break;
		rc = sweep_one(txn, &k, at);
		if (rc != 0)
			break;
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static size_t pages_used(MDB_txn *txn)
{
	const MDB_dbi all[] = { 0 /* LMDB's list of free pages */, lmdb.records, lmdb.ends };
	size_t n = 0;
	MDB_stat s;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (mdb_stat(txn, all[i], &s) == 0)
			n += s.ms_branch_pages + s.ms_leaf_pages + s.ms_overflow_pages;
	return n;
}

/* Half of the store is for strangers, and once that is half full, an eighth of it for each of their sources. */
static int room_for(const struct state_change *c, size_t used)
{
	static struct share guests = SHARE_OF(GUESTS_S);
	size_t half = lmdb.limit / 2, bytes = c->val.n + RECORD_ABOUT;
	if (used > (c->guest ? half : lmdb.limit))
		return store_down("no room for new records", MDB_MAP_FULL);
	if (!c->guest || c->source.n == 0)
		return OK;
	return share_take(&guests, c->source, bytes, used > half / 2 ? half / 8 * lmdb.page : UINT64_MAX) ? OK : E_LIMIT;
}

/* Asks fn what becomes of the record, and whether that can be; j->rc says it. `end` 0: there is nothing; what has expired is still there. */
static int job_decide(MDB_txn *txn, struct state_job *j, uint64_t ended)
{
	MDB_val key = { j->key_len, j->key };
	struct state_change *c = &j->change;
	struct record old = { 0 };
	int rc = record_get(txn, &key, &old);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	j->end = old.end;
	j->indexed = old.indexed;
	c->old = old.end > ended ? old.val : S_NONE;
	c->val = c->old;
	c->ttl_s = 0;
	c->until = 0;
	j->rc = j->fn(c);
	if (j->rc != OK || c->val.p == NULL)
		return 0;
	if (c->val.n > VALUE_MAX || (c->ttl_s == 0 && c->old.p == NULL))
		j->rc = fail(E_BUG, "state: a record without end, or of %zu bytes", c->val.n);
	else if (old.end == 0 || c->val.n > old.val.n)
		j->rc = room_for(c, pages_used(txn));
	return 0;
}

/* What was decided becomes the record. */
static int job_store(MDB_txn *txn, struct state_job *j, uint64_t at)
{
	const struct state_change *c = &j->change;
	MDB_val key = { j->key_len, j->key };
	if (c->val.p == NULL)
		return c->old.p == NULL ? 0 : record_drop(txn, &key, j->indexed);
	struct record r = { .val = c->val, .indexed = j->indexed };
	r.end = c->ttl_s == 0 ? j->end : at + (uint64_t)c->ttl_s * 1000;
	if (c->until > 0 && r.end < (uint64_t)c->until * 1000)
		r.end = (uint64_t)c->until * 1000;
	int rc = 0;
	if (j->end == 0 || r.end < r.indexed) {
		if (j->end != 0)
			rc = index_drop(txn, j->indexed, &key);
		r.indexed = r.end;
		if (rc == 0)
			rc = index_add(txn, r.indexed, &key);
	}
	return rc == 0 ? record_put(txn, c->a, &key, &r) : rc;
}

static bool unchanged(const struct state_change *c)
{
	return c->val.p != NULL && c->val.p == c->old.p && c->val.n == c->old.n && c->ttl_s == 0;
}

/* First all is decided, then all is stored: a no leaves everything as it was. */
static int job_run(MDB_txn *txn, struct state_job *first, uint64_t at, uint64_t ended)
{
	int rc = 0;
	for (struct state_job *j = first; j != NULL; j = j->also) {
		rc = job_decide(txn, j, ended);
		first->rc = j->rc;
		if (rc != 0 || j->rc != OK)
			return rc;
		struct state_change *c = &j->change;
		if (first->also != NULL && c->val.p != NULL && !unchanged(c))
			c->val = arena_copy(c->a, c->val);	/* it may lie in a page that the next write changes */
	}
	for (struct state_job *j = first; rc == 0 && j != NULL; j = j->also)
		if (!unchanged(&j->change))
			rc = job_store(txn, j, at);
	return rc;
}

/* All jobs of the list in one transaction. What was read there may rest on another job of the list, so that
 * no answer, not even a no, is given before the commit. */
static int jobs_run(struct state_job *jobs, unsigned n)
{
	MDB_txn *txn;
	unsigned swept;
	if (lmdb.env == NULL)
		return MDB_PANIC;
	int rc = mdb_txn_begin(lmdb.env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	uint64_t at = (uint64_t)now_ms(), ended = store_ended_before();
	/* Twice as many may go as come: under any load the store holds no more than what lives. */
	rc = sweep(txn, ended, n * 2 + 8, &swept);
	for (struct state_job *j = jobs; rc == 0 && j != NULL; j = j->next)
		rc = job_run(txn, j, at, ended);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static void jobs_fail(struct state_job *jobs, int rc)
{
	store_down("write", rc);
	for (struct state_job *j = jobs; j != NULL; j = j->next)
		j->rc = E_DOWN;
	if (rc == MDB_PANIC || rc == MDB_MAP_RESIZED)
		env_renew();
}

void store_run(struct state_job *jobs, unsigned n)
{
	int rc = jobs_run(jobs, n);
	if (n == 1 || (rc != MDB_MAP_FULL && rc != MDB_TXN_FULL)) {
		if (rc != 0)
			jobs_fail(jobs, rc);
		return;
	}
	for (struct state_job *j = jobs; j != NULL; j = j->next) {	/* only those that do not fit fail */
		struct state_job *next = j->next;
		j->next = NULL;
		rc = jobs_run(j, 1);
		if (rc != 0)
			jobs_fail(j, rc);
		j->next = next;
	}
}

void store_tidy(void)
{
	static uint64_t checked;
	uint64_t at = ticks_ms();
	MDB_txn *txn;
	unsigned swept;
	int dead, rc;
	if (lmdb.env == NULL)
		return env_renew();
	if (at - checked >= CHECK_MS) {
		checked = at;		/* the places of readers that died are freed */
		mdb_reader_check(lmdb.env, &dead);
	}
	rc = mdb_txn_begin(lmdb.env, NULL, 0, &txn);
	if (rc == 0) {
		rc = sweep(txn, store_ended_before(), SWEEP, &swept);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	if (rc != 0)
		jobs_fail(NULL, rc);
}

int store_open(const char *dir, unsigned map_mib)
{
	if (map_mib < MIN_MIB)
		return fail(E_INPUT, "state: the map must hold %d MiB or more", MIN_MIB);
	lmdb.dir = strdup(dir);
	lmdb.map_size = (size_t)map_mib << 20;
	int rc = lmdb.dir == NULL ? ENOMEM : env_open();
	if (rc == 0)
		return OK;
	store_close();
	return fail(E_DOWN, "state: cannot open %s: %s", dir, mdb_strerror(rc));
}

void store_close(void)
{
	env_close();
	free(lmdb.dir);
	lmdb.dir = NULL;
}
