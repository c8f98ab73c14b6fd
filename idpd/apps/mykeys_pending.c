/* Keys that were made for a person and wait (csamKeyState: pending) until that person shows one of their codes: /keys/new/token for what was handed
 * out, /keys/pending for keys of any kind. */
#include "apps/mykeys.h"
#include "core/conversation.h"
#include "svc/texts.h"
#include "web/web.h"

#define TOKEN "/keys/new/token"
#define PATH "/keys/pending"

static json_t *row(struct request *r, const struct desk *desk, const struct key *key)
{
	return json_pack("{ss ss ss* ss*}", "id", key->id, "title", text(desk->lang, arena_printf(r->a, "kind.%s.title", key->kind)),
	    "label", key->label != NULL && key->label[0] != '\0' ? key->label : NULL, "icon", web_kind_icon(r->a, key->kind));
}

/* kind NULL: any. */
static json_t *rows(struct request *r, const struct desk *desk, const char *kind)
{
	json_t *list = json_array();
	for (size_t i = 0; i < desk->login.person->nkeys; i++) {
		const struct key *key = &desk->login.person->keys[i];
		if (keys_waits(key) && (kind == NULL || strcmp(kind, key->kind) == 0))
			json_array_append_new(list, row(r, desk, key));
	}
	return list;
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const char *kind)
{
	json_t *v = desk->values;
	json_object_set_new(v, "token", json_boolean(kind != NULL));
	json_object_set_new(v, "keys", rows(r, desk, kind));
	json_object_set_new(v, "to", json_string(desk_self(r, PATH)));
	json_object_set_new(v, "card", json_string(desk_self(r, "/keys/new/card")));
	json_object_set_new(v, "self", json_string(desk_self(r, kind != NULL ? TOKEN : PATH)));
	return web_page(r, resp, 200, "keys-pending", desk->lang, v, NULL);
}

int apps_key_token(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_adding(r, resp, TOKEN, WIZARD_token, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, "token");
}

int apps_keys_pending(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_adding(r, resp, PATH, WIZARD_token, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, NULL);
}

int apps_keys_pending_prove(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_adding(r, resp, PATH, WIZARD_token, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const struct key *key = keys_find(desk.login.person, http_form(r, "id"));
	if (key == NULL || !keys_waits(key))
		return web_error(r, resp, 404, "not-found", desk.lang);
	const struct key draft = { .id = key->id, .kind = key->kind, .level = desk.level };
	return desk_prove(r, resp, &desk, &draft, desk_after(r->a, &desk, "added"));
}
