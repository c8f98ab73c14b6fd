/* Who sits at the desk of 'My digital keys': somebody who is signed in, and for what changes something has just shown it again. */
#ifndef CSAM_DESK_H
#define CSAM_DESK_H

#include "core/session.h"
#include "http/http.h"

enum { DESK_RECENT_S = 5 * 60 };	/* for so long a proof counts for changes */

struct desk {
	struct login login;		/* person NULL: nobody fits, and *resp already leads to the login and back to `path` */
	unsigned level;			/* what may be changed: nothing above it. Of a recent proof where one was asked for */
	const char *lang;
	const char *token;		/* for forms that change keys */
	json_t *values;			/* for the template: csrf_token is in it */
};

/* To look at things: any session does. */
int desk_open(struct request *r, struct response *resp, const char *path, struct desk *out);

/* To change things: a proof of the last five minutes, of at least that level (0: any). On POST the form must be ours too: when it is not,
 * it is as with nobody, and the page says that the form has expired. */
int desk_open_recent(struct request *r, struct response *resp, const char *path, unsigned level, struct desk *out);

#endif
