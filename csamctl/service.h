/* A service that speaks OpenID Connect, as LDIF: from the command line, or from client metadata. */
#ifndef CSAMCTL_SERVICE_H
#define CSAMCTL_SERVICE_H

#include "csamctl/ctl.h"
#include "csamctl/ldap.h"

struct local_text {
	const char *lang;		/* "" for the one without language */
	const char *text;
};

struct service_new {
	const char *id, *client_id, *secret;		/* secret in clear: hashed when it is printed; NULL: none */
	const struct local_text *names;			/* ends with text NULL */
	const char *const *redirect_uris, *const *post_logout_uris, *const *kinds, *const *scopes, *const *grants;	/* NULL: none */
	const char *level, *auth_method, *id_token_alg, *userinfo_alg, *jwks;
	const char *subject_type, *sector, *application_type, *client_uri, *policy_uri, *terms_uri, *backchannel_uri;
	bool require_pkce, ask_consent;
};

/* Holds everything against its rule and appends the record. NULL, or what is wrong. */
const char *service_record(struct ctl *c, const struct service_new *s, struct buf *out);

/* What every entry of a service has, hosts too: objectClass csamService, cn, names, level, kinds. The caller goes on with the record. */
const char *service_begin(struct ctl *c, const struct service_new *s, struct buf *out);

/* A line for each of those services, below a head; what: "hosts". DONE; REFUSED or USAGE, which was said. */
int service_table(struct ctl *c, const char *what, const char *filter, const char *head, entry_fn *show);

const struct local_text *service_names(struct ctl *c);	/* of the options --name TEXT and --name fr=TEXT */

#endif
