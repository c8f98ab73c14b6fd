/* The keyring process: takes its rights away, reads its keys, serves. */
#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/log.h"
#include "base/process.h"
#include "keyring/keyring.h"
#include "keyring/serve.h"

/* jansson frees without wiping; what it parses here are keys. */
static void free_wiped(void *p)
{
	if (p != NULL)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static void few_arenas(void)
{
	mallopt(M_ARENA_MAX, 2);
	json_set_alloc_funcs(malloc, free_wiped);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* While we may still be root: an ordinary user may lock too little. */
static void allow_locking(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all);
}

/* Nothing of our memory reaches the swap, a core dump or another process. A finite limit is as bad as none: thread stacks would
 * fail when it is reached. */
static void keep_memory_private(void)
{
	struct rlimit none = { 0, 0 }, lock;
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn("keyring: cannot forbid core dumps: %s", strerror(errno));
	if (getrlimit(RLIMIT_MEMLOCK, &lock) != 0 || lock.rlim_cur != RLIM_INFINITY || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		log_warn("keyring: its memory may be swapped out: it may not lock it (LimitMEMLOCK=infinity allows it)");
}

static int confine(const struct keyring_conf *conf)
{
	int keep[] = { conf->front_fd, conf->control_fd };
	process_close_others(keep, 2);
	signal(SIGHUP, SIG_IGN);	/* there is nothing to read again */
	signal(SIGPIPE, SIG_IGN);
	if (geteuid() == 0)
		allow_locking();
	if (keystore_make_dir(conf->dir, geteuid() == 0 ? conf->uid : (uid_t)-1, conf->gid) != OK)
		return E_INPUT;
	if (geteuid() == 0 && process_drop(conf->uid, conf->gid) != OK)
		return E_BUG;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(E_BUG, "prctl PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
	keep_memory_private();
	return OK;
}

int keyring_main(const struct keyring_conf *conf)
{
	static struct keystore store;
	few_arenas();
	int e = confine(conf);
	if (e == OK)
		e = keystore_open(arena_new(), conf->dir, &store);
	if (e != OK)
		return e == E_DOWN ? EX_TEMPFAIL : EX_CONFIG;
	const struct door doors[] = {
		{ conf->front_fd, ASKER_FRONT, conf->front_uid },
		{ conf->control_fd, ASKER_CONTROL, geteuid() },
	};
	log_info("keyring: %zu keys in %s", store.n, conf->dir);
	serve(&store, doors, conf->control_fd >= 0 ? 2 : 1);
	return EX_OSERR;
}
