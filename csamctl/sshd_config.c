/* Reads what sshd's configuration says for everybody (sshd_config(5)). */
#include <glob.h>
#include <stdio.h>
#include <strings.h>
#include "csamctl/sshd_config.h"

enum { DEEPEST = 16, LINE_MAX_BYTES = 1024 };	/* servconf.c: SERVCONF_MAX_DEPTH */

struct look {
	struct arena *a;
	const char *root, *keyword, *value;
	unsigned depth;
};

static void look_file(struct look *l, const char *path);

static void include(struct look *l, const char *pattern)
{
	glob_t found;
	const char *full = *pattern == '/' ? arena_printf(l->a, "%s%s", l->root, pattern) : arena_printf(l->a, "%s/etc/ssh/%s", l->root, pattern);
	if (l->depth++ < DEEPEST && glob(full, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && l->value == NULL; i++)
			look_file(l, found.gl_pathv[i]);
		globfree(&found);
	}
	l->depth--;
}

/* False at Match: what follows in this file is not for everybody. */
static bool look_line(struct look *l, char *line)
{
	char *key = line + strspn(line, " \t");
	char *value = key + strcspn(key, " \t=\n");
	if (*key == '#' || *key == '\n' || *key == '\0' || *value == '\0')
		return true;
	*value++ = '\0';
	value += strspn(value, " \t=\"");
	if (strcasecmp(key, "include") == 0) {
		for (size_t n; *value != '\0' && *value != '#' && *value != '\n'; value += n + strspn(value + n, " \t\"\n")) {
			n = strcspn(value, " \t\"\n");
			include(l, arena_str(l->a, slice_mem(value, n)));
		}
		return true;
	}
	if (strcasecmp(key, l->keyword) == 0 && l->value == NULL)
		l->value = arena_str(l->a, slice_mem(value, strcspn(value, " \t\"\n#")));
	return strcasecmp(key, "match") != 0;
}

static void look_file(struct look *l, const char *path)
{
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(path, "re");
	while (f != NULL && l->value == NULL && fgets(line, sizeof line, f) != NULL)
		if (!look_line(l, line))
			break;
	if (f != NULL)
		fclose(f);
}

const char *sshd_config(struct arena *a, const char *root, const char *keyword)
{
	struct look l = { .a = a, .root = root, .keyword = keyword };
	look_file(&l, arena_printf(a, "%s/etc/ssh/sshd_config", root));
	return l.value;
}
