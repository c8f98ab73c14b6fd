/* What a person lets a service know. */
#ifndef CSAM_CONSENT_H
#define CSAM_CONSENT_H

#include "core/session.h"
#include "oidc/request.h"

/* Must the person be asked first? No when the service does not ask and neither does the request, when this request was answered yes,
 * or when what was allowed before covers it. */
bool consent_needed(struct arena *a, const struct auth_request *req, const struct person *person);

#endif
