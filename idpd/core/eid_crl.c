/* Revocation lists (RFC 5280 5): read once, kept for all cards of their authority. */
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include "core/eid_parts.h"

enum { MAX_LISTS = 32, SKEW_S = 15 * 60, LEAST_S = 60 * 60 };

static struct list {
	char *url;
	const struct eid_authority *issuer;
	X509_CRL *crl;
	time_t until;
} lists[MAX_LISTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- what was read --- */

static X509_CRL *kept(const struct eid_authority *issuer, const char *url, time_t when)
{
	X509_CRL *found = NULL;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < MAX_LISTS && found == NULL; i++)
		if (lists[i].url != NULL && lists[i].issuer == issuer && strcmp(lists[i].url, url) == 0 && when < lists[i].until) {
			found = lists[i].crl;
			X509_CRL_up_ref(found);
		}
	pthread_mutex_unlock(&lock);
	return found;
}

/* In place of the older one of that address, else of the one that ends first. */
static void keep(const struct eid_authority *issuer, const char *url, X509_CRL *crl, time_t until)
{
	char *name = strdup(url);
	if (name == NULL)
		abort();
	pthread_mutex_lock(&lock);
	struct list *at = &lists[0];
	for (size_t i = 0; i < MAX_LISTS; i++) {
		if (lists[i].url != NULL && lists[i].issuer == issuer && strcmp(lists[i].url, url) == 0) {
			at = &lists[i];
			break;
		}
		if (at->url != NULL && (lists[i].url == NULL || lists[i].until < at->until))
			at = &lists[i];
	}
	free(at->url);
	X509_CRL_free(at->crl);
	X509_CRL_up_ref(crl);
	*at = (struct list){ name, issuer, crl, until };
	pthread_mutex_unlock(&lock);
}

void eid_crl_forget(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < MAX_LISTS; i++) {
		free(lists[i].url);
		X509_CRL_free(lists[i].crl);
		lists[i] = (struct list){ 0 };
	}
	pthread_mutex_unlock(&lock);
}

/* --- what it is worth --- */

static bool names_url(const GENERAL_NAMES *names, const char *url)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type == GEN_URI && slice_is(slice_mem(ASN1_STRING_get0_data(n->d.ia5), (size_t)ASN1_STRING_length(n->d.ia5)), url))
			return true;
	}
	return false;
}

/* RFC 5280 5.2.5, 6.3.3 (b): a part of a list, or somebody else's, says nothing about who is absent from it. */
static bool is_complete(X509_CRL *crl, const char *url)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *e = X509_CRL_get_ext(crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
		if (X509_EXTENSION_get_critical(e) && nid != NID_issuing_distribution_point)
			return false;		/* a delta (5.2.4), or what nobody knows */
	}
	int critical;
	AUTO(idp_free_p) ISSUING_DIST_POINT *p = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
	if (p == NULL)
		return critical == -1;		/* there is none */
	if (p->onlyCA > 0 || p->onlyattr > 0 || p->indirectCRL > 0 || p->onlysomereasons != NULL)
		return false;
	return p->distpoint == NULL || (p->distpoint->type == 0 && names_url(p->distpoint->name.fullname, url));
}

static const char *refused(const struct eid_authority *issuer, X509_CRL *crl, const char *url, time_t when)
{
	time_t soon = when + SKEW_S;
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer->cert)) != 0 ||
	    !(X509_get_key_usage(issuer->cert) & KU_CRL_SIGN) || X509_CRL_verify(crl, X509_get0_pubkey(issuer->cert)) != 1)
		return "signed by somebody who may not";
	if (X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &soon) >= 0)
		return "not yet valid";
	if (X509_CRL_get0_nextUpdate(crl) == NULL || X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &when) <= 0)
		return "stale";
	return is_complete(crl, url) ? NULL : "only a part of the list";
}

static time_t until(X509_CRL *crl, time_t when)
{
	time_t most = when + (time_t)(eid_conf.cache_s > LEAST_S ? eid_conf.cache_s : LEAST_S);
	ASN1_TIME *at = ASN1_TIME_set(NULL, when);
	int days, seconds;
	time_t end = at != NULL && ASN1_TIME_diff(&days, &seconds, at, X509_CRL_get0_nextUpdate(crl)) == 1 ? when + days * 86400L + seconds : when;
	ASN1_TIME_free(at);
	return end < most ? end : most;
}

static enum eid_word look_up(const struct eid_card *card, X509_CRL *crl)
{
	X509_REVOKED *entry;
	return X509_CRL_get0_by_cert(crl, &entry, card->certificate) == 0 ? EID_GOOD : EID_REVOKED;
}

enum eid_word eid_crl_kept(const struct eid_card *card, const char *url, time_t when)
{
	AUTO(crl_free_p) X509_CRL *crl = kept(card->issuer, url, when);
	return crl != NULL ? look_up(card, crl) : EID_NOTHING;
}

enum eid_word eid_crl_answer(const struct eid_card *card, const char *url, struct slice der, time_t when, const char **why)
{
	const unsigned char *p = (const unsigned char *)der.p;
	AUTO(crl_free_p) X509_CRL *crl = der.n > 0 ? d2i_X509_CRL(NULL, &p, (long)der.n) : NULL;
	*why = crl == NULL ? "unreadable" : refused(card->issuer, crl, url, when);
	ERR_clear_error();
	if (*why != NULL)
		return EID_NOTHING;
	keep(card->issuer, url, crl, until(crl, when));
	return look_up(card, crl);
}
