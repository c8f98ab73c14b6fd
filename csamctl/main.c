/* csamctl: the administrator's command. It prints LDIF and reads; it never writes to the directory. */
#include <signal.h>
#include "base/log.h"
#include "csamctl/ctl.h"

enum { MAX_WORDS = 8 };

#define COMMAND(name) &cmd_##name,
static const struct command *const commands[] = {
#include "csamctl/commands.def"
	NULL,
};
#undef COMMAND

/* How many words of argv the path takes; 0 when it does not begin with them. */
static int match(const char *path, int argc, char **argv)
{
	struct slice rest = slice_of(path);
	int n = 0;
	for (struct slice word; slice_cut(&rest, ' ', &word); n++)
		if (n >= argc || !slice_is(word, argv[n]))
			return 0;
	return n;
}

static bool in_family(const struct command *c, const char *family)
{
	struct slice rest = slice_of(c->path), word;
	return slice_cut(&rest, ' ', &word) && slice_is(word, family);
}

static void overview(FILE *to, const char *family)
{
	fputs("usage: csamctl COMMAND [options]\n\n"
	    "What changes people, keys or services prints LDIF for ldapmodify; nothing is written by csamctl itself.\n\n", to);
	for (const struct command *const *c = commands; *c != NULL; c++)
		if (family == NULL || in_family(*c, family)) {
			char left[64];
			snprintf(left, sizeof left, "%s %s", (*c)->path, (*c)->operands);
			fprintf(to, "  %-28s %s\n", left, (*c)->what);
		}
	fputs("\ncsamctl COMMAND --help tells more, with examples; csamctl --version tells the version.\n\n"
	    "Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong.\n", to);
}

/* The first words may still be a family ("person"), or nearly a command. */
static int unknown(struct ctl *c, int argc, char **argv)
{
	const char *paths[64] = { NULL };
	size_t n = 0;
	bool family = false;
	for (; commands[n] != NULL; n++) {
		paths[n] = commands[n]->path;
		family |= in_family(commands[n], argv[0]);
	}
	if (family && (argc == 1 || argv[1][0] == '-')) {
		overview(argc == 1 ? stderr : stdout, argv[0]);
		return argc == 1 ? USAGE : DONE;
	}
	const char *typed = argc > 1 && argv[1][0] != '-' ? arena_printf(c->a, "%s %s", argv[0], argv[1]) : argv[0];
	const char *meant = near_miss(typed, paths);
	return meant != NULL ? usage(c, "no command '%s': did you mean '%s'?", typed, meant) :
	    usage(c, "no command '%s': csamctl --help lists them", typed);
}

/* Does the word take the next one as its value? Only options of every command may stand before the command. */
static bool takes_value(const char *word)
{
	for (const struct opt *o = opt_common; o->name != NULL; o++) {
		if (o->arg == NULL)
			continue;
		if (word[1] == o->letter && word[2] == '\0')
			return true;
		if (word[1] == '-' && strcmp(word + 2, o->name) == 0)
			return true;
	}
	return false;
}

/* Options before the command go behind it: csamctl -c FILE person new is csamctl person new -c FILE. */
static char **command_first(struct arena *a, int argc, char **argv)
{
	char **out = ARENA_ARRAY(a, char *, (size_t)argc + 1);
	int lead = 0, n = 0;
	while (lead < argc && argv[lead][0] == '-' && argv[lead][1] != '\0')
		lead += takes_value(argv[lead]) ? 2 : 1;
	for (int i = lead; i < argc && argv[i][0] != '-'; i++)
		out[n++] = argv[i];
	int words = n;
	for (int i = 0; i < lead && i < argc; i++)
		out[n++] = argv[i];
	for (int i = lead + words; i < argc; i++)
		out[n++] = argv[i];
	return out;
}

static int run(struct ctl *c, int argc, char **argv)
{
	int words = 0;
	for (const struct command *const *cmd = commands; *cmd != NULL; cmd++) {
		int n = match((*cmd)->path, argc, argv);
		if (n > words) {
			words = n;
			c->cmd = *cmd;
		}
	}
	if (words == 0)
		return unknown(c, argc, argv);
	int rc = opt_parse(c, argc - words + 1, argv + words - 1);
	if (rc != DONE)
		return rc < 0 ? DONE : rc;
	rc = settings_load(c);
	return rc != DONE ? rc : c->cmd->run(c);
}

int main(int argc, char **argv)
{
	AUTO_ARENA a = arena_new();
	struct ctl c = { .a = a };
	signal(SIGPIPE, SIG_IGN);	/* libldap writes to a directory that may be gone; a closed pager is told by print() */
	log_open("csamctl", LOG_LEVEL_INFO);
	if (argc < 2) {
		overview(stderr, NULL);
		return USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("csamctl " VERSION);
		return DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		overview(stdout, NULL);
		return DONE;
	}
	char **words = command_first(a, argc - 1, argv + 1);
	if (words[0][0] == '-')
		return usage(&c, "no command: csamctl --help lists them");
	return run(&c, argc - 1, words);
}
