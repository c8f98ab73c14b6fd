/* GET and POST /activate/terms: link and code were right; before the first key the terms in force are accepted, and, where we write to the person by
 * e-mail, what goes with that address is declared. Refusing changes nothing. */
#include "apps/desk.h"
#include "apps/terms.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/activate/terms"

static int draw(struct request *r, struct response *resp, struct desk *desk, const struct terms *terms, const char *note)
{
	const struct person *person = desk->login.person;
	json_t *v = desk->values;
	terms_put(r->a, v, terms);
	terms_put_declarations(r, v);
	json_object_set_new(v, "self", json_string(PATH));
	json_object_set_new(v, "again", json_boolean(person->terms[0] != NULL));
	if (person->mail != NULL)
		json_object_set_new(v, "mail", json_string(outbox_masked(r->a, CHANNEL_MAIL, person->mail)));
	if (note != NULL)
		json_object_set_new(v, "error", json_string(text(desk->lang, note)));
	return web_page(r, resp, note != NULL ? 400 : 200, "activate-terms", desk->lang, v, NULL);
}

int apps_activate_terms(struct request *r, struct response *resp)
{
	struct desk desk;
	struct terms terms;
	int e = desk_open_activation_terms(r, resp, &terms, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, &terms, NULL);
}

/* As in /keys/terms: what was read is what is accepted. */
int apps_activate_terms_answer(struct request *r, struct response *resp)
{
	struct desk desk;
	struct terms terms;
	struct slice act = http_form(r, "act");
	int e = desk_open_activation_terms(r, resp, &terms, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (slice_is(act, "refuse")) {
		json_object_set_new(desk.values, "self", json_string(PATH));
		return web_page(r, resp, 200, "activate-refused", desk.lang, desk.values, NULL);
	}
	if (!slice_is(act, "accept"))
		return web_error(r, resp, 400, "bad-request", desk.lang);
	if (!slice_is(http_form(r, "version"), terms.version))
		return draw(r, resp, &desk, &terms, "terms.changed");
	if (desk.login.person->mail != NULL && !terms_declared(r))
		return draw(r, resp, &desk, &terms, "activate.declare");
	e = terms_accept(r, &desk, &terms);
	return e != OK ? e : http_redirect(r, resp, 303, "/activate/keys");
}
