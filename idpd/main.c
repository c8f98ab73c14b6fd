/* idpd: reads its configuration, opens the keyring's sockets, and supervises keyring and front. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/conf.h"
#include "base/confine.h"
#include "base/log.h"
#include "front.h"
#include "http/http.h"
#include "keyring/keyring.h"
#include "supervisor.h"

#define DEFAULT_FILE "/etc/csam/idpd.conf"

static const char usage[] =
    "usage: idpd [-c FILE] [-t | -T]\n"
    "  -c FILE  configuration (" DEFAULT_FILE ")\n"
    "  -t       check the configuration and end\n"
    "  -T       print the configuration in force, defaults included, and end\n"
    "  -V       print the version and end\n"
    "idpd stays in the foreground and logs to standard error. SIGHUP: take a renewed certificate, and authorities of the eID. SIGTERM: end.\n"
    "See idpd(8), idpd.conf(5).\n";

struct rights {
	uid_t uid;
	gid_t gid;
};

/* The system user of a process; -1 when it stays what we are. */
static int find_user(const char *name, struct rights *out)
{
	*out = (struct rights){ (uid_t)-1, (gid_t)-1 };
	if (*name == '\0' || geteuid() != 0)
		return OK;
	const struct passwd *p = getpwnam(name);
	if (p == NULL)
		return fail(E_INPUT, "no such system user: %s", name);
	*out = (struct rights){ p->pw_uid, p->pw_gid };
	return OK;
}

/* A folder of a process: made for its user when absent, and otherwise not changed but looked at. Nobody else may get into one of mode 0700. */
static int make_folder(const char *path, const struct rights *owner, mode_t mode)
{
	uid_t uid = owner->uid == (uid_t)-1 ? geteuid() : owner->uid;
	struct stat st;
	if (mkdir(path, mode) == 0) {
		if (owner->uid != (uid_t)-1 && lchown(path, owner->uid, owner->gid) != 0)
			return fail(E_DOWN, "cannot give the folder %s to its user: %m", path);
		return OK;
	}
	if (errno != EEXIST || stat(path, &st) != 0)
		return fail(E_DOWN, "cannot make the folder %s: %m", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != uid)
		return fail(E_INPUT, "%s must be a folder of uid %u", path, (unsigned)uid);
	if (mode == 0700 && (st.st_mode & 0077) != 0)
		return fail(E_INPUT, "others may get into %s: chmod 700 it", path);
	return OK;
}

static int make_folders(const struct conf *c, const struct rights *front, const struct rights *keyring)
{
	const struct rights nobody = { (uid_t)-1, (gid_t)-1 };
	int r;
	if ((r = make_folder(c->server_runtime_dir, &nobody, 0755)) != OK ||
	    (r = make_folder(c->server_state_dir, front, 0700)) != OK ||
	    (r = make_folder(c->server_audit_dir, front, 0700)) != OK)
		return r;
	return make_folder(c->server_keyring_dir, keyring, 0700);
}

static int run_keyring(void *arg)
{
	log_open("idpd-keyring", log_level_least());
	return keyring_main(arg);
}

struct front_args {
	const struct conf *conf;
	const char *socket;
};

static int run_front(void *arg)
{
	const struct front_args *f = arg;
	log_open("idpd-front", log_level_least());
	return front_main(f->conf, f->socket);
}

enum { DAY_S = 86400, SKEW_S = 300 };

/* An old public key is published as long as a token lives that it signed, by the clock of somebody who is late. */
static void tell_terms(const struct conf *c, struct keyring_conf *k)
{
	long life = c->oidc_id_token_lifetime > c->oidc_access_token_lifetime ? c->oidc_id_token_lifetime : c->oidc_access_token_lifetime;
	k->publish_s = (unsigned)c->keyring_publish_before;
	k->keep_s = (unsigned)life + SKEW_S;
	k->rotate_s = (unsigned)c->keyring_rotate_days * DAY_S;
	k->sign_minute = (unsigned)c->keyring_signatures;
	k->wrong_day = (unsigned)c->keyring_wrong_codes;
}

static int serve(struct arena *a, const struct conf *c)
{
	struct rights front, keyring;
	if (find_user(c->server_front_user, &front) != OK || find_user(c->server_keyring_user, &keyring) != OK ||
	    make_folders(c, &front, &keyring) != OK ||
	    pid_file(arena_printf(a, "%s/idpd.pid", c->server_runtime_dir)) != OK)
		return EX_CONFIG;
	if (geteuid() == 0 && front.uid == (uid_t)-1)
		log_warn("the front runs as root; server.front_user and keyring_user name system users for it and the keyring");
	struct front_args front_args = { c, arena_printf(a, "%s/keyring.sock", c->server_runtime_dir) };
	struct keyring_conf kc = {
		.dir = c->server_keyring_dir, .front_uid = front.uid, .uid = keyring.uid, .gid = keyring.gid,
		.front_fd = keyring_listen(front_args.socket, front.uid),
		.control_fd = keyring_listen(arena_printf(a, "%s/keyring-control.sock", c->server_runtime_dir), keyring.uid),
	};
	int doors[HTTP_LISTEN_MAX];
	tell_terms(c, &kc);
	if (kc.front_fd < 0 || kc.control_fd < 0 || http_bind(c->server_listen, *c->eid_origin != '\0' ? c->eid_listen : NULL, front.uid, front.gid) != OK)
		return EX_CONFIG;
	if (kc.front_uid == (uid_t)-1)
		kc.front_uid = geteuid();
	const int keyrings_own[] = { kc.front_fd, kc.control_fd };
	const struct child children[] = {
		{ .name = "idpd-keyring", .run = run_keyring, .arg = &kc, .uid = (uid_t)-1, .gid = (gid_t)-1, .fds = keyrings_own, .nfds = 2 },
		{ .name = "idpd-front", .run = run_front, .arg = &front_args, .uid = front.uid, .gid = front.gid,
		    .fds = doors, .nfds = http_bound(doors) },
	};
	confine_memory_readers();
	confine_calls_nobody_makes();
	int status = supervise(children, 2);
	http_unbind();
	pid_file_remove();
	return status;
}

int main(int argc, char **argv)
{
	const char *file = DEFAULT_FILE, *why = "";
	bool check = false, print = false;
	for (int o; (o = getopt(argc, argv, "c:tTMVh")) != -1;)
		switch (o) {
		case 'c': file = optarg; break;
		case 't': check = true; break;
		case 'T': print = true; break;
		case 'M': options_manual(&conf_options, stdout); return 0;	/* for man/idpd.conf.5 */
		case 'V': puts("idpd " VERSION); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	AUTO_ARENA a = arena_new();
	const struct conf *conf;
	if (optind != argc || conf_read(a, file, &conf, &why) != OK) {
		fprintf(stderr, "idpd: %s\n", optind != argc ? "too many arguments; see idpd -h" : why);
		return optind != argc ? EX_USAGE : EX_CONFIG;
	}
	if (print)
		options_print(&conf_options, conf, stdout);
	if (print || check)
		return 0;
	log_open("idpd", log_level_of(conf->server_log_level));
	return serve(a, conf);
}
