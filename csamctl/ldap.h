/* Reads the directory by the administrator's own bind. The only home of libldap in csamctl; there is no write in it. */
#ifndef CSAMCTL_LDAP_H
#define CSAMCTL_LDAP_H

#include "csamctl/ctl.h"

struct dir;

/* By the options of every command. DONE; REFUSED or USAGE, which was said. The connection ends with c->a. */
int dir_open(struct ctl *c, struct dir **out);
int dir_try(struct ctl *c, struct dir **out, const char **why);	/* the same, says nothing: OK, E_INPUT, E_DOWN */
int dir_open_nobody(struct ctl *c, struct dir **out, const char **why);	/* connects, and does not bind at all */
/* As somebody else: dn NULL binds anonymously. OK; E_INPUT: name or password refused; E_DOWN. *why tells. */
int dir_open_as(struct ctl *c, const char *dn, struct slice password, struct dir **out, const char **why);

struct attr {
	const char *name;
	const struct slice *vals;	/* each NUL-terminated besides */
	size_t n;
};

struct ldap_entry {
	const char *dn;
	const struct attr *attrs;
	size_t n;
};

const struct attr *entry_attr(const struct ldap_entry *e, const char *name);	/* NULL when absent; options of names count */
const char *entry_str(const struct ldap_entry *e, const char *name);		/* first value, or NULL */
bool entry_has(const struct ldap_entry *e, const char *name, const char *value);	/* letters of any case */

enum scope { SCOPE_BASE, SCOPE_ONE, SCOPE_TREE };

struct search {
	const char *base;
	enum scope scope;
	const char *filter;
	const char *const *attrs;	/* NULL: all */
};

/* fn sees every entry, in pages, so that any number of them fits in memory; it gives OK to go on. OK, what fn
 * gave, E_NOENT when the base does not exist, E_INPUT when the directory refuses, E_LIMIT when it stops in between, or E_DOWN; *why tells. */
typedef int entry_fn(void *ctx, struct arena *a, const struct ldap_entry *e);
int dir_each(struct dir *d, const struct search *s, entry_fn *fn, void *ctx, const char **why);

/* At most max entries, in c->a. E_LIMIT when there are more. */
int dir_find(struct ctl *c, struct dir *d, const struct search *s, struct ldap_entry *out, size_t max, size_t *n, const char **why);

/* Does content sync (RFC 4533) answer below base? OK, E_NOENT when the directory does not know it, E_DOWN. */
int dir_sync_works(struct dir *d, const char *base, const char **why);

#endif
