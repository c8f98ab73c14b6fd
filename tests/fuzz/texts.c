/* What is looked for in the text catalogues: languages that browsers and services wish for, and {placeholders}; and catalogues themselves. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "svc/texts.h"

static bool ours;		/* our own catalogues are open */

static void catalogue(struct slice in)
{
	static char dir[64], path[96];
	if (dir[0] == '\0') {
		snprintf(dir, sizeof dir, "/tmp/fuzz-texts.%d", (int)getpid());
		snprintf(path, sizeof path, "%s/en.json", dir);
	}
	mkdir(dir, 0700);
	FILE *f = fopen(path, "w");
	promise(f != NULL && fwrite(in.p, 1, in.n, f) == in.n && fclose(f) == 0);
	if (texts_open(dir, "en") == OK)
		promise(texts_languages()[0] != NULL && texts_languages()[1] == NULL);
	unlink(path);
	rmdir(dir);
	ours = false;
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	if (slice_starts(in, S("{\""))) {
		catalogue(in);
		return;
	}
	if (!ours)
		promise(texts_open("share/texts", "fr en") == OK);
	ours = true;
	const char *lang = texts_choose_accept(in);
	promise(lang == texts_languages()[0] || lang == texts_languages()[1]);
	lang = texts_choose_locales(in);
	promise(lang == NULL || lang == texts_languages()[0] || lang == texts_languages()[1]);
	struct slice rest = in, before, name, after;
	for (size_t left = in.n + 1; texts_placeholder(rest, &before, &name, &after); rest = after, left = rest.n)
		promise(rest.n <= left && name.n > 0 && before.n + name.n + after.n + 2 == rest.n);
	text_with(a, "fr", arena_str(a, in), "key", "x", NULL);
}
