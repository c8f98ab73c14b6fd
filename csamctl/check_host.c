/* Checks of this machine: modes of files, certificate, clock, keyring, and the issuer as people reach it. */
#include <errno.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/conf.h"
#include "base/json.h"
#include "csamctl/check.h"
#include "csamctl/fetch.h"
#include "svc/keyring.h"

enum { DAY_S = 86400, WARN_DAYS = 21, SKEW_S = 5 };

/* What must not be open to others than its owner: `forbidden` are permission bits. */
static void mode(struct check *k, const char *path, mode_t forbidden, const char *should)
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
	else
		check_ok(k, "%s has mode %04o", path, (unsigned)st.st_mode & 07777);
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
	mode(k, f->server_keyring_dir, 077, "0700");
	if (access(f->server_keyring_dir, X_OK) == 0)
		mode(k, arena_printf(k->c->a, "%s/keyring.json", f->server_keyring_dir), 077, "0600");
	mode(k, f->server_state_dir, 077, "0700");
	mode(k, f->server_audit_dir, 077, "0700");
	mode(k, f->server_private_key, 077, "0600");
	mode(k, f->directory_password_file, 077, "0600");
	mode(k, f->file, 022, "0644");
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

static void skew(struct check *k, const struct page *p)
{
	long off = (long)(p->date - now());
	if (p->date != 0 && (off > SKEW_S || off < -SKEW_S))
		check_warn(k, "the issuer's clock differs from this one by %ld s → mend the one that is wrong", off);
}

void check_issuer_answers(struct check *k)
{
	struct page p = { 0 };
	json_t *meta;
	const char *issuer = k->c->set.issuer, *why = NULL;
	if (issuer == NULL)
		return;
	const char *url = arena_printf(k->c->a, "%s/.well-known/openid-configuration", issuer);
	if (fetch(k->c->a, url, opt(k->c, "issuer-ca"), &p, &why) != OK) {
		check_fail(k, "issuer %s: %s → do name, port, proxy and certificate fit?", issuer, why);
		return;
	}
	skew(k, &p);
	const char *says = p.status == 200 && json_parse(k->c->a, p.body, &meta, &why) == OK ? json_str(meta, "issuer") : NULL;
	if (says == NULL)
		check_fail(k, "%s answers %ld and no metadata → is it idpd that answers there?", url, p.status);
	else if (strcmp(says, issuer) != 0)	/* OpenID Connect Discovery 4.3: exactly equal */
		check_fail(k, "the issuer calls itself %s, the configuration says %s → clients refuse that: make them equal", says, issuer);
	else
		check_ok(k, "issuer %s answers by that name", issuer);
}
