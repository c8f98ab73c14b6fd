/* Checks of this machine: modes of files, certificate, clock, keyring. */
#include <errno.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>
#include "base/conf.h"
#include "base/json.h"
#include "csamctl/check.h"
#include "svc/keyring.h"

enum { WARN_DAYS = 21 };

static bool is_anothers(const struct stat *st, const char *user)
{
	const struct passwd *p = user != NULL && *user != '\0' && geteuid() == 0 ? getpwnam(user) : NULL;
	return p != NULL && p->pw_uid != st->st_uid;
}

/* What must not be open to others than its owner: `forbidden` are permission bits, `user` who reads it, when that is not whoever started idpd. */
static void mode(struct check *k, const char *path, mode_t forbidden, const char *should, const char *user)
{
	struct stat st;
	if (path == NULL || *path == '\0')
		return;
	if (stat(path, &st) != 0) {
		if (errno == EACCES)
			check_warn(k, "%s: you may not look at it → run the check as its owner or as root", path);
		else
			check_fail(k, "%s: %s → idpd needs it", path, strerror(errno));
		return;
	}
	if (st.st_mode & forbidden)
		check_fail(k, "%s has mode %04o: others get at it → chmod %s %s", path, (unsigned)st.st_mode & 07777, should, path);
	else if (is_anothers(&st, user))
		check_fail(k, "%s belongs to user %u, and idpd reads it as %s → chown %s %s", path, (unsigned)st.st_uid, user, user, path);
	else
		check_ok(k, "%s has mode %04o", path, (unsigned)st.st_mode & 07777);
}

/* What everybody may read, and idpd's user must. */
static void readable(struct check *k, const char *path, const char *user)
{
	struct stat st;
	if (path == NULL || *path == '\0')
		return;
	if (stat(path, &st) != 0)
		check_fail(k, "%s: %s → idpd does not start without it", path, strerror(errno));
	else if (!(st.st_mode & S_IROTH) && is_anothers(&st, user))
		check_fail(k, "%s has mode %04o, and idpd reads it as %s → chmod 0644 %s", path, (unsigned)st.st_mode & 07777, user, path);
}

static void free_x509(X509 **x)
{
	X509_free(*x);
}

static void certificate(struct check *k, const char *path)
{
	FILE *f = fopen(path, "re");
	AUTO(free_x509) X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	if (f != NULL)
		fclose(f);
	int days = 0, seconds = 0;
	if (x == NULL || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)) != 1) {
		check_fail(k, "certificate %s cannot be read → a PEM file, the server's certificate first", path);
		return;
	}
	if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
		check_fail(k, "certificate %s is not valid yet → is the clock right?", path);
	if (days < 0 || seconds < 0)
		check_fail(k, "certificate %s has expired → renew it; browsers refuse it", path);
	else if (days < WARN_DAYS)
		check_warn(k, "certificate %s expires in %d days → renew it", path, days);
	else
		check_ok(k, "certificate %s is valid for %d more days", path, days);
}

void check_files(struct check *k)
{
	const struct conf *f = k->c->set.conf;
	if (f == NULL)
		return;
	const char *front = f->server_front_user, *keyring = f->server_keyring_user;
	mode(k, f->server_keyring_dir, 077, "0700", keyring);
	if (access(f->server_keyring_dir, X_OK) == 0)
		mode(k, arena_printf(k->c->a, "%s/keyring.json", f->server_keyring_dir), 077, "0600", keyring);
	mode(k, f->server_state_dir, 077, "0700", front);
	mode(k, f->server_audit_dir, 077, "0700", front);
	mode(k, f->server_private_key, 077, "0600", front);
	mode(k, f->directory_password_file, 077, "0600", front);
	mode(k, f->mail_password_file, 077, "0600", front);
	mode(k, f->sms_secret_file, 077, "0600", front);
	readable(k, f->eid_authorities, front);
	readable(k, f->server_certificate, front);
	mode(k, f->file, 022, "0644", NULL);
	if (*f->server_certificate != '\0')
		certificate(k, f->server_certificate);
}

/* Codes of apps count in half minutes: a clock that runs free refuses people. */
void check_clock(struct check *k)
{
	struct timex t = { .modes = 0 };
	if (adjtimex(&t) < 0)
		check_warn(k, "the clock's state cannot be read: %s", strerror(errno));
	else if (t.status & STA_UNSYNC)
		check_warn(k, "the clock is not synchronised → run systemd-timesyncd or chrony; codes of apps depend on it");
	else
		check_ok(k, "the clock is synchronised, to %ld ms at worst", (long)t.maxerror / 1000);
}

void check_keyring(struct check *k)
{
	struct slice text;
	json_t *root;
	const char *path = k->c->set.keyring_socket;
	if (path == NULL) {
		check_warn(k, "keyring: not checked → -k PATH, or -c FILE");
		return;
	}
	keyring_open(path);
	if (keyring_status(k->c->a, &text) != OK || json_parse(k->c->a, text, &root, NULL) != OK) {
		check_fail(k, "keyring %s does not answer → is idpd running, and may you open the socket?", path);
		return;
	}
	check_ok(k, "keyring %s answers and has %zu keys", path, json_array_size(json_object_get(root, "keys")));
}
