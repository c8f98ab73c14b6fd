/* Another device: what the endpoints of RFC 8628, the pages behind them and the hosts' door agree on. */
#ifndef CSAM_DEVICE_H
#define CSAM_DEVICE_H

#include "core/rendezvous.h"
#include "oidc/grant.h"

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"
#define DEVICE_PAGE "/device"		/* verification_uri */

/* verification_uri_complete (RFC 8628 3.3.1). */
const char *device_address(struct arena *a, const char *code);

/* May the person of this login answer, and with what? OK: *answer is what to bring. E_NOENT: they must sign in for it (again, or with a stronger
 * key). May give E_WAIT, E_DOWN. */
int device_answer(struct arena *a, const struct rendezvous *r, const struct service *service, const struct login *login, struct slice *answer);

#endif
