/* csamctl check --host: does csam-agent stand as it should, and does it reach the identity provider? */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/conf.h"
#include "base/clock.h"
#include "csamctl/check.h"
#include "csamctl/fetch.h"
#include "libcsam/csam.h"

enum { SKEW_S = 30, DAY_S = 86400, WARN_DAYS = 21, TURN_MS = 6000 };

static const char default_conf[] = "/etc/csam/csam.conf";

static const char *below(struct check *k, const struct host *h, const char *path)
{
	return arena_printf(k->c->a, "%s%s", h->root, path);
}

static void read_conf(struct check *k, struct host *h)
{
	const char *file = opt(k->c, "config") != NULL ? opt(k->c, "config") : below(k, h, default_conf), *why = NULL;
	if (agent_conf_read(k->c->a, file, &h->conf, &why) == OK)
		check_ok(k, "configuration %s is in order", file);
	else
		check_fail(k, "configuration: %s → mend it; csam-agent does not start with it", why);
}

/* Who csam-agent runs as: csam.conf says, or csam-agent.service. */
static const char *agent_user(const struct host *h)
{
	return *h->conf->agent_user != '\0' ? h->conf->agent_user : "csam-agent";
}

static bool is_agents(const struct host *h, uid_t uid)
{
	const struct passwd *p = getpwnam(agent_user(h));
	return p != NULL ? uid == p->pw_uid : uid == 0;
}

/* Relative to csam.conf it is what it says; absolute it may be in an image. */
static void key(struct check *k, const struct host *h)
{
	struct stat st;
	const char *path = h->conf->idp_key_file;
	if (lstat(path, &st) != 0)
		check_fail(k, "key %s: %s → csamctl host new makes it; bring it here", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		check_fail(k, "key %s is no plain file → put the key itself there", path);
	else if (st.st_mode & 077)
		check_fail(k, "key %s has mode %04o: others can be this host → chmod 0600 %s, and a new key if others had it", path,
		    (unsigned)st.st_mode & 07777, path);
	else if (h->here && geteuid() == 0 && !is_agents(h, st.st_uid))
		check_warn(k, "key %s belongs to user %u, who is not the agent's → chown %s %s", path, (unsigned)st.st_uid, agent_user(h), path);
	else
		check_ok(k, "key %s is for its owner alone", path);
}

/* What is asked about a name that nobody has is answered by an agent that works, and by idpd behind it. */
static enum csam_result ask(const struct host *h, const char *path, struct csam_turn *t, struct csam **agent)
{
	struct csam_who who = { .user = h->user != NULL ? h->user : "nobody-has-this-name", .service = "csamctl" };
	*t = (struct csam_turn){ .result = CSAM_DOWN };
	*agent = csam_open(path, TURN_MS);
	return *agent != NULL ? csam_account(*agent, &who, t) : CSAM_DOWN;
}

static void right_mode(struct check *k, const struct socket_place *place, const struct stat *st)
{
	const struct group *g = place->group != NULL ? getgrnam(place->group) : NULL;
	if ((st->st_mode & 0777) != place->mode)
		check_fail(k, "socket %s has mode %04o, csam.conf says %04o → restart csam-agent (or mend SocketMode of csam-agent.socket)",
		    place->path, (unsigned)st->st_mode & 0777, (unsigned)place->mode);
	else if (place->group != NULL && (g == NULL || g->gr_gid != st->st_gid))
		check_fail(k, "socket %s does not belong to group %s → restart csam-agent (or mend SocketGroup)", place->path, place->group);
	else
		check_ok(k, "socket %s has mode %04o", place->path, (unsigned)place->mode);
}

static bool safe_folder(struct check *k, const char *path)
{
	struct stat st;
	const char *folder = arena_str(k->c->a, slice_mem(path, (size_t)(strrchr(path, '/') - path)));
	if (*folder == '\0')
		folder = "/";
	if (stat(folder, &st) != 0 || (st.st_mode & 022) == 0)
		return true;
	check_fail(k, "folder %s of the socket can be written by others, who could listen there instead → chmod go-w %s", folder, folder);
	return false;
}

static void tell_person(struct check *k, const struct host *h, enum csam_result r, const struct csam_turn *t)
{
	if (h->user == NULL)
		return;
	if (r == CSAM_ALLOW)
		check_ok(k, "%s may enter here", h->user);
	else if (r == CSAM_NOT_ALLOWED)
		check_warn(k, "%s may not enter here → csamServiceAllow of this host, when that is not meant", h->user);
	else if (r != CSAM_DOWN)
		check_warn(k, "%s is %s → csamctl key list %s", h->user, r == CSAM_SUSPENDED ? "suspended" : r == CSAM_MUST_CHANGE ?
		    "to choose a new password first" : "not known to the directory", h->user);
	if (r == CSAM_ALLOW)
		check_user(k, h, t->has_uid, t->uid);
}

static void one_socket(struct check *k, const struct host *h, const char *text, bool first)
{
	struct csam *agent;
	struct csam_turn t;
	struct stat st;
	struct socket_place place = socket_place_of(k->c->a, text);
	if (lstat(place.path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		check_fail(k, "socket %s is not there → systemctl start csam-agent", place.path);
		return;
	}
	right_mode(k, &place, &st);
	if (!safe_folder(k, place.path))
		return;
	enum csam_result r = ask(h, place.path, &t, &agent);
	if (agent == NULL)
		check_fail(k, "csam-agent does not answer at %s → systemctl status csam-agent", place.path);
	else if (r == CSAM_DOWN)
		check_fail(k, "csam-agent answers at %s, but idpd behind it does not, or not to this host → the agent's log; host registered?", place.path);
	else
		check_ok(k, "csam-agent answers at %s, and idpd behind it", place.path);
	if (first)
		tell_person(k, h, r, &t);
	csam_close(agent);
}

static void sockets(struct check *k, const struct host *h)
{
	if (!h->here)
		return;
	for (size_t i = 0; h->conf->agent_sockets[i] != NULL; i++)
		one_socket(k, h, h->conf->agent_sockets[i], i == 0);
}

static void certificate(struct check *k, const struct page *p)
{
	long days = (long)((p->expires - now()) / DAY_S);
	if (p->expires == 0)
		check_warn(k, "until when idpd's certificate is valid cannot be seen → openssl s_client shows it");
	else if (days < WARN_DAYS)
		check_warn(k, "idpd's certificate expires in %ld days → have it renewed; nobody enters without", days);
	else
		check_ok(k, "idpd's certificate is verified, and valid for %ld more days", days);
}

static void clock_of_both(struct check *k, const struct page *p)
{
	long off = (long)(p->date - now());
	if (p->date == 0)
		check_warn(k, "idpd does not say what time it is → is it idpd that answers there?");
	else if (off > SKEW_S || off < -SKEW_S)
		check_fail(k, "this clock differs from idpd's by %ld s → run systemd-timesyncd or chrony; tokens are refused beyond %d s", -off, SKEW_S);
	else
		check_ok(k, "this clock is idpd's, to %ld s", off < 0 ? -off : off);
}

static void issuer(struct check *k, const struct host *h)
{
	const char *name = h->conf->idp_issuer, *ca = h->conf->idp_ca_file;
	struct page p;
	const json_t *meta = check_metadata(k, name, *ca != '\0' ? ca : NULL, &p);
	if (meta != NULL && json_str(meta, "authorization_challenge_endpoint") == NULL)
		check_fail(k, "idpd at %s has no door for hosts (authorization_challenge_endpoint) → a newer idpd", name);
	else if (meta != NULL)
		check_ok(k, "idpd answers at %s by that name, and has a door for hosts", name);
	if (p.status != 0) {
		certificate(k, &p);
		clock_of_both(k, &p);
	}
}

int check_host_run(struct ctl *c)
{
	struct check k = { .c = c };
	struct host h = { .root = opt(c, "root") != NULL ? opt(c, "root") : "", .user = opt(c, "user") };
	h.here = *h.root == '\0';
	read_conf(&k, &h);
	if (h.conf != NULL) {
		key(&k, &h);
		issuer(&k, &h);
		sockets(&k, &h);
	}
	check_card(&k, &h);
	check_login(&k, &h);
	check_shadow(&k, &h);
	return check_end(&k);
}
