/* GET and POST /keys/data/delete: the end of an account, for who has just shown the strongest key that they added, and types their name. */
#include "apps/mykeys.h"
#include "base/clock.h"
#include "core/removal.h"
#include "svc/audit.h"
#include "svc/texts.h"
#include "web/web.h"

#define PATH "/keys/data/delete"

enum { NAME_MOST = 256 };

/* The month until which the audit trail can still be read. */
static const char *until(struct arena *a)
{
	struct tm tm;
	time_t t = now();
	unsigned months = audit_keeps(CLASS_IDENTIFICATION);
	if (months == 0 || localtime_r(&t, &tm) == NULL)
		return NULL;
	unsigned month = (unsigned)tm.tm_mon + months + 1;	/* its key ends when the last month is over */
	return arena_printf(a, "%02u/%u", month % 12 + 1, (unsigned)tm.tm_year + 1900 + month / 12);
}

static int draw(struct request *r, struct response *resp, struct desk *desk, const char *note)
{
	json_t *v = desk->values;
	const char *end = until(r->a);
	json_object_set_new(v, "self", json_string(PATH));
	json_object_set_new(v, "username", json_string(desk->login.person->name));
	if (end != NULL)
		json_object_set_new(v, "until", json_string(end));
	if (desk->login.person->uid_number != 0)
		json_object_set_new(v, "host", json_true());
	if (note != NULL)
		json_object_set_new(v, "error", json_string(text(desk->lang, note)));
	return web_page(r, resp, note != NULL ? 400 : 200, "data-delete", desk->lang, v, NULL);
}

static int enter(struct request *r, struct response *resp, struct desk *desk)
{
	int e = desk_open(r, resp, PATH, desk);
	if (e != OK || desk->login.person == NULL)
		return e;
	return desk_open_recent(r, resp, PATH, keys_guard(desk->login.person), desk);
}

int apps_data_delete(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = enter(r, resp, &desk);
	return e != OK || desk.login.person == NULL ? e : draw(r, resp, &desk, NULL);
}

static bool is_name(struct slice typed, const char *name)
{
	typed = slice_trim(typed, " ");
	return typed.n == strlen(name) && typed.n <= NAME_MOST && strncasecmp(typed.p, name, typed.n) == 0;
}

int apps_data_delete_do(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = enter(r, resp, &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	if (!is_name(http_form(r, "username"), desk.login.person->name))
		return draw(r, resp, &desk, "delete.wrong-name");
	e = removal_do(r->a, &(struct removal){ .person = desk.login.person, .sid = desk.sid, .peer = r->peer, .agent = web_agent(r), .level = desk.level });
	if (e != OK && e != E_EXISTS)
		return e;
	web_set_session(r, resp, S_NONE);
	return web_page(r, resp, 200, "data-deleted", desk.lang, NULL, NULL);
}
