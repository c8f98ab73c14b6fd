/* What a value must look like before it is written to the directory. Each check gives NULL, or what is wrong. */
#ifndef CSAMCTL_FIELDS_H
#define CSAMCTL_FIELDS_H

#include <stdint.h>
#include "base/arena.h"

const char *field_name(struct slice uid, bool posix);	/* a user name; posix: also none that the system has */
const char *field_mail(struct slice mail);
const char *field_text(struct slice text);		/* a given name, a label */
const char *field_language(struct slice lang);
const char *field_version(struct slice version);
const char *field_password(struct slice password);
const char *field_level(struct slice level);		/* 100 200 300 400 450 500 */
const char *field_id(struct slice id);			/* of a service or a key */
const char *field_redirect(struct slice uri, bool native);
const char *field_web(struct slice uri);		/* an address that people open */

/* These write the one form that is stored. */
const char *field_phone(struct arena *a, struct slice in, const char **out);	/* E.164: +32470123456 */
const char *field_national(struct arena *a, struct slice in, bool testing, const char **out);
const char *field_totp(struct arena *a, struct slice in, const char **out);	/* base32 of 16 to 64 bytes, or "new" */

struct posix { unsigned long uid, gid; };
const char *field_posix(struct slice in, struct posix *out);			/* UID:GID */

#endif
