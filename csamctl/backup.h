/* What a backup is made of and restored to. */
#ifndef CSAMCTL_BACKUP_H
#define CSAMCTL_BACKUP_H

#include <stdlib.h>
#include "csamctl/keyring.h"
#include "csamctl/pack.h"
#include "keyring/secret.h"

struct conf;
struct set {
	struct ctl *c;
	const struct conf *conf;
	const char *dir;
	const char *slapd_config, *slapcat, *slapadd;	/* slapd_config NULL: without the directory */
};

/* From the command line. DONE, or USAGE, which was said. */
int set_begin(struct ctl *c, struct set *s);

/* How many secrets an LDIF holds, and how many of them name none of these keys (records with use and kid). DONE, or REFUSED, which was said. */
int secrets_without_key(struct arena *a, const char *ldif, const json_t *keys, size_t *secrets, size_t *without);

#endif
