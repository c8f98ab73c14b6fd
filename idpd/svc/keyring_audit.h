/* The verbs of the keyring that belong to the audit trail; see keyring.h for how they are asked. */
#ifndef CSAM_KEYRING_AUDIT_H
#define CSAM_KEYRING_AUDIT_H

#include "svc/audit_chain.h"

/* Signs where the trail stands: head->node, boot, seq and chain in; time and signatures out. sig is DER (ECDSA, P-256, SHA-256), made by
 * a key that signs nothing else. E_EXISTS: it has signed a later head of this node. */
int keyring_audit_head(struct arena *a, struct audit_head *head, struct slice *sig, const char **kid);

/* {"keys":[{"kid":…,"state":…,"pem":…}]}: what heads are checked with. */
int keyring_audit_public(struct arena *a, struct slice *json);

/* A new key for one class and month, sealed: a line of text. */
int keyring_audit_month(struct arena *a, const char *class, const char *month, struct slice *sealed);

/* The key of one hour from that of its month. E_INPUT: not the present hour nor one beside it, or not sealed for the class and month. */
int keyring_audit_hour(struct slice month, const char *class, const char *hour, unsigned char out[AEAD_KEY_LEN]);

/* Opens the personal fields of a line, for an auditor (control socket only). The first for each class and month, and then each hour again, is told to the trail before
 * anything is shown: who asked, and `reason`. E_DOWN: the trail did not take that; E_INPUT: it cannot be opened with this key. */
struct audit_sealed {
	const char *class, *hour, *reason;
	struct slice month, sealed;	/* the month's key; the bytes */
};
int keyring_audit_open(struct arena *a, const struct audit_sealed *what, struct slice *plain);

/* What the keyring has to tell the trail. Waits up to half a second for something new. `done` is the number that was given with the notice before, once its
 * line is on disk; else 0. OK: *number and *json, the same again until it is done; E_NOENT: nothing. */
int keyring_audit_notice(struct arena *a, uint64_t done, uint64_t *number, struct slice *json);

#endif
