/* Which services a session was used at: for the word that they get when it ends, and for the person to see. */
#ifndef CSAM_SESSION_SERVICES_H
#define CSAM_SESSION_SERVICES_H

#include "core/session.h"

/* An act that notes the service among those of the session; false when there is no session. The arena lives as long as the act. */
bool session_services_note(struct arena *a, const struct service *service, const char *sid, struct state_act *act);

/* client_ids, each ended by a newline. E_NOENT: none. */
int session_services(struct arena *a, const char *sid, struct slice *out);

void session_services_forget(const char *sid);

#endif
