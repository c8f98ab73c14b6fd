/* 'My data': what its pages share. */
#ifndef CSAM_MYDATA_H
#define CSAM_MYDATA_H

#include "apps/desk.h"

/* The person's open sessions, for a page: id, place, browser, since, used, key, services[], here. */
int data_session_rows(struct request *r, const struct desk *desk, json_t **out);

/* Ends one of them (E_NOENT: it is not the person's, or over), or all but the one at the desk. */
int data_session_end(struct request *r, const struct desk *desk, struct slice sid);
int data_sessions_end_others(struct request *r, const struct desk *desk);

/* Services that were given data, for a page: id, service, since, items[]. */
int data_consent_rows(struct request *r, const struct desk *desk, json_t **out);
int data_consent_end(struct request *r, const struct desk *desk, struct slice service_id);	/* E_NOENT: there is none */

/* What a key is called: kind, and the person's own name for it. */
const char *data_key_name(struct arena *a, const struct desk *desk, const char *kind, const char *key_id);

#endif
