/* The terms that people accept: which version, and when (directory_terms says what is in force). */
#ifndef CSAM_TERMS_H
#define CSAM_TERMS_H

#include "svc/directory.h"

/* As the audit trail has them: version and, where it is known, language of the text. */
const char *terms_told(struct arena *a, const struct terms *terms);

bool terms_accepted(const struct person *person, const char *version);

/* The terms in force that the person has not accepted; E_NOENT: there are none. Never waits. */
int terms_missing(struct arena *a, const struct person *person, const char *lang, struct terms *out);

#endif
