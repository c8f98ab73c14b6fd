/* Is that who was asked for? What an ID token must say before a host lets somebody in. Pure: no network, no NSS. */
#ifndef CSAM_AGENT_IDENTITY_H
#define CSAM_AGENT_IDENTITY_H

#include <time.h>
#include "agent/reply.h"

struct unix_user {			/* what this host's NSS says of the name */
	bool known;
	unsigned long uid;
};

struct wanted {
	const char *issuer, *client_id, *nonce, *user;
	unsigned level;
	unsigned long min_uid;
	struct unix_user unix_user;
	time_t since, now;		/* the conversation began then */
};

struct identity {
	unsigned level;
	struct posix_name who;
};

/* NULL: it is who was wanted, and *out is filled. Else a word for the log: that denies. */
const char *identity_fault(const json_t *claims, const struct wanted *w, struct identity *out);

/* The name and number alone, as the account operation has them. NULL or a word for the log. */
const char *posix_fault(const struct posix_name *who, const struct wanted *w);

#endif
