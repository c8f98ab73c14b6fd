/* The manifest of a backup: no name in it leads out of its folder (the one file there is is "state"), and no file is in order whose hash it does not say. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"

static FILE *nobody;		/* hears what csamctl says */
#undef stderr
#define stderr nobody
#include "csamctl/io.c"
#include "csamctl/pack.c"

#define STATE_SHA256 "927489cb2fcdb32e302713f6a720397868b71dd2128c734181983f367d622c24"	/* of "state" and a line end */

static char dir[64];

static void write_file(struct arena *a, const char *name, struct slice text)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");
	promise(f != NULL && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	json_t *about = NULL, *file;
	size_t i;
	if (dir[0] == '\0') {
		snprintf(dir, sizeof dir, "/tmp/fuzz-manifest.%d", (int)getpid());
		promise((nobody = fopen("/dev/null", "we")) != NULL);
	}
	mkdir(dir, 0700);
	write_file(a, manifest, in);
	write_file(a, "state", S("state\n"));
	if (pack_verify(a, dir, &about) == DONE)
		json_array_foreach(json_object_get(about, "files"), i, file)
			promise(strcmp(json_str(file, "name"), "state") == 0 && strcmp(json_str(file, "sha256"), STATE_SHA256) == 0);
	unlink(arena_printf(a, "%s/state", dir));
	unlink(arena_printf(a, "%s/%s", dir, manifest));
	rmdir(dir);
}
