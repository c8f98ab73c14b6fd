/* What this version ships for the directory: schema/csam.ldif, conf/directory/slapd.ldif and tree.ldif, built into the program, so that it is never
 * that of another version. */
#ifndef CSAMCTL_SHIPPED_H
#define CSAMCTL_SHIPPED_H

#include "base/arena.h"

/* Who and what the files call by conventional names, here. */
struct shipped_names {
	const char *suffix, *people, *services, *idpd, *administrators, *owner;
	const char *dir;		/* where slapd keeps its files */
	const char *changes;		/* suffix of the accesslog */
};

struct shipped_value {
	const char *name;
	const char *text;		/* on one line, blanks single, without {n} */
	const char *folded;		/* as in the file: a line feed where a line ends */
	const char *why;		/* the comment above it, or above its entry */
	bool former;			/* an earlier version's, in place of the next value of that name, or of none */
};

struct shipped_entry {
	const char *dn, *why;
	const struct shipped_value *vals;
	size_t n;
};

struct shipped {
	const struct shipped_entry *entries;
	size_t n;
};

struct shipped shipped_schema(struct arena *a);
struct shipped shipped_config(struct arena *a, const struct shipped_names *names);
struct shipped shipped_tree(struct arena *a, const struct shipped_names *names);

/* How a value is compared: without {n}, blanks single. */
const char *plain_value(struct arena *a, struct slice value);
int value_index(const char *value);				/* the n of {n}, or -1 */
const char *shipped_str(const struct shipped_entry *e, const char *name);	/* its first value, or NULL */

#endif
