/* /keys/new/card: a card of codes that the person prints, proven by one of them. Until then nothing is kept here; the codes are shown on this page and
 * never again. */
#include "apps/draft.h"
#include "apps/mykeys.h"
#include "base/card.h"
#include "base/clock.h"
#include "core/conversation.h"
#include "svc/keyring.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/keys/new/card"
#define DRAFT "card"

/* In two groups of four, as people read them. */
static json_t *rows(struct arena *a, struct slice codes)
{
	json_t *list = json_array();
	for (; codes.n >= CARD_DIGITS; codes = slice_mem(codes.p + CARD_DIGITS, codes.n - CARD_DIGITS))
		json_array_append_new(list, json_pack("{ss}", "code", arena_printf(a, "%.4s %.4s", codes.p, codes.p + 4)));
	return list;
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const struct draft *d, struct slice codes)
{
	struct slice sealed;
	const char *who = web_full_name(r->a, desk->login.person);
	int e = draft_seal(r->a, DRAFT, desk, d, &sealed);
	if (e != OK)
		return e;
	json_t *v = desk->values;
	json_object_set_new(v, "draft", json_string(sealed.p));
	json_object_set_new(v, "codes", rows(r->a, codes));
	json_object_set_new(v, "whose", json_string(text_with(r->a, desk->lang, "card.whose", "person", who, "card", d->id.p, NULL)));
	json_object_set_new(v, "made", json_string(web_time(r->a, desk->lang, now())));
	json_object_set_new(v, "self", json_string(desk_self(r, PATH)));
	return web_page(r, resp, 200, "keys-card", desk->lang, v, NULL);
}

int apps_key_card(struct request *r, struct response *resp)
{
	struct desk desk;
	struct draft d;
	struct slice codes;
	int e = desk_open_adding(r, resp, PATH, WIZARD_card, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const char *id = keys_next_id(r->a, desk.login.person, "card");
	if (id == NULL)
		return web_error(r, resp, 403, "keys-full", desk.lang);
	d.id = slice_of(id);
	e = keyring_card(r->a, CARD_CODES, slice_of(arena_printf(r->a, "%s|%s", desk.login.person->subject, id)), &d.secret, &codes);
	return e != OK ? e : draw(r, resp, &desk, &d, codes);
}

int apps_key_card_prove(struct request *r, struct response *resp)
{
	struct desk desk;
	struct draft d;
	int e = desk_open_adding(r, resp, PATH, WIZARD_card, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	e = draft_open(r->a, DRAFT, &desk, http_form(r, "draft"), &d);
	if (e != OK)
		return e == E_NOENT ? web_error(r, resp, 400, "form", desk.lang) : e;
	const struct key *there = keys_find(desk.login.person, d.id);
	if (there != NULL && slice_eq(there->secret, d.secret))
		return desk_done(r, resp, &desk, "added");	/* the same form sent twice */
	const char *next = keys_next_id(r->a, desk.login.person, "card");
	if (there != NULL || next == NULL || !slice_is(d.id, next))
		return web_error(r, resp, 400, "form", desk.lang);	/* another card has that name meanwhile */
	const struct key draft = { .id = d.id.p, .kind = "token", .secret = d.secret, .data = slice_of(arena_printf(r->a, "card %d", CARD_CODES)),
		.level = desk.level };
	return desk_prove(r, resp, &desk, &draft, desk_after(r->a, &desk, "added"));
}
