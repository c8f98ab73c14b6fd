/* What HTTP and SMTP share: curl handles that are kept, with TLS verified. */
#ifndef CSAM_PARTNER_PARTS_H
#define CSAM_PARTNER_PARTS_H

#include "base/transfer.h"
#include "svc/partner.h"

/* A handle for `origin` ("https://host:443"): one with an open connection to it when there is an idle one. Every option is at our default:
 * TLS 1.2 or newer and verified, no proxy, no redirects, no signals. The calling thread owns it until handle_give. */
CURL *handle_take(const char *origin);
void handle_give(CURL *c, const char *origin, bool keep);	/* keep: its connection is in order */

void handle_trust(CURL *c, const char *ca_file);	/* NULL or "": partner_conf's, or the system's */

#endif
