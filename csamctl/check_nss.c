/* Checks of who people are on a host: names and numbers (NSS) must be the directory's, and no password hash may come along. */
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include "csamctl/check.h"

enum { LINE_MAX_BYTES = 1024 };

void check_user(struct check *k, const struct host *h, bool known, unsigned long uid)
{
	const struct passwd *p = getpwnam(h->user);
	if (p == NULL)
		check_fail(k, "this host does not know %s → NSS: nsswitch.conf, SSSD or nslcd (conf/nss)", h->user);
	else if (!known)
		check_fail(k, "%s has no uidNumber in the directory, and %u here → csamctl person new --posix, or a local user of that name?",
		    h->user, (unsigned)p->pw_uid);
	else if (p->pw_uid != uid)
		check_fail(k, "%s is %u here and %lu in the directory → two people with one name, or two directories; nobody enters by it", h->user,
		    (unsigned)p->pw_uid, uid);
	else
		check_ok(k, "%s is %lu here as in the directory", h->user, uid);
}

/* pam_unix would let in whoever has a hash, with the password alone. */
static void hash(struct check *k, const struct host *h)
{
	const struct spwd *s = h->here && h->user != NULL ? getspnam(h->user) : NULL;
	if (s != NULL && s->sp_pwdp != NULL && strlen(s->sp_pwdp) > 2 && strchr("*!x", *s->sp_pwdp) == NULL)
		check_fail(k, "a password hash of %s can be had here: pam_unix lets in without a code → \"shadow: files\" in nsswitch.conf; no local "
		    "user of that name", h->user);
}

void check_shadow(struct check *k, const struct host *h)
{
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(arena_printf(k->c->a, "%s/etc/nsswitch.conf", h->root), "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "#\n")] = '\0';
		struct slice rest = slice_of(line + strspn(line, " \t"));
		if (!slice_starts(rest, S("shadow:")))
			continue;
		rest = slice_mem(rest.p + 7, rest.n - 7);
		if (slice_has_word(rest, S("ldap")) || slice_has_word(rest, S("sss")))
			check_fail(k, "nsswitch.conf: shadow asks the directory → \"shadow: files\": else pam_unix may find a hash, and ask for no code");
		else
			check_ok(k, "password hashes are looked for in local files alone");
	}
	if (f != NULL)
		fclose(f);
	hash(k, h);
}
