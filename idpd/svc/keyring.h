/* The keyring as the front sees it: verbs, not keys. No call shows a private key or a seed.
 *
 * Each thread keeps a connection of its own to the keyring process and waits at most 2 s for an answer.
 * E_DOWN when the keyring does not answer (logged); the next call connects anew. E_WAIT on a thread that may not wait. */
#ifndef CSAM_KEYRING_H
#define CSAM_KEYRING_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

/* Where the keyring's socket is; call once before the others. */
void keyring_open(const char *socket_path);

/* JWS signature bytes over msg with the newest active key for alg: RS256, PS256, ES256 (r || s), EdDSA.
 * E_NOENT when there is no such key. The arena owns sig and kid. */
int keyring_sign(struct arena *a, const char *alg, struct slice msg, struct slice *sig, const char **kid);

/* Every public key that is published or signs, as the text of a JWK set (RFC 7517). */
int keyring_public(struct arena *a, struct slice *jwks);

/* Which keys there are and in what state, as JSON text; only on the control socket. */
int keyring_status(struct arena *a, struct slice *json);

/* For administrators, on the control socket. *why says in words why it was not done, and is empty when it was. */
int keyring_address(struct arena *a, struct slice *jwk);					/* what other nodes encrypt to */
int keyring_rotate(struct arena *a, const char *use, bool at_once, const char **why, struct slice *from);
int keyring_retire(struct arena *a, const char *kid, const char **why);
int keyring_export(struct arena *a, struct slice node, struct slice passphrase, const char **why, struct slice *jwe);
int keyring_import(struct arena *a, struct slice jwe, struct slice passphrase, bool replace, const char **why, struct slice *keys);
/* The secret under the newest sealing key; E_EXISTS: it is already. E_INPUT: it cannot be opened. *exposed: it stood there in plain. */
int keyring_reseal(struct arena *a, struct slice secret, struct slice ad, struct slice *sealed, bool *exposed);

/* Seals a secret of a digital key (the base32 text of a TOTP secret) for the directory, bound to ad ("csamSubject|csamKeyId"). The result is
 * printable: "{CSAM}" and base64. There is no verb that opens it again. */
int keyring_seal(struct arena *a, struct slice plain, struct slice ad, struct slice *sealed);

/* A new printed card: its seed, sealed for ad, which nothing shows again; and its codes of CARD_DIGITS digits, one behind the other, which nothing but
 * this call shows (base/card.h). */
int keyring_card(struct arena *a, unsigned codes, struct slice ad, struct slice *sealed, struct slice *shown);

/* TOTP (RFC 6238, SHA-1, 30 s, 6 digits). `secret` is a sealed one, or base32 text that an administrator set by
 * hand (then *exposed is set and the caller seals it). Looks at steps from `back` before the present one to `fwd` after it, but only
 * above floor. OK and the matching *step; E_NOENT when the code is none of them or no six digits;
 * E_INPUT when the secret cannot be read (other ad, other keyring, damaged). */
struct otp {
	struct slice secret, ad, code;
	time_t when;
	unsigned back, fwd;
	uint64_t floor;
	bool exposed;		/* out */
	uint64_t step;		/* out */
};
int keyring_otp(struct otp *otp);

/* A code of any device (RFC 4226, RFC 6238): of which of the numbers first..last, 256 at most? Secret and results as above; the lowest that
 * fits is told. */
struct code {
	struct slice secret, ad, code;
	const char *alg;	/* sha1, sha256, sha512 */
	unsigned digits;	/* 6 to 8 */
	uint64_t first, last;
	bool exposed;		/* out */
	uint64_t number;	/* out */
};
int keyring_code(struct code *code);

/* Pairwise subject (OpenID Connect Core 8.1): HMAC of sector and csamSubject under a key that is never rotated. */
int keyring_subject(struct arena *a, const char *sector, const char *subject, const char **out);

/* The key under which the front seals codes, access tokens and CSRF tokens of one day (days since 1970 UTC); derived,
 * so that nothing else can be had from it. A front that is captured could ask for signatures while it lives;
 * with this key it can forge tokens to the end of the day, and no longer. E_INPUT for a day that is neither
 * today, yesterday nor tomorrow. */
int keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN]);

#endif
