/* /keys/lost-phone: one step that ends every key on a lost telephone: app and SMS, and mail where the person says so. A key ends keys up to its own
 * level: of those above it says how they are ended. */
#include "apps/mykeys.h"
#include "core/history.h"
#include "core/notice.h"
#include "svc/audit.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/keys/lost-phone"

enum { ENDS = 1, ASKED, ABOVE };	/* what becomes of a key */

static unsigned fate(const struct desk *desk, const struct key *key)
{
	bool mail = strcmp(key->kind, "mail") == 0;
	if (!mail && strcmp(key->kind, "app") != 0 && strcmp(key->kind, "sms") != 0)
		return 0;
	if (strcmp(key->state, "revoked") == 0)
		return 0;
	if (keys_level(desk->login.person, key) > desk->level)
		return ABOVE;
	return mail ? ASKED : ENDS;
}

static json_t *rows(struct request *r, const struct desk *desk, unsigned what)
{
	json_t *list = json_array();
	const struct person *p = desk->login.person;
	for (size_t i = 0; i < p->nkeys; i++) {
		const struct key *key = &p->keys[i];
		if (fate(desk, key) != what)
			continue;
		const char *more = key->label != NULL && *key->label != '\0' ? key->label : key->address;
		json_array_append_new(list, json_pack("{ss ss ss*}", "id", key->id,
		    "title", text(desk->lang, arena_printf(r->a, "kind.%s.title", key->kind)), "label", more));
	}
	return list;
}

static int draw(struct request *r, struct response *resp, struct desk *desk, bool done)
{
	json_t *v = desk->values;
	json_object_set_new(v, "self", json_string(PATH));
	json_object_set_new(v, "done", json_boolean(done));
	json_object_set_new(v, "ends", rows(r, desk, ENDS));
	json_object_set_new(v, "asked", rows(r, desk, ASKED));
	json_object_set_new(v, "above", rows(r, desk, ABOVE));
	json_object_set_new(v, "any_asked", json_boolean(json_array_size(json_object_get(v, "asked")) > 0));
	json_object_set_new(v, "any", json_boolean(json_array_size(json_object_get(v, "ends")) + json_array_size(json_object_get(v, "asked")) > 0));
	return web_page(r, resp, 200, "keys-lost", desk->lang, v, NULL);
}

int apps_keys_lost(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_recent(r, resp, PATH, 0, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, false);
}

static int end(struct request *r, const struct desk *desk, const struct key *key)
{
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_KEY_REMOVED, .subject = desk->login.person->subject, .kind = key->kind, .key = key->id, .peer = r->peer,
	    .session = desk->sid, .level = desk->level, .why = "lost-phone");
	if (e == OK)
		e = directory_key_revoke(key);
	if (e == OK)
		NOTICE(.event = NOTICE_KEY_REMOVED, .person = desk->login.person, .kind = key->kind, .key = key->id, .label = key->label, .peer = r->peer,
		    .agent = web_agent(r));
	return e == E_EXISTS ? OK : e;
}

/* The page that says so comes with this answer: the login may have ended with its key. */
int apps_keys_lost_end(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_recent(r, resp, PATH, 0, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const struct person *p = desk.login.person;
	bool mail_too = slice_is(http_form(r, "mail"), "1");
	for (size_t i = 0; e == OK && i < p->nkeys; i++) {
		unsigned what = fate(&desk, &p->keys[i]);
		if (what == ENDS || (what == ASKED && mail_too))
			e = end(r, &desk, &p->keys[i]);
	}
	return e != OK ? e : draw(r, resp, &desk, true);
}
