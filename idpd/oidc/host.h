/* Hosts as clients: what doc/challenge-profile.md says of every request of theirs. */
#ifndef CSAM_HOST_H
#define CSAM_HOST_H

#include "core/conversation.h"
#include "oidc/client.h"

enum { HOST_PROFILE = 1 };		/* csam_profile */

/* A csamHost with private_key_jwt that speaks our profile; its assertion may be a lasting one, with lasting it must. What is left for client_use
 * is in *once. E_INPUT with *no. */
int host_authenticate(struct request *r, bool lasting, const struct service **out, struct client_once *once, struct refusal *no);

/* What every question names. E_INPUT with *no. */
struct host_ask {
	const char *user;
	const char *via;		/* pam_service, or NULL */
	const char *peer;		/* where the person sits: rhost when it is an address, else the host itself */
};
int host_read(struct request *r, struct host_ask *out, struct refusal *no);

json_t *host_posix(const struct person *person);	/* csam_posix; new reference */

/* The turn as JSON members auth_session and prompt. */
void host_prompt(struct arena *a, const struct turn *turn, json_t *out);

/* The text for the person, in the person's language: what a terminal is told ("host." in place of the id's first word) where it differs. */
const char *host_text(struct arena *a, const char *lang, const char *id, const struct prompt *ask);

#endif
