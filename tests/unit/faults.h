/* Calls that fail on demand: everything the decision path asks of libraries and of the system, by the linker's --wrap.
 *
 * Threads that decide something (those that called faults_count_me, and the writer of the state store) count their calls while faults.armed; the
 * call whose turn it is fails the way that function fails. Whoever includes this links with: */
/* LINK: -Wl,--wrap=EVP_CIPHER_CTX_new -Wl,--wrap=EVP_DecryptFinal_ex -Wl,--wrap=EVP_DecryptUpdate -Wl,--wrap=EVP_Digest -Wl,--wrap=EVP_EncryptFinal_ex -Wl,--wrap=EVP_EncryptUpdate -Wl,--wrap=calloc -Wl,--wrap=connect */
/* LINK: -Wl,--wrap=fdatasync -Wl,--wrap=getrandom -Wl,--wrap=json_loadb -Wl,--wrap=ldap_connect -Wl,--wrap=ldap_count_entries -Wl,--wrap=ldap_get_attribute_ber -Wl,--wrap=ldap_get_dn_ber -Wl,--wrap=ldap_get_option */
/* LINK: -Wl,--wrap=ldap_initialize -Wl,--wrap=ldap_modify_ext -Wl,--wrap=ldap_parse_result -Wl,--wrap=ldap_result -Wl,--wrap=ldap_sasl_bind -Wl,--wrap=ldap_sasl_bind_s -Wl,--wrap=ldap_search_ext -Wl,--wrap=ldap_set_option */
/* LINK: -Wl,--wrap=malloc -Wl,--wrap=mdb_cursor_get -Wl,--wrap=mdb_cursor_open -Wl,--wrap=mdb_del -Wl,--wrap=mdb_get -Wl,--wrap=mdb_put -Wl,--wrap=mdb_stat -Wl,--wrap=mdb_txn_begin */
/* LINK: -Wl,--wrap=mdb_txn_commit -Wl,--wrap=mdb_txn_renew -Wl,--wrap=open -Wl,--wrap=read -Wl,--wrap=recv -Wl,--wrap=sendmsg -Wl,--wrap=setsockopt -Wl,--wrap=socket */
/* LINK: -Wl,--wrap=write -Wl,--wrap=clock_gettime -Wl,--wrap=store_run */
#ifndef CSAM_TEST_FAULTS_H
#define CSAM_TEST_FAULTS_H

#include <errno.h>
#include <jansson.h>
#include <ldap.h>
#include <lmdb.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "svc/state_store.h"

static struct faults {		/* shared with the parent, so that it knows what a process that died had met */
	atomic_bool armed;
	atomic_int left, calls;	/* until the one that fails; counted so far */
	int turn;		/* which call it was to be */
	bool fired, fatal;	/* fatal: of a kind that may end the process (memory, random bytes, ciphers) */
	char name[48];
	time_t shift;		/* of the wall clock */
} *faults;
static _Thread_local bool fault_thread;

static void faults_open(void)
{
	faults = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (faults == MAP_FAILED)
		abort();
}

static void faults_arm(int n)
{
	faults->fired = faults->fatal = false;
	faults->calls = 0;
	faults->left = faults->turn = n;
	faults->armed = true;
}

static bool fault(const char *name, bool fatal)
{
	if (!fault_thread || faults == NULL || !faults->armed)
		return false;
	faults->calls++;
	if (faults->left-- != 0)
		return false;
	faults->fired = true;
	faults->fatal = fatal;
	snprintf(faults->name, sizeof faults->name, "%s", name);
	return true;
}

/* FAIL(how, type, name, parameters, arguments, value): when its turn has come it gives `value`. */
#define FAILING(fatal, type, name, params, args, value)			\
	type __real_##name params;					\
	type __wrap_##name params;					\
	type __wrap_##name params					\
	{								\
		if (fault(#name, fatal))				\
			return value;					\
		return __real_##name args;				\
	}
#define SOFT(...) FAILING(false, __VA_ARGS__)
#define FATAL(...) FAILING(true, __VA_ARGS__)
#define FAULT_ERRNO(e, v) (errno = (e), (v))

/* memory, randomness, ciphers */
FATAL(void *, malloc, (size_t n), (n), FAULT_ERRNO(ENOMEM, NULL))
FATAL(void *, calloc, (size_t n, size_t m), (n, m), FAULT_ERRNO(ENOMEM, NULL))
FATAL(ssize_t, getrandom, (void *p, size_t n, unsigned f), (p, n, f), FAULT_ERRNO(EIO, -1))
FATAL(int, EVP_Digest, (const void *p, size_t n, unsigned char *md, unsigned *len, const EVP_MD *t, ENGINE *e), (p, n, md, len, t, e), 0)
FATAL(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
FATAL(int, EVP_DecryptUpdate, (EVP_CIPHER_CTX *c, unsigned char *o, int *n, const unsigned char *i, int m), (c, o, n, i, m), 0)
SOFT(int, EVP_DecryptFinal_ex, (EVP_CIPHER_CTX *c, unsigned char *o, int *n), (c, o, n), 0)
FATAL(int, EVP_EncryptUpdate, (EVP_CIPHER_CTX *c, unsigned char *o, int *n, const unsigned char *i, int m), (c, o, n, i, m), 0)
FATAL(int, EVP_EncryptFinal_ex, (EVP_CIPHER_CTX *c, unsigned char *o, int *n), (c, o, n), 0)

/* directory */
SOFT(int, ldap_initialize, (LDAP **ld, const char *uri), (ld, uri), LDAP_NO_MEMORY)
SOFT(int, ldap_set_option, (LDAP *ld, int o, const void *v), (ld, o, v), LDAP_OPT_ERROR)
SOFT(int, ldap_get_option, (LDAP *ld, int o, void *v), (ld, o, v), LDAP_OPT_ERROR)
SOFT(int, ldap_connect, (LDAP *ld), (ld), LDAP_CONNECT_ERROR)
SOFT(int, ldap_sasl_bind_s, (LDAP *ld, const char *dn, const char *m, struct berval *c, LDAPControl **s, LDAPControl **k, struct berval **r), (ld, dn, m, c, s, k, r), LDAP_SERVER_DOWN)
SOFT(int, ldap_sasl_bind, (LDAP *ld, const char *dn, const char *m, struct berval *c, LDAPControl **s, LDAPControl **k, int *id), (ld, dn, m, c, s, k, id), LDAP_ENCODING_ERROR)
SOFT(int, ldap_search_ext, (LDAP *ld, const char *b, int sc, const char *f, char **at, int ao, LDAPControl **s, LDAPControl **k, struct timeval *t, int z, int *id), (ld, b, sc, f, at, ao, s, k, t, z, id), LDAP_NO_MEMORY)
SOFT(int, ldap_modify_ext, (LDAP *ld, const char *dn, LDAPMod **m, LDAPControl **s, LDAPControl **k, int *id), (ld, dn, m, s, k, id), LDAP_NO_MEMORY)
SOFT(int, ldap_result, (LDAP *ld, int id, int all, struct timeval *t, LDAPMessage **m), (ld, id, all, t, m), 0)
SOFT(int, ldap_parse_result, (LDAP *ld, LDAPMessage *m, int *e, char **dn, char **msg, char ***ref, LDAPControl ***c, int fr), (ld, m, e, dn, msg, ref, c, fr), LDAP_DECODING_ERROR)
SOFT(int, ldap_count_entries, (LDAP *ld, LDAPMessage *m), (ld, m), -1)
SOFT(int, ldap_get_dn_ber, (LDAP *ld, LDAPMessage *m, BerElement **b, BerValue *dn), (ld, m, b, dn), LDAP_DECODING_ERROR)
SOFT(int, ldap_get_attribute_ber, (LDAP *ld, LDAPMessage *m, BerElement *b, BerValue *a, BerVarray *v), (ld, m, b, a, v), LDAP_DECODING_ERROR)

/* state */
SOFT(int, mdb_txn_begin, (MDB_env *e, MDB_txn *p, unsigned f, MDB_txn **t), (e, p, f, t), MDB_READERS_FULL)
SOFT(int, mdb_txn_renew, (MDB_txn *t), (t), MDB_BAD_RSLOT)
SOFT(int, mdb_txn_commit, (MDB_txn *t), (t), (mdb_txn_abort(t), EIO))
SOFT(int, mdb_get, (MDB_txn *t, MDB_dbi d, MDB_val *k, MDB_val *v), (t, d, k, v), MDB_CORRUPTED)
SOFT(int, mdb_put, (MDB_txn *t, MDB_dbi d, MDB_val *k, MDB_val *v, unsigned f), (t, d, k, v, f), MDB_MAP_FULL)
SOFT(int, mdb_del, (MDB_txn *t, MDB_dbi d, MDB_val *k, MDB_val *v), (t, d, k, v), EIO)
SOFT(int, mdb_cursor_open, (MDB_txn *t, MDB_dbi d, MDB_cursor **c), (t, d, c), ENOMEM)
SOFT(int, mdb_cursor_get, (MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op o), (c, k, v, o), MDB_CORRUPTED)
SOFT(int, mdb_stat, (MDB_txn *t, MDB_dbi d, MDB_stat *s), (t, d, s), EINVAL)

/* keyring and audit trail */
SOFT(int, socket, (int d, int t, int p), (d, t, p), FAULT_ERRNO(EMFILE, -1))
SOFT(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), FAULT_ERRNO(ECONNREFUSED, -1))
SOFT(int, setsockopt, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n), FAULT_ERRNO(ENOPROTOOPT, -1))
SOFT(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), FAULT_ERRNO(ENOBUFS, -1))
SOFT(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), FAULT_ERRNO(EAGAIN, -1))
SOFT(int, open, (const char *p, int f, mode_t m), (p, f, m), FAULT_ERRNO(EMFILE, -1))
SOFT(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), FAULT_ERRNO(EIO, -1))
SOFT(int, fdatasync, (int fd), (fd), FAULT_ERRNO(EIO, -1))

/* A write that fails is one that took the first half. */
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	return fault("write", false) ? __real_write(fd, p, n / 2) : __real_write(fd, p, n);
}

/* parsing and drawing */
SOFT(json_t *, json_loadb, (const char *p, size_t n, size_t f, json_error_t *e), (p, n, f, e), NULL)

/* A clock does not fail: it jumps, by a year, for that one call. */
int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = __real_clock_gettime(id, t);
	if (id == CLOCK_REALTIME && faults != NULL)
		t->tv_sec += faults->shift;
	if (id == CLOCK_REALTIME && fault("clock_gettime", false))
		t->tv_sec += faults->turn % 2 ? 365 * 86400 : -365 * 86400;
	return rc;
}

/* The writer thread of the state store decides, too. */
void __real_store_run(struct state_job *jobs, unsigned n);
void __wrap_store_run(struct state_job *jobs, unsigned n);
void __wrap_store_run(struct state_job *jobs, unsigned n)
{
	fault_thread = true;
	__real_store_run(jobs, n);
	fault_thread = false;
}

#endif
