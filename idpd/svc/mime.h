/* A mail as bytes: headers (RFC 5322, RFC 2047) and the two forms of one text (RFC 2046 5.1.4). */
#ifndef CSAM_MIME_H
#define CSAM_MIME_H

#include <time.h>
#include "base/buf.h"

struct mime {
	const char *from, *from_name;	/* address; name or "" */
	const char *reply_to;		/* address or "" */
	const char *to;
	const char *subject, *lang;
	const char *id;			/* of letters, digits, '-' and '_': Message-ID and boundary come from it */
	time_t date;
	struct slice text, html;	/* lines end in \n */
};

/* Lines end in CR LF and have at most 78 characters, whatever the texts are. Control characters in names and subject become spaces. */
void mime_write(struct buf *b, const struct mime *m);

#endif
