/* Does the issuer answer by its name, as people and hosts reach it? */
#include "base/clock.h"
#include "base/json.h"
#include "csamctl/check.h"
#include "csamctl/fetch.h"

enum { SKEW_S = 5 };

const json_t *check_metadata(struct check *k, const char *issuer, const char *ca_file, struct page *page)
{
	json_t *meta = NULL;
	const char *why = NULL, *url = arena_printf(k->c->a, "%s/.well-known/openid-configuration", issuer);
	*page = (struct page){ 0 };
	if (fetch(k->c->a, url, ca_file, page, &why) != OK) {
		check_fail(k, "issuer %s: %s → do name, network, firewall, proxy and the certificate's authority fit?", issuer, why);
		return NULL;
	}
	const char *says = page->status == 200 && json_parse(k->c->a, page->body, &meta, &why) == OK ? json_str(meta, "issuer") : NULL;
	if (says == NULL)
		check_fail(k, "%s answers %ld and no metadata → is it idpd that answers there?", url, page->status);
	else if (strcmp(says, issuer) != 0)	/* OpenID Connect Discovery 4.3: exactly equal */
		check_fail(k, "the issuer calls itself %s, the configuration says %s → clients and hosts refuse that: make them equal", says, issuer);
	else
		return meta;
	return NULL;
}

static void skew(struct check *k, const struct page *p)
{
	long off = (long)(p->date - now());
	if (p->date != 0 && (off > SKEW_S || off < -SKEW_S))
		check_warn(k, "the issuer's clock differs from this one by %ld s → mend the one that is wrong", off);
}

void check_issuer_answers(struct check *k)
{
	const char *issuer = k->c->set.issuer;
	struct page p;
	if (issuer == NULL)
		return;
	if (check_metadata(k, issuer, opt(k->c, "issuer-ca"), &p) != NULL)
		check_ok(k, "issuer %s answers by that name", issuer);
	if (p.status != 0)
		skew(k, &p);
}
