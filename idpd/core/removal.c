/* Somebody deletes their account. */
#include "base/wait.h"
#include "core/history.h"
#include "core/notice.h"
#include "core/removal.h"
#include "core/session.h"

/* Between the end of an entry and its tombstone its name is free: for a process that dies there it is remembered here. */
enum { REMEMBER_S = 10 * 366 * 24 * 3600 };

static const char ns[] = "name.had";

/* The directory takes no notice of case. */
static struct slice key_of(struct arena *a, const char *name)
{
	char *key = arena_strdup(a, name);
	for (char *c = key; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	return slice_of(key);
}

int removal_had_name(struct arena *a, const char *name)
{
	struct slice value;
	return state_get(a, ns, key_of(a, name), &value);
}

/* The services that these opened are told. */
static int end_sessions(struct arena *a, const char *subject)
{
	struct session *all = arena_alloc(a, SESSIONS_MAX * sizeof *all);
	size_t n = 0;
	int rc = session_list(a, subject, all, &n);
	for (size_t i = 0; rc == OK && i < n; i++)
		rc = session_end_sid(all[i].sid, "removed");
	return rc;
}

int removal_do(struct arena *a, const struct removal *r)
{
	const struct person *p = r->person;
	if (would_block())
		return E_WAIT;
	int rc = AUDIT(.event = EV_PERSON_REMOVED, .subject = p->subject, .peer = r->peer, .session = r->sid, .level = r->level);
	if (rc == OK)
		rc = state_put(ns, key_of(a, p->name), slice_of(p->subject), REMEMBER_S);
	if (rc == OK)
		rc = directory_person_suspend(p);
	if (rc != OK)
		return rc;
	NOTICE(.event = NOTICE_PERSON_REMOVED, .person = p, .peer = r->peer, .agent = r->agent);
	rc = end_sessions(a, p->subject);
	int buried = directory_person_bury(p);
	if (buried == OK)
		buried = state_del(ns, key_of(a, p->name));
	int forgotten = history_forget(p->subject);
	if (forgotten == OK)
		forgotten = notice_forget(p->subject);
	return rc != OK ? rc : buried != OK ? buried : forgotten;
}
