/* SHA-256, HMAC, random bytes and AES-256-GCM: the few primitives everything asks for, from OpenSSL. */
#ifndef CSAM_DIGEST_H
#define CSAM_DIGEST_H

#include "base/arena.h"

enum { SHA256_LEN = 32, AEAD_KEY_LEN = 32, AEAD_EXTRA = 12 + 16 /* nonce, tag */ };

void sha256(struct slice in, unsigned char out[SHA256_LEN]);
void hmac_sha256(struct slice key, struct slice in, unsigned char out[SHA256_LEN]);

/* HKDF-SHA-256 (RFC 5869) of one key for one named purpose. */
void derive_key(struct slice key, const char *purpose, unsigned char *out, size_t n);

/* AES-256-GCM: nonce | ciphertext | tag, bound to `ad`. aead_open: OK or E_INPUT (changed, other key, other ad). */
void aead_seal(struct arena *a, const unsigned char key[AEAD_KEY_LEN], struct slice plain, struct slice ad, struct slice *out);
int aead_open(struct arena *a, const unsigned char key[AEAD_KEY_LEN], struct slice sealed, struct slice ad, struct slice *out);

/* From the system's random source; aborts when it has none. */
void random_bytes(void *p, size_t n);
/* n random bytes as base64url. 16 bytes: an identifier; 32: a secret. */
char *random_id(struct arena *a, size_t n);
char *random_uuid(struct arena *a);				/* RFC 4122 version 4 */

void wipe(void *p, size_t n);
void wipe_free(void *p);	/* free() that wipes: for libraries that let theirs be replaced */

#endif
