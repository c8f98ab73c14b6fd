/* The eID: is this a card's authentication certificate, did that card sign, does it still stand, and whose is it?
 *
 * One check behind every way in: a TLS client certificate, a Web eID token, and a card in a host's reader. The order is proof first: only who holds the card
 * makes us ask a responder about it. A certificate alone proves nothing: eid_card() is no yes without a signature over a challenge of ours
 * (eid_signed, or the TLS handshake's), and without eid_standing().
 *
 * Nothing here opens a connection: what has to be asked of the world outside is said, and whoever may wait does it. */
#ifndef CSAM_EID_H
#define CSAM_EID_H

#include <time.h>
#include "base/arena.h"
#include "base/err.h"
#include "svc/partner.h"

struct eid_conf {				/* its strings must live as long as the process */
	const char *authorities;		/* PEM file: who issues cards; with their roots, which then must have signed them. "" or NULL: no eID here */
	const char *const *policies;		/* OIDs of which a certificate must carry one; empty: any */
	const char *const *responders;		/* prefixes of what may be asked: OCSP and CRL (partner_allows) */
	const char *const *no_nonce;		/* those of them that answer OCSP without our nonce */
	unsigned ocsp_age_s;			/* an OCSP answer may be so old (900) */
	unsigned cache_s;			/* and a good one is believed so long, a revocation list too where it does not end earlier (300; lists: at least an hour) */
	bool allow_unchecked;			/* let in when nobody can say whether the card was revoked: an exception, written to the trail */
	bool testing;				/* numbers of test cards */
	const char *origin;			/* of our pages, which Web eID tokens are made for */
	bool web;				/* offer Web eID */
	const char *tls_origin;			/* of the listener that asks for client certificates; "" or NULL: there is none */
};
extern struct eid_conf eid_conf;
int eid_open(const struct eid_conf *conf);	/* once; E_INPUT: an authority that cannot be read or trusted (logged) */
int eid_reload(void);				/* reads the authorities again; the same error, and those read before stay in use */
void eid_close(void);
bool eid_offered(void);

/* What one certificate says. Lives as long as its arena. */
struct eid_card {
	const char *national_number;		/* serialNumber of the subject, checked */
	const char *given_name, *family_name;	/* as they stand there; NULL: not there, or no text */
	const char *serial;			/* of the certificate, hex: names it in the trail */
	struct slice fingerprint;		/* SHA-256 */
	void *certificate;			/* ours */
	const struct eid_authority *issuer;
};

/* V_ALLOW: an authentication certificate of one of our authorities, valid at that time, with a national number. V_DENY with *why, a fixed word:
 * "card-unreadable", "card-signature-only" (the other certificate of the card), "card-purpose", "card-policy", "card-not-yet", "card-expired",
 * "card-other-ca", "card-weak", "card-number". */
enum verdict eid_card(struct arena *a, struct slice der, time_t when, struct eid_card *out, const char **why);

/* Has the card's key signed these bytes? alg is JWA's (RFC 7518): ES256 to ES512 (r || s), RS256 to RS512, PS256 to PS512; it must fit the key. */
bool eid_signed(const struct eid_card *card, const char *alg, struct slice bytes, struct slice signature);

/* Was it revoked? V_ALLOW: no (unchecked: nobody knows, and the configuration lets it pass). V_DENY: *why "card-revoked", "card-unknown" (its authority
 * does not know it). V_DOWN: nobody could say. V_MORE: make `call`, put the result in rc and answer, and ask again with the same struct. */
struct eid_check {
	/* in */
	struct slice stapled;			/* an OCSP response that came with the certificate; may be empty */
	int rc;
	struct partner_answer answer;
	/* out */
	struct partner_call call;
	bool unchecked;
	const char *why;
	/* ours */
	int asked;
	struct slice nonce;
	const char *url;
};
enum verdict eid_standing(struct arena *a, const struct eid_card *card, time_t when, struct eid_check *check);
/* Under which purpose (sealed.h) the eID listener seals the certificate that signed a TLS handshake for this challenge. */
const char *eid_tls_purpose(struct arena *a, const char *nonce);

void eid_forget(void);				/* what responders have said, and which certificates were verified */

#endif
