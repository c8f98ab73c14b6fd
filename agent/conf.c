/* The options of csam.conf. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/conf.h"

enum { PATH_LONGEST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

static option_check check_client_id, check_socket, check_service, check_module;

static const struct option_row rows[] = {
#define OPTIONS_DEF "agent/conf.def"
#define OPTIONS_STRUCT struct agent_conf
#include "base/option_rows.h"
};
const struct options agent_options = { rows, sizeof rows / sizeof *rows, sizeof(struct agent_conf) };

static const char *check_client_id(const char *v)
{
	return *v != '\0' && strlen(v) <= 256 && slice_is_text(slice_of(v), "") ? NULL : "the client_id that this host has in the directory";
}

static const char *check_module(const char *v)
{
	return *v == '\0' || (*v == '/' && strlen(v) < 1024 && slice_is_text(slice_of(v), "")) ? NULL : "an absolute path";
}

static const char *check_socket(const char *v)
{
	static const char want[] = "\"/PATH\", \"/PATH MODE\" or \"/PATH MODE GROUP\", a path of at most 107 bytes, a mode like 0660";
	struct slice rest = slice_of(v), path, mode;
	if (!slice_is_text(rest, "") || !slice_cut(&rest, ' ', &path) || path.n < 2 || path.p[0] != '/' || path.n > PATH_LONGEST)
		return want;
	if (!slice_cut(&rest, ' ', &mode))
		return NULL;
	return mode.n == 4 && mode.p[0] == '0' && strspn(mode.p, "01234567") == 4 && (rest.p == NULL || rest.n > 0) ? NULL : want;
}

static const char *check_service(const char *v)
{
	const char *space = strchr(v, ' ');
	return space != NULL && space != v && space[1] != '\0' && slice_is_text(slice_of(v), "") ? NULL :
	    "a system user and the services it may ask for: \"postfix smtp\"";
}

struct socket_place socket_place_of(struct arena *a, const char *text)
{
	struct slice rest = slice_of(text), part;
	struct socket_place out = { .mode = 0666 };
	slice_cut(&rest, ' ', &part);
	out.path = arena_str(a, part);
	if (slice_cut(&rest, ' ', &part))
		out.mode = (mode_t)strtoul(arena_str(a, part), NULL, 8);
	if (rest.p != NULL)
		out.group = arena_str(a, rest);
	return out;
}

/* Whoever can write it decides whom we believe. */
static int check_owner(struct arena *a, const char *file, const char **why)
{
	struct stat st;
	if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return OK;
	*why = arena_printf(a, "%s: must be a file of root or of the user that runs csam-agent, and nobody else may write it", file);
	return E_INPUT;
}

int agent_conf_read(struct arena *a, const char *file, const struct agent_conf **out, const char **why)
{
	struct agent_conf *c = ARENA_NEW(a, struct agent_conf);
	int e = options_read(a, &agent_options, file, c, why);
	if (e != OK || (e = check_owner(a, c->file, why)) != OK)
		return e;
	*out = c;
	return OK;
}
