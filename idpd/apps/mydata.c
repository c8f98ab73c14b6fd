/* GET and POST /keys/data: open sessions, services that were given data, and the ways to history, download and deletion. */
#include "apps/mydata.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/keys/data"

const char *data_key_name(struct arena *a, const struct desk *desk, const char *kind, const char *key_id)
{
	const char *title = arena_printf(a, "kind.%s.title", kind), *label = NULL;
	const struct person *p = desk->login.person;
	for (size_t i = 0; i < p->nkeys; i++)
		if (strcmp(p->keys[i].id, key_id) == 0)
			label = p->keys[i].label;
	title = texts_have(title) ? text(desk->lang, title) : kind;
	return label != NULL && *label != '\0' ? arena_printf(a, "%s – %s", title, label) : title;
}

int apps_data(struct request *r, struct response *resp)
{
	struct desk desk;
	json_t *sessions = NULL, *consents = NULL;
	int e = desk_open(r, resp, PATH, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	e = data_session_rows(r, &desk, &sessions);
	if (e == OK)
		e = data_consent_rows(r, &desk, &consents);
	if (e != OK)
		return e;
	struct slice done = http_query(r, "done");
	const char *said = done.n > 0 && slice_is_text(done, "") ? arena_printf(r->a, "data.done.%s", done.p) : "";
	if (texts_have(said))
		json_object_set_new(desk.values, "info", json_string(text(desk.lang, said)));
	if (json_array_size(sessions) > 1)
		json_object_set_new(desk.values, "others", json_true());
	json_object_set(desk.values, "sessions", sessions);
	json_object_set(desk.values, "consents", consents);
	return web_page(r, resp, 200, "data", desk.lang, desk.values, NULL);
}

int apps_data_change(struct request *r, struct response *resp)
{
	struct desk desk;
	struct slice act = http_form(r, "act");
	const char *done = NULL;
	int e = desk_open(r, resp, PATH, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (slice_is(act, "end"))
		e = data_session_end(r, &desk, http_form(r, "id")), done = "ended";
	else if (slice_is(act, "end-others"))
		e = data_sessions_end_others(r, &desk), done = "ended-others";
	else if (slice_is(act, "withdraw"))
		e = data_consent_end(r, &desk, http_form(r, "id")), done = "withdrawn";
	if (done == NULL)
		return web_error(r, resp, 400, "bad-request", desk.lang);
	if (e == E_NOENT)
		return web_error(r, resp, 404, "not-found", desk.lang);
	return e != OK ? e : http_redirect(r, resp, 303, arena_printf(r->a, PATH "?done=%s", done));
}
