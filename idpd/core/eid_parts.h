/* What the files of the eID check share. Nobody outside core/eid*.c includes this. */
#ifndef CSAM_EID_PARTS_H
#define CSAM_EID_PARTS_H

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include "base/digest.h"
#include "base/openssl.h"
#include "core/eid.h"

/* Who issues cards. Its own signature is verified when it is read, and never again. */
struct eid_authority {
	X509 *cert;
	X509_STORE *store;			/* with this certificate alone */
	bool root;				/* signs authorities, never people */
};

const struct eid_authority *eid_issuer_of(const X509 *cert);	/* by name and key identifier; NULL: none of ours */
/* Did it sign this certificate, and may it (RFC 5280 6.1)? A yes is remembered for cache_s under the certificate's fingerprint: it hangs on nothing but its bytes,
 * and on the dates of both, which are looked at each time. */
bool eid_verify_chain(const struct eid_authority *issuer, X509 *cert, const unsigned char fingerprint[SHA256_LEN], time_t when);
void eid_chains_forget(void);

/* What a responder or a list said. */
enum eid_word { EID_NOTHING = 0, EID_GOOD, EID_REVOKED, EID_UNKNOWN };

/* An OCSP request about this card (RFC 6960 4.1), and what its answer is worth. `nonce` empty: none is wanted. *until: how long it holds. */
struct slice eid_ocsp_request(struct arena *a, const struct eid_card *card, struct slice *nonce);
enum eid_word eid_ocsp_answer(const struct eid_card *card, struct slice der, struct slice nonce, time_t when, time_t *until, const char **why);

/* The same for a revocation list (RFC 5280 5, 6.3). What was read is kept for the authority's other cards. */
enum eid_word eid_crl_kept(const struct eid_card *card, const char *url, time_t when);
enum eid_word eid_crl_answer(const struct eid_card *card, const char *url, struct slice der, time_t when, const char **why);
void eid_crl_forget(void);

OPENSSL_FREE_P(store_free_p, X509_STORE, X509_STORE_free)
OPENSSL_FREE_P(store_ctx_free_p, X509_STORE_CTX, X509_STORE_CTX_free)
OPENSSL_FREE_P(octets_free_p, ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
OPENSSL_FREE_P(access_free_p, AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free)
OPENSSL_FREE_P(points_free_p, CRL_DIST_POINTS, CRL_DIST_POINTS_free)
OPENSSL_FREE_P(crl_free_p, X509_CRL, X509_CRL_free)
OPENSSL_FREE_P(idp_free_p, ISSUING_DIST_POINT, ISSUING_DIST_POINT_free)
OPENSSL_FREE_P(ocsp_request_free_p, OCSP_REQUEST, OCSP_REQUEST_free)
OPENSSL_FREE_P(ocsp_response_free_p, OCSP_RESPONSE, OCSP_RESPONSE_free)
OPENSSL_FREE_P(ocsp_basic_free_p, OCSP_BASICRESP, OCSP_BASICRESP_free)
OPENSSL_FREE_P(ocsp_id_free_p, OCSP_CERTID, OCSP_CERTID_free)

static inline void eid_free_x509(void *x)
{
	X509_free(x);
}

#endif
