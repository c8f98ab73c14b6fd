/* Names that no person may have on a host: those that a system gives to itself. */
#ifndef CSAM_NAMES_H
#define CSAM_NAMES_H

#include "base/slice.h"

/* Also what is no name of a user at all: letters, digits, '.', '_' and '-' behind a letter, at most 32 (useradd(8)). */
bool name_is_reserved(struct slice name);

#endif
