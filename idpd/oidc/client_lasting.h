/* Client assertions that are sent again and again: their signature, once it was verified, is remembered. */
#ifndef CSAM_CLIENT_LASTING_H
#define CSAM_CLIENT_LASTING_H

#include <time.h>
#include "base/buf.h"
#include "oidc/oidc.h"

/* Was this very assertion verified before, with the keys that the service has now? Then its claims; their times are the caller's to check. */
bool lasting_known(struct arena *a, const struct service *s, struct slice assertion, json_t **claims);
void lasting_keep(struct arena *a, const struct service *s, struct slice assertion, time_t expires);

#endif
