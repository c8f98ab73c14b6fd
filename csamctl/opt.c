/* Command lines: one table of options per subcommand, which parses and also writes the help. */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include "csamctl/ctl.h"

enum { MAX_OPTS = 48, FIRST_LONG = 256 };

const struct opt opt_common[] = {
	{ "config", "FILE", "configuration of the daemon (default /etc/csam/idpd.conf when it is there)", 0, 'c' },
	{ "uri", "URI", "the directory: ldapi:///, ldap://host, ldaps://host", 0, 'H' },
	{ "bind-dn", "DN", "bind as DN; without it: EXTERNAL over ldapi, else anonymously", 0, 'D' },
	{ "password", "PASSWORD", "password of that DN (others may see it in the list of processes, for a moment: better -y)", OPT_SECRET, 'w' },
	{ "bind-password-file", "FILE", "the first line of FILE is the password", 0, 'y' },
	{ "starttls", NULL, "ask for TLS on an ldap:// address, and insist", 0, 'Z' },
	{ "base", "DN", "suffix of the directory", 0, 'b' },
	{ "keyring", "PATH", "control socket of the keyring", 0, 'k' },
	{ "help", NULL, "tell about the command", 0, 'h' },
	{ 0 },
};

struct given {
	const struct given *next;
	const struct opt *opt;
	const char *value;
};

static const struct opt none[] = { { 0 } };

static const struct opt *own(const struct command *cmd)
{
	return cmd->opts != NULL ? cmd->opts : none;
}

static const struct opt *find(const struct command *cmd, const char *name)
{
	for (const struct opt *o = own(cmd); o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	for (const struct opt *o = opt_common; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static const struct given *first(const struct ctl *c, const char *name)
{
	const struct opt *o = find(c->cmd, name);
	if (o == NULL)
		abort();
	for (const struct given *g = c->given; g != NULL; g = g->next)
		if (g->opt == o)
			return g;
	return NULL;
}

const char *opt(const struct ctl *c, const char *name)
{
	const struct given *g = first(c, name);
	return g != NULL ? g->value : NULL;
}

bool opt_on(const struct ctl *c, const char *name)
{
	return first(c, name) != NULL;
}

const char *const *opt_all(const struct ctl *c, const char *name)
{
	size_t n = 0;
	const struct given *from = first(c, name);
	for (const struct given *g = from; g != NULL; g = g->next)
		n++;
	const char **all = ARENA_ARRAY(c->a, const char *, n + 1);
	n = 0;
	for (const struct given *g = from; g != NULL; g = g->next)
		if (g->opt == from->opt)
			all[n++] = g->value;
	return all;
}

/* Edits between two words: insert, delete, replace, swap neighbours; rows of the table are reused. */
static unsigned distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	size_t n = strlen(a), m = strlen(b);
	unsigned d[MAX + 1][MAX + 1];
	if (n > MAX || m > MAX)
		return MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *near_miss(const char *word, const char *const *candidates)
{
	const char *nearest = NULL;
	unsigned least = strlen(word) > 4 ? 3 : 2;	/* fewer edits than this */
	for (; *candidates != NULL; candidates++) {
		unsigned d = distance(word, *candidates);
		if (d < least) {
			least = d;
			nearest = *candidates;
		}
	}
	return nearest;
}

struct tables {
	const struct opt *opts[MAX_OPTS];
	struct option longs[MAX_OPTS + 1];
	char letters[2 * MAX_OPTS + 3];
	size_t n;
};

static void add(struct tables *t, const struct opt *o)
{
	for (; o->name != NULL; o++) {
		if (t->n == MAX_OPTS)
			abort();
		t->longs[t->n] = (struct option){ o->name, o->arg != NULL, NULL, FIRST_LONG + (int)t->n };
		if (o->letter != 0) {
			size_t at = strlen(t->letters);
			t->letters[at] = o->letter;
			t->letters[at + 1] = o->arg != NULL ? ':' : '\0';
		}
		t->opts[t->n++] = o;
	}
}

static const struct opt *picked(const struct tables *t, int ch)
{
	if (ch >= FIRST_LONG)
		return t->opts[ch - FIRST_LONG];
	for (size_t i = 0; i < t->n; i++)
		if (t->opts[i]->letter == ch)
			return t->opts[i];
	return NULL;
}

static int bad_option(const struct ctl *c, const struct tables *t, int ch, const char *word)
{
	if (ch == ':')
		return usage(c, "%s needs a value", word);
	if (optopt != 0 && picked(t, optopt) == NULL)	/* a letter, maybe in the middle of its word */
		return usage(c, "no option -%c (a word that begins with a hyphen comes after --)", optopt);
	const char *names[MAX_OPTS + 1] = { NULL };
	for (size_t i = 0; i < t->n; i++)
		names[i] = t->opts[i]->name;
	char *bare = arena_strdup(c->a, word + strspn(word, "-"));
	bare[strcspn(bare, "=")] = '\0';
	const char *meant = word[0] == '-' && word[1] == '-' ? near_miss(bare, names) : NULL;
	if (meant != NULL && strcmp(meant, bare) == 0)
		return usage(c, "--%s takes no value", bare);
	if (meant != NULL)
		return usage(c, "no option --%s: did you mean --%s?", bare, meant);
	return usage(c, "no option %s", word);
}

static int complete(struct ctl *c, int argc, char **argv)
{
	for (const struct opt *o = own(c->cmd); o->name != NULL; o++)
		if ((o->flags & OPT_MUST) && opt(c, o->name) == NULL)
			return usage(c, "--%s %s is missing: %s", o->name, o->arg, o->help);
	if ((unsigned)argc < c->cmd->noperands)
		return usage(c, "%s is missing", c->cmd->operands);
	if ((unsigned)argc > c->cmd->noperands + c->cmd->nmore)
		return usage(c, "'%s' is one word too many", argv[c->cmd->noperands + c->cmd->nmore]);
	c->operands = (const char *const *)argv;
	return DONE;
}

static void help_lines(const struct opt *o, FILE *to)
{
	for (; o->name != NULL; o++) {
		char left[64], letter[8] = "    ";
		if (o->letter != 0)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(to, "  %-32s %s%s%s\n", left, o->help, o->flags & OPT_MUST ? " (needed)" : "",
		    o->flags & OPT_MANY ? " (may be repeated)" : "");
	}
}

static void help(const struct command *cmd, FILE *to)
{
	fprintf(to, "usage: csamctl %s [options]%s%s\n\n%s\n", cmd->path, *cmd->operands ? " " : "", cmd->operands, cmd->what);
	if (cmd->more != NULL)
		fprintf(to, "%s\n", cmd->more);
	if (cmd->opts != NULL) {
		fprintf(to, "\nOptions:\n");
		help_lines(cmd->opts, to);
	}
	fprintf(to, "\nOptions of every command:\n");
	help_lines(opt_common, to);
	fprintf(to, "\nExamples:\n%s", cmd->examples);
}

/* A secret leaves the command line, which every user of the machine can read for as long as the command runs. */
static const char *value_of(struct arena *a, const struct opt *o)
{
	if (optarg == NULL || !(o->flags & OPT_SECRET))
		return optarg != NULL ? optarg : "";
	const char *kept = arena_strdup(a, optarg);
	explicit_bzero(optarg, strlen(optarg));
	return kept;
}

int opt_parse(struct ctl *c, int argc, char **argv)
{
	struct tables *t = ARENA_NEW(c->a, struct tables);
	t->letters[0] = ':';
	add(t, own(c->cmd));
	add(t, opt_common);
	struct given *last = NULL;
	opterr = 0;
	optind = 0;	/* glibc: start anew */
	for (;;) {
		int ch = getopt_long(argc, argv, t->letters, t->longs, NULL);
		if (ch == -1)
			break;
		const struct opt *o = ch == '?' || ch == ':' ? NULL : picked(t, ch);
		if (o == NULL)
			return bad_option(c, t, ch, argv[optind - 1]);
		if (strcmp(o->name, "help") == 0) {
			help(c->cmd, stdout);
			return -1;
		}
		if (first(c, o->name) != NULL && !(o->flags & OPT_MANY))
			return usage(c, "--%s was given twice", o->name);
		struct given *g = ARENA_NEW(c->a, struct given);
		*g = (struct given){ NULL, o, value_of(c->a, o) };
		if (last != NULL)
			last->next = g;
		else
			c->given = g;
		last = g;
	}
	return complete(c, argc - optind, argv + optind);
}
