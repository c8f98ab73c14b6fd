/* What administrators change in the directory is told like what people change themselves: a line of the person's history, and a notice. */
#include "base/clock.h"
#include "core/history.h"
#include "core/notice.h"
#include "svc/outbox.h"

static const struct {
	enum notice_event notice;
	const char *history;		/* as the audit trail would name it, had the person done it */
} events[] = {
	[DIRECTORY_KEY_ADDED] = { NOTICE_KEY_ADDED, "key.added" }, [DIRECTORY_KEY_CHANGED] = { NOTICE_KEY_CHANGED, "key.changed" },
	[DIRECTORY_KEY_LOCKED] = { NOTICE_KEY_LOCKED, "key.locked" }, [DIRECTORY_KEY_REMOVED] = { NOTICE_KEY_REMOVED, "key.removed" },
	[DIRECTORY_PASSWORD] = { NOTICE_PASSWORD_CHANGED, "password.changed" }, [DIRECTORY_CONTACT] = { NOTICE_CONTACT_CHANGED, "contact.changed" },
	[DIRECTORY_PERSON_SUSPENDED] = { NOTICE_PERSON_SUSPENDED, "person.suspended" },
	[DIRECTORY_PERSON_ACTIVATED] = { NOTICE_PERSON_ACTIVATED, "person.activated" },
};

/* The history knows what it was told, however long ago: also another node tells it, and this one again after a crash. Messages know each other for a day, so
 * what is older is not sent again. */
int notice_change(const struct directory_told_of *c)
{
	time_t when;
	if (time_parse_ldap(c->at, &when) != OK)
		when = now();
	const struct history line = { .when = when, .event = events[c->event].history, .kind = c->key != NULL ? c->key->kind : NULL,
		.key = c->key != NULL ? c->key->id : NULL, .by = "administrator", .at = c->at };
	int rc = history_tell(c->person->subject, &line);
	if (rc == E_EXISTS && when < now() - OUTBOX_LIFE_S)
		return OK;
	if (rc != OK && rc != E_EXISTS)
		return rc;
	NOTICE(.event = events[c->event].notice, .person = c->person, .kind = line.kind, .key = line.key,
	    .label = c->key != NULL ? c->key->label : NULL, .by_administrator = true, .old_mail = c->old_mail, .old_mobile = c->old_mobile, .dedup = c->at);
	return OK;
}
