/* GET and POST /keys/password: the one password of all keys with codes, set for the first time or anew. What shows who it is, is the strongest key
 * that the person has added, or the eID: whoever forgot the password needs no old one. */
#include "apps/mykeys.h"
#include "base/wait.h"
#include "core/history.h"
#include "core/notice.h"
#include "core/password.h"
#include "core/policy.h"
#include "svc/audit.h"
#include "svc/passwords.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/keys/password"

/* The key that is the password alone; NULL: it opens nothing by itself. */
static const struct key *alone(const struct person *p)
{
	for (size_t i = 0; i < p->nkeys; i++)
		if (strcmp(p->keys[i].kind, "password") == 0 && strcmp(p->keys[i].state, "active") == 0)
			return &p->keys[i];
	return NULL;
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const char *note, bool done)
{
	const struct person *p = desk->login.person;
	json_t *v = desk->values;
	json_object_set_new(v, "self", json_string(PATH));
	json_object_set_new(v, "username", json_string(p->name));
	json_object_set_new(v, "shown_href", json_string(PATH "?show=1"));
	json_object_set_new(v, "hidden_href", json_string(PATH));
	json_object_set_new(v, "there", json_boolean(p->has_password));
	json_object_set_new(v, "done", json_boolean(done));
	json_object_set_new(v, "alone", json_boolean(alone(p) != NULL));
	json_object_set_new(v, "show", json_boolean(slice_is(http_param(r, "show"), "1")));
	if (note != NULL) {
		json_object_set_new(v, "error", json_string(text(desk->lang, note)));
		json_object_set_new(v, "bad_password", json_true());
	}
	return web_page(r, resp, note != NULL ? 400 : 200, "keys-password", desk->lang, v, NULL);
}

static int enter(struct request *r, struct response *resp, struct desk *desk)
{
	int e = desk_open(r, resp, PATH, desk);
	if (e != OK || desk->login.person == NULL)
		return e;
	return desk_open_recent(r, resp, PATH, keys_guard(desk->login.person), desk);
}

int apps_password(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = enter(r, resp, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, NULL, false);
}

/* The password alone as a key of its own. */
static int add_alone(struct request *r, const struct desk *desk)
{
	const struct person *p = desk->login.person;
	const char *id = keys_next_id(r->a, p, "password");
	if (id == NULL || !keys_may_add("password"))
		return OK;		/* too many keys, or none of that kind: the page says that it is not there */
	const struct key key = { .id = id, .kind = "password", .level = desk->level };
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_KEY_ADDED, .subject = p->subject, .kind = key.kind, .key = id, .peer = r->peer,
	    .session = desk->sid, .level = desk->level);
	if (e == OK)
		e = directory_key_add(p, &key);
	if (e == OK)
		NOTICE(.event = NOTICE_KEY_ADDED, .person = p, .kind = key.kind, .key = id, .peer = r->peer, .agent = web_agent(r));
	return e == E_EXISTS ? OK : e;
}

static int set(struct request *r, const struct desk *desk, struct slice secret)
{
	const struct person *p = desk->login.person;
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_PASSWORD_CHANGED, .subject = p->subject, .peer = r->peer, .session = desk->sid,
	    .level = desk->level);
	if (e == OK)
		e = directory_password_set(p, password_hash(r->a, secret));
	if (e == OK)
		NOTICE(.event = NOTICE_PASSWORD_CHANGED, .person = p, .peer = r->peer, .agent = web_agent(r));
	return e;
}

/* The page that says so comes with this answer: a login that rests on the old password ends with it. */
int apps_password_set(struct request *r, struct response *resp)
{
	struct desk desk;
	struct slice secret = http_form(r, "password");
	bool by_itself = slice_is(http_form(r, "alone"), "yes");
	int e = enter(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const struct person *p = desk.login.person;
	bool second = password_second(p) || alone(p) == NULL;
	const char *fault = secret.n > 0 ? password_fault(p, second && !by_itself, secret) : "note.incomplete";
	if (fault == NULL && !slice_same_secret(secret, http_form(r, "again")))
		fault = "note.password-differ";
	if (fault != NULL)
		return draw(r, resp, &desk, fault, false);
	if (would_hash())
		return E_WAIT;
	e = set(r, &desk, secret);
	if (e == E_EXISTS)		/* somebody has set another one meanwhile */
		return http_redirect(r, resp, 303, PATH);
	if (e == OK && by_itself && alone(p) == NULL)
		e = add_alone(r, &desk);
	return e != OK ? e : draw(r, resp, &desk, NULL, true);
}
