/* What a new password must be: NIST SP 800-63B-4 3.1.1.2. Long, not known, not one's own name; nothing about kinds of characters. */
#ifndef CSAM_PASSWORD_H
#define CSAM_PASSWORD_H

#include "svc/directory.h"

enum { PASSWORD_LEAST = 8, PASSWORD_LEAST_ALONE = 15, PASSWORD_MOST_BYTES = 256 };

/* Has the person a key that asks for a code beside the password? */
bool password_second(const struct person *person);

/* NULL, or the text id of what is wrong: note.password-short, -short-alone (for somebody without a key that asks for a code), -long,
 * -characters, -known, -name. Taken as it was typed: normalised it would be another one for every other LDAP client. */
const char *password_fault(const struct person *person, bool second, struct slice password);

#endif
