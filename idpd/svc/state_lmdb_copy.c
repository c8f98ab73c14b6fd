/* Copies of the state store. */
#include <errno.h>
#include <lmdb.h>
#include <string.h>
#include "base/digest.h"
#include "base/log.h"
#include "svc/state_copy.h"

enum { MAP = 1 << 30, DATABASES = 4 };

static int open_env(const char *dir, unsigned flags, MDB_env **out)
{
	int rc = mdb_env_create(out);
	if (rc != 0)
		return rc;
	mdb_env_set_maxdbs(*out, DATABASES);
	if ((flags & MDB_RDONLY) == 0)
		mdb_env_set_mapsize(*out, MAP);		/* never below what the file holds already */
	rc = mdb_env_open(*out, dir, flags | MDB_NOTLS, 0600);
	if (rc != 0)
		mdb_env_close(*out);
	return rc;
}

int state_copy(const char *dir, int fd)
{
	MDB_env *env;
	int rc = open_env(dir, MDB_RDONLY, &env);
	if (rc == ENOENT)
		return E_NOENT;
	if (rc == 0) {
		rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
		mdb_env_close(env);
	}
	return rc == 0 ? OK : fail(E_DOWN, "state: copying %s: %s", dir, mdb_strerror(rc));
}

/* The key of a record is its namespace and the SHA-256 of its name. */
static bool refuses(const MDB_val *key)
{
	static const char *const all[] = { "otp", "frozen", "revoked", "code", "jti" };
	size_t n = key->mv_size - SHA256_LEN;
	if (key->mv_size < SHA256_LEN)
		return false;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strlen(all[i]) == n && memcmp(key->mv_data, all[i], n) == 0)
			return true;
	return n > 6 && memcmp(key->mv_data, "limit.", 6) == 0;
}

static int sift(MDB_txn *txn, size_t *kept, size_t *dropped)
{
	MDB_dbi records;
	MDB_cursor *at;
	MDB_val key, value;
	int rc = mdb_dbi_open(txn, "records.1", 0, &records);
	if (rc == MDB_NOTFOUND)
		return 0;		/* nothing was ever in it */
	if (rc != 0 || (rc = mdb_cursor_open(txn, records, &at)) != 0)
		return rc;
	while (rc == 0 && (rc = mdb_cursor_get(at, &key, &value, MDB_NEXT)) == 0) {
		bool stays = refuses(&key);
		*(stays ? kept : dropped) += 1;
		if (!stays)
			rc = mdb_cursor_del(at, 0);	/* its entry in the index goes when it comes due */
	}
	mdb_cursor_close(at);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int state_keep_refusals(const char *dir, size_t *kept, size_t *dropped)
{
	MDB_env *env;
	MDB_txn *txn;
	*kept = *dropped = 0;
	int rc = open_env(dir, 0, &env);
	if (rc != 0)
		return fail(E_DOWN, "state: %s: %s", dir, mdb_strerror(rc));
	rc = mdb_txn_begin(env, NULL, 0, &txn);
	if (rc == 0) {
		rc = sift(txn, kept, dropped);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	return rc == 0 ? OK : fail(E_DOWN, "state: %s: %s", dir, mdb_strerror(rc));
}
