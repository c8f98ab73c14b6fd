/* csamctl restore: a backup becomes a system again, in folders that are empty.
 *
 * What was let in after the backup, or ended after it, must not live again: of the state only what refuses comes back, nothing sealed for a day opens
 * any more, and one-time codes of steps up to the next are refused. */
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/conf.h"
#include "csamctl/backup.h"
#include "keyring/audit_store.h"
#include "keyring/envelope.h"
#include "keyring/rotation.h"
#include "svc/state_copy.h"

enum { JWE_MAX = 64 * 1024 };

struct owner {
	uid_t uid;
	gid_t gid;
};

struct restore {
	struct set set;
	struct owner front, keyring;
	json_t *about, *ring;
	const json_t *audit;
	time_t at;
};

static const char *in(const struct restore *r, const char *name)
{
	return arena_printf(r->set.c->a, "%s/%s", r->set.dir, name);
}

static int owner_of(const char *user, struct owner *out)
{
	*out = (struct owner){ (uid_t)-1, (gid_t)-1 };
	if (*user == '\0' || geteuid() != 0)
		return DONE;
	const struct passwd *p = getpwnam(user);
	if (p == NULL)
		return refuse("there is no system user %s → make it first, as for a new installation", user);
	*out = (struct owner){ p->pw_uid, p->pw_gid };
	return DONE;
}

/* Before anything is written: the keyring opens, and opens what is in the directory. */
static int look(struct restore *r)
{
	struct arena *a = r->set.c->a;
	struct slice jwe, passphrase, plain;
	const char *why = "";
	json_t *given;
	size_t secrets = 0, without = 0;
	int rc = pack_verify(a, r->set.dir, &r->about);
	if (rc != DONE)
		return rc;
	if (read_file(a, in(r, "keyring.jwe"), JWE_MAX, &jwe) != OK || read_secret(a, opt(r->set.c, "passphrase-file"), &passphrase) != OK)
		return REFUSED;
	if (envelope_open(a, jwe, NULL, passphrase, &plain, &why) != OK)
		return refuse("%s: %s", in(r, "keyring.jwe"), why);
	r->at = now();
	if (json_parse(a, plain, &given, NULL) != OK || rotation_restore(a, given, r->at, &r->ring) != OK)
		return refuse("%s holds no keys that are in order", in(r, "keyring.jwe"));
	r->audit = json_object_get(given, "audit");
	if (r->set.slapd_config != NULL && !json_is_true(json_object_get(r->about, "directory")))
		return refuse("the backup was made without the directory → --no-directory");
	if (r->set.slapd_config != NULL)
		rc = secrets_without_key(a, in(r, "directory.ldif"), json_object_get(r->ring, "keys"), &secrets, &without);
	if (without > 0)
		say("%zu of %zu secrets in the directory need a key that is not in the backup: those people need new keys", without, secrets);
	return rc;
}

static int empty_folders(struct restore *r)
{
	const struct conf *c = r->set.conf;
	int rc = pack_fill_dir(c->server_state_dir, r->front.uid, r->front.gid);
	if (rc == DONE)
		rc = pack_fill_dir(c->server_audit_dir, r->front.uid, r->front.gid);
	if (rc == DONE)
		rc = pack_fill_dir(c->server_keyring_dir, r->keyring.uid, r->keyring.gid);
	return rc == DONE && r->set.slapd_config != NULL ? pack_fill_dir(r->set.slapd_config, (uid_t)-1, (gid_t)-1) : rc;
}

/* Each database of the configuration has a folder, which slapadd does not make. */
static int data_folders(struct restore *r)
{
	static const struct slice name = { "olcDbDirectory: ", 16 };
	FILE *f = fopen(in(r, "config.ldif"), "re");
	char *line = NULL;
	size_t room = 0;
	int rc = f != NULL ? DONE : refuse("%s cannot be read", in(r, "config.ldif"));
	for (ssize_t n; rc == DONE && (n = getline(&line, &room, f)) > 0;) {
		struct slice text = slice_trim(slice_mem(line, (size_t)n), "\r\n");
		if (slice_starts(text, name))
			rc = pack_fill_dir(arena_str(r->set.c->a, slice_mem(text.p + name.n, text.n - name.n)), (uid_t)-1, (gid_t)-1);
	}
	free(line);
	if (f != NULL)
		fclose(f);	/* NOLINT(cert-err33-c): it was only read */
	return rc;
}

static int slapadd(struct restore *r, const char *which, const char *what, const char *file)
{
	char *argv[] = { (char *)r->set.slapadd, (char *)"-F", (char *)r->set.slapd_config, (char *)which, (char *)what, (char *)"-l", (char *)in(r, file), NULL };
	return pack_run(argv);
}

static int restore_directory(struct restore *r)
{
	if (r->set.slapd_config == NULL)
		return DONE;
	int rc = data_folders(r);
	if (rc == DONE)
		rc = slapadd(r, "-n", "0", "config.ldif");
	return rc == DONE ? slapadd(r, "-b", r->set.conf->directory_base, "directory.ldif") : rc;
}

static int give_away(const struct restore *r, const char *path)
{
	return r->front.uid == (uid_t)-1 || chown(path, r->front.uid, r->front.gid) == 0 ? DONE : refuse("%s: %s", path, strerror(errno));
}

static int restore_state(struct restore *r)
{
	const char *to = arena_printf(r->set.c->a, "%s/data.mdb", r->set.conf->server_state_dir);
	size_t kept, dropped;
	int rc = pack_copy(in(r, "state.mdb"), to, r->front.uid, r->front.gid);
	if (rc != DONE)
		return rc;
	if (state_keep_refusals(r->set.conf->server_state_dir, &kept, &dropped) != OK)
		return REFUSED;
	say("%zu counters, used numbers and revocations are back; %zu sessions, logins and tokens are not", kept, dropped);
	return give_away(r, arena_printf(r->set.c->a, "%s/lock.mdb", r->set.conf->server_state_dir));
}

static int restore_audit(struct restore *r)
{
	return pack_copy_all(r->set.c->a, in(r, "audit"), r->set.conf->server_audit_dir, r->front.uid, r->front.gid);
}

static int restore_keyring(struct restore *r)
{
	int e = keystore_plant(r->set.conf->server_keyring_dir, r->ring, r->keyring.uid, r->keyring.gid);
	if (e == OK && r->audit != NULL)
		e = audit_store_plant(r->set.conf->server_keyring_dir, r->audit, r->keyring.uid, r->keyring.gid);
	if (e != OK)
		return refuse("the keyring cannot be written into %s", r->set.conf->server_keyring_dir);
	return pack_copy(in(r, "trail.log"), arena_printf(r->set.c->a, "%s/trail.log", r->set.conf->server_keyring_dir), r->keyring.uid, r->keyring.gid);
}

static int restore_run(struct ctl *c)
{
	static const struct {
		const char *what;
		int (*run)(struct restore *);
	} steps[] = {
		{ "looking at the backup", look }, { "looking at the folders", empty_folders }, { "directory", restore_directory }, { "state", restore_state },
		{ "audit trail", restore_audit }, { "keyring", restore_keyring },
	};
	enum { STEPS = sizeof steps / sizeof *steps };
	struct restore r = { .about = NULL };
	umask(077);
	int rc = set_begin(c, &r.set);
	if (rc == DONE && opt(c, "passphrase-file") == NULL)
		rc = usage(c, "--passphrase-file FILE is missing: without it there is no keyring");
	if (rc == DONE && (owner_of(r.set.conf->server_front_user, &r.front) != DONE || owner_of(r.set.conf->server_keyring_user, &r.keyring) != DONE))
		rc = REFUSED;
	for (unsigned i = 0; rc == DONE && i < STEPS; i++) {
		pack_step(i, STEPS, steps[i].what);
		rc = steps[i].run(&r);
	}
	if (rc != DONE)
		return rc;
	pack_step(STEPS, STEPS, "done");
	fprintf(stderr, "\nRestored what was backed up at %s. What happened since is not known here: people and keys that were suspended, locked or removed\n"
	    "since are as they were; look at the audit trail of the lost system, when there is one, before you start idpd.\n"
	    "Everybody signs in again. Security codes of apps that are older than now are refused; tokens and printed cards that count\n"
	    "may repeat codes that were used since the backup: end those keys where that matters.\n"
	    "%sAfter that, start slapd and idpd.\n", harmless(c->a, json_str(r.about, "created")),
	    r.set.slapd_config != NULL && geteuid() == 0 ? "Give slapd's folders to its user (chown -R openldap:openldap). " : "");
	return DONE;
}

static const struct opt restore_opts[] = {
	{ "passphrase-file", "FILE", "opens the keyring", 0, 0 },
	{ "slapd-config", "DIR", "an empty folder for slapd's configuration: /etc/ldap/slapd.d", 0, 0 },
	{ "slapd-tools", "DIR", "where slapcat and slapadd are (default /usr/sbin)", 0, 0 },
	{ "no-directory", NULL, "without the directory", 0, 0 },
	{ 0 },
};
const struct command cmd_restore = {
	.path = "restore", .operands = "DIR", .noperands = 1, .opts = restore_opts, .run = restore_run,
	.what = "a backup becomes a system again, in folders that are empty",
	.more = "slapd and idpd do not run. Nothing is overwritten: folders that hold something are refused.",
	.examples = "  csamctl restore /backup/2026-11-21 --slapd-config /etc/ldap/slapd.d --passphrase-file /root/backup.pass\n",
};
