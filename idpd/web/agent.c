/* Which browser is it, as one tells it to its owner? No version: an update is no other browser. */
#include "web/web.h"

struct word {
	const char *in, *name;
};

/* In this order: Edge and Opera say Chrome too, and Chrome says Safari. */
static const struct word browsers[] = {
	{ "Edg", "Edge" }, { "OPR/", "Opera" }, { "SamsungBrowser/", "Samsung Internet" }, { "Firefox/", "Firefox" }, { "FxiOS/", "Firefox" },
	{ "Chrome/", "Chrome" }, { "CriOS/", "Chrome" }, { "Safari/", "Safari" }, { NULL, NULL },
};
static const struct word systems[] = {
	{ "Android", "Android" }, { "iPhone", "iPhone" }, { "iPad", "iPad" }, { "Windows", "Windows" }, { "Mac OS X", "macOS" }, { "CrOS", "ChromeOS" },
	{ "Linux", "Linux" }, { NULL, NULL },
};

static const char *first_of(const struct word *words, struct slice text)
{
	for (; words->in != NULL; words++)
		if (memmem(text.p, text.n, words->in, strlen(words->in)) != NULL)
			return words->name;
	return NULL;
}

const char *web_agent(const struct request *r)
{
	struct slice said = http_header(r, "User-Agent");
	const char *browser = said.n > 0 ? first_of(browsers, said) : NULL, *system = said.n > 0 ? first_of(systems, said) : NULL;
	if (browser == NULL || system == NULL)
		return browser != NULL ? browser : system;
	return arena_printf(r->a, "%s, %s", browser, system);
}
