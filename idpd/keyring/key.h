/* One key of the keyring: made, written, read, and used to sign. */
#ifndef CSAM_KEYRING_KEY_H
#define CSAM_KEYRING_KEY_H

#include <openssl/evp.h>
#include <time.h>
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"

/* A key is made, published, and some time later it signs (or seals); then another follows it, and it is only good for what rests on it;
 * then it is gone. Where a key stands follows from the clock alone: keystore_state. */
enum ring_state { RING_GONE = 0, RING_PUBLISHED, RING_SIGNING, RING_LEAVING };
enum { RING_ID = 8, RING_SECRET = 32 };

/* What a key is for. Each algorithm has keys of its own (RFC 8725 3.1: a key is used with exactly one algorithm). */
struct ring_kind {
	const char *use;	/* sign, or the name of a secret: seal, day, subject, node */
	const char *alg;	/* JWS "alg", or how the secret is used */
	const char *kty;	/* RFC 7517 4.1: RSA, EC, OKP, oct */
};

/* Every kind there is; the first start makes one key of each. NULL-terminated by use. */
extern const struct ring_kind ring_kinds[];

struct ring_key {
	const struct ring_kind *kind;
	time_t created, from;		/* from: when it begins to sign, or to be used */
	const char *kid;		/* RFC 7638 thumbprint */
	unsigned char id[RING_ID];	/* the first bytes of the thumbprint: names the key in a sealed secret */
	struct slice jwk;		/* public JWK; empty for secrets */
	EVP_MD_CTX *signer;		/* ready to sign, copied for each signature; NULL for secrets */
	unsigned char secret[RING_SECRET];
};

/* A new key that is used from a time on, as its record in keyring.json. Never fails. */
json_t *ring_key_make(struct arena *a, const struct ring_kind *kind, time_t from);

/* The key of a record; the arena owns it. E_INPUT and *why: the record is not in order. The kid must be the thumbprint of the key. */
int ring_key_read(struct arena *a, const json_t *record, struct ring_key *out, const char **why);

/* JWS signature (RFC 7518 3.3 to 3.5, RFC 8037 3.1). */
int ring_key_sign(struct arena *a, const struct ring_key *key, struct slice msg, struct slice *sig);

const char *ring_state_name(enum ring_state state);

#endif
