/* The keyring process: holds every private key and secret, and does with them what it is asked over a socket.
 *
 * idpd/main.c starts it: the sockets are bound before it forks and before any thread exists, keyring_main runs as a child, and the front asks it by
 * svc/keyring.h. The supervisor keeps the listening sockets, so that callers wait in the queue while a keyring that died is started again. */
#ifndef CSAM_KEYRING_KEYRING_H
#define CSAM_KEYRING_KEYRING_H

#include <sys/types.h>
#include "base/err.h"

struct keyring_conf {
	const char *dir;	/* of keyring.json; made when it is absent, mode 0700 */
	int front_fd;		/* from keyring_listen: sign, public, seal, otp, code, subject, day key; for root and front_uid */
	int control_fd;		/* for administrators: seal, public, status, and what changes keys; for root and the keyring's own user. -1: none */
	uid_t front_uid;
	uid_t uid;		/* what it becomes when it was started as root; -1: stays */
	gid_t gid;
	unsigned publish_s, keep_s, rotate_s;	/* see struct ring_terms */
	unsigned sign_minute, wrong_day;	/* see struct limits */
};

/* A listening socket at path, mode 0600, owned by `owner` (-1: by us). The descriptor, or an error (logged): E_INPUT the path is too long
 * or is something else than a socket, E_EXISTS somebody answers there, E_DOWN. */
int keyring_listen(const char *path, uid_t owner);

/* Serves until a signal ends it. Returns an exit status, after it said why: EX_CONFIG when the store is not in order. The first start makes
 * the keys (some tenths of a second). */
int keyring_main(const struct keyring_conf *conf);

#endif
