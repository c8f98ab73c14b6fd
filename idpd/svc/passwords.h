/* Passwords as they stand in the directory, and those that everybody knows. The only home of libargon2. */
#ifndef CSAM_PASSWORDS_H
#define CSAM_PASSWORDS_H

#include "base/arena.h"

const char *password_hash(struct arena *a, struct slice password);	/* {ARGON2}$argon2id$... for slapd's argon2 module; about 20 ms */

/* Loads the list: one word a line, lower case, sorted byte for byte; '#' begins a remark. E_INPUT is logged. */
int passwords_open(const char *file);

/* Is it on the list, in any case, also with figures and signs before or behind it, or is it one word twice? */
bool password_is_known(struct slice password);

struct slice password_core(struct slice password);	/* without figures and signs (ASCII) before and behind */

#endif
