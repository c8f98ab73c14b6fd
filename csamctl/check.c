/* csamctl check: looks at everything that can be wrong around the daemon, and says what to do. */
#include <stdarg.h>
#include "csamctl/check.h"
#include "csamctl/ldap.h"

static void line(const char *grade, const char *fmt, va_list ap)
{
	AUTO_ARENA a = arena_new();
	printf("%-5s %s\n", grade, tamed(a, fmt, ap));
	fflush(stdout);
}

void check_ok(struct check *k, const char *fmt, ...)
{
	va_list ap;
	(void)k;
	va_start(ap, fmt);
	line("ok", fmt, ap);
	va_end(ap);
}

void check_warn(struct check *k, const char *fmt, ...)
{
	va_list ap;
	k->warned++;
	va_start(ap, fmt);
	line("warn", fmt, ap);
	va_end(ap);
}

void check_fail(struct check *k, const char *fmt, ...)
{
	va_list ap;
	k->failed++;
	va_start(ap, fmt);
	line("FAIL", fmt, ap);
	va_end(ap);
}

int check_end(const struct check *k)
{
	if (k->failed > 0)
		printf("\n%u to mend, %u to look at\n", k->failed, k->warned);
	return k->failed > 0 ? REFUSED : DONE;
}

static void configuration(struct check *k)
{
	const struct settings *s = &k->c->set;
	if (s->conf_error != NULL)
		check_fail(k, "configuration: %s → mend that line; idpd does not start with it", s->conf_error);
	else if (s->conf == NULL)
		check_warn(k, "no configuration is read → -c FILE; files, certificate and issuer are not checked without");
	else if (s->testing)
		check_warn(k, "configuration %s is in order, but says testing = true → never in production", s->config);
	else
		check_ok(k, "configuration %s is in order", s->config);
}

static void directory(struct check *k)
{
	const char *why = NULL;
	const struct settings *s = &k->c->set;
	if (s->uri == NULL || s->base == NULL) {
		check_warn(k, "directory: not checked → -H URI and -b BASE, or -c FILE");
		return;
	}
	if (dir_try(k->c, &k->dir, &why) != OK) {
		k->dir = NULL;
		check_fail(k, "directory %s: %s → is slapd running, are address, -D and -y right?", s->uri, why);
		return;
	}
	check_ok(k, "directory %s answers, and lets you in", s->uri);
	check_tree(k);
	check_upgrade(k);
	check_sync(k);
	check_ppolicy(k);
	check_decoy(k);
	check_secrets(k);
}

static int check_run(struct ctl *c)
{
	struct check k = { .c = c };
	if (opt_on(c, "host"))
		return check_host_run(c);
	if (opt(c, "user") != NULL || opt(c, "root") != NULL)
		return usage(c, "--user and --root go with --host");
	configuration(&k);
	check_files(&k);
	check_clock(&k);
	check_keyring(&k);
	directory(&k);
	check_outgoing(&k);
	check_issuer_answers(&k);
	return check_end(&k);
}

static const struct opt check_opts[] = {
	{ "as", "NAME", "also look at what this person may read", 0, 0 },
	{ "as-password-file", "FILE", "the person's password, on the first line", 0, 0 },
	{ "issuer-ca", "FILE", "PEM file of the authority of the issuer's certificate (default: the system's)", 0, 0 },
	{ "host", NULL, "look at a host instead: csam-agent, PAM, sshd, NSS; -c is its csam.conf then", 0, 0 },
	{ "user", "NAME", "with --host: a person of the directory, whom this host must know", 0, 0 },
	{ "root", "DIR", "with --host: look at the files below DIR, an image or a container; nothing that runs", 0, 0 },
	{ 0 },
};

const struct command cmd_check = {
	.path = "check", .operands = "", .opts = check_opts, .run = check_run, .broken_conf = true, .other_conf = "host",
	.what = "looks at configuration, files, clock, keyring, directory, mail, SMS, outbox and issuer; says what to mend",
	.more = "One line for each thing: ok, warn or FAIL, and what to do. Nothing is changed. With --as it also tries to read\n"
	    "secrets as that person, which must fail. The exit code is 1 when anything FAILs.",
	.examples =
	    "  csamctl check\n"
	    "  csamctl check -D cn=admin,ou=system,dc=example,dc=org -y admin.password --as alice --as-password-file alice.password\n"
	    "  csamctl check --host --user alice\n",
};
