/* The Belgian national number (NISS/INSZ) and the BIS number of people who are not in the national register. */
#ifndef CSAM_NATIONAL_H
#define CSAM_NATIONAL_H

#include <stdbool.h>
#include "base/slice.h"

/* Eleven digits YYMMDD SSS CC with the right check digits, a date that exists or is unknown, and that is not in the future. OK or
 * E_INPUT. allow_test lets the numbers of test cards pass, whose dates and serial numbers cannot exist. */
int national_number_check(struct slice number, bool allow_test);

#endif
