/* What a wizard has made and nobody keeps yet: it goes to the browser and back, sealed, for a quarter of an hour. */
#ifndef CSAM_DRAFT_H
#define CSAM_DRAFT_H

#include "apps/desk.h"

struct draft {
	struct slice id, secret;	/* of the key that it may become; the secret as the wizard has it, plain or sealed by the keyring */
};

/* Sealed for that wizard and for who sits at the desk, by session or activation. */
int draft_seal(struct arena *a, const char *wizard, const struct desk *desk, const struct draft *d, struct slice *out);

/* E_NOENT: too old, or made by another wizard, or for somebody else. The arena owns what it points to. */
int draft_open(struct arena *a, const char *wizard, const struct desk *desk, struct slice sealed, struct draft *out);

#endif
