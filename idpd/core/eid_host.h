/* The card in the reader of a host: what it signs there, and what comes back (doc/challenge-profile.md, ASK_SIGN).
 *
 * What is signed is a text that says what it is for, and names issuer, host, program, user and a nonce of ours: it proves nothing at another place, in
 * another conversation or for somebody else, and it is neither what TLS nor what Web eID has a card sign. */
#ifndef CSAM_EID_HOST_H
#define CSAM_EID_HOST_H

#include "core/eid.h"

enum { EID_HOST_ANSWER_MAX = 4096 };

struct eid_host {
	const char *issuer, *host, *program, *user, *nonce;	/* program: may be NULL */
};

/* The text, in lines; whatever is no plain text in a name is percent-encoded, so no name makes a line. */
const char *eid_host_text(struct arena *a, const struct eid_host *place);

/* "ALG.CERTIFICATE.SIGNATURE", the latter two base64url. V_ALLOW fills *out; eid_standing() is still to be asked. V_DENY: *why "card-form", "card-proof" (the
 * certificate's key did not sign this text), or one of eid_card's. */
enum verdict eid_host_answer(struct arena *a, struct slice answer, const char *text, time_t when, struct eid_card *out, const char **why);

#endif
