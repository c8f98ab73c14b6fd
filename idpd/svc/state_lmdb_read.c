/* The state store over LMDB: what any thread reads. */
#include "base/clock.h"
#include "base/number.h"
#include "svc/state_lmdb.h"

static int record_of(const MDB_val *v, struct record *out)
{
	if (v->mv_size < HEAD)
		return MDB_CORRUPTED;
	const unsigned char *p = v->mv_data;
	*out = (struct record){ number_get(p, 8), number_get(p + 8, 8), slice_mem(p + HEAD, v->mv_size - HEAD) };
	return 0;
}

int record_get(MDB_txn *txn, MDB_val *key, struct record *out)
{
	MDB_val v;
	int rc = mdb_get(txn, lmdb.records, key, &v);
	return rc == 0 ? record_of(&v, out) : rc;
}

void readers_end(void)
{
	for (size_t i = 0; i < IDLE_READERS; i++) {
		MDB_txn *txn = atomic_exchange(&lmdb.idle[i], NULL);
		if (txn != NULL)
			mdb_txn_abort(txn);
	}
}

/* Each thread has a place where it usually finds an idle transaction; threads that share one just begin their own. */
static _Atomic(MDB_txn *) *reader_place(void)
{
	static atomic_uint next;
	static _Thread_local unsigned mine;
	if (mine == 0)
		mine = 1 + atomic_fetch_add(&next, 1) % IDLE_READERS;
	return &lmdb.idle[mine - 1];
}

static int reader_begin(MDB_txn **out)
{
	if (lmdb.env == NULL)
		return MDB_PANIC;
	MDB_txn *txn = atomic_exchange(reader_place(), NULL);
	if (txn == NULL)
		return mdb_txn_begin(lmdb.env, NULL, MDB_RDONLY, out);
	int rc = mdb_txn_renew(txn);
	if (rc != 0)
		mdb_txn_abort(txn);
	*out = txn;
	return rc;
}

static void reader_end(MDB_txn *txn)
{
	MDB_txn *none = NULL;
	mdb_txn_reset(txn);
	if (!atomic_compare_exchange_strong(reader_place(), &none, txn))
		mdb_txn_abort(txn);
}

int state_get(struct arena *a, const char *ns, struct slice key, struct slice *out)
{
	unsigned char k[STATE_KEY_MAX];
	MDB_val mk = { store_key(k, ns, key), k };
	MDB_txn *txn;
	struct record r;
	pthread_rwlock_rdlock(&lmdb.env_lock);
	int rc = reader_begin(&txn);
	if (rc == 0) {
		rc = record_get(txn, &mk, &r);
		if (rc == 0 && r.end <= store_ended_before())
			rc = MDB_NOTFOUND;
		if (rc == 0)
			*out = arena_copy(a, r.val);
		reader_end(txn);
	}
	pthread_rwlock_unlock(&lmdb.env_lock);
	return rc == 0 ? OK : rc == MDB_NOTFOUND ? E_NOENT : store_down("read", rc);
}

/* Records of a namespace stand together: its name, then the key. Another one may begin with the same letters, but its keys have another length or are
 * not in this range. */
static int scan(MDB_txn *txn, const char *ns, struct slice from, state_seen *fn, void *ctx)
{
	unsigned char k[STATE_KEY_MAX] = { 0 };
	size_t n = strlen(ns);
	MDB_val key = { n + STATE_ORDERED_KEY, k }, v;
	MDB_cursor *cur;
	uint64_t at = store_ended_before();
	memcpy(k, ns, n);	/* NOLINT(bugprone-not-null-terminated-result): the key follows, no NUL */
	if (from.n > 0)
		memcpy(k + n, from.p, from.n < STATE_ORDERED_KEY ? from.n : STATE_ORDERED_KEY);
	int rc = mdb_cursor_open(txn, lmdb.records, &cur);
	if (rc != 0)
		return rc;
	for (rc = mdb_cursor_get(cur, &key, &v, MDB_SET_RANGE); rc == 0; rc = mdb_cursor_get(cur, &key, &v, MDB_NEXT)) {
		struct record r;
		if (key.mv_size < n || memcmp(key.mv_data, ns, n) != 0)
			break;
		if (key.mv_size != n + STATE_ORDERED_KEY)
			continue;
		if ((rc = record_of(&v, &r)) != 0)
			break;
		if (r.end > at && !fn(ctx, slice_mem((const char *)key.mv_data + n, STATE_ORDERED_KEY), r.val))
			break;
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int state_scan(const char *ns, struct slice from, state_seen *fn, void *ctx)
{
	MDB_txn *txn;
	pthread_rwlock_rdlock(&lmdb.env_lock);
	int rc = reader_begin(&txn);
	if (rc == 0) {
		rc = scan(txn, ns, from, fn, ctx);
		reader_end(txn);
	}
	pthread_rwlock_unlock(&lmdb.env_lock);
	return rc == 0 ? OK : store_down("read", rc);
}
