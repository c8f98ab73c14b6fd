/* A printed card of codes: a token (RFC 4226) made of paper. Its codes are those of the numbers 1, 2, … of a counter, under SHA-1; csamKeyData of the key
 * is "card NUMBER-OF-CODES". */
#ifndef CSAM_CARD_CODES_H
#define CSAM_CARD_CODES_H

enum { CARD_CODES = 24, CARD_DIGITS = 8, CARD_MAX = 48 /* one bit of the key's counter each */ };

#endif
