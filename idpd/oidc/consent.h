/* What a person lets a service know. */
#ifndef CSAM_CONSENT_H
#define CSAM_CONSENT_H

#include "core/session.h"
#include "oidc/request.h"

/* Must the person be asked first? No when the service does not ask and neither does the request, when this request was answered yes,
 * or when what was allowed before covers it. */
bool consent_needed(struct arena *a, const struct auth_request *req, const struct person *person);

/* The person agrees to these scopes (space-separated): kept where the service must ask, unless what was kept before covers them. */
int consent_keep(struct arena *a, const struct service *service, const struct person *person, const char *scopes);

#endif
