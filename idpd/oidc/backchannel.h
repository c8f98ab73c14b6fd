/* OpenID Connect Back-Channel Logout 1.0: services that a session was used at are told when it ends. */
#ifndef CSAM_OIDC_BACKCHANNEL_H
#define CSAM_OIDC_BACKCHANNEL_H

#include "core/session.h"
#include "svc/outbox.h"

/* For session_on_end: puts a logout token for each of them into the outbox. */
session_ended backchannel_session_ends;

/* Carries CHANNEL_LOGOUT: makes the token when it goes (it lives two minutes) and posts it. */
outbox_carrier backchannel_carry;

#endif
