/* The configuration of idpd: one table of options (conf.def). */
#ifndef CSAM_CONF_H
#define CSAM_CONF_H

#include "base/option.h"

/* conf->directory_uri, conf->http_threads, … Lists are NULL-terminated. */
struct conf {
	const char *file;		/* absolute path of the file it came from */
#define OPTIONS_DEF "base/conf.def"
#include "base/option_fields.h"
#undef OPTIONS_DEF
};

extern const struct options conf_options;

/* Reads the file. E_INPUT: *why names file, line, option and what was expected. */
int conf_read(struct arena *a, const char *file, const struct conf **out, const char **why);

#endif
