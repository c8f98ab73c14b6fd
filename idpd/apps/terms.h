/* The terms on a page. */
#ifndef CSAM_APPS_TERMS_H
#define CSAM_APPS_TERMS_H

#include "http/http.h"
#include "svc/directory.h"

struct desk;

/* Puts version and blocks[] of heading | text into the values of a page (share/html/terms-text.html). */
void terms_put(struct arena *a, json_t *values, const struct terms *terms);

/* The person has read these and accepts them. On a thread that may wait. */
int terms_accept(struct request *r, const struct desk *desk, const struct terms *terms);

/* What people declare about their e-mail address (share/html/declarations.html): what is ticked stays ticked; all of it must be. */
void terms_put_declarations(const struct request *r, json_t *values);
bool terms_declared(const struct request *r);

#endif
