/* A code that people copy by hand from one place to another: letters that make no words and are read for nothing else (RFC 8628 6.1), in two halves. */
#ifndef CSAM_USER_CODE_H
#define CSAM_USER_CODE_H

#include "base/arena.h"

/* A new one of n letters, each of the twenty as likely as any other: n × 4.3 bits. */
const char *user_code_new(struct arena *a, size_t n);

/* As somebody typed it, in any case, with hyphens or spaces: "wdjb-mjht" is "WDJBMJHT". NULL: that cannot be one of n letters. */
const char *user_code_typed(struct arena *a, struct slice typed, size_t n);

/* As people read it: "WDJBMJHT" is "WDJB-MJHT". */
const char *user_code_spelled(struct arena *a, const char *code);

#endif
