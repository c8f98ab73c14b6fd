/* GET and POST /keys/terms: the terms in force, for who has not accepted them. Refusing takes no key away: it only adds none. And what all doors share
 * at which terms are accepted. */
#include "apps/mykeys.h"
#include "apps/terms.h"
#include "base/clock.h"
#include "core/history.h"
#include "core/terms.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/keys/terms"

static const char *const declarations[] = { "mine", "alone", "regularly" };
enum { DECLARATIONS = sizeof declarations / sizeof *declarations };

/* A line is a paragraph; with # before it a heading. */
void terms_put(struct arena *a, json_t *values, const struct terms *terms)
{
	json_t *blocks = json_array();
	struct slice rest = slice_of(terms->text), line;
	while (slice_cut(&rest, '\n', &line)) {
		line = slice_trim(line, " \t\r");
		bool heading = slice_starts(line, S("#"));
		line = slice_trim(line, "# ");
		if (line.n > 0 && slice_is_text(line, "\t"))
			json_array_append_new(blocks, json_pack("{ss}", heading ? "heading" : "text", arena_str(a, line)));
	}
	json_object_set_new(values, "blocks", blocks);
	json_object_set_new(values, "version", json_string(terms->version));
}

int terms_accept(struct request *r, const struct desk *desk, const struct terms *terms)
{
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_TERMS_ACCEPTED, .subject = desk->login.person->subject, .peer = r->peer,
	    .session = desk->sid, .what = terms_told(r->a, terms));
	return e != OK ? e : directory_terms_accepted(desk->login.person, terms, now());
}

void terms_put_declarations(const struct request *r, json_t *values)
{
	for (size_t i = 0; i < DECLARATIONS; i++)
		if (slice_is(http_form(r, declarations[i]), "yes"))
			json_object_set_new(values, declarations[i], json_true());
}

bool terms_declared(const struct request *r)
{
	bool all = true;
	for (size_t i = 0; i < DECLARATIONS; i++)
		all = all && slice_is(http_form(r, declarations[i]), "yes");
	return all;
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const struct terms *terms, const char *note)
{
	json_t *v = desk->values;
	terms_put(r->a, v, terms);
	json_object_set_new(v, "self", json_string(desk_self(r, PATH)));
	json_object_set_new(v, "again", json_boolean(desk->login.person->terms[0] != NULL));
	if (note != NULL)
		json_object_set_new(v, "error", json_string(text(desk->lang, note)));
	return web_page(r, resp, note != NULL ? 400 : 200, "keys-terms", desk->lang, v, NULL);
}

/* The desk of somebody with terms to accept; login.person NULL: *resp is filled. */
static int open_with_terms(struct request *r, struct response *resp, struct desk *desk, struct terms *terms)
{
	int e = desk_open(r, resp, desk_self(r, PATH), desk);
	if (e != OK || desk->login.person == NULL)
		return e;
	e = terms_missing(r->a, desk->login.person, desk->lang, terms);
	if (e != E_NOENT)
		return e;
	desk->login.person = NULL;
	return http_redirect(r, resp, 303, "/keys");
}

int apps_terms(struct request *r, struct response *resp)
{
	struct desk desk;
	struct terms terms;
	int e = open_with_terms(r, resp, &desk, &terms);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, &terms, NULL);
}

/* What was read is what is accepted: another version may have come into force meanwhile. */
int apps_terms_answer(struct request *r, struct response *resp)
{
	struct desk desk;
	struct terms terms;
	struct slice act = http_form(r, "act");
	int e = open_with_terms(r, resp, &desk, &terms);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (slice_is(act, "refuse")) {
		json_object_set_new(desk.values, "self", json_string(desk_self(r, PATH)));
		return web_page(r, resp, 200, "keys-terms-refused", desk.lang, desk.values, NULL);
	}
	if (!slice_is(act, "accept"))
		return web_error(r, resp, 400, "bad-request", desk.lang);
	if (!slice_is(http_form(r, "version"), terms.version))
		return draw(r, resp, &desk, &terms, "terms.changed");
	e = terms_accept(r, &desk, &terms);
	return e != OK ? e : http_redirect(r, resp, 303, http_query(r, "c").n > 0 ? desk_self(r, "/login") : "/keys?done=terms");
}
