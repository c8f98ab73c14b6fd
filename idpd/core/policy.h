/* Which keys open which service, and how high a login reaches. Everything it needs is handed in, but for the operator's switches of kinds. */
#ifndef CSAM_POLICY_H
#define CSAM_POLICY_H

#include "core/session.h"

/* The least of what kind, key and person reach. 0 when the key may not be used: not exactly active, expired, person not active. */
unsigned policy_level(const struct key_kind *kind, const struct person *person, const struct key *key, time_t when);

/* How high the kind reaches: its own level or the operator's; 0 while it is off. */
unsigned policy_kind_level(const struct key_kind *kind);

/* Is it shut for now? What was proven with it stands. */
bool policy_kind_blocked(const struct key_kind *kind);

/* Does the service accept this kind, at the level it can reach at most? */
bool policy_kind_fits(const struct key_kind *kind, const struct service *service, unsigned level);

/* The best key of that kind this person may use now; NULL when there is none. *why: "none", "pending", "locked", "revoked", "expired". */
const struct key *policy_key(const struct key_kind *kind, const struct person *person, time_t when, const char **why);

/* acr of a level, the highest that is not above it: urn:be:fedict:iam:fas:citizen:LevelNNN (NULL below 100). And back, also from
 * urn:be:fedict:iam:fas:LevelNNN: 0 when it is none of ours. */
const char *policy_acr(struct arena *a, unsigned level);
unsigned policy_acr_level(struct slice acr);
extern const unsigned policy_levels[];	/* 100, 200, 300, 400, 450, 500, 0: what acr can say */

#endif
