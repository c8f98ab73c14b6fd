/* What every subcommand of csamctl sees: its command line, the settings, and how it speaks. */
#ifndef CSAMCTL_CTL_H
#define CSAMCTL_CTL_H

#include <stdio.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { DONE = 0, REFUSED = 1, USAGE = 2 };	/* exit codes */

enum opt_flag { OPT_MUST = 1, OPT_MANY = 2, OPT_SECRET = 4 };

struct opt {
	const char *name;	/* long name */
	const char *arg;	/* what it takes, for help; NULL: nothing */
	const char *help;
	unsigned flags;
	char letter;		/* 0: none */
};

struct ctl;

struct command {
	const char *path;	/* the words that name it: "key new app" */
	const char *operands;	/* "NAME KEYID", or "" */
	unsigned noperands, nmore;	/* that must be there, and that may follow */
	const char *what;	/* one line */
	const char *more;	/* what one must know besides, or NULL */
	const struct opt *opts;	/* ends with name NULL; or NULL */
	const char *examples;
	bool broken_conf;	/* runs also when the configuration has an error */
	const char *other_conf;	/* an option with which -c is another file than the daemon's, which is not read then; or NULL */
	int (*run)(struct ctl *c);	/* gives an exit code */
};

struct conf;
struct settings {
	const struct conf *conf;	/* the daemon's configuration; NULL: there is none, or it has an error */
	const char *config, *conf_error;
	const char *uri, *bind_dn, *ca_file;
	const char *base, *people_base, *people_filter, *name_attr, *services_base, *tombstones_base, *decoy_dn;
	const char *keyring_socket, *issuer;
	bool starttls, testing, loopback_http;
};

struct given;
struct ctl {
	struct arena *a;
	const struct command *cmd;
	const struct given *given;
	const char *const *operands;	/* cmd->noperands, and then those of nmore that were given; NULL-terminated */
	struct settings set;
};

/* The value of an option, NULL when it was not given. Asking for one that the command does not have aborts. */
const char *opt(const struct ctl *c, const char *name);
bool opt_on(const struct ctl *c, const char *name);
const char *const *opt_all(const struct ctl *c, const char *name);	/* NULL-terminated, in order */

/* Fills c->given and c->operands. DONE; USAGE after saying why; -1 when help was asked for and printed. */
int opt_parse(struct ctl *c, int argc, char **argv);
extern const struct opt opt_common[];

/* The candidate that someone who typed `word` probably meant; NULL when none is near. */
const char *near_miss(const char *word, const char *const *candidates);

/* One line on standard error, "csamctl: ...". refuse() is for return: return refuse("... → what to do"). */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As a terminal may show it: what the directory holds was written by others, so control characters become '?'. NULL becomes "-". */
const char *harmless(struct arena *a, const char *s);

/* The same for a message of ours with such values in it: its line feeds stay. */
char *tamed(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Writes everything or says that it could not. */
int print(const struct buf *b);	/* DONE or REFUSED */

/* Settings: options before the configuration file, that before what is built in. */
int settings_load(struct ctl *c);
int need(const struct ctl *c, const char *value, const char *option);	/* DONE, or USAGE when the setting has no value */

/* The whole file, at most `max` bytes; "-" is standard input. OK or E_INPUT, which was said. */
int read_file(struct arena *a, const char *path, size_t max, struct slice *out);
/* A file that was not there before, and is on the disk. DONE or REFUSED. */
int write_new_file(const char *path, mode_t mode, struct slice text);
/* The first line of a file: a password, a secret. OK or E_INPUT, which was said. */
int read_secret(struct arena *a, const char *path, struct slice *out);

#define COMMAND(name) extern const struct command cmd_##name;
#include "csamctl/commands.def"
#undef COMMAND

#endif
