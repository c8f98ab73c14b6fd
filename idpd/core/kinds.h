/* Key kinds: one file each in keys/, one line each in kinds.def.
 *
 * A kind is a pure function of its step: it sees person, key and answer, and returns a verdict. It opens, writes,
 * counts and logs nothing; what must be spent or saved it says, and the engine does it before anyone is let in.
 * Name and password come before the kind's own step and are the engine's work (KIND_PASSWORD). */
#ifndef CSAM_KINDS_H
#define CSAM_KINDS_H

#include "core/prompt.h"
#include "svc/directory.h"
#include "svc/outbox.h"
#include "svc/partner.h"

enum kind_trait {
	KIND_PASSWORD = 1,	/* the password is checked first */
	KIND_SECOND = 2,	/* it has a step of its own after that */
	KIND_NAMES = 4,		/* it has nothing but a step of its own, which says who it is; no name is asked */
};

enum amr {		/* RFC 8176, as bits of a login */
	AMR_PWD = 1, AMR_OTP = 2, AMR_MFA = 4, AMR_SMS = 8, AMR_PIN = 16, AMR_SC = 32, AMR_HWK = 64, AMR_SWK = 128, AMR_USER = 256,
};

struct step {
	struct arena *a;
	const char *conversation;	/* its identifier: for the way back from elsewhere */
	struct place {			/* KIND_NAMES at a host's door: where somebody waits, and as whom; a signature is for there alone. host NULL: a browser */
		const char *host, *program, *user;
	} place;
	const struct person *person;	/* NULL with KIND_NAMES */
	const struct key *key;		/* one of the kind that may be used; NULL with KIND_NAMES alone */
	uint64_t spent;			/* the highest number that was ever spent with the key: by directory and state store */
	struct slice answer;		/* p NULL: nothing was answered yet, draw the prompt */
	bool enter;			/* nothing was answered, but the step begins: only now may something be made or chosen at random */
	bool again;			/* nor now, but the person wants another code */
	bool adding;			/* the key is not active yet: this step proves that the person has it, or reads what it sends */
	time_t when;
	/* in and out */
	struct slice memory;		/* what the kind keeps in this conversation for this key, sealed at rest; drawing must not change it */
	/* out */
	struct prompt ask;		/* V_MORE: what to ask */
	struct message *send;		/* with `enter` or `again`: goes out in one act with the conversation's record, when limits allow it; the engine adds
					 * who asks for the code, from where and when */
	uint64_t spend;			/* V_ALLOW: the engine must spend this number: above `spent`; 0: nothing */
	bool lasting;			/* the directory must know that it is spent before anyone is let in */
	bool tried;			/* V_MORE: the answer was wrong so far, and counts so until a right one */
	bool exposed;			/* the secret stood in clear: seal it */
	const char *why;		/* V_DENY: a fixed word for the audit trail; V_MORE after an answer: text id of a note, or NULL */
	/* out, KIND_NAMES */
	const char *national_number;	/* V_ALLOW: whose it is */
	const char *given_name, *family_name;	/* and what the card says of them; NULL: nothing that can be read */
	const char *card;		/* V_ALLOW, V_DENY: which card it was, for the audit trail; NULL while that is not known */
	const char *note;		/* V_DENY: text id of what to tell the person, who can then try again */
	const char *exception;		/* V_ALLOW: a fixed word: what could not be checked, and is let pass by the configuration */
	/* V_MORE with `call`: the engine makes that call and asks again, with what came of it; `at` is the kind's own meanwhile */
	const struct partner_call *call;
	int called;
	struct partner_answer brought;
	void *at;
};

struct key_kind {
	const char *name;
	unsigned level;			/* the most it can reach */
	unsigned amr, traits, asks;	/* enum amr, enum kind_trait, enum ask it needs a door to draw */
	const char *group;		/* of the chooser: "card", "code", "plain", "europe" */
	bool (*ready)(void);		/* does the configuration hold what it needs: a way to send codes, authorities of cards? NULL: it needs nothing */
	bool (*used_up)(const struct key *);	/* nothing is left of the key: it cannot be chosen; NULL: that never happens */
	enum verdict (*verify)(struct step *);	/* NULL without KIND_SECOND and KIND_NAMES */
};

/* A code of six digits (RFC 6238) against the key's sealed seed, from `back` steps before now to `fwd` after it: what a
 * kind may ask of the keyring, so that keys/ needs no service. Fills spend, exposed, why. Steps that were spent before
 * count as right here: the engine refuses them when it spends, and so can tell a repeated code from a wrong one. */
enum verdict step_otp(struct step *s, unsigned back, unsigned fwd);

/* The answer without spaces and hyphens: people copy codes in groups, as they are shown. */
struct slice step_digits(const struct step *s);

/* The same for any device (RFC 4226, RFC 6238): is it the code of one of the numbers first..last, and of which? *number is written when
 * V_ALLOW is returned. */
struct code_range {
	const char *alg;		/* sha1, sha256, sha512 */
	unsigned digits;
	uint64_t first, last;
};
enum verdict step_code(struct step *s, const struct code_range *range, uint64_t *number);

/* What another door of ours has sealed for this purpose (sealed.h). OK, E_INPUT, E_NOENT, E_DOWN. */
int step_opened(struct step *s, const char *purpose, struct slice sealed, struct slice *out);

/* How far kinds look, from the configuration; constant once it is running. */
struct kinds_conf {
	unsigned look_ahead;		/* codes of a token that may have been made and not used (RFC 4226 7.2) */
	unsigned resync;		/* and with a second code behind the first (RFC 4226 7.4) */
	const char *host;		/* our site: telephones fill codes in there and nowhere else */
};
void kinds_open(const struct kinds_conf *conf);
const struct kinds_conf *kinds_conf(void);

#define KEY_KIND(name) extern const struct key_kind key_##name;
#include "core/kinds.def"
#undef KEY_KIND

const struct key_kind *kind_by_name(struct slice name);		/* NULL when there is none */
bool kind_offered(const struct key_kind *kind);			/* by the configuration */
const struct key_kind *const *kinds_all(void);			/* NULL-terminated, in order of kinds.def */

#endif
