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

static void overview(FILE *to, const char *family)
{
	fputs("usage: csamctl COMMAND [options]\n\n"
	    "What changes people, keys or services prints LDIF for ldapmodify; nothing is written by csamctl itself.\n\n", to);
	for (const struct command *const *c = commands; *c != NULL; c++)
		if (family == NULL || slice_starts(slice_of((*c)->path), slice_of(family))) {
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
		struct slice rest = slice_of(paths[n]), word;
		family |= slice_cut(&rest, ' ', &word) && slice_is(word, argv[0]);
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
	return run(&c, argc - 1, argv + 1);
}
