/* What the token endpoint answers, whatever the grant. */
#ifndef CSAM_TOKENS_H
#define CSAM_TOKENS_H

#include "oidc/client.h"
#include "oidc/grant.h"

/* Who asks for tokens, and what must be claimed of the proof before anything is answered (client.h); claimed: it was. */
struct asker {
	const struct service *client;	/* NULL: it turned out not to have proven who it is */
	struct client_once once;
	bool claimed;
};

/* Each grant type: OK with the response drawn, E_INPUT with *no, or an error for the router. */
int token_code(struct request *r, struct response *resp, struct asker *asker, struct refusal *no);
int token_refresh(struct request *r, struct response *resp, struct asker *asker, struct refusal *no);
int token_device(struct request *r, struct response *resp, struct asker *asker, struct refusal *no);

/* What was granted becomes tokens, once for each family; ttl_s: how long it could be shown again. A second time ends all that came from the first. */
int token_redeem(struct request *r, struct response *resp, struct asker *asker, struct grant *g, unsigned ttl_s, struct refusal *no);

extern const char *const token_grant_types[];

/* Made before anything is spent, so that a keyring that is down costs nobody a code. */
struct tokens {
	struct slice access, id;
	unsigned level;			/* that acr tells */
};
int tokens_make(struct arena *a, const struct service *client, const struct grant *g, const struct login *login, struct tokens *out);

/* The audit line, durable, and then the answer. refresh p NULL: none. */
int tokens_send(struct request *r, struct response *resp, const struct service *client, const struct grant *g,
    const struct tokens *t, struct slice refresh);

/* Refresh tokens. */
int refresh_new(struct arena *a, const struct grant *g, struct slice *out);
int refresh_look(struct arena *a, struct slice token, struct grant *out);	/* E_NOENT: none of ours; out->used: it was spent before */

#endif
