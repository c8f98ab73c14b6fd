/* Does the card still stand? What is known is used, else its responder is asked, else its authority's list. */
#include <openssl/err.h>
#include <pthread.h>
#include "base/digest.h"
#include "base/log.h"
#include "core/eid_parts.h"

enum {
	PLACES = 4096,			/* good answers that are kept: 160 KiB */
	SILENCE_S = 10,			/* a responder that did not answer is left alone so long, so that not everybody waits for it */
	MAX_LIST = 16 * 1024 * 1024, RESPONDERS = 16,
};
enum { ASKED_NOBODY = 0, ASKED_OCSP, ASKED_LIST };

/* Which cards were good, until when. A place that another card takes only makes us ask again. */
static struct {
	unsigned char fingerprint[SHA256_LEN];
	time_t until;
} good[PLACES];
static struct {
	char url[256];
	time_t until;
} silent[RESPONDERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t place_of(const struct eid_card *card)
{
	const unsigned char *f = (const unsigned char *)card->fingerprint.p;
	return (f[0] * 256u + f[1]) % PLACES;
}

static bool known_good(const struct eid_card *card, time_t when)
{
	size_t at = place_of(card);
	pthread_mutex_lock(&lock);
	bool yes = when < good[at].until && when + (time_t)eid_conf.cache_s >= good[at].until &&
	    memcmp(good[at].fingerprint, card->fingerprint.p, SHA256_LEN) == 0;
	pthread_mutex_unlock(&lock);
	return yes;
}

static void note_good(const struct eid_card *card, time_t until)
{
	size_t at = place_of(card);
	pthread_mutex_lock(&lock);
	memcpy(good[at].fingerprint, card->fingerprint.p, SHA256_LEN);
	good[at].until = until;
	pthread_mutex_unlock(&lock);
}

static bool is_silent(const char *url, time_t when)
{
	bool yes = false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < RESPONDERS; i++)
		yes = yes || (when < silent[i].until && strcmp(silent[i].url, url) == 0);
	pthread_mutex_unlock(&lock);
	return yes;
}

static void note_silent(const char *url, time_t when)
{
	size_t at = 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < RESPONDERS; i++)
		if (strcmp(silent[i].url, url) == 0 || (silent[i].until < silent[at].until && strcmp(silent[at].url, url) != 0))
			at = i;
	if (strlen(url) < sizeof silent[at].url) {
		memcpy(silent[at].url, url, strlen(url) + 1);
		silent[at].until = when + SILENCE_S;
	}
	pthread_mutex_unlock(&lock);
}

/* --- whom to ask --- */

/* Only where the configuration says: else a certificate could make us call anybody. */
static const char *allowed(struct arena *a, const ASN1_STRING *uri)
{
	const char *url = arena_str(a, slice_mem(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)));
	if (strlen(url) == (size_t)ASN1_STRING_length(uri) && eid_conf.responders != NULL && partner_allows(eid_conf.responders, url))
		return url;
	log_warn("eID: a certificate names an address that eid.responders does not allow");
	return NULL;
}

static const char *ocsp_url(struct arena *a, X509 *cert)
{
	const char *url = NULL;
	AUTO(access_free_p) AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
	for (int i = 0; url == NULL && all != NULL && i < sk_ACCESS_DESCRIPTION_num(all); i++) {
		const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(all, i);
		if (OBJ_obj2nid(d->method) == NID_ad_OCSP && d->location->type == GEN_URI)
			url = allowed(a, d->location->d.ia5);
	}
	return url;
}

static const char *first_uri(struct arena *a, const DIST_POINT *p)
{
	/* A point with reasons, or of another issuer, is not the whole list (RFC 5280 4.2.1.13). */
	if (p->distpoint == NULL || p->distpoint->type != 0 || p->reasons != NULL || p->CRLissuer != NULL)
		return NULL;
	for (int i = 0; i < sk_GENERAL_NAME_num(p->distpoint->name.fullname); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(p->distpoint->name.fullname, i);
		if (n->type == GEN_URI)
			return allowed(a, n->d.ia5);
	}
	return NULL;
}

static const char *list_url(struct arena *a, X509 *cert)
{
	const char *url = NULL;
	AUTO(points_free_p) CRL_DIST_POINTS *all = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	for (int i = 0; url == NULL && all != NULL && i < sk_DIST_POINT_num(all); i++)
		url = first_uri(a, sk_DIST_POINT_value(all, i));
	return url;
}

/* --- what they said --- */

static enum verdict decided(struct eid_check *check, enum eid_word word)
{
	check->why = word == EID_REVOKED ? "card-revoked" : word == EID_UNKNOWN ? "card-unknown" : NULL;
	return word == EID_GOOD ? V_ALLOW : V_DENY;
}

static enum verdict nobody_knows(const struct eid_card *card, struct eid_check *check)
{
	log_err("eID: nobody could say whether certificate %s was revoked%s", card->serial, eid_conf.allow_unchecked ? ": let in" : "");
	check->unchecked = eid_conf.allow_unchecked;
	return eid_conf.allow_unchecked ? V_ALLOW : V_DOWN;
}

static enum verdict ask_list(struct arena *a, const struct eid_card *card, time_t when, struct eid_check *check)
{
	const char *url = list_url(a, card->certificate);
	enum eid_word word = url != NULL ? eid_crl_kept(card, url, when) : EID_NOTHING;
	if (word != EID_NOTHING)
		return decided(check, word);
	if (url == NULL || is_silent(url, when))
		return nobody_knows(card, check);
	check->asked = ASKED_LIST;
	check->url = url;
	check->call = (struct partner_call){ .url = url, .allow = eid_conf.responders, .plain_http = true, .max = MAX_LIST };
	return V_MORE;
}

static bool wants_nonce(const char *url)
{
	return eid_conf.no_nonce == NULL || !partner_allows(eid_conf.no_nonce, url);
}

static enum verdict ask_responder(struct arena *a, const struct eid_card *card, time_t when, struct eid_check *check)
{
	const char *url = ocsp_url(a, card->certificate);
	if (url == NULL || is_silent(url, when))
		return ask_list(a, card, when, check);
	check->asked = ASKED_OCSP;
	check->url = url;
	check->call = (struct partner_call){ .url = url, .allow = eid_conf.responders, .plain_http = true,	/* RFC 6960 A.1 */
		.type = "application/ocsp-request", .accept = "application/ocsp-response",
		.body = eid_ocsp_request(a, card, wants_nonce(url) ? &check->nonce : NULL) };
	return V_MORE;
}

static enum verdict begin(struct arena *a, const struct eid_card *card, time_t when, struct eid_check *check)
{
	time_t until;
	const char *why;
	if (known_good(card, when))
		return V_ALLOW;
	enum eid_word word = check->stapled.n > 0 ? eid_ocsp_answer(card, check->stapled, S_NONE, when, &until, &why) : EID_NOTHING;
	if (word == EID_NOTHING)
		return ask_responder(a, card, when, check);
	if (word == EID_GOOD)
		note_good(card, until);
	return decided(check, word);
}

static bool answered(const struct eid_check *check, time_t when)
{
	if (check->rc == OK && check->answer.status == 200)
		return true;
	if (check->rc == OK)
		log_err("eID: %s answers %ld", check->url, check->answer.status);
	note_silent(check->url, when);
	return false;
}

static enum verdict hear_responder(struct arena *a, const struct eid_card *card, time_t when, struct eid_check *check)
{
	time_t until;
	const char *why = NULL;
	enum eid_word word = answered(check, when) ? eid_ocsp_answer(card, check->answer.body, check->nonce, when, &until, &why) : EID_NOTHING;
	if (why != NULL)
		log_err("eID: %s: its answer is not taken: %s", check->url, why);
	if (word == EID_NOTHING)
		return ask_list(a, card, when, check);
	if (word == EID_GOOD)
		note_good(card, until);
	return decided(check, word);
}

static enum verdict hear_list(const struct eid_card *card, time_t when, struct eid_check *check)
{
	const char *why = NULL;
	enum eid_word word = answered(check, when) ? eid_crl_answer(card, check->url, check->answer.body, when, &why) : EID_NOTHING;
	if (why != NULL) {
		log_err("eID: %s: this list is not taken: %s", check->url, why);
		note_silent(check->url, when);
	}
	return word == EID_NOTHING ? nobody_knows(card, check) : decided(check, word);
}

void eid_forget(void)
{
	pthread_mutex_lock(&lock);
	memset(good, 0, sizeof good);
	memset(silent, 0, sizeof silent);
	pthread_mutex_unlock(&lock);
	eid_crl_forget();
	eid_chains_forget();
}

enum verdict eid_standing(struct arena *a, const struct eid_card *card, time_t when, struct eid_check *check)
{
	int asked = check->asked;
	check->asked = -1;			/* asked once more without a question: a mistake, and no yes */
	check->unchecked = false;
	check->why = NULL;
	switch (asked) {
	case ASKED_NOBODY:
		return begin(a, card, when, check);
	case ASKED_OCSP:
		return hear_responder(a, card, when, check);
	case ASKED_LIST:
		return hear_list(card, when, check);
	default:
		check->why = "card-unknown";
		return V_DENY;
	}
}
