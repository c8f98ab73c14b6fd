/* csamctl backup: directory, keyring, state and audit trail as one set, while they are used.
 *
 * The order is what makes it one: the audit trail is copied after the state and the directory, so that it knows of all that is in them; the keyring
 * last, as keys are only ever added to it while the directory has secrets that need them. */
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/codec.h"
#include "base/conf.h"
#include "csamctl/backup.h"
#include "svc/keyring.h"
#include "svc/state_copy.h"

static const char *in(const struct set *s, const char *name)
{
	return arena_printf(s->c->a, "%s/%s", s->dir, name);
}

static int back_up_state(struct set *s)
{
	int fd, rc = pack_new_file(in(s, "state.mdb"), &fd);
	if (rc != DONE)
		return rc;
	int e = state_copy(s->conf->server_state_dir, fd);
	rc = pack_close(in(s, "state.mdb"), fd);
	if (e == E_NOENT)
		return refuse("%s has no state store → server.state_dir, or idpd has never run", s->conf->server_state_dir);
	return e == OK ? rc : REFUSED;
}

static int slapcat(struct set *s, const char *which, const char *what, const char *file)
{
	char *argv[] = { (char *)s->slapcat, (char *)"-F", (char *)s->slapd_config, (char *)which, (char *)what, (char *)"-o", (char *)"ldif-wrap=no",
		(char *)"-l", (char *)in(s, file), NULL };
	return pack_run(argv);
}

static int back_up_directory(struct set *s)
{
	if (s->slapd_config == NULL)
		return DONE;
	int rc = slapcat(s, "-n", "0", "config.ldif");
	return rc == DONE ? slapcat(s, "-b", s->conf->directory_base, "directory.ldif") : rc;
}

static int back_up_audit(struct set *s)
{
	int rc = pack_make_dir(in(s, "audit"));
	return rc == DONE ? pack_copy_all(s->c->a, s->conf->server_audit_dir, in(s, "audit"), (uid_t)-1, (gid_t)-1) : rc;
}

/* The sealing keys that there are, by the beginning of their thumbprints. */
static bool has_key(const json_t *keys, struct arena *a, const unsigned char id[RING_ID])
{
	const json_t *key;
	size_t i;
	json_array_foreach(keys, i, key) {
		struct slice raw;
		const char *kid = json_str(key, "kid"), *use = json_str(key, "use");
		if (kid != NULL && use != NULL && strcmp(use, "seal") == 0 && b64url_decode(a, slice_of(kid), &raw) == OK && raw.n >= RING_ID &&
		    memcmp(raw.p, id, RING_ID) == 0)
			return true;
	}
	return false;
}

int secrets_without_key(struct arena *a, const char *ldif, const json_t *keys, size_t *secrets, size_t *without)
{
	static const struct slice plain = { "csamKeySecret: ", 15 };
	FILE *f = fopen(ldif, "re");
	char *line = NULL;
	size_t room = 0;
	*secrets = *without = 0;
	if (f == NULL)
		return refuse("%s cannot be read", ldif);
	for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
		AUTO_ARENA tmp = arena_new();
		unsigned char id[RING_ID];
		struct slice text = slice_trim(slice_mem(line, (size_t)n), "\r\n");
		if (!slice_starts(text, plain))
			continue;
		++*secrets;
		text = slice_mem(text.p + plain.n, text.n - plain.n);
		if (secret_is_sealed(text) && (secret_key_id(tmp, text, id) != OK || !has_key(keys, tmp, id)))
			++*without;
	}
	(void)a;
	free(line);
	return fclose(f) == 0 ? DONE : refuse("%s cannot be read", ldif);
}

static int check_secrets_of(struct set *s)
{
	struct slice status;
	json_t *root;
	size_t secrets, without;
	if (s->slapd_config == NULL)
		return DONE;
	if (keyring_status(s->c->a, &status) != OK || json_parse(s->c->a, status, &root, NULL) != OK)
		return keyring_no_answer(s->c);
	int rc = secrets_without_key(s->c->a, in(s, "directory.ldif"), json_object_get(root, "keys"), &secrets, &without);
	if (rc == DONE && without > 0)
		say("%zu of %zu secrets in the directory name a key that this keyring has not: they cannot be opened, before the backup as after it", without, secrets);
	return rc;
}

static int back_up_keyring(struct set *s)
{
	struct slice jwe;
	int rc = keyring_exported(s->c, NULL, &jwe);
	if (rc == DONE)
		rc = write_new_file(in(s, "keyring.jwe"), 0600, jwe);
	if (rc == DONE)
		rc = pack_copy(arena_printf(s->c->a, "%s/trail.log", s->conf->server_keyring_dir), in(s, "trail.log"), (uid_t)-1, (gid_t)-1);
	return rc == DONE ? check_secrets_of(s) : rc;
}

static int list(struct set *s)
{
	json_t *about = json_own(s->c->a, json_pack("{s:i, s:s, s:s, s:s, s:s, s:b}", "format", 1, "created", time_iso(s->c->a, now()), "version", VERSION,
	    "issuer", s->conf->server_issuer, "base", s->conf->directory_base, "directory", s->slapd_config != NULL));
	return pack_list(s->c->a, s->dir, about);
}

int set_begin(struct ctl *c, struct set *s)
{
	const char *tools = opt(c, "slapd-tools") != NULL ? opt(c, "slapd-tools") : "/usr/sbin";
	*s = (struct set){ .c = c, .dir = c->operands[0], .conf = c->set.conf, .slapd_config = opt(c, "slapd-config") };
	if (s->conf == NULL)
		return usage(c, "-c FILE is missing: the daemon's configuration says where everything is");
	if ((s->slapd_config == NULL) == !opt_on(c, "no-directory"))
		return usage(c, "give --slapd-config DIR, or --no-directory when the directory is kept safe otherwise");
	s->slapcat = arena_printf(c->a, "%s/slapcat", tools);
	s->slapadd = arena_printf(c->a, "%s/slapadd", tools);
	return DONE;
}

static int backup_run(struct ctl *c)
{
	static const struct {
		const char *what;
		int (*run)(struct set *);
	} steps[] = {
		{ "state", back_up_state }, { "directory", back_up_directory }, { "audit trail", back_up_audit }, { "keyring", back_up_keyring },
		{ "manifest", list },
	};
	enum { STEPS = sizeof steps / sizeof *steps };
	struct set s;
	umask(077);		/* slapcat makes its files as it is told */
	int rc = set_begin(c, &s);
	if (rc == DONE && opt(c, "passphrase-file") == NULL)
		rc = usage(c, "--passphrase-file FILE is missing: the keys are never written in plain");
	if (rc == DONE)
		rc = keyring_reach(c);
	if (rc == DONE)
		rc = pack_make_dir(s.dir);
	for (unsigned i = 0; rc == DONE && i < STEPS; i++) {
		pack_step(i, STEPS, steps[i].what);
		rc = steps[i].run(&s);
	}
	if (rc != DONE)
		return rc == USAGE ? rc : refuse("%s is not a whole backup", s.dir);
	pack_step(STEPS, STEPS, "done");
	fprintf(stderr, "\n%s holds passwords (hashed), personal data, and the keys of this identity provider, encrypted with your passphrase.\n"
	    "WITHOUT THAT PASSPHRASE nothing can open the secrets of digital keys again: everybody needs a new app or token,\n"
	    "everybody is a stranger at every service, and every service must take new public keys. Keep it elsewhere.\n", s.dir);
	return DONE;
}

static const struct opt backup_opts[] = {
	{ "passphrase-file", "FILE", "the keyring is encrypted with the first line of FILE, 16 bytes or more", 0, 0 },
	{ "slapd-config", "DIR", "slapd's configuration on this machine: /etc/ldap/slapd.d", 0, 0 },
	{ "slapd-tools", "DIR", "where slapcat and slapadd are (default /usr/sbin)", 0, 0 },
	{ "no-directory", NULL, "without the directory", 0, 0 },
	{ 0 },
};
const struct command cmd_backup = {
	.path = "backup", .operands = "DIR", .noperands = 1, .opts = backup_opts, .run = backup_run,
	.what = "directory, keyring, state and audit trail as one set, while they are used",
	.more = "DIR is made, and nothing in it is overwritten. It is whole once it has a manifest.json.",
	.examples = "  csamctl backup /backup/2026-11-21 --slapd-config /etc/ldap/slapd.d --passphrase-file /root/backup.pass\n",
};
