/* The keys of the audit trail, in keyring_dir/audit.json: apart from those of tokens, because they live otherwise. They belong to one node, are never
 * published to clients, and none ever goes: a head can be checked, and a line opened, as long as there is a trail. One may be followed by another, from
 * a time on: until then the trail tells of it, under heads of the one before. */
#ifndef CSAM_KEYRING_AUDIT_STORE_H
#define CSAM_KEYRING_AUDIT_STORE_H

#include <sys/types.h>
#include <time.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"

enum { AUDIT_ID = 8, AUDIT_STORE_MOST = 64 };

struct audit_pair {
	const char *kid;			/* SHA-256 of the public key (DER), in hex */
	unsigned char id[AUDIT_ID];		/* its first bytes: names the secret in what it sealed */
	const char *pem;			/* public key */
	time_t from;				/* it signs, and seals, from then on */
	struct evp_md_ctx_st *signer;		/* ready to sign a head (ECDSA, P-256, SHA-256); to be copied */
	unsigned char secret[AEAD_KEY_LEN];	/* seals the keys of months */
};

/* Reads audit.json in dir, or makes it when there is none. E_INPUT, logged: it is not in order. Before system calls are taken away. */
int audit_store_open(struct arena *a, const char *dir);

/* The content of the file, for a backup of this node: NULL before it is open. And such a content, written into a directory that has no audit.json:
 * E_EXISTS, E_INPUT, E_DOWN, logged. */
const json_t *audit_store_root(void);
int audit_store_plant(const char *dir, const json_t *root, uid_t uid, gid_t gid);

const struct audit_pair *audit_store_current(time_t at);	/* NULL before it is open */
const struct audit_pair *audit_store_all(size_t *n);


/* What there is with one more, which is used from then on; and that on disk and for everybody, in the directory that dirfd is open on. E_EXISTS: one
 * waits for its time already; E_LIMIT: there are AUDIT_STORE_MOST. One thread at a time. */
int audit_store_next(struct arena *a, time_t from, json_t **root);
int audit_store_change(int dirfd, json_t *root);

#endif
