/* The authorization response: parameters for the client, by redirect or by a form (OAuth 2.0 Form Post Response Mode). */
#ifndef CSAM_ANSWER_H
#define CSAM_ANSWER_H

#include "oidc/request.h"

int answer_code(struct request *r, struct response *resp, const struct auth_request *req, struct slice code);
int answer_error(struct request *r, struct response *resp, const struct auth_request *req, const struct refusal *no);

/* uri with name=value&... behind its own query, for a Location header. */
struct pair { const char *name; struct slice value; };		/* value.p NULL: left out */
const char *address_with(struct arena *a, const char *uri, const struct pair *pairs, size_t n);

const char *request_lang(struct request *r, struct response *resp, const struct auth_request *req);

#endif
