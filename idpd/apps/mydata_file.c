/* /keys/data/all.json: everything that is held about the person, as a file. Secrets of keys are theirs to use and nobody's to read. */
#include "apps/mydata.h"
#include "base/clock.h"
#include "core/history.h"
#include "core/session_services.h"
#include "web/web.h"

#define PATH "/keys/data/all.json"

static json_t *of_person(const struct person *p)
{
	return json_pack("{ss ss ss ss* ss* ss* ss* sb ss* sb ss* ss* ss* sI}", "subject", p->subject, "username", p->name, "state", p->state,
	    "given_name", p->given_name, "family_name", p->family_name, "display_name", p->display_name, "mail", p->mail, "mail_confirmed", p->mail_verified,
	    "mobile", p->mobile, "mobile_confirmed", p->mobile_verified, "language", p->locale, "address", p->address, "national_number", p->national_number,
	    "identity_level", (json_int_t)p->identity_level);
}

static json_t *of_keys(struct arena *a, const struct person *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->nkeys; i++) {
		const struct key *k = &p->keys[i];
		json_array_append_new(list, json_pack("{ss ss ss ss* ss* ss*}", "id", k->id, "kind", k->kind, "state", k->state, "name", k->label,
		    "address", k->address, "last_used", k->last_used != 0 ? time_iso(a, k->last_used) : NULL));
	}
	return list;
}

static int of_sessions(struct arena *a, const struct person *p, json_t *list)
{
	struct session *all = arena_alloc(a, SESSIONS_MAX * sizeof *all);
	size_t n = 0;
	int e = session_list(a, p->subject, all, &n);
	for (size_t i = 0; e == OK && i < n; i++) {
		struct slice clients, one;
		json_t *services = json_array();
		int is = session_services(a, all[i].sid, &clients);
		while (is == OK && slice_cut(&clients, '\n', &one) && one.n > 0)
			json_array_append_new(services, json_stringn(one.p, one.n));
		json_array_append_new(list, json_pack("{ss ss ss ss* ss* so}", "id", all[i].sid, "since", time_iso(a, all[i].created),
		    "last_used", time_iso(a, all[i].used), "address", all[i].place, "browser", all[i].browser, "services", services));
		e = is == E_NOENT ? OK : is;
	}
	return e;
}

static int of_history(struct arena *a, const struct person *p, json_t *list)
{
	struct history *all = NULL;
	size_t n = 0;
	int e = history_read(a, p->subject, &all, &n);
	for (size_t i = 0; e == OK && i < n; i++)
		json_array_append_new(list, json_pack("{ss ss sI ss* ss* ss* ss* ss* ss* ss*}", "time", time_iso(a, all[i].when), "event", all[i].event,
		    "times", (json_int_t)all[i].times, "kind", all[i].kind, "key", all[i].key, "service", all[i].service, "program", all[i].via,
		    "address", all[i].place, "browser", all[i].browser, "by", all[i].by));
	return e;
}

int apps_data_all(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open_recent(r, resp, PATH, 0, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	const struct person *p = desk.login.person;
	json_t *terms = json_array();
	for (const char *const *line = p->terms; line != NULL && *line != NULL; line++)
		json_array_append_new(terms, json_string(*line));
	json_t *sessions = json_own(r->a, json_array()), *history = json_own(r->a, json_array()), *consents = json_array();
	for (const char *const *line = p->consents; line != NULL && *line != NULL; line++)
		json_array_append_new(consents, json_string(*line));
	json_t *all = json_own(r->a, json_pack("{so so so so sO sO}", "person", of_person(p), "keys", of_keys(r->a, p), "consents", consents, "terms", terms,
	    "sessions", sessions, "history", history));
	if ((e = of_sessions(r->a, p, sessions)) != OK || (e = of_history(r->a, p, history)) != OK)
		return e;
	http_set(r, resp, "Content-Disposition", "attachment; filename=\"csam-data.json\"");
	return http_json(r, resp, 200, all);
}
