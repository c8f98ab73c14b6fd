/* What a User-Agent says, in words that people know. It is a hint for its own person and decides nothing (RFC 9110 10.1.5). No version: an update is no
 * other browser. */
#include "web/web.h"

enum { READ_MAX = 512 };

struct mark {
	const char *in, *name;
};

/* Browsers name those that they want to be taken for too: the most special come first. */
static const struct mark programs[] = {
	{ "Edg", "Edge" }, { "OPR/", "Opera" }, { "SamsungBrowser/", "Samsung Internet" }, { "Firefox/", "Firefox" }, { "FxiOS/", "Firefox" },
	{ "Chromium/", "Chromium" }, { "Chrome/", "Chrome" }, { "CriOS/", "Chrome" }, { "Safari/", "Safari" }, { "curl/", "curl" },
};
static const struct mark systems[] = {
	{ "iPhone", "iPhone" }, { "iPad", "iPad" }, { "Android", "Android" }, { "Windows", "Windows" }, { "Macintosh", "macOS" },
	{ "CrOS", "ChromeOS" }, { "Linux", "Linux" },
};

static const char *first(struct slice s, const struct mark *marks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memmem(s.p, s.n, marks[i].in, strlen(marks[i].in)) != NULL)
			return marks[i].name;
	return NULL;
}

const char *web_browser_words(struct arena *a, struct slice ua)
{
	if (ua.p == NULL)
		return NULL;
	if (ua.n > READ_MAX)
		ua.n = READ_MAX;
	const char *program = first(ua, programs, sizeof programs / sizeof *programs);
	const char *system = first(ua, systems, sizeof systems / sizeof *systems);
	if (program == NULL || system == NULL)
		return program != NULL ? program : system;
	return arena_printf(a, "%s, %s", program, system);
}

const char *web_agent(const struct request *r)
{
	return web_browser_words(r->a, http_header(r, "User-Agent"));
}
