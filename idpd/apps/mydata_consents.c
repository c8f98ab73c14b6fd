/* Services that were given data: to see, and to take back. */
#include "apps/mydata.h"
#include "core/consents.h"
#include "core/history.h"
#include "svc/audit.h"
#include "svc/texts.h"
#include "web/web.h"

static json_t *items(struct arena *a, const struct desk *desk, struct slice scopes)
{
	json_t *list = json_array();
	for (struct slice word; slice_cut(&scopes, '+', &word);) {
		const char *id = arena_printf(a, "consent.scope.%.*s", (int)word.n, word.p);
		if (texts_have(id))
			json_array_append_new(list, json_string(text(desk->lang, id)));
	}
	return list;
}

int data_consent_rows(struct request *r, const struct desk *desk, json_t **out)
{
	json_t *rows = json_own(r->a, json_array());
	const struct service *service;
	struct consent c;
	for (const char *const *line = desk->login.person->consents; line != NULL && *line != NULL; line++) {
		if (!consent_read(*line, &c))
			continue;
		const char *id = arena_str(r->a, c.service);
		int e = directory_service(r->a, id, &service);
		if (e != OK && e != E_NOENT)
			return e;
		json_t *row = json_pack("{ss ss so}", "id", id, "service", e == OK ? service_name(service, desk->lang) : id, "items", items(r->a, desk, c.scopes));
		if (c.when != 0)
			json_object_set_new(row, "since", json_string(web_time(r->a, desk->lang, c.when)));
		json_array_append_new(rows, row);
	}
	*out = rows;
	return OK;
}

int data_consent_end(struct request *r, const struct desk *desk, struct slice service_id)
{
	const struct person *person = desk->login.person;
	struct consent c;
	const char *id = arena_str(r->a, service_id);
	if (service_id.n == 0 || !consent_find(person, id, &c))
		return E_NOENT;
	int e = HISTORY(web_browser_words(r->a, http_header(r, "User-Agent")), .event = EV_CONSENT_WITHDRAWN, .subject = person->subject, .service = id, .peer = r->peer, .session = desk->login.session->sid);
	return e != OK ? e : consent_withdraw(person, id);
}
