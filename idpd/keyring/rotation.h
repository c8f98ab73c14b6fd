/* What becomes of the keys: each function gives the next content of keyring.json, and writes nothing. */
#ifndef CSAM_KEYRING_ROTATION_H
#define CSAM_KEYRING_ROTATION_H

#include "keyring/keystore.h"

/* How long things last, in seconds. */
struct ring_terms {
	unsigned publish_s;	/* a new public key is known before it signs */
	unsigned keep_s;	/* what was signed lives: an old public key stays published */
	unsigned rotate_s;	/* age at which a signing key is followed by another; 0: never by itself */
};

/* New keys for a use ("sign", "seal", "day"; "": all three) that begin once they were published for the time they need. At once
 * (`at_once`): they begin now, and what signed before is thrown away, as somebody else may know it; what sealed before stays, as
 * nothing else opens what it sealed. E_EXISTS: new keys wait for their time already. E_INPUT: no such use. E_LIMIT: too many keys. */
int rotation_next(struct arena *a, const struct keystore *s, struct slice use, bool at_once, const struct ring_terms *t, json_t **out);

/* Without the keys that are gone; E_NOENT when there are none. */
int rotation_prune(struct arena *a, const struct keystore *s, time_t at, unsigned keep_s, json_t **out);

/* When the keys that sign rotate by themselves; the clock's end: never. */
time_t rotation_due(const struct keystore *s, const struct ring_terms *t);

/* Without one key. E_NOENT: there is none of this kid. E_EXISTS: it is needed (it seals or will, or is of a use that is not sealing). */
int rotation_retire(struct arena *a, const struct keystore *s, struct slice kid, time_t at, json_t **out);

/* What leaves this node: everything but the node's own key; and, for a backup of the node itself, the keys of its audit trail (NULL: not those). */
json_t *rotation_export(struct arena *a, const struct keystore *s, const json_t *audit);

/* What another node gave takes the place of what is here; our node key stays, and whatever we sealed with and it does not know. E_INPUT: it is
 * no keyring. E_EXISTS and *why: it would change people's subjects, or is older than what is here; not with `replace`. */
int rotation_import(struct arena *a, const struct keystore *s, const json_t *given, bool replace, json_t **out, const char **why);

/* What a backup becomes when it is restored: a node key and a day key of its own, so that no code, token or page sealed before the restore opens, and
 * no one-time code of a step up to that after `at` is taken: which of them were used is not known any more. */
int rotation_restore(struct arena *a, const json_t *given, time_t at, json_t **out);

#endif
