/* The configuration file: one table of options (conf.def), read by libconfuse, whose only home is conf.c. */
#ifndef CSAM_CONF_H
#define CSAM_CONF_H

#include <stdbool.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/err.h"

/* conf->directory_uri, conf->http_threads, … Lists are NULL-terminated. */
struct conf {
	const char *file;		/* absolute path of the file it came from */
#define STR(section, name, def, check, help)		const char *section##_##name;
#define PATH(section, name, def, help)			const char *section##_##name;
#define INT(section, name, def, min, max, help)		long section##_##name;
#define BOOL(section, name, def, help)			bool section##_##name;
#define LIST(section, name, def, check, help)		const char *const *section##_##name;
#include "base/conf.def"
#undef STR
#undef PATH
#undef INT
#undef BOOL
#undef LIST
};

/* Reads the file. E_INPUT: *why names file, line, option and what was expected. */
int conf_read(struct arena *a, const char *file, const struct conf **out, const char **why);

/* The effective configuration, in the syntax of the file (idpd -T). */
void conf_print(const struct conf *c, FILE *to);

/* Every option with default and meaning, as mdoc for idpd.conf(5). */
void conf_manual(FILE *to);

#endif
