/* The sessions of a person, by sid: one record under csamSubject, which changes in the acts that start and end a session. */
#ifndef CSAM_SESSION_INDEX_H
#define CSAM_SESSION_INDEX_H

#include "core/session.h"

/* Acts; `s` must live as long. With: E_LIMIT when there is no room. */
struct state_act session_index_with(const struct session *s);
struct state_act session_index_without(const struct session *s);

/* Takes out those that are over; when there are none, the oldest ends. */
int session_index_room(const char *subject);

/* The record of a session that is still open, as it was last written. E_NOENT. Never waits. */
int session_look(struct arena *a, struct slice sid, struct session *out);

#endif
