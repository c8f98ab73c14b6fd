/* Reads the service files of PAM (pam.conf(5)). */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include "csamctl/pam_stack.h"

enum { DEEPEST = 8, LINE_MAX_BYTES = 1024, WORDS = 3 };

struct walk {
	struct arena *a;
	const char *pam_d, *type;
	struct pam_stack *out;
};

static int walk_file(const struct walk *w, const char *service, unsigned depth);

/* One word, or what stands between brackets: [success=1 default=ignore]. */
static char *word(char **rest)
{
	char *p = *rest + strspn(*rest, " \t");
	const char *ends = *p == '[' ? "]" : " \t";
	char *end = p + strcspn(p, ends);
	if (*p == '\0')
		return NULL;
	if (*end == ']')
		end++;
	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	return p;
}

static int add(const struct walk *w, const char *module)
{
	const char *slash = strrchr(module, '/');
	if (w->out->n == PAM_MODULES_MAX)
		return E_LIMIT;
	w->out->modules[w->out->n++] = arena_strdup(w->a, slash != NULL ? slash + 1 : module);
	return OK;
}

static int walk_line(const struct walk *w, char *line, unsigned depth)
{
	line[strcspn(line, "#")] = '\0';
	char *words[WORDS] = { NULL };
	for (size_t i = 0; i < WORDS && (words[i] = word(&line)) != NULL; i++)
		;
	if (words[0] == NULL || words[1] == NULL)
		return OK;
	if (strcasecmp(words[0], "@include") == 0)
		return walk_file(w, words[1], depth + 1);
	if (strcasecmp(words[0] + (*words[0] == '-'), w->type) != 0 || words[2] == NULL)
		return OK;
	if (strcasecmp(words[1], "include") == 0 || strcasecmp(words[1], "substack") == 0)
		return walk_file(w, words[2], depth + 1);
	return add(w, words[2]);
}

/* A line that ends with a backslash goes on in the next. */
static bool next_line(FILE *f, char *line, size_t max)
{
	size_t n = 0;
	while (n + 1 < max && fgets(line + n, (int)(max - n), f) != NULL) {
		n += strcspn(line + n, "\n");
		line[n] = '\0';
		if (n == 0 || line[n - 1] != '\\')
			return true;
		line[n - 1] = ' ';
	}
	return n > 0;
}

static int walk_file(const struct walk *w, const char *service, unsigned depth)
{
	char line[LINE_MAX_BYTES];
	if (depth > DEEPEST)
		return E_LIMIT;
	FILE *f = fopen(*service == '/' ? service : arena_printf(w->a, "%s/%s", w->pam_d, service), "re");
	if (f == NULL)
		return errno == ENOENT ? E_NOENT : E_INPUT;
	int rc = OK;
	while (rc == OK && next_line(f, line, sizeof line))
		rc = walk_line(w, line, depth);
	fclose(f);
	return rc;
}

int pam_stack(struct arena *a, const char *pam_d, const char *service, const char *type, struct pam_stack *out)
{
	*out = (struct pam_stack){ .n = 0 };
	return walk_file(&(struct walk){ a, pam_d, type, out }, service, 0);
}

bool pam_stack_has(const struct pam_stack *s, const char *module)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->modules[i], module) == 0)
			return true;
	return false;
}

bool pam_stack_follows(const struct pam_stack *s, const char *module, const char *next)
{
	bool follows = false;
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->modules[i], module) == 0)
			follows = false;
		else if (strcmp(s->modules[i], next) == 0)
			follows = true;
	}
	return follows;
}
