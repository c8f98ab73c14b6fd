/* A printed card of numbered codes: made from its seed, as text and as a page. */
#ifndef CSAMCTL_CARD_H
#define CSAMCTL_CARD_H

#include "base/card.h"
#include "csamctl/ctl.h"

struct card {
	const char *person, *id, *lang;		/* lang: NULL is the default */
	char codes[CARD_CODES][CARD_DIGITS + 2];	/* "1234 5678" */
};

int card_make(struct ctl *c, const char *base32, struct card *card);	/* DONE or REFUSED, said */
void card_text(const struct card *card, struct buf *out);		/* for a terminal */

/* A page to print, in the person's language: needs the texts of the configured share_dir. Writes `file`, which must not exist yet and which
 * nobody else may read. */
int card_page(struct ctl *c, const struct card *card, const char *file);

#endif
