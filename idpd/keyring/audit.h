/* The verbs for the audit trail: heads are signed, months and hours get their keys, auditors read. */
#ifndef CSAM_KEYRING_AUDIT_VERBS_H
#define CSAM_KEYRING_AUDIT_VERBS_H

#include "keyring/verbs.h"

int audit_verb_head(struct call *c);
int audit_verb_public(struct call *c);
int audit_verb_month(struct call *c);
int audit_verb_hour(struct call *c);
int audit_verb_open(struct call *c);
int audit_verb_notice(struct call *c);

/* One signature more of which the next head will tell. */
void audit_count_signature(void);

#endif
