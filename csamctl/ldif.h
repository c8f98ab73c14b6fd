/* Writes LDIF (RFC 2849) that ldapmodify takes as it is. Every record names its changetype. */
#ifndef CSAMCTL_LDIF_H
#define CSAMCTL_LDIF_H

#include "base/buf.h"

void ldif_record(struct buf *b, const char *dn, const char *changetype);	/* add, modify or delete */
void ldif_attr(struct buf *b, const char *name, struct slice value);
void ldif_str(struct buf *b, const char *name, const char *value);		/* NULL or "" writes nothing */
void ldif_folded(struct buf *b, const char *name, const char *value);		/* line feeds are where it is folded, no part of it */
void ldif_comment(struct buf *b, const char *text);				/* one line, wrapped; "" writes nothing */
void ldif_end(struct buf *b);

/* One modification inside a record of changetype modify; value NULL: the whole attribute. */
void ldif_mod(struct buf *b, const char *op, const char *name, const char *value);

/* "TYPE=VALUE,PARENT" with the value escaped. */
const char *dn_below(struct arena *a, const char *type, const char *value, const char *parent);

#endif
