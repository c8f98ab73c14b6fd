/* A new person as LDIF: what the command line and a line of a CSV file both give. */
#ifndef CSAMCTL_PERSON_H
#define CSAMCTL_PERSON_H

#include "csamctl/ctl.h"
#include "csamctl/ldap.h"

/* As typed; NULL or "" where nothing was given. */
struct person_new {
	const char *uid, *given_name, *family_name, *mail, *mobile, *national_number, *terms, *lang;
	const char *password, *password_hash, *totp, *posix, *identity_level;
	bool verified;			/* mail and mobile were seen to belong to the person */
	bool pending;			/* the app key waits to be activated */
};

/* Appends the records of person and keys. DONE; REFUSED with *why, or with *why NULL when it was said already. *secret: the secret of
 * the app key in base32, or NULL. */
int person_records(struct ctl *c, struct person_new in, struct buf *out, const char **why, const char **secret);

/* One new key. */
struct key_new {
	const char *person_dn, *subject, *id, *kind, *label, *secret, *level, *data, *counter, *address;
	bool pending;
};
int key_record(struct ctl *c, const struct key_new *k, struct buf *out);

/* The one person of that name, with every attribute that commands need. DONE, or REFUSED, which was said. */
int person_find(struct ctl *c, struct dir *d, const char *name, struct ldap_entry *out);

enum { KEYS_MAX = 64 };
/* Keys of a person, in the order of their names. */
int person_keys(struct ctl *c, struct dir *d, const struct ldap_entry *person, struct ldap_entry keys[KEYS_MAX], size_t *n);

#endif
