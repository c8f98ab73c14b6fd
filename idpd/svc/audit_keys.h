/* Who can read the personal fields of the audit trail.
 *
 * For each class and month there is a random key. It lies in dir/keys/MONTH.CLASS, sealed by the keyring, which alone can open it; when
 * its time is over the file is deleted, and with it what was sealed under it, on every line, for everybody. (A backup of
 * the folder keys must forget it too.) Lines are sealed under a key of their hour, derived from the month's: that is all that
 * the front is given, and only for the present hour. Who captures the front reads what was written in the hour, and not the month. */
#ifndef CSAM_AUDIT_KEYS_H
#define CSAM_AUDIT_KEYS_H

#include <time.h>
#include "svc/audit.h"
#include "svc/audit_chain.h"

struct audit_key {
	char hour[AUDIT_HOUR_LEN + 1];		/* 2026-11-22T14, UTC */
	unsigned char key[AEAD_KEY_LEN];
};

/* Makes dir/keys. E_DOWN, logged. */
int audit_keys_open(const char *dir);

/* The key of the present hour. E_DOWN: the keyring does not answer, or a new month cannot be put on disk. */
int audit_key_now(enum audit_class class, struct audit_key *out);

/* What a sealed text is bound to. */
struct slice audit_seal_ad(struct arena *a, const char *class, const char *hour);

/* The sealed key of a month ("2026-11") in DIR. E_NOENT: there is none (any more); E_DOWN, *why. For csamctl too. */
int audit_month_read(struct arena *a, const char *dir, const char *class, const char *month, struct slice *out, const char **why);

/* Ends keys whose months are over, as conf->keep_months says: first a file MONTH.CLASS.ends is put beside the key, which says since when, and a week later, when
 * it is still over, a line is written and the key deleted: a clock that is wrong for some days destroys nothing. */
void audit_keys_end(const struct audit_conf *conf, time_t now);

#endif
