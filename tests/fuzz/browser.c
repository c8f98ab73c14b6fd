/* User-Agents: whatever a stranger sends, what is kept of it is short and made of our own words. */
#include "fuzz.h"
#include "web/web.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	const char *words = web_browser_words(a, in);
	if (words == NULL)
		return;
	promise(strlen(words) < 40);
	promise(strspn(words, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz, ") == strlen(words));
}
