/* /keys/data/history: logins and changes of the last six months, as a page and as a table for a spreadsheet. */
#include "apps/mydata.h"
#include "base/clock.h"
#include "core/history.h"
#include "svc/texts.h"
#include "web/web.h"

enum { ROWS = 20 };

#define PATH "/keys/data/history"

static const char *event_name(struct arena *a, const char *lang, const char *event)
{
	const char *id = arena_printf(a, "data.event.%s", event);
	return texts_have(id) ? text(lang, id) : event;
}

/* Names of services change and go: what is not there any more is told by its id. */
static int service_words(struct arena *a, const char *lang, const char *id, const char **out)
{
	const struct service *service;
	int e = id != NULL ? directory_service(a, id, &service) : E_NOENT;
	if (e != OK && e != E_NOENT)
		return e;
	*out = e == OK ? service_name(service, lang) : id;
	return OK;
}

static int put_row(struct request *r, const struct desk *desk, const struct history *h, json_t *rows)
{
	struct arena *a = r->a;
	const char *service = NULL;
	int e = service_words(a, desk->lang, h->service, &service);
	if (e != OK)
		return e;
	json_t *row = json_pack("{ss ss ss* ss* ss* ss* ss*}", "event", event_name(a, desk->lang, h->event), "when", web_time(a, desk->lang, h->when),
	    "service", service, "place", h->place, "browser", h->browser, "via", h->via,
	    "by", h->by != NULL ? text(desk->lang, "notice.administrator") : NULL);
	if (h->kind != NULL)
		json_object_set_new(row, "key", json_string(data_key_name(a, desk, h->kind, h->key != NULL ? h->key : "")));
	if (h->times > 1)
		json_object_set_new(row, "times", json_string(arena_printf(a, "%u", h->times)));
	json_array_append_new(rows, row);
	return OK;
}

static void put_pages(struct arena *a, json_t *v, size_t page, size_t n)
{
	if (page > 0)
		json_object_set_new(v, "newer", json_string(arena_printf(a, PATH "?page=%zu", page - 1)));
	if ((page + 1) * ROWS < n)
		json_object_set_new(v, "older", json_string(arena_printf(a, PATH "?page=%zu", page + 1)));
}

int apps_data_history(struct request *r, struct response *resp)
{
	struct desk desk;
	struct history *all;
	size_t n = 0;
	unsigned long long page = 0;
	int e = desk_open(r, resp, PATH, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	e = history_read(r->a, desk.login.person->subject, &all, &n);
	if (slice_number(http_query(r, "page"), HISTORY_MAX, &page) != OK)
		page = 0;
	json_t *rows = json_own(r->a, json_array());
	for (size_t i = (size_t)page * ROWS; e == OK && i < n && i < ((size_t)page + 1) * ROWS; i++)
		e = put_row(r, &desk, &all[i], rows);
	if (e != OK)
		return e;
	json_object_set(desk.values, "rows", rows);
	put_pages(r->a, desk.values, (size_t)page, n);
	return web_page(r, resp, 200, "data-history", desk.lang, desk.values, NULL);
}

static void cell(struct buf *b, const char *s, const char *end)
{
	buf_csv(b, slice_of(s != NULL ? s : ""));
	buf_raw(b, slice_of(end));
}

/* RFC 4180. Words of the trail, not of a language: for programs. */
int apps_data_history_csv(struct request *r, struct response *resp)
{
	struct desk desk;
	struct history *all;
	size_t n = 0;
	int e = desk_open(r, resp, PATH, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	e = history_read(r->a, desk.login.person->subject, &all, &n);
	if (e != OK)
		return e;
	struct buf b = buf_new(r->a);
	buf_lit(&b, "time,event,times,kind,key,service,program,address,browser,by\r\n");
	for (size_t i = 0; i < n; i++) {
		const struct history *h = &all[i];
		cell(&b, time_iso(r->a, h->when), ",");
		cell(&b, h->event, ",");
		cell(&b, arena_printf(r->a, "%u", h->times), ",");
		cell(&b, h->kind, ",");
		cell(&b, h->key, ",");
		cell(&b, h->service, ",");
		cell(&b, h->via, ",");
		cell(&b, h->place, ",");
		cell(&b, h->browser, ",");
		cell(&b, h->by, "\r\n");
	}
	http_set(r, resp, "Content-Disposition", "attachment; filename=\"csam-history.csv\"");
	resp->status = 200;
	resp->type = "text/csv; charset=utf-8";
	resp->body = buf_slice(&b);
	return OK;
}
