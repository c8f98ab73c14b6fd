/* The keyring process: takes its rights away, reads its keys, serves. */
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "keyring/audit_store.h"
#include "keyring/confine.h"
#include "keyring/keyring.h"
#include "keyring/serve.h"
#include "keyring/trail.h"

static void prepare_memory(void)
{
	json_set_alloc_funcs(json_memory, wipe_free);	/* what it parses here are keys */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL);
}

static int drop_rights(const struct keyring_conf *conf)
{
	int keep[] = { conf->front_fd, conf->control_fd };
	process_close_others(keep, 2);
	signal(SIGHUP, SIG_IGN);	/* there is nothing to read again */
	signal(SIGPIPE, SIG_IGN);
	if (geteuid() == 0)
		confine_allow_locking();
	if (keystore_make_dir(conf->dir, geteuid() == 0 ? conf->uid : (uid_t)-1, conf->gid) != OK)
		return E_INPUT;
	if (geteuid() == 0 && process_drop(conf->uid, conf->gid) != OK)
		return E_BUG;
	confine_memory();
	return OK;
}

int keyring_main(const struct keyring_conf *conf)
{
	static struct ring ring;
	const struct ring_terms terms = { conf->publish_s, conf->keep_s, conf->rotate_s };
	const struct limits limits = { conf->sign_minute, conf->wrong_day };
	prepare_memory();
	int e = drop_rights(conf);
	if (e == OK)
		e = ring_open(&ring, conf->dir, &terms);
	if (e == OK)
		e = trail_open(ring.store->lock);
	if (e == OK)
		e = trail_line(&(struct trail_line){ .event = "start", .count = ring.store->n });
	if (e == OK)
		e = audit_store_open(arena_new(), conf->dir);
	if (e != OK) {
		log_err("keyring: does not start without its keys in %s", conf->dir);
		return e == E_DOWN ? EX_TEMPFAIL : EX_CONFIG;
	}
	const struct door doors[] = {
		{ conf->front_fd, ASKER_FRONT, conf->front_uid },
		{ conf->control_fd, ASKER_CONTROL, geteuid() },
	};
	confine_calls(ring.store->lock);
	log_info("keyring: %zu keys in %s", ring.store->n, conf->dir);
	serve(&ring, &limits, doors, conf->control_fd >= 0 ? 2 : 1);
	return EX_OSERR;
}
