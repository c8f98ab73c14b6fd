/* When sessions were used last, as far as that is not written yet. */
#ifndef CSAM_SESSION_SEEN_H
#define CSAM_SESSION_SEEN_H

#include <time.h>

enum { SID_CHARS = 22 };		/* 16 bytes in base64url */

/* Uses seen on threads that may not write, until one that may has to do with the same session (the code that was just
 * issued is redeemed there). A place that is taken over only makes the session idle a little sooner. */
void session_seen_note(const char *sid, time_t when);
time_t session_seen_when(const char *sid);	/* 0: not known */

#endif
