/* The keys of the keyring and the file they live in: keyring.json in a directory of its own. */
#ifndef CSAM_KEYRING_KEYSTORE_H
#define CSAM_KEYRING_KEYSTORE_H

#include "keyring/key.h"

struct keystore {
	struct ring_key *keys;
	size_t n;
	struct slice jwks;	/* JWK set of what is published or signs (RFC 7517 5) */
	int lock;		/* the directory, locked as long as we live */
};

/* Makes dir (0700, owned by uid, -1: by us) when it is absent. */
int keystore_make_dir(const char *dir, uid_t uid, gid_t gid);

/* Reads dir/keyring.json, or makes new keys and the file when there is none. E_INPUT, logged, when directory or file is not in order (mode, owner,
 * symbolic link, content): a file that exists is never replaced. E_EXISTS: another keyring uses the directory. */
int keystore_open(struct arena *a, const char *dir, struct keystore *out);

/* The newest key in state signing for a use (and an algorithm, NULL: any). NULL when there is none. */
const struct ring_key *keystore_current(const struct keystore *s, const char *use, const char *alg);

/* The key for a use that a sealed secret names, in whatever state. NULL when there is none. */
const struct ring_key *keystore_by_id(const struct keystore *s, const char *use, const unsigned char id[RING_ID]);

#endif
