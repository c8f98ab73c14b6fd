/* The person's open sessions: to see, and to end from elsewhere. */
#include "apps/mydata.h"
#include "core/session_services.h"
#include "svc/texts.h"
#include "web/web.h"

static int service_names(struct arena *a, const struct desk *desk, const char *sid, json_t *names)
{
	struct slice clients, one;
	int e = session_services(a, sid, &clients);
	while (e == OK && slice_cut(&clients, '\n', &one) && one.n > 0) {
		const struct service *service;
		int is = directory_client(a, one, &service);
		if (is == OK)
			json_array_append_new(names, json_string(service_name(service, desk->lang)));
		else if (is != E_NOENT)
			e = is;
	}
	return e == E_NOENT ? OK : e;
}

static int put_row(struct request *r, const struct desk *desk, const struct session *s, json_t *rows)
{
	struct arena *a = r->a;
	json_t *names = json_own(a, json_array());
	const struct proof *last = s->nproofs > 0 ? &s->proofs[s->nproofs - 1] : NULL;
	int e = service_names(a, desk, s->sid, names);
	if (e != OK)
		return e;
	json_t *row = json_pack("{ss ss ss ss ss* sO}", "id", s->sid, "browser", s->browser != NULL ? s->browser : text(desk->lang, "data.browser.other"),
	    "since", web_time(a, desk->lang, s->created), "used", web_time(a, desk->lang, s->used), "place", s->place, "services", names);
	if (last != NULL)
		json_object_set_new(row, "key", json_string(data_key_name(a, desk, last->kind, last->key_id)));
	if (json_array_size(names) > 0)
		json_object_set_new(row, "opened", json_true());
	if (strcmp(s->sid, desk->login.session->sid) == 0)
		json_object_set_new(row, "here", json_true());
	json_array_append_new(rows, row);
	return OK;
}

static int mine(struct request *r, const struct desk *desk, struct session *all, size_t *n)
{
	return session_list(r->a, desk->login.person->subject, all, n);
}

int data_session_rows(struct request *r, const struct desk *desk, json_t **out)
{
	struct session *all = arena_alloc(r->a, SESSIONS_MAX * sizeof *all);
	size_t n = 0;
	json_t *rows = json_own(r->a, json_array());
	int e = mine(r, desk, all, &n);
	for (size_t i = n; e == OK && i > 0; i--)
		e = put_row(r, desk, &all[i - 1], rows);
	if (e == OK)
		*out = rows;
	return e;
}

/* Only what stands in the person's own list is ended, whatever the form says. */
int data_session_end(struct request *r, const struct desk *desk, struct slice sid)
{
	struct session *all = arena_alloc(r->a, SESSIONS_MAX * sizeof *all);
	size_t n = 0;
	int e = mine(r, desk, all, &n);
	for (size_t i = 0; e == OK && i < n; i++)
		if (slice_is(sid, all[i].sid))
			return session_end_sid(all[i].sid, "ended-elsewhere");
	return e != OK ? e : E_NOENT;
}

int data_sessions_end_others(struct request *r, const struct desk *desk)
{
	struct session *all = arena_alloc(r->a, SESSIONS_MAX * sizeof *all);
	size_t n = 0;
	int e = mine(r, desk, all, &n);
	for (size_t i = 0; e == OK && i < n; i++)
		if (strcmp(all[i].sid, desk->login.session->sid) != 0)
			e = session_end_sid(all[i].sid, "ended-elsewhere");
	return e;
}
