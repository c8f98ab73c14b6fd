/* Who is at the other end of a local socket, and whom they may ask about. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include "agent/caller.h"
#include "base/log.h"

enum { GROUPS_MAX = 4096 };

struct mapped {
	uid_t uid;
	struct slice services;
};

struct callers {
	bool has_group;
	gid_t group;
	struct mapped *mapped;
	size_t nmapped;
};

/* At start, before there are threads: getpwnam and getgrnam will do. */
const struct callers *callers_new(struct arena *a, const struct agent_conf *conf)
{
	struct callers *all = ARENA_NEW(a, struct callers);
	const struct group *g = *conf->agent_group ? getgrnam(conf->agent_group) : NULL;
	size_t n = 0;
	if (g != NULL) {
		all->has_group = true;
		all->group = g->gr_gid;
	} else if (*conf->agent_group != '\0') {
		log_info("there is no system group %s: only root may ask about everybody", conf->agent_group);
	}
	while (conf->agent_services[n] != NULL)
		n++;
	all->mapped = ARENA_ARRAY(a, struct mapped, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct slice services = slice_of(conf->agent_services[i]), user;
		slice_cut(&services, ' ', &user);
		const struct passwd *p = getpwnam(arena_str(a, user));
		if (p == NULL)
			log_warn("there is no system user %.*s of agent.services", (int)user.n, user.p);
		else
			all->mapped[all->nmapped++] = (struct mapped){ p->pw_uid, services };
	}
	return all;
}

void caller_judge(const struct callers *all, uid_t uid, const gid_t *gids, size_t ngids, struct caller *out)
{
	*out = (struct caller){ .uid = uid, .may = MAY_OWN };
	for (size_t i = 0; i < all->nmapped; i++)
		if (all->mapped[i].uid == uid) {
			out->may = MAY_SERVICES;
			out->services = all->mapped[i].services;
		}
	for (size_t i = 0; all->has_group && i < ngids; i++)
		if (gids[i] == all->group)
			out->may = MAY_ALL;
	if (uid == 0)
		out->may = MAY_ALL;
}

int caller_read(const struct callers *all, int fd, struct caller *out)
{
	struct ucred cred;
	socklen_t n = sizeof cred, bytes;
	AUTO_ARENA a = arena_new();
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 || cred.uid == (uid_t)-1)
		return fail(E_INPUT, "SO_PEERCRED: %s", strerror(errno));
	gid_t *gids = ARENA_ARRAY(a, gid_t, GROUPS_MAX + 1);
	bytes = GROUPS_MAX * sizeof *gids;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids + 1, &bytes) != 0)
		return fail(E_INPUT, "SO_PEERGROUPS of user %u: %s", cred.uid, strerror(errno));
	gids[0] = cred.gid;
	caller_judge(all, cred.uid, gids, 1 + bytes / sizeof *gids, out);
	return OK;
}

const char *caller_fault(const struct caller *c, const struct question *q, const char *own_name)
{
	switch (c->may) {
	case MAY_ALL:
		return NULL;
	case MAY_SERVICES:
		if (!slice_has_word(c->services, q->service))
			return "caller-other-service";
		return q->publickey ? "caller-publickey" : NULL;
	case MAY_OWN:
		if (own_name == NULL || !slice_is(q->user, own_name))
			return "caller-other-user";
		return q->rhost.n > 0 ? "caller-rhost" : q->publickey ? "caller-publickey" : NULL;
	case MAY_NOTHING:
		break;
	}
	return "caller";
}
