/* The configuration of csam-agent: one table of options (conf.def). */
#ifndef CSAM_AGENT_CONF_H
#define CSAM_AGENT_CONF_H

#include <sys/types.h>
#include "base/option.h"

struct agent_conf {
	const char *file;		/* absolute path of the file it came from */
#define OPTIONS_DEF "agent/conf.def"
#include "base/option_fields.h"
#undef OPTIONS_DEF
};

extern const struct options agent_options;

/* Reads the file. E_INPUT: *why says what is wrong, and where. */
int agent_conf_read(struct arena *a, const char *file, const struct agent_conf **out, const char **why);

/* One of agent.sockets. mode 0666 and no group unless said otherwise. */
struct socket_place {
	const char *path, *group;	/* group: NULL when not said */
	mode_t mode;
};
struct socket_place socket_place_of(struct arena *a, const char *text);

#endif
