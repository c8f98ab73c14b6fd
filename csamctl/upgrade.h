/* What a directory lacks of what this version ships, or has as an earlier version left it: as LDIF, in the order in which it is to be applied.
 *
 * Ours is what an earlier version shipped, word for word (slapd.ldif, "#was"), and definitions below our OID. Everything else is the administrators':
 * it stays as and where it is; what of theirs stands in the place of something of ours is told. */
#ifndef CSAMCTL_UPGRADE_H
#define CSAMCTL_UPGRADE_H

#include "csamctl/ldap.h"
#include "csamctl/shipped.h"

struct upgrade {
	struct ctl *c;
	struct dir *dir;
	struct shipped_names names;	/* filled before: who is called otherwise; NULL: by the conventional name */
	const struct ldap_entry *config;	/* all of cn=config; none where it cannot be read */
	size_t nconfig;
	const char *blind;	/* why it cannot, or NULL */
	bool replica;		/* the tree comes from another server */
	struct buf ldif;
	struct buf lacks;	/* names of what is missing or outdated, each behind a blank */
	struct buf notes;	/* what only an administrator can decide, a line each */
};

/* OK; E_INPUT or E_DOWN with *why. Reads, and writes nothing. */
int upgrade_compare(struct upgrade *u, const char **why);

void upgrade_note(struct upgrade *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool same_dn(const char *a, const char *b);		/* letters of any case, blanks between parts */

/* A record of changetype modify that begins with its first change, and ends where another entry's begins, or with record_end(). */
struct record {
	struct upgrade *u;
	const char *dn, *why;
};
/* why: a comment above it, once for changes that follow each other, or "". index: of an ordered value, or -1. A value may have line feeds where it is to be folded. */
void record_change(struct record *r, const char *dn, const char *op, const char *why, const char *name, int index, const char *value);
void record_end(struct record *r);

/* A record that adds a shipped entry, with former values left out. */
void upgrade_add(struct upgrade *u, const struct shipped_entry *e, const char *dn, const char *why);

void upgrade_schema(struct upgrade *u, const struct ldap_entry *entries, size_t n);	/* upgrade_schema.c; entries: cn=config, or cn=subschema */
int upgrade_config(struct upgrade *u, const char **why);		/* upgrade_config.c: OK or E_INPUT */
void upgrade_lists(struct upgrade *u, const struct shipped_entry *s, const struct ldap_entry *e);	/* upgrade_list.c: values of an entry that is there */

#endif
