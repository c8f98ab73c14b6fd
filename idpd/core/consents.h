/* What a person let services know, and took back. */
#ifndef CSAM_CONSENTS_H
#define CSAM_CONSENTS_H

#include "svc/directory.h"

struct consent {
	struct slice service, scopes;	/* the service's name; scopes joined by '+' */
	time_t when;			/* 0: not readable */
};

/* A value of csamConsent: "SERVICE SCOPES TIME"; the service's name may hold spaces, the others not. */
bool consent_read(const char *line, struct consent *out);

/* That of the service, or false. */
bool consent_find(const struct person *person, const char *service_id, struct consent *out);

/* Takes it back: what the service was granted until now ends with it, durably, also where the grant outlives the session. */
int consent_withdraw(const struct person *person, const char *service_id);

/* May the service still use what it was granted then? OK; E_NOENT: it was taken back since; E_DOWN. Never waits. `asked`: the person had to agree, so
 * that without a consent there is no grant. */
int consent_stands(const struct person *person, const char *service_id, time_t granted, bool asked);

#endif
