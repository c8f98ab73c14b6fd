/* Accepts connections to the keyring and answers each in a thread of its own. */
#ifndef CSAM_KEYRING_SERVE_H
#define CSAM_KEYRING_SERVE_H

#include "keyring/ring.h"
#include "keyring/verbs.h"

struct door {
	int fd;			/* listening; -1: absent */
	enum asker asker;
	uid_t uid;		/* who may come besides root */
};

/* Does not return unless it cannot wait any more. */
int serve(struct ring *ring, const struct limits *limits, const struct door *doors, size_t n);

#endif
