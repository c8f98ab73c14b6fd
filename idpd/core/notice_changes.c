/* What administrators change in the directory is told like what people change themselves. */
#include "core/notice.h"

void notice_change(const struct directory_told_of *c)
{
	static const enum notice_event events[] = {
		[DIRECTORY_KEY_ADDED] = NOTICE_KEY_ADDED, [DIRECTORY_KEY_CHANGED] = NOTICE_KEY_CHANGED, [DIRECTORY_KEY_LOCKED] = NOTICE_KEY_LOCKED,
		[DIRECTORY_KEY_REMOVED] = NOTICE_KEY_REMOVED, [DIRECTORY_PASSWORD] = NOTICE_PASSWORD_CHANGED, [DIRECTORY_CONTACT] = NOTICE_CONTACT_CHANGED,
	};
	NOTICE(.event = events[c->event], .person = c->person, .kind = c->key != NULL ? c->key->kind : NULL, .key = c->key != NULL ? c->key->id : NULL,
	    .label = c->key != NULL ? c->key->label : NULL, .by_administrator = true, .old_mail = c->old_mail, .old_mobile = c->old_mobile, .dedup = c->at);
}
