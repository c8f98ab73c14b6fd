/* The LMDB store between the file that reads it and the one that writes it. */
#ifndef CSAM_STATE_LMDB_H
#define CSAM_STATE_LMDB_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include "svc/state_store.h"

/* A record is: its end, the end under which the index knows it, the value. Both ends are milliseconds of wall time.
 * A record that only lives longer leaves the index alone (a session that is used); the sweep moves the entry when it
 * meets it. So `indexed` is never later than `end`, and every record has exactly one entry. */
struct record {
	uint64_t end, indexed;
	struct slice val;
};
enum { HEAD = 16, END_LEN = 8, IDLE_READERS = 64 };

extern struct lmdb {
	pthread_rwlock_t env_lock;	/* readers share it; only the writer thread exchanges env */
	MDB_env *env;
	MDB_dbi records, ends;
	_Atomic(MDB_txn *) idle[IDLE_READERS];
	char *dir;
	size_t map_size, limit, page;	/* bytes; pages in use above which nothing may be added; bytes of one */
} lmdb;

/* What has an end before this has ended. A clock that jumps ahead ends nothing for a minute, as it may jump back: what was claimed once would be free
 * again. The same for all threads. */
uint64_t store_ended_before(void);

/* 0, or MDB_NOTFOUND, or what LMDB says; a record lives in the transaction until its next write. */
int record_get(MDB_txn *txn, MDB_val *key, struct record *out);

/* Ends the idle read transactions. The environment is locked for writing. */
void readers_end(void);

#endif
