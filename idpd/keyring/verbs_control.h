/* The verbs by which administrators change keys. Each runs between ring_begin and ring_end; its line in the trail is on disk before it does anything.
 * The first field of the reply says why it was not done, for people; empty: it was done. */
#ifndef CSAM_KEYRING_VERBS_CONTROL_H
#define CSAM_KEYRING_VERBS_CONTROL_H

#include "keyring/verbs.h"

int verb_rotate(struct call *c);
int verb_retire(struct call *c);
int verb_export(struct call *c);
int verb_import(struct call *c);

#endif
