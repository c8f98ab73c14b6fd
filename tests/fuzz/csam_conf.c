/* The configuration of csam-agent: what is taken is within its bounds, and no socket is where it cannot be. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "fuzz.h"
#include "agent/conf.h"

static void write_file(const char *path, struct slice text)
{
	FILE *f = fopen(path, "w");
	promise(f != NULL && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0 && chmod(path, 0600) == 0);
}

static void within_bounds(struct arena *a, const struct agent_conf *c)
{
#define STR(s, n, d, ch, h)	promise(c->s##_##n != NULL);
#define PATH(s, n, d, h)	promise(c->s##_##n != NULL && (*c->s##_##n == '\0' || *c->s##_##n == '/'));
#define INT(s, n, d, lo, hi, h)	promise(c->s##_##n >= (lo) && c->s##_##n <= (hi));
#define BOOL(s, n, d, h)	promise(c->s##_##n == true || c->s##_##n == false);
#define LIST(s, n, d, ch, h)	promise(c->s##_##n != NULL);
#include "agent/conf.def"
	for (size_t i = 0; c->agent_sockets[i] != NULL; i++) {
		struct socket_place p = socket_place_of(a, c->agent_sockets[i]);
		promise(p.path[0] == '/' && strlen(p.path) < sizeof ((struct sockaddr_un *)0)->sun_path && p.mode <= 0777);
	}
}

static void fuzz(struct slice in)
{
	static char path[64];
	AUTO_ARENA a = arena_new();
	const struct agent_conf *c;
	const char *why = NULL;
	if (path[0] == '\0')
		snprintf(path, sizeof path, "/tmp/fuzz-csam-conf.%d", (int)getpid());
	if (in.n > 0 && memmem(in.p, in.n, "include", 7) != NULL)
		return;			/* libconfuse would read other files */
	write_file(path, in);
	if (agent_conf_read(a, path, &c, &why) == OK)
		within_bounds(a, c);
	else
		promise(why != NULL && *why != '\0');
	unlink(path);
}
