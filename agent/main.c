/* csam-agent: asks the identity provider for the programs of one host. */
#include <getopt.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include "agent/confine.h"
#include "agent/decision.h"
#include "agent/server.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/process.h"

#define DEFAULT_FILE "/etc/csam/csam.conf"

static const char usage[] =
    "usage: csam-agent [-c FILE] [-t | -T]\n"
    "  -c FILE  configuration (" DEFAULT_FILE ")\n"
    "  -t       check the configuration and the key, and end\n"
    "  -T       print the configuration in force, defaults included, and end\n"
    "  -V       print the version and end\n"
    "csam-agent stays in the foreground and logs to standard error. SIGHUP: take a changed configuration and key. SIGTERM: end.\n"
    "See csam-agent(8), csam.conf(5).\n";

/* Sockets are made before, the key is read after: SIGHUP must be able to read it again. */
static int become(const char *name)
{
	if (*name == '\0' || geteuid() != 0)
		return OK;
	const struct passwd *p = getpwnam(name);
	if (p == NULL)
		return fail(E_INPUT, "there is no system user %s", name);
	return process_drop(p->pw_uid, p->pw_gid);
}

static int serve(struct arena *a, const struct agent_conf *conf)
{
	struct listeners l;
	struct host *host;
	int signals = server_signals();
	if (signals < 0)
		return EX_OSERR;
	if (listen_open(a, conf, &l) != OK)
		return EX_CONFIG;
	int status = EX_CONFIG;
	if (become(conf->agent_user) == OK) {
		confine_memory_readers();	/* before the key is read */
		if (host_new(conf->file, &host) == OK) {
			log_info("csam-agent " VERSION " answers for %s at %s", conf->idp_client_id, conf->idp_issuer);
			agent_confine();
			status = server_run(host, &l, signals);
		}
	}
	listen_close(&l);
	return status;
}

static int check(const struct agent_conf *conf)
{
	struct host *host;
	if (host_new(conf->file, &host) != OK)
		return EX_CONFIG;
	host_drop(host);
	return 0;
}

int main(int argc, char **argv)
{
	const char *file = DEFAULT_FILE, *why = "";
	bool test = false, print = false;
	for (int o; (o = getopt(argc, argv, "c:tTMVh")) != -1;)
		switch (o) {
		case 'c': file = optarg; break;
		case 't': test = true; break;
		case 'T': print = true; break;
		case 'M': options_manual(&agent_options, stdout); return 0;	/* for man/csam.conf.5 */
		case 'V': puts("csam-agent " VERSION); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	mallopt(M_ARENA_MAX, 1);		/* small before quick: conversations mostly wait */
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	AUTO_ARENA a = arena_new();
	const struct agent_conf *conf;
	if (optind != argc || agent_conf_read(a, file, &conf, &why) != OK) {
		fprintf(stderr, "csam-agent: %s\n", optind != argc ? "too many arguments; see csam-agent -h" : why);
		return optind != argc ? EX_USAGE : EX_CONFIG;
	}
	if (print) {
		options_print(&agent_options, conf, stdout);
		return 0;
	}
	log_open("csam-agent", log_level_of(conf->agent_log_level));
	decision_open(conf->agent_syslog);
	return test ? check(conf) : serve(a, conf);
}
