/* Fetches one page over https, within bounds. The only home of libcurl in csamctl. */
#ifndef CSAMCTL_FETCH_H
#define CSAMCTL_FETCH_H

#include <time.h>
#include "base/arena.h"

struct page {
	long status;
	struct slice body;
	time_t date;		/* what the server says the time is; 0: it does not */
	time_t expires;		/* when its certificate ends; 0: not known */
};

/* ca_file NULL: the system's authorities. No redirects, 5 s, 256 KiB. OK, or E_DOWN with *why. */
int fetch(struct arena *a, const char *url, const char *ca_file, struct page *out, const char **why);

#endif
