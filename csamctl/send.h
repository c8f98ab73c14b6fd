/* One message now, past the queue: what the server says is shown. */
#ifndef CSAMCTL_SEND_H
#define CSAMCTL_SEND_H

#include "csamctl/ctl.h"
#include "svc/outbox.h"

/* Loads what messages say; send_now() does so by itself, who puts texts into an argument before. DONE; USAGE, REFUSED after saying why. */
int send_texts(struct ctl *c);

/* Of `p`, to, lang, text_id and arguments are the caller's. DONE; USAGE, REFUSED after saying why. */
int send_now(struct ctl *c, enum channel channel, struct parcel p);

#endif
