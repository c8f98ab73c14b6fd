/* Key kinds: one file each in keys/, one line each in kinds.def.
 *
 * A kind is a pure function of its step: it sees person, key and answer, and returns a verdict. It opens, writes,
 * counts and logs nothing; what must be spent or saved it says, and the engine does it before anyone is let in.
 * Name and password come before the kind's own step and are the engine's work (trait NEEDS_PASSWORD). */
#ifndef CSAM_KINDS_H
#define CSAM_KINDS_H

#include "core/prompt.h"
#include "svc/directory.h"

enum kind_trait {
	KIND_PASSWORD = 1,	/* the password is checked first */
	KIND_SECOND = 2,	/* it has a step of its own after that */
};

enum amr {		/* RFC 8176, as bits of a login */
	AMR_PWD = 1, AMR_OTP = 2, AMR_MFA = 4, AMR_SMS = 8, AMR_PIN = 16, AMR_SC = 32, AMR_HWK = 64, AMR_SWK = 128, AMR_USER = 256,
};

struct step {
	struct arena *a;
	const struct person *person;
	const struct key *key;		/* one of the kind that may be used; never NULL when verify is called */
	struct slice answer;		/* p NULL: nothing was answered yet, draw the prompt */
	time_t when;
	/* out */
	struct prompt ask;		/* V_MORE: what to ask */
	uint64_t spend;			/* V_ALLOW: the engine must spend this number: above csamKeyCounter and any spent before; 0: nothing */
	bool exposed;			/* the secret stood in clear: seal it */
	const char *why;		/* V_DENY: a fixed word for the audit trail */
};

struct key_kind {
	const char *name;
	unsigned level;			/* the most it can reach */
	unsigned amr, traits, asks;	/* enum amr, enum kind_trait, enum ask it needs a door to draw */
	const char *group;		/* of the chooser: "card", "code", "plain", "europe" */
	enum verdict (*verify)(struct step *);	/* NULL without KIND_SECOND */
};

/* A code of six digits (RFC 6238) against the key's sealed seed, from `back` steps before now to `fwd` after it: what a
 * kind may ask of the keyring, so that keys/ needs no service. Fills spend, exposed, why. Steps that were spent before
 * count as right here: the engine refuses them when it spends, and so can tell a repeated code from a wrong one. */
enum verdict step_otp(struct step *s, unsigned back, unsigned fwd);

#define KEY_KIND(name) extern const struct key_kind key_##name;
#include "core/kinds.def"
#undef KEY_KIND

const struct key_kind *kind_by_name(struct slice name);		/* NULL when there is none */
const struct key_kind *const *kinds_all(void);			/* NULL-terminated, in order of kinds.def */

#endif
