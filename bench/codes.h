/* The codes of people's second factor: of a token with a counter, or out of the mail that they get. */
#ifndef CSAM_BENCH_CODES_H
#define CSAM_BENCH_CODES_H

#include <stdbool.h>

enum { CODES_PEOPLE = 4096, CODES_DIGITS = 6 };

/* A token for everybody with this seed; the file has a line NAME COUNTER for each whose counter is not 0. */
bool codes_of_tokens(const char *base32, const char *prefix, const char *counters);

/* Takes mail on this port of loopback, as mail servers do (RFC 5321), and remembers the last code for each PREFIXn@…. */
bool codes_by_mail(const char *prefix, unsigned port);

/* The next one of that person, when it is there; a code that is sent, once. */
bool codes_next(unsigned person, char out[CODES_DIGITS + 1]);

#endif
