/* Checks of a host's doors: the PAM module and who uses it, sshd, and mail servers' saslauthd. */
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include "csamctl/check.h"
#include "csamctl/pam_stack.h"
#include "csamctl/sshd_config.h"

enum { COMMAND_LINE = 4096 };

static const char ours[] = "pam_csam.so", unix_module[] = "pam_unix.so";

/* libpam looks where pam_unix.so is: that differs from distribution to distribution. */
static void module(struct check *k, const struct host *h)
{
	static const char *const places[] = { "/usr/lib/*/security/", "/lib/*/security/", "/usr/lib64/security/", "/lib64/security/",
		"/usr/lib/security/", "/lib/security/" };
	struct stat st;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		glob_t found;
		if (glob(arena_printf(k->c->a, "%s%s%s", h->root, places[i], unix_module), 0, NULL, &found) != 0)
			continue;
		const char *beside = found.gl_pathv[0];
		const char *path = arena_printf(k->c->a, "%.*s%s", (int)(strlen(beside) - strlen(unix_module)), beside, ours);
		globfree(&found);
		if (stat(path, &st) != 0)
			check_fail(k, "%s is not there, where libpam looks → make install-host", path);
		else if (st.st_uid != 0 || (st.st_mode & 022) != 0)
			check_fail(k, "%s can be changed by others than root → chown root: %s; chmod 0644 %s", path, path, path);
		else
			check_ok(k, "%s is where libpam looks", path);
		return;
	}
	check_warn(k, "pam_unix.so is nowhere below %s/usr/lib: where libpam looks is not known → is libpam installed?", h->root);
}

static bool reads(struct check *k, int rc, const char *service, const char *type)
{
	if (rc != OK)
		check_warn(k, "/etc/pam.d/%s (%s) or a file that it includes cannot be read → mend it", service, type);
	return rc == OK;
}

/* Does the service use pam_csam for anything? */
static bool service(struct check *k, const char *pam_d, const char *name)
{
	static const char *const types[] = { "auth", "account" };
	struct pam_stack s;
	bool uses = false;
	for (size_t i = 0; i < 2; i++) {
		if (!reads(k, pam_stack(k->c->a, pam_d, name, types[i], &s), name, types[i]) || !pam_stack_has(&s, ours))
			continue;
		uses = true;
		if (!pam_stack_follows(&s, ours, unix_module))
			check_fail(k, "/etc/pam.d/%s: %s has no %s behind %s → add it, or root and local users do not get in", name, types[i],
			    unix_module, ours);
	}
	/* Whom nobody asks for a yes is let in by an SSH key although suspended. */
	if (uses && (pam_stack(k->c->a, pam_d, name, "account", &s) != OK || !pam_stack_has(&s, ours)))
		check_warn(k, "/etc/pam.d/%s: auth asks CSAM, account does not → add %s to account: keys, su and cron ask only there", name, ours);
	return uses;
}

static void services(struct check *k, const struct host *h)
{
	const char *pam_d = arena_printf(k->c->a, "%s/etc/pam.d", h->root);
	struct dirent *e;
	struct buf users = buf_new(k->c->a);
	unsigned before = k->failed;
	DIR *d = opendir(pam_d);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (*e->d_name != '.' && strncmp(e->d_name, "common-", 7) != 0 && service(k, pam_d, e->d_name))
			buf_printf(&users, " %s", harmless(k->c->a, e->d_name));
	if (d != NULL)
		closedir(d);
	if (users.n == 0)
		check_warn(k, "no service in %s uses %s → pam-auth-update --enable csam, or the examples", pam_d, ours);
	else if (k->failed == before)
		check_ok(k, "PAM asks CSAM, and %s behind it, for:%s", unix_module, buf_cstr(&users));
}

static bool yes(const char *value, bool otherwise)
{
	return value == NULL ? otherwise : strcasecmp(value, "yes") == 0;
}

static void sshd(struct check *k, const struct host *h)
{
	struct stat st;
	struct arena *a = k->c->a;
	if (stat(arena_printf(a, "%s/etc/ssh/sshd_config", h->root), &st) != 0) {
		check_ok(k, "sshd is not installed");
		return;
	}
	/* sshd_config(5): the old name of the same option; the first of the two counts, and both default to yes. */
	const char *kbd = sshd_config(a, h->root, "KbdInteractiveAuthentication");
	if (kbd == NULL)
		kbd = sshd_config(a, h->root, "ChallengeResponseAuthentication");
	bool interactive = yes(kbd, true), pam = yes(sshd_config(a, h->root, "UsePAM"), false);
	if (!pam)
		check_fail(k, "sshd: UsePAM is not yes → UsePAM yes in sshd_config; without it sshd asks neither CSAM nor who is suspended");
	if (!interactive)
		check_fail(k, "sshd: KbdInteractiveAuthentication is no → yes in sshd_config; without it nobody can be asked for a code");
	if (pam && interactive)
		check_ok(k, "sshd asks by PAM, and can ask for a code");
}

/* -c alone or among letters without a value (saslauthd(8)). */
static bool caches(struct slice args)
{
	for (struct slice arg; slice_cut(&args, '\0', &arg);)
		if (arg.n >= 2 && arg.p[0] == '-' && strchr("cdlTvr", arg.p[1]) != NULL && memchr(arg.p, 'c', arg.n) != NULL)
			return true;
	return false;
}

static struct slice first_bytes(struct arena *a, const char *path)
{
	char *p = arena_alloc(a, COMMAND_LINE);
	FILE *f = fopen(path, "re");
	size_t n = f != NULL ? fread(p, 1, COMMAND_LINE - 1, f) : 0;
	if (f != NULL)
		fclose(f);
	return slice_mem(p, n);
}

static bool running_with_cache(struct arena *a, bool *running)
{
	struct dirent *e;
	bool cache = false;
	DIR *d = opendir("/proc");
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (*e->d_name < '1' || *e->d_name > '9' || !slice_is(first_bytes(a, arena_printf(a, "/proc/%s/comm", e->d_name)), "saslauthd\n"))
			continue;
		*running = true;
		cache |= caches(first_bytes(a, arena_printf(a, "/proc/%s/cmdline", e->d_name)));
	}
	if (d != NULL)
		closedir(d);
	return cache;
}

/* OPTIONS="-c -m /var/run/saslauthd", as Debian ships it. */
static bool configured_with_cache(struct check *k, const struct host *h)
{
	struct slice text = first_bytes(k->c->a, arena_printf(k->c->a, "%s/etc/default/saslauthd", h->root)), line;
	while (slice_cut(&text, '\n', &line)) {
		if (!slice_starts(line, S("OPTIONS=")))
			continue;
		char *words = arena_str(k->c->a, slice_mem(line.p + 8, line.n - 8));
		for (char *w = words; *w != '\0'; w++)
			if (strchr(" \t\"'", *w) != NULL)
				*w = '\0';
		if (caches(slice_mem(words, line.n - 8)))
			return true;
	}
	return false;
}

static void saslauthd(struct check *k, const struct host *h)
{
	bool running = false;
	if ((h->here && running_with_cache(k->c->a, &running)) || configured_with_cache(k, h))
		check_warn(k, "saslauthd keeps passwords and codes for hours (-c): a used code would open again → take -c out of OPTIONS in "
		    "/etc/default/saslauthd");
	else if (running)
		check_ok(k, "saslauthd runs without cache");
}

void check_login(struct check *k, const struct host *h)
{
	module(k, h);
	services(k, h);
	sshd(k, h);
	saslauthd(k, h);
}
