/* /keys/key: one digital key; its name, and its end. */
#include "apps/mykeys.h"
#include "base/buf.h"
#include "core/history.h"
#include "core/notice.h"
#include "svc/audit.h"
#include "svc/texts.h"
#include "web/web.h"

static const char *path_of(struct arena *a, struct slice id)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "/keys/key?id=");
	buf_url(&b, id);
	return buf_cstr(&b);
}

/* What to know before a key of that kind ends. */
static const char *advice(struct arena *a, const char *kind)
{
	const char *id = arena_printf(a, "keys.end.%s", kind);
	return texts_have(id) ? id : "keys.end.other";
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const struct key *key, const char *note)
{
	const char *title = arena_printf(r->a, "kind.%s.title", key->kind);
	json_t *v = desk->values;
	json_object_set_new(v, "id", json_string(key->id));
	json_object_set_new(v, "title", json_string(texts_have(title) ? text(desk->lang, title) : key->kind));
	json_object_set_new(v, "label", json_string(key->label != NULL ? key->label : ""));
	json_object_set_new(v, "advice_id", json_string(advice(r->a, key->kind)));
	json_object_set_new(v, "self", json_string(path_of(r->a, slice_of(key->id))));
	json_object_set_new(v, "waits", json_boolean(keys_waits(key)));
	const char *icon = web_kind_icon(r->a, key->kind);
	if (icon != NULL)
		json_object_set_new(v, "icon", json_string(icon));
	keys_put_fault(v, desk->lang, note);
	return web_page(r, resp, note != NULL ? 400 : 200, "keys-key", desk->lang, v, NULL);
}

/* The desk, and the key in question, at whose level the person must have come in. desk->login.person NULL: *resp is filled. */
static int open_key(struct request *r, struct response *resp, struct slice id, struct desk *desk, const struct key **key)
{
	struct desk visitor;
	*desk = (struct desk){ .level = 0 };
	int e = desk_open(r, resp, path_of(r->a, id), &visitor);
	if (e != OK || visitor.login.person == NULL)
		return e;
	*key = keys_find(visitor.login.person, id);
	if (*key == NULL)
		return web_error(r, resp, 404, "not-found", visitor.lang);
	return desk_open_recent(r, resp, path_of(r->a, id), keys_level(visitor.login.person, *key), desk);
}

int apps_key(struct request *r, struct response *resp)
{
	struct desk desk;
	const struct key *key;
	int e = open_key(r, resp, http_query(r, "id"), &desk, &key);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, key, NULL);
}

static int write_down(struct request *r, const struct desk *desk, const struct key *key, enum audit_event event)
{
	return HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = event, .subject = desk->login.person->subject, .kind = key->kind, .key = key->id, .peer = r->peer,
	    .session = desk->sid, .level = desk->level);
}

static void tell(struct request *r, const struct desk *desk, const struct key *key, enum notice_event event)
{
	NOTICE(.event = event, .person = desk->login.person, .kind = key->kind, .key = key->id, .label = key->label, .peer = r->peer, .agent = web_agent(r));
}

static int rename_key(struct request *r, struct response *resp, struct desk *desk, const struct key *key)
{
	bool ok;
	const char *label = keys_label(r->a, http_form(r, "label"), &ok);
	if (!ok)
		return draw(r, resp, desk, key, "keys.bad-label");
	int e = write_down(r, desk, key, EV_KEY_RENAMED);
	if (e == OK)
		e = directory_key_label(key, label[0] != '\0' ? label : NULL);
	if (e == OK)
		tell(r, desk, key, NOTICE_KEY_RENAMED);
	return e != OK ? e : desk_done(r, resp, desk, "renamed");
}

int apps_key_change(struct request *r, struct response *resp)
{
	struct desk desk;
	const struct key *key;
	struct slice act = http_form(r, "act");
	int e = open_key(r, resp, http_form(r, "id"), &desk, &key);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (slice_is(act, "rename"))
		return rename_key(r, resp, &desk, key);
	if (!slice_is(act, "end"))
		return web_error(r, resp, 400, "bad-request", desk.lang);
	e = write_down(r, &desk, key, EV_KEY_REMOVED);
	if (e == OK)
		e = directory_key_revoke(key);
	if (e == OK)
		tell(r, &desk, key, NOTICE_KEY_REMOVED);
	return e != OK && e != E_EXISTS ? e : desk_done(r, resp, &desk, "ended");
}
