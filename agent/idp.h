/* The identity provider, seen from a host: where its endpoints are, its keys, and the questions of the challenge profile. */
#ifndef CSAM_AGENT_IDP_H
#define CSAM_AGENT_IDP_H

#include <stdint.h>
#include "agent/conf.h"
#include "agent/reply.h"

struct idp;

/* Reads the host's key; asks nothing yet. E_INPUT, logged. */
int idp_new(const struct agent_conf *conf, struct idp **out);
struct idp *idp_free(struct idp *i);

/* Nobody has come for a while: gives back what only many at once need. */
void idp_rest(struct idp *i);

/* Appends a form field, unless there is no value (p NULL). */
void form_put(struct buf *form, const char *name, struct slice value);

/* One turn: `form` without what every request carries. deadline: ticks_ms. */
void idp_challenge(struct idp *i, struct arena *a, const struct buf *form, unsigned can, uint64_t deadline, struct reply *out);

/* May somebody enter who was proven otherwise? */
void idp_account(struct idp *i, struct arena *a, const struct buf *form, uint64_t deadline, struct reply *out);

/* Claims of a token that one of its keys has signed. An unknown key makes it ask for the keys again, at most once a minute. E_INPUT: *why has
 * a word; E_DOWN: the keys cannot be had. */
int idp_verify(struct idp *i, struct arena *a, struct slice token, uint64_t deadline, json_t **claims, const char **why);

#endif
