/* The letters of telephones. A single one that is not in their alphabet makes every letter of an SMS take two bytes: 70 fit where 160 did. */
#ifndef CSAM_GSM_H
#define CSAM_GSM_H

#include "base/buf.h"

/* The text with signs and accents that their alphabet has not (3GPP TS 23.038 6.2.1) written like those it has: ’ as ', ô as o. Where that does not help,
 * because something else in it has no such letter, it stays as it is. */
void gsm_put(struct buf *b, struct slice text);

#endif
