/* OCSP (RFC 6960): the question about one card, and what an answer is worth. */
#include <openssl/err.h>
#include "base/digest.h"
#include "core/eid_parts.h"

enum { NONCE = 32 /* RFC 9654 2.1 */, SKEW_S = 15 * 60, MAX_ANSWER = 64 * 1024 };

/* SHA-1 only names the issuer here; every responder knows it, few know others (RFC 5019 2.1.1). */
static OCSP_CERTID *id_of(const struct eid_card *card)
{
	return OCSP_cert_to_id(EVP_sha1(), card->certificate, card->issuer->cert);
}

struct slice eid_ocsp_request(struct arena *a, const struct eid_card *card, struct slice *nonce)
{
	unsigned char random[NONCE], *der = NULL;
	AUTO(ocsp_request_free_p) OCSP_REQUEST *r = OCSP_REQUEST_new();
	if (r == NULL || OCSP_request_add0_id(r, id_of(card)) == NULL)
		abort();		/* no memory */
	if (nonce != NULL) {
		random_bytes(random, sizeof random);
		if (OCSP_request_add1_nonce(r, random, sizeof random) != 1)
			abort();
		*nonce = arena_copy(a, slice_mem(random, sizeof random));
	}
	int n = i2d_OCSP_REQUEST(r, &der);
	if (n <= 0)
		abort();
	struct slice out = arena_copy(a, slice_mem(der, (size_t)n));
	OPENSSL_free(der);
	return out;
}

static bool same_nonce(OCSP_BASICRESP *b, struct slice nonce)
{
	int at = OCSP_BASICRESP_get_ext_by_NID(b, NID_id_pkix_OCSP_Nonce, -1);
	if (at < 0)
		return false;
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(b, at));
	const unsigned char *p = ASN1_STRING_get0_data(value);
	AUTO(octets_free_p) ASN1_OCTET_STRING *o = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(value));
	return o != NULL && slice_eq(slice_mem(ASN1_STRING_get0_data(o), (size_t)ASN1_STRING_length(o)), nonce);
}

/* RFC 6960 4.2.2.2: the signer is the issuer itself, or has id-kp-OCSPSigning from the issuer directly. Nobody else is believed, whatever is
 * trusted otherwise. */
static bool signer_is_right(OCSP_BASICRESP *b, const struct eid_card *card, time_t when)
{
	AUTO(store_free_p) X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *issuer = sk_X509_new_null();
	if (store == NULL || issuer == NULL || X509_STORE_add_cert(store, card->issuer->cert) != 1 || !sk_X509_push(issuer, card->issuer->cert))
		abort();
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), when);
	bool ok = OCSP_basic_verify(b, issuer, store, OCSP_PARTIAL_CHAIN | OCSP_NOEXPLICIT) == 1;
	sk_X509_free(issuer);
	return ok;
}

/* RFC 6960 4.2.2.1, with room for clocks that differ. */
static const char *freshness(const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *to, time_t when)
{
	time_t soon = when + SKEW_S, late = when - SKEW_S, oldest = when - (time_t)eid_conf.ocsp_age_s;
	if (from == NULL || X509_cmp_time(from, &soon) >= 0)
		return "not yet valid";
	if (X509_cmp_time(from, &oldest) <= 0 || (to != NULL && X509_cmp_time(to, &late) <= 0))
		return "stale";
	return NULL;
}

static time_t holds_until(const ASN1_GENERALIZEDTIME *to, time_t when)
{
	time_t until = when + (time_t)eid_conf.cache_s;
	int days, seconds;
	if (to == NULL || X509_cmp_time(to, &until) > 0 || X509_cmp_time(to, &when) <= 0)
		return to == NULL || X509_cmp_time(to, &until) > 0 ? until : when;
	ASN1_TIME *at = ASN1_TIME_set(NULL, when);
	if (at != NULL && ASN1_TIME_diff(&days, &seconds, at, to) == 1)
		until = when + days * 86400L + seconds;
	ASN1_TIME_free(at);
	return until;
}

static enum eid_word word_of(OCSP_BASICRESP *b, const struct eid_card *card, time_t when, time_t *until, const char **why)
{
	int status, reason;
	ASN1_GENERALIZEDTIME *revoked, *from, *to;
	AUTO(ocsp_id_free_p) OCSP_CERTID *id = id_of(card);
	if (OCSP_resp_count(b) != 1 || OCSP_resp_find_status(b, id, &status, &reason, &revoked, &from, &to) != 1) {
		*why = "about another certificate";
		return EID_NOTHING;
	}
	if ((*why = freshness(from, to, when)) != NULL)
		return EID_NOTHING;
	*until = holds_until(to, when);
	return status == V_OCSP_CERTSTATUS_GOOD ? EID_GOOD : status == V_OCSP_CERTSTATUS_REVOKED ? EID_REVOKED : EID_UNKNOWN;
}

static enum eid_word evaluate(const struct eid_card *card, struct slice der, struct slice nonce, time_t when, time_t *until, const char **why)
{
	const unsigned char *p = (const unsigned char *)der.p;
	*why = "unreadable";
	if (der.n == 0 || der.n > MAX_ANSWER)
		return EID_NOTHING;
	AUTO(ocsp_response_free_p) OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	if (r == NULL)
		return EID_NOTHING;
	*why = "no success";
	if (OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return EID_NOTHING;
	AUTO(ocsp_basic_free_p) OCSP_BASICRESP *b = OCSP_response_get1_basic(r);
	*why = "unreadable";
	if (b == NULL)
		return EID_NOTHING;
	*why = "not our nonce";
	if (nonce.n > 0 && !same_nonce(b, nonce))
		return EID_NOTHING;
	*why = "signed by somebody who may not";
	if (!signer_is_right(b, card, when))
		return EID_NOTHING;
	return word_of(b, card, when, until, why);
}

enum eid_word eid_ocsp_answer(const struct eid_card *card, struct slice der, struct slice nonce, time_t when, time_t *until, const char **why)
{
	enum eid_word word = evaluate(card, der, nonce, when, until, why);
	ERR_clear_error();
	return word;
}
