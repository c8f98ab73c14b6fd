/* Secrets of digital keys as they stand in the directory: "{CSAM}" base64(version 1 | key id 8 | nonce, ciphertext, tag), bound to `ad`. */
#ifndef CSAM_KEYRING_SECRET_H
#define CSAM_KEYRING_SECRET_H

#include "keyring/keystore.h"

bool secret_is_sealed(struct slice text);

/* The id of the sealing key that a sealed text names. E_INPUT: it names none. Needs no key. */
int secret_key_id(struct arena *a, struct slice text, unsigned char id[RING_ID]);

void secret_seal(struct arena *a, const struct keystore *s, struct slice plain, struct slice ad, struct slice *out);

/* E_INPUT, logged: damaged, of another entry, or its key is not here. */
int secret_unseal(struct arena *a, const struct keystore *s, struct slice text, struct slice ad, struct slice *plain);

/* The same secret under the key that seals now. E_EXISTS: it is already. *exposed: it stood there in plain. */
int secret_reseal(struct arena *a, const struct keystore *s, struct slice text, struct slice ad, struct slice *out, bool *exposed);

#endif
