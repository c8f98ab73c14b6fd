/* The way in: who was proven, may they enter, and what is left of it. */
#include "base/clock.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/notice.h"

/* The session this login adds to: the browser's own, when it is the same person's. */
static int old_session(struct engine *e, const struct session **old)
{
	struct login login;
	*old = NULL;
	if (e->c.sid == NULL)
		return OK;
	int rc = session_login_sid(e->a, e->c.sid, &login);
	if (rc == OK && strcmp(login.session->subject, e->person->subject) == 0)
		*old = login.session;
	/* What was taken over from a session that is gone must be asked again. */
	if (*old == NULL && e->c.by_session)
		return E_DOWN;
	return rc == E_NOENT ? OK : rc;
}

/* A browser's session; of a host only what is worth looking up when the code is redeemed. */
static int keep(struct engine *e, const struct session *old, const struct proof *proof, struct slice *made, const char **sid)
{
	struct slice rest, part;
	if (e->c.door == DOOR_HOST) {
		*made = session_frozen(e->a, e->person, proof);
		return OK;
	}
	const struct history line = { .event = "login.ok", .kind = proof->kind, .key = proof->key_id, .service = e->c.service, .place = e->peer, .browser = e->browser };
	const struct state_act with = history_adding(e->a, e->person->subject, &line);
	const struct arrival from = { .place = e->peer, .browser = e->browser, .with = &with };
	if (session_start(e->a, old, S_NONE, e->person, proof, &from, made) != OK)
		return E_DOWN;
	rest = *made;
	slice_cut(&rest, '.', &part);
	*sid = arena_str(e->a, part);
	return OK;
}

/* A host is part of the place. */
void engine_came_in(const struct engine *e, const struct key *key)
{
	const char *service = e->service == NULL ? NULL : service_name(e->service, e->person->locale);
	const char *agent = e->c.door == DOOR_HOST ? arena_printf(e->a, "%s%s%s", e->c.service, e->c.via != NULL ? ", " : "", e->c.via != NULL ? e->c.via : "") : e->c.agent;
	notice_login(e->person, key, e->peer, e->c.door == DOOR_HOST ? NULL : service, agent);
}

int engine_admit(struct engine *e, const struct key *key, struct slice *cookie)
{
	const struct session *old;
	const char *sid = NULL;
	/* A login from its first to its last answer is done now, however long the code took to arrive (a service with a short max_age
	 * would refuse it otherwise); one that rests on an earlier password is as old as that. */
	struct proof proof = { .kind = e->kind->name, .key_id = key->id, .when = e->c.by_session ? e->c.since : now(), .alone = e->c.proven };
	struct try t = { .person = e->person, .key = key };
	struct slice made;
	int rc = e->service != NULL ? directory_allowed(e->a, e->service, e->person) : OK;
	if (rc == E_NOENT)
		engine_record(e, EV_LOGIN_NO, &t, "not-allowed");
	if (rc == OK)
		rc = old_session(e, &old);
	if (rc == OK)
		rc = keep(e, old, &proof, &made, &sid);
	if (rc != OK)
		return rc;
	const struct audit_line line = { .event = EV_LOGIN_OK, .subject = e->person->subject, .kind = proof.kind, .key = key->id, .card = e->card,
	    .service = e->c.service, .peer = e->peer, .via = e->c.via, .session = sid, .level = policy_level(e->kind, e->person, key, now()) };
	rc = sid != NULL ? audit_write(&line) : history_audit(&line, NULL);	/* with a session the history has it already */
	if (rc != OK) {
		if (sid != NULL)
			session_end(made);	/* no yes before its line is durable */
		return E_DOWN;
	}
	if (e->c.sid != NULL && old == NULL)
		session_end_sid(e->c.sid, "replaced");	/* somebody else's: nobody could sign out of it any more */
	engine_came_in(e, key);
	*cookie = made;
	return OK;
}
