/* The keys of the keyring and the file they live in: keyring.json in a directory of its own. */
#ifndef CSAM_KEYRING_KEYSTORE_H
#define CSAM_KEYRING_KEYSTORE_H

#include "keyring/key.h"

enum { KEYSTORE_KEYS_MAX = 32, KEYSTORE_DAY_S = 86400 };

struct keystore {
	struct ring_key *keys;
	size_t n;
	json_t *root;		/* the file, for what changes it: keystore_change */
	time_t otp_after;	/* one-time codes of steps up to this time are refused (the state was restored); 0: none are */
	bool follows;		/* the keys come from another node, which rotates them */
	int lock;		/* the directory, locked as long as we live */
	const char *dir;
	struct arena *a;	/* owns all of it */
};

/* Makes dir (0700, owned by uid, -1: by us) when it is absent. */
int keystore_make_dir(const char *dir, uid_t uid, gid_t gid);

/* Reads dir/keyring.json, or makes new keys and the file when there is none. E_INPUT, logged, when directory or file is not in order (mode, owner,
 * symbolic link, content): a file that exists is never replaced by new keys. E_EXISTS: another keyring uses the directory. */
int keystore_open(struct arena *a, const char *dir, struct keystore *out);

/* Makes `root` what the keyring has: checked as if it were read, on disk before OK; `out` holds it, with the directory of `old`, in arena a. Whatever
 * happens in between, the file is the old one or the new one. E_INPUT, E_DOWN: nothing has changed. */
int keystore_change(struct arena *a, const struct keystore *old, json_t *root, struct keystore *out);

/* Writes a new keyring.json into a directory that has none. E_EXISTS when there is one. */
int keystore_plant(const char *dir, json_t *root, uid_t uid, gid_t gid);

/* Where a key stands at a time; `keep_s` is how long what a key has signed lives. What was sealed lives until somebody retires the key. */
enum ring_state keystore_state(const struct keystore *s, const struct ring_key *key, time_t at, unsigned keep_s);

/* The key that signs at a time for a use (and an algorithm, NULL: any): the last that has begun. NULL when there is none. */
const struct ring_key *keystore_current(const struct keystore *s, const char *use, const char *alg, time_t at);

/* The key for a use that a sealed secret names, wherever it stands. NULL when there is none. */
const struct ring_key *keystore_by_id(const struct keystore *s, const char *use, const unsigned char id[RING_ID]);
const struct ring_key *keystore_by_kid(const struct keystore *s, struct slice kid);

/* JWK set (RFC 7517 5) of what is published, signs or has just left. */
struct slice keystore_jwks(struct arena *a, const struct keystore *s, time_t at, unsigned keep_s);

#endif
