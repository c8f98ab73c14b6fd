/* The terms on a page. */
#ifndef CSAM_APPS_TERMS_H
#define CSAM_APPS_TERMS_H

#include "http/http.h"
#include "svc/directory.h"

/* Puts version and blocks[] of heading | text into the values of a page (share/html/terms-text.html). */
void terms_put(struct arena *a, json_t *values, const struct terms *terms);

#endif
