/* Between the verbs of the keyring and the connection that each thread keeps to it (keyring.c). */
#ifndef CSAM_KEYRING_LINK_H
#define CSAM_KEYRING_LINK_H

#include "svc/keyring.h"
#include "svc/keyring_wire.h"

/* Asks, and expects `want` fields, which stand in the thread's buffer until it asks again. */
int link_ask(struct wire *request, size_t want, struct wire *reply, size_t *len);
void link_wipe(size_t len);		/* that buffer, when the reply was secret; len as link_ask gave it */
int link_ask_text(struct arena *a, struct wire *request, struct slice *out);

/* Makes RSA keys, stretches a passphrase: such answers take longer than anybody waits who lets somebody in. */
void link_patience(bool long_time);

#endif
