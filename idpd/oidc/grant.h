/* What was granted to a client: the content of codes, access tokens and refresh tokens. */
#ifndef CSAM_GRANT_H
#define CSAM_GRANT_H

#include <stdint.h>
#include "base/digest.h"
#include "core/session.h"
#include "oidc/oidc.h"

enum { FAMILY_LEN = 16 };

struct grant {
	unsigned char family[FAMILY_LEN];	/* the code's number; everything that comes from the code carries it */
	const char *client;			/* client_id */
	const char *subject, *sid;		/* csamSubject; the session it rests on, or "": */
	struct slice frozen;			/* what was proven on a host, where no session stays (session_thaw) */
	const char *scope;			/* space-separated */
	uint32_t userinfo, id_token;		/* claims asked for one by one */
	time_t auth_time, made;			/* made: the code */
	unsigned level, amr;			/* of the login then: never told higher later */
	unsigned acr;				/* essential acr that was met and is told; 0: tell the level */
	bool offline;				/* outlives the session: rests on what was frozen */
	/* codes only */
	const char *nonce;			/* "" when absent */
	bool has_redirect;
	unsigned char redirect[SHA256_LEN];	/* of the redirect URI */
	bool has_challenge;
	unsigned char challenge[SHA256_LEN];	/* code_challenge of method S256 */
	/* refresh tokens only */
	bool used;				/* there is a newer one; what it stays is the way back to its family */
};

struct slice grant_pack(struct arena *a, const struct grant *g);
int grant_unpack(struct arena *a, struct slice packed, struct grant *out);	/* OK or E_INPUT */

/* Sealed texts. Open: E_INPUT (not one of ours) or E_NOENT (expired). */
int grant_seal(struct arena *a, const char *kind, const struct grant *g, time_t expires, struct slice *out);
int grant_open(struct arena *a, const char *kind, struct slice text, struct grant *out);
#define GRANT_CODE "code"
#define GRANT_ACCESS "at"

/* The login a grant rests on, as it stands now, for its service. E_NOENT when it stands no more: signed out (unless offline), key or person locked,
 * not allowed by the service any more, level below what the service wants, family revoked. On OK login->level and amr are what may be told, and of
 * g's scope and claims is left what the service may still ask for. */
int grant_login(struct arena *a, struct grant *g, const struct service *service, struct login *out);
unsigned grant_acr(const struct grant *g, const struct login *login);	/* the level that acr tells */

/* A grant of offline_access rests on the session's proofs as they are now: kept for the family, for ttl_s anew at each call. */
int grant_freeze(struct arena *a, const struct grant *g, const struct login *login);

/* Ends everything that came from the code, for as long as any of it could live. Durable on OK. */
int grant_revoke(const unsigned char family[FAMILY_LEN]);

#endif
