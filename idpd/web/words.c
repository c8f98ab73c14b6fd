/* Words that many pages show: a moment, a person's name, the picture of a key. */
#include "svc/directory.h"
#include "svc/texts.h"
#include "web/static.h"
#include "web/web.h"

const char *web_time(struct arena *a, const char *lang, time_t t)
{
	struct tm tm;
	if (localtime_r(&t, &tm) == NULL)
		return "";
	return text_with(a, lang, "page.time", "day", arena_printf(a, "%d", tm.tm_mday), "month", arena_printf(a, "%02d", tm.tm_mon + 1),
	    "year", arena_printf(a, "%d", tm.tm_year + 1900), "clock", arena_printf(a, "%02d:%02d", tm.tm_hour, tm.tm_min), NULL);
}

const char *web_full_name(struct arena *a, const struct person *p)
{
	if (p->display_name != NULL)
		return p->display_name;
	if (p->given_name != NULL && p->family_name != NULL)
		return arena_printf(a, "%s %s", p->given_name, p->family_name);
	return p->name;
}

const char *web_kind_icon(struct arena *a, const char *kind)
{
	const char *icon = static_address(arena_printf(a, "kind-%s.svg", kind));
	return icon != NULL ? icon : static_address("kind.svg");
}
