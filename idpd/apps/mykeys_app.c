/* /keys/new/app: a new authenticator app, proven by its first code. Until then nothing is kept here, and the secret is on that page anyway. */
#include "apps/draft.h"
#include "apps/mykeys.h"
#include "base/base32.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/qr.h"
#include "core/history.h"
#include "core/notice.h"
#include "svc/audit.h"
#include "svc/keyring.h"
#include "svc/texts.h"
#include "web/web.h"

enum { SECRET_BYTES = 20 /* RFC 4226 4: 160 bits */ };

#define PATH "/keys/new/app"
#define DRAFT "app"

static int draft_new(struct arena *a, const struct desk *desk, struct draft *out)
{
	unsigned char raw[SECRET_BYTES];
	const char *id = keys_next_id(a, desk->login.person, "app");
	if (id == NULL)
		return E_LIMIT;
	random_bytes(raw, sizeof raw);
	*out = (struct draft){ slice_of(id), slice_of(base32_text(a, slice_mem(raw, sizeof raw))) };
	wipe(raw, sizeof raw);
	return OK;
}

/* As people copy it: groups of four. */
static const char *grouped(struct arena *a, struct slice secret)
{
	struct buf b = buf_new(a);
	for (size_t i = 0; i < secret.n; i++) {
		if (i > 0 && i % 4 == 0)
			buf_char(&b, ' ');
		buf_char(&b, secret.p[i]);
	}
	return buf_cstr(&b);
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const struct draft *d, const char *note)
{
	struct slice sealed, label = http_form(r, "label");
	unsigned width = 0;
	const char *uri = otp_uri(r->a, otp_issuer(r->a, r->origin), desk->login.person->name, d->secret.p);
	int e = draft_seal(r->a, DRAFT, desk, d, &sealed);
	if (e != OK)
		return e;
	json_t *v = desk->values;
	json_object_set_new(v, "draft", json_string(sealed.p));
	json_object_set_new(v, "qr", json_string(qr_path(r->a, uri, &width)));
	json_object_set_new(v, "qr_size", json_integer(width));
	json_object_set_new(v, "otp", json_string(uri + strlen("otpauth://")));
	json_object_set_new(v, "secret", json_string(grouped(r->a, d->secret)));
	json_object_set_new(v, "account", json_string(desk->login.person->name));
	json_object_set_new(v, "self", json_string(desk_self(r, PATH)));
	if (label.n > 0 && slice_is_text(label, ""))
		json_object_set_new(v, "label", json_string(arena_str(r->a, label)));
	keys_put_fault(v, desk->lang, note);
	return web_page(r, resp, note != NULL ? 400 : 200, "keys-app", desk->lang, v, desk->next != NULL ? WEB_ANYWHERE : NULL);
}

int apps_key_app(struct request *r, struct response *resp)
{
	struct desk desk;
	struct draft d;
	int e = desk_open_adding(r, resp, PATH, WIZARD_app, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	e = draft_new(r->a, &desk, &d);
	if (e == E_LIMIT)
		return web_error(r, resp, 403, "keys-full", desk.lang);
	return e != OK ? e : draw(r, resp, &desk, &d, NULL);
}

/* The line of the audit trail comes first: a key that nobody can account for must not be there. */
static int add(struct request *r, const struct desk *desk, const struct draft *d, const char *label, uint64_t step)
{
	const struct person *person = desk->login.person;
	struct slice ad = slice_of(arena_printf(r->a, "%s|%s", person->subject, d->id.p)), sealed;
	int e = keyring_seal(r->a, d->secret, ad, &sealed);
	if (e == OK)
		e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_KEY_ADDED, .subject = person->subject, .kind = "app", .key = d->id.p, .peer = r->peer,
		    .session = desk->sid, .level = desk->level);
	const struct key key = { .id = d->id.p, .kind = "app", .label = label[0] != '\0' ? label : NULL, .secret = sealed,
		.counter = step, .level = desk->level };
	if (e == OK)
		e = directory_key_add(person, &key);
	if (e == OK)
		NOTICE(.event = NOTICE_KEY_ADDED, .person = person, .kind = "app", .key = key.id, .label = key.label, .peer = r->peer, .agent = web_agent(r));
	return e;
}

/* The place that the page was for is taken: by this very form, sent twice, or by that of another page. What stands there tells: it knows the code, or not.
 * A key that has ended since knows none, and does not come back. */
static int taken(struct request *r, struct response *resp, struct desk *desk, const struct draft *d)
{
	const struct person *person = NULL;
	struct draft next;
	int e = directory_person(r->a, desk->login.person->subject, &person);
	const struct key *there = e == OK ? keys_find(person, d->id) : NULL;
	if (there != NULL) {
		struct otp otp = { .secret = there->secret, .ad = slice_of(arena_printf(r->a, "%s|%s", person->subject, there->id)),
			.code = slice_trim(http_form(r, "code"), " "), .when = now(), .back = 1, .fwd = 1 };
		e = keyring_otp(&otp);
		if (e == OK)
			return desk_done(r, resp, desk, "added");
	}
	if (e != OK && e != E_NOENT && e != E_INPUT)
		return e;
	if (person != NULL)
		desk->login.person = person;
	e = draft_new(r->a, desk, &next);
	if (e == E_LIMIT)
		return web_error(r, resp, 403, "keys-full", desk->lang);
	return e != OK ? e : draw(r, resp, desk, &next, "keys.app.taken");
}

static bool is_taken(const struct person *person, const char *id)
{
	for (size_t i = 0; i < person->nkeys; i++)
		if (strcmp(person->keys[i].id, id) == 0)
			return true;
	return false;
}

int apps_key_app_prove(struct request *r, struct response *resp)
{
	struct desk desk;
	struct draft d;
	bool ok;
	int e = desk_open_adding(r, resp, PATH, WIZARD_app, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	e = draft_open(r->a, DRAFT, &desk, http_form(r, "draft"), &d);
	if (e != OK)
		return e == E_NOENT ? web_error(r, resp, 400, "form", desk.lang) : e;
	const char *label = keys_label(r->a, http_form(r, "label"), &ok);
	if (!ok)
		return draw(r, resp, &desk, &d, "keys.bad-label");
	struct otp otp = { .secret = d.secret, .code = slice_trim(http_form(r, "code"), " "), .when = now(), .back = 1, .fwd = 1 };
	e = keyring_otp(&otp);
	if (e == E_NOENT || e == E_INPUT)
		return draw(r, resp, &desk, &d, "keys.app.wrong-code");
	if (e != OK)
		return e;
	if (is_taken(desk.login.person, d.id.p))
		return taken(r, resp, &desk, &d);
	if (keys_next_id(r->a, desk.login.person, "app") == NULL)
		return web_error(r, resp, 403, "keys-full", desk.lang);
	e = add(r, &desk, &d, label, otp.step);
	if (e == E_EXISTS)
		return taken(r, resp, &desk, &d);
	return e != OK ? e : desk_done(r, resp, &desk, "added");
}
