/* /keys/contact: where the person can be reached, and in which language. A new address counts once a code that was sent there has come back. */
#include "apps/mykeys.h"
#include "core/history.h"
#include "svc/audit.h"
#include "svc/outbox.h"
#include "svc/texts.h"
#include "web/web.h"

enum { GUARD_LEVEL = 300, MAX_FIELD = 512 };

#define PATH "/keys/contact"

static json_t *language_rows(const char *present)
{
	json_t *rows = json_array();
	for (const char *const *code = texts_languages(); *code != NULL; code++)
		json_array_append_new(rows, json_pack("{ss ss sb}", "code", *code, "name", text(*code, "language"), "current", *code == present));
	return rows;
}

/* What was typed comes back, with what is wrong about it, in the place of the address that is still theirs. */
static void put_fault(struct request *r, json_t *v, const char *field, const char *note)
{
	struct slice typed = http_form(r, field);
	json_object_set_new(v, arena_printf(r->a, "bad_%s", field), json_true());
	json_object_del(v, arena_printf(r->a, "%s_verified", field));
	if (typed.n <= MAX_FIELD && slice_is_text(typed, ""))
		json_object_set_new(v, field, json_string(arena_str(r->a, typed)));
	json_object_set_new(v, "error", json_string(note));
}

/* `bad` is the field that `note` is about; or both are NULL. */
static int draw(struct request *r, struct response *resp, struct desk *desk, const char *bad, const char *note)
{
	const struct person *p = desk->login.person;
	json_t *v = desk->values;
	json_object_set_new(v, "self", json_string(PATH));
	json_object_set_new(v, "mail", json_string(p->mail != NULL ? p->mail : ""));
	json_object_set_new(v, "mail_verified", json_boolean(p->mail_verified));
	json_object_set_new(v, "may_mail", json_boolean(outbox_carries(CHANNEL_MAIL)));
	json_object_set_new(v, "mobile", json_string(p->mobile != NULL ? p->mobile : ""));
	json_object_set_new(v, "mobile_verified", json_boolean(p->mobile_verified));
	json_object_set_new(v, "may_mobile", json_boolean(outbox_carries(CHANNEL_SMS)));
	json_object_set_new(v, "locales", language_rows(texts_choose_locales(slice_of(p->locale))));
	json_object_set_new(v, "only_security", json_boolean(slice_is(slice_of(p->notice), "security")));
	struct slice done = http_query(r, "done");
	if (slice_is(done, "saved"))
		json_object_set_new(v, "info", json_string(text(desk->lang, "contact.saved")));
	if (bad != NULL)
		put_fault(r, v, bad, text(desk->lang, note));
	return web_page(r, resp, note != NULL ? 400 : 200, "contact", desk->lang, v, NULL);
}

/* Where notices go is not changed with a password alone by somebody who has better. */
static int enter(struct request *r, struct response *resp, struct desk *desk)
{
	int e = desk_open(r, resp, PATH, desk);
	if (e != OK || desk->login.person == NULL)
		return e;
	unsigned level = 0;
	for (size_t i = 0; i < desk->login.person->nkeys; i++) {
		const struct key *key = &desk->login.person->keys[i];
		unsigned of_key = key_is_active(key) ? keys_level(desk->login.person, key) : 0;
		if (of_key > level)
			level = of_key;
	}
	return desk_open_recent(r, resp, PATH, level < GUARD_LEVEL ? level : GUARD_LEVEL, desk);
}

int apps_contact(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = enter(r, resp, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, NULL, NULL);
}

static int change_address(struct request *r, struct response *resp, struct desk *desk, enum channel channel)
{
	bool mail = channel == CHANNEL_MAIL;
	const char *field = mail ? "mail" : "mobile", *address = desk_address(r->a, channel, http_form(r, field));
	if (address == NULL)
		return draw(r, resp, desk, field, mail ? "keys.sent.bad-mail" : "keys.sent.bad-sms");
	const struct key draft = { .id = mail ? "@mail" : "@mobile", .kind = mail ? "mail" : "sms", .address = address, .level = desk->level };
	return desk_prove(r, resp, desk, &draft, PATH "?done=saved");
}

static int change_letters(struct request *r, struct response *resp, struct desk *desk)
{
	const char *lang = texts_choose_locales(http_form(r, "locale"));
	struct slice notice = http_form(r, "notice");
	if (lang == NULL || (!slice_is(notice, "all") && !slice_is(notice, "security")))
		return web_error(r, resp, 400, "bad-request", desk->lang);
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_CONTACT_CHANGED, .subject = desk->login.person->subject, .why = "letters", .peer = r->peer,
	    .session = desk->sid, .level = desk->level);
	if (e == OK)
		e = directory_letters(desk->login.person, lang, slice_is(notice, "all") ? NULL : "security");
	return e != OK ? e : http_redirect(r, resp, 303, PATH "?done=saved");
}

int apps_contact_change(struct request *r, struct response *resp)
{
	struct desk desk;
	struct slice act = http_form(r, "act");
	int e = enter(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (slice_is(act, "mail") && outbox_carries(CHANNEL_MAIL))
		return change_address(r, resp, &desk, CHANNEL_MAIL);
	if (slice_is(act, "mobile") && outbox_carries(CHANNEL_SMS))
		return change_address(r, resp, &desk, CHANNEL_SMS);
	return slice_is(act, "letters") ? change_letters(r, resp, &desk) : web_error(r, resp, 400, "bad-request", desk.lang);
}
