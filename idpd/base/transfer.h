/* Curl as all programs of ours use it: TLS verified, no redirects, no proxy, no signals, bounded answers; whatever it frees is wiped. */
#ifndef CSAM_TRANSFER_H
#define CSAM_TRANSFER_H

#include <curl/curl.h>
#include "base/buf.h"

CURL *transfer_new(void);			/* never NULL; curl_easy_cleanup ends it */
void transfer_defaults(CURL *c);		/* as it was new, with its connections */
void transfer_trust(CURL *c, const char *ca_file);	/* this file's authorities alone; NULL or "": the system's stay */

/* What an answer's body is kept in. */
struct transfer_body {
	struct buf text;
	size_t max;			/* bytes */
	bool too_long;			/* it was, and the transfer ended */
};
void transfer_keep(CURL *c, struct transfer_body *b);

#endif
