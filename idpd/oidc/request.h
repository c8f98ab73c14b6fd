/* The authorization request: read, checked, put aside while a person signs in, and taken up again. */
#ifndef CSAM_OIDC_REQUEST_H
#define CSAM_OIDC_REQUEST_H

#include "oidc/claims.h"
#include "oidc/grant.h"

extern const char *const request_response_types[], *const request_response_modes[], *const request_challenge_methods[],
    *const request_prompts[];		/* what we know; NULL-terminated; for the metadata */

/* Parameters we read (OpenID Connect Core 3.1.2.1, RFC 7636, form post); all others are ignored, as RFC 6749 3.1 says. */
enum {
	P_CLIENT_ID, P_REDIRECT_URI, P_STATE, P_RESPONSE_MODE, P_RESPONSE_TYPE, P_SCOPE, P_NONCE, P_DISPLAY, P_PROMPT, P_MAX_AGE,
	P_UI_LOCALES, P_CLAIMS_LOCALES, P_ID_TOKEN_HINT, P_LOGIN_HINT, P_ACR_VALUES, P_CLAIMS, P_CODE_CHALLENGE,
	P_CODE_CHALLENGE_METHOD, P_REQUEST, P_REQUEST_URI, P_REGISTRATION, PARAMS
};
enum prompt_flag { PROMPT_NONE = 1, PROMPT_LOGIN = 2, PROMPT_CONSENT = 4, PROMPT_SELECT = 8 };

struct auth_request {
	struct slice param[PARAMS];		/* p NULL: absent */
	/* checked */
	const struct service *service;
	const char *redirect_uri;		/* set: errors go to the client */
	const char *page;			/* not set: what the error page says (web_error) */
	bool form_post;
	const char *scope;			/* what is granted of what was asked */
	unsigned prompts;			/* enum prompt_flag */
	long max_age;				/* -1: none */
	struct claims_wanted claims;
	const char *sub;			/* of id_token_hint or claims: the answer must be about this one; or NULL */
	unsigned level, wish, acr;		/* must be reached; should be; is told as acr (0: the login's own) */
	bool has_challenge;
	unsigned char challenge[SHA256_LEN];
	/* put aside */
	const char *id;				/* name in the address bar; NULL: fresh */
	bool bound;				/* to a browser: */
	unsigned char browser[SHA256_LEN];
	time_t began;				/* when the login began that it waits for; 0: none did */
	const char *consented;			/* csamSubject of who said yes to it; or "" */
};

void request_read(const struct request *r, struct auth_request *out);

/* Everything there is to check before knowing who it is. E_INPUT: with redirect_uri set, *no goes to the client; without, a page says `page`. */
int request_check(struct arena *a, struct auth_request *req, struct refusal *no);

/* The scopes of `asked` that we know and that the service may have (RFC 6749 3.3; Core 3.1.2.1); openid must be among them. */
int request_scope(struct arena *a, const struct service *service, struct slice asked, const char **out, struct refusal *no);

/* RFC 6749 3.1.2.3: byte for byte; native clients on loopback with any port (RFC 8252 7.3). */
bool request_redirect_ok(const struct service *service, struct slice uri);

/* Puts it aside under req->id (a new one when NULL), as one of those that this address brought. */
int request_save(struct arena *a, const char *peer, struct auth_request *req);

/* Takes it up, unchecked. E_NOENT: none of that name, expired, or of another browser. An unbound one is bound to this browser. */
int request_load(struct arena *a, struct slice id, struct slice browser, struct auth_request *out);

/* The person takes longer: what waits at that path of ours waits as long again. For conversation_on_longer. */
void request_lives_on(const char *back);

/* Scopes a person must consent to: those granted, and those of claims asked for one by one. Space-separated. */
const char *request_consent_scopes(struct arena *a, const struct auth_request *req);

#endif
