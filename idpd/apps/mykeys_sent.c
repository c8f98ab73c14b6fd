/* /keys/new/mail, /keys/new/sms: a key whose codes are sent to an address, which the first code proves. */
#include "apps/mykeys.h"
#include "core/conversation.h"
#include "svc/outbox.h"
#include "svc/texts.h"
#include "web/web.h"

static const struct sent_kind {
	const char *kind, *path;
	enum channel channel;
	unsigned level;
} mail = { "mail", "/keys/new/mail", CHANNEL_MAIL, WIZARD_mail }, sms = { "sms", "/keys/new/sms", CHANNEL_SMS, WIZARD_sms };

static int draw(struct request *r, struct response *resp, struct desk *desk, const struct sent_kind *k, const char *address, const char *note)
{
	json_t *v = desk->values;
	json_object_set_new(v, "self", json_string(desk_self(r, k->path)));
	json_object_set_new(v, "title", json_string(text(desk->lang, arena_printf(r->a, "kind.%s.title", k->kind))));
	json_object_set_new(v, k->kind, json_true());
	json_object_set_new(v, "address", json_string(address != NULL ? address : ""));
	keys_put_fault(v, desk->lang, note);
	return web_page(r, resp, note != NULL ? 400 : 200, "keys-sent", desk->lang, v, NULL);
}

/* A key of that kind that sends to the same address, or (a telephone) to another one: a new number comes after the end of the old key. A locked key
 * stays what it is, and is in nobody's way. */
static const char *obstacle(const struct person *person, const struct sent_kind *k, const char *address)
{
	for (size_t i = 0; i < person->nkeys; i++) {
		const struct key *key = &person->keys[i];
		if (strcmp(key->kind, k->kind) != 0 || strcmp(key->state, "revoked") == 0)
			continue;
		if (key->address != NULL && strcmp(key->address, address) == 0) {
			if (strcmp(key->state, "locked") != 0)
				return "keys.sent.there";
			continue;
		}
		if (k->channel == CHANNEL_SMS)
			return "keys.sent.old-number";
	}
	return NULL;
}

static int open_desk(struct request *r, struct response *resp, const struct sent_kind *k, struct desk *desk)
{
	int e = desk_open_adding(r, resp, k->path, k->level, desk);
	if (e == OK && desk->login.person != NULL && !outbox_carries(k->channel)) {
		e = web_error(r, resp, 404, "not-found", desk->lang);
		desk->login.person = NULL;
	}
	return e;
}

static int ask(struct request *r, struct response *resp, const struct sent_kind *k)
{
	struct desk desk;
	int e = open_desk(r, resp, k, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const struct person *p = desk.login.person;
	return draw(r, resp, &desk, k, k->channel == CHANNEL_MAIL ? p->mail : p->mobile, NULL);
}

static int prove(struct request *r, struct response *resp, const struct sent_kind *k)
{
	struct desk desk;
	bool ok;
	int e = open_desk(r, resp, k, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const char *address = desk_address(r->a, k->channel, http_form(r, "address"));
	const char *label = keys_label(r->a, http_form(r, "label"), &ok);
	if (address == NULL || !ok)
		return draw(r, resp, &desk, k, arena_str(r->a, http_form(r, "address")), !ok ? "keys.bad-label" : arena_printf(r->a, "keys.sent.bad-%s", k->kind));
	const char *no = obstacle(desk.login.person, k, address), *id = keys_next_id(r->a, desk.login.person, k->kind);
	if (id == NULL)
		return web_error(r, resp, 403, "keys-full", desk.lang);
	if (no != NULL)
		return draw(r, resp, &desk, k, address, no);
	const struct key draft = { .id = id, .kind = k->kind, .label = label[0] != '\0' ? label : NULL, .address = address,
		.level = desk.level };
	return desk_prove(r, resp, &desk, &draft, desk_after(r->a, &desk, "added"));
}

int apps_key_mail(struct request *r, struct response *resp)
{
	return ask(r, resp, &mail);
}

int apps_key_mail_prove(struct request *r, struct response *resp)
{
	return prove(r, resp, &mail);
}

int apps_key_sms(struct request *r, struct response *resp)
{
	return ask(r, resp, &sms);
}

int apps_key_sms_prove(struct request *r, struct response *resp)
{
	return prove(r, resp, &sms);
}
