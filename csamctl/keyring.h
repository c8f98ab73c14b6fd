/* The keyring, asked over its control socket. */
#ifndef CSAMCTL_KEYRING_H
#define CSAMCTL_KEYRING_H

#include "csamctl/ctl.h"
#include "csamctl/ldap.h"

int keyring_reach(struct ctl *c);			/* DONE, or USAGE: nobody said where it is */
int keyring_no_answer(const struct ctl *c);		/* says so; REFUSED */

/* To the node whose address is in the file `to`, or by the option --passphrase-file FILE, of which one must be given: the keys, encrypted. DONE; REFUSED or USAGE, which was said. */
int keyring_exported(struct ctl *c, const char *to, struct slice *jwe);

#endif
