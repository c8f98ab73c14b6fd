/* What the keyring can be asked. A verb sees the fields of a request and gives the fields of a reply. */
#ifndef CSAM_KEYRING_VERBS_H
#define CSAM_KEYRING_VERBS_H

#include "keyring/keystore.h"
#include "svc/keyring_wire.h"

enum asker { ASKER_FRONT = 1, ASKER_CONTROL = 2 };	/* which socket; bits of what a verb is open to */

struct call {
	struct arena *a;		/* of this request, wiped behind it */
	const struct keystore *store;
	enum asker asker;
	const struct wire *in;
	struct wire out;		/* filled by the verb when it returns OK */
};

/* OK or the error to reply. E_BUG: nobody who follows the contract asks this (unknown verb, not on this socket, wrong fields); the
 * connection deserves no answer. Refusals are logged here. */
int verb_run(struct call *c);

#endif
