/* Who is the client? Authentication at the token, revocation and introspection endpoints. */
#ifndef CSAM_CLIENT_H
#define CSAM_CLIENT_H

#include "oidc/oidc.h"
#include "svc/audit.h"
#include "svc/state.h"

#define OIDC_TOKEN_PATH "/oidc/token"

extern const char *const client_methods[];	/* what we know; "none" is last */

/* OK: the client has proven who it is, by exactly the method it is registered for (with method none: it has said so, and PKCE or the like
 * must prove the rest). E_INPUT with *no: refused. E_WAIT (private_key_jwt: its jti is claimed), E_DOWN. */
int client_authenticate(struct request *r, const struct service **out, struct refusal *no);

/* The same for an endpoint that claims something of its own: what is to be claimed so that the assertion works once (key empty: nothing), in one act with that.
 * Whatever else becomes of the request, it must be claimed before it is answered: client_use does it alone. E_INPUT with *no: it was used before. */
struct client_once {
	const char *ns;
	struct slice key;
	struct state_claim claim;
};
int client_authenticate_once(struct request *r, const struct service **out, struct client_once *once, struct refusal *no);
int client_use(struct request *r, const struct service *s, const struct client_once *once, struct refusal *no);
int client_used_before(struct request *r, const struct service *s, struct refusal *no);		/* what to say then */

/* For endpoints where an assertion that is sent twice harms nobody (private_key_jwt alone): one that has this endpoint as its one audience and no
 * jti is good until it expires. only: it must be such a one, whatever jti it has; this never waits but for a refusal's line. One that works once is
 * left to client_use. */
int client_authenticate_lasting(struct request *r, bool only, const struct service **out, struct client_once *once, struct refusal *no);

/* A line of the audit trail about a client that is refused, and E_INPUT; E_DOWN, E_WAIT when it cannot be written. Of one network not more than sixty
 * a minute, about: strangers must not keep the disk busy for everybody. */
int client_record_no(struct request *r, enum audit_event event, const struct service *s, const char *why);

bool client_is_public(const struct service *service);

/* "{SHA256}base64(salt 16 || sha256(salt || secret))", or the secret itself. */
bool client_secret_ok(struct arena *a, const char *const *stored, struct slice given);

#endif
