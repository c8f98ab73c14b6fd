/* What a value must look like before it is written to the directory. */
#include <pwd.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/base32.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/national.h"
#include "csamctl/fields.h"
#include "svc/outbox.h"

enum { MIN_UID = 1000, MAX_UID = 0x7fffffff };

static const char lower[] = "abcdefghijklmnopqrstuvwxyz";

static bool only(struct slice s, const char *set, const char *more)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || (strchr(set, s.p[i]) == NULL && strchr(more, s.p[i]) == NULL))
			return false;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool alnum(struct slice s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

/* Names that mean something on every system, here or on the hosts. */
static bool reserved(const char *name)
{
	static const char *const names[] = { "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp",
		"proxy", "backup", "list", "irc", "nobody", "nogroup", "sshd", "messagebus", "systemd", "adm", "sudo", "wheel",
		"admin", "operator", "halt", "shutdown", "ftp", "postfix", "dovecot", "openldap", "csam", "decoy", NULL };
	for (const char *const *n = names; *n != NULL; n++)
		if (strcmp(name, *n) == 0)
			return true;
	return strncmp(name, "systemd-", 8) == 0;
}

/* /etc/passwd itself: getpwnam would find the directory's people, too. */
static bool system_account(const char *name)
{
	FILE *f = fopen("/etc/passwd", "re");
	bool found = false;
	for (struct passwd *p; f != NULL && !found && (p = fgetpwent(f)) != NULL;)
		found = p->pw_uid < MIN_UID && strcmp(p->pw_name, name) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

const char *field_name(struct slice uid, bool posix)
{
	if (uid.n == 0 || uid.n > (posix ? 32 : 64))
		return posix ? "a user name on hosts has 1 to 32 characters" : "a user name has 1 to 64 characters";
	if (strchr(lower, uid.p[0]) == NULL || !only(uid, lower, "0123456789._-"))
		return "a user name begins with a letter a-z and goes on with a-z 0-9 . _ -";
	if (!posix)
		return NULL;
	AUTO_ARENA a = arena_new();
	const char *name = arena_str(a, uid);
	return reserved(name) || system_account(name) ? "this name belongs to the system: hosts must not know a person by it" : NULL;
}

const char *field_mail(struct slice mail)
{
	return outbox_mail_address(mail) ? NULL : "a mail address looks like alice@example.be, in ASCII";
}

const char *field_text(struct slice text)
{
	if (text.n == 0 || text.n > 256)
		return "a name has 1 to 256 bytes";
	return slice_is_text(text, "") ? NULL : "a name is UTF-8 text without control characters";
}

const char *field_language(struct slice lang)
{
	return (lang.n == 2 || lang.n == 3) && only(lang, lower, "") ? NULL : "a language is two or three letters: fr nl de en";
}

const char *field_version(struct slice version)
{
	bool ok = version.n > 0 && version.n <= 32;
	for (size_t i = 0; i < version.n; i++)
		ok = ok && version.p[i] > ' ' && version.p[i] < 0x7f;
	return ok ? NULL : "a version of the terms is a word: 4.2";
}

/* NIST SP 800-63B 5.1.1.1: at least 8 characters, every one of them counts, no rules of composition. */
const char *field_password(struct slice password)
{
	size_t characters = 0;
	for (size_t i = 0; i < password.n; i++)
		characters += (password.p[i] & 0xc0) != 0x80;
	if (characters < 8 || password.n > 256)
		return "a password has at least 8 characters and at most 256 bytes";
	return slice_is_text(password, "") ? NULL : "a password is UTF-8 text without control characters";
}

const char *field_level(struct slice level)
{
	return level.n == 3 && slice_has_word(S("100 200 300 400 450 500"), level) ? NULL : "a level is one of 100 200 300 400 450 500";
}

const char *field_id(struct slice id)
{
	return id.n > 0 && id.n <= 64 && alnum(id, "._-") && alnum(slice_mem(id.p, 1), "") ? NULL :
	    "an identifier has 1 to 64 of a-z A-Z 0-9 . _ - and begins with a letter or digit";
}

static const char *uri_text(struct slice uri)
{
	if (uri.n == 0 || uri.n > 1024)
		return "an address has 1 to 1024 characters";
	for (size_t i = 0; i < uri.n; i++) {
		unsigned char c = (unsigned char)uri.p[i];
		if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)	/* RFC 3986 2 */
			return "an address has only the characters of RFC 3986: escape others with %XX";
	}
	return NULL;
}

/* The authority of scheme://authority/..., empty when it has no such form. */
static struct slice authority(struct slice uri, struct slice scheme)
{
	if (!slice_starts(uri, scheme))
		return S_NONE;
	struct slice rest = slice_mem(uri.p + scheme.n, uri.n - scheme.n);
	size_t n = 0;
	while (n < rest.n && strchr("/?#", rest.p[n]) == NULL)
		n++;
	return memchr(rest.p, '@', n) != NULL ? S_NONE : slice_mem(rest.p, n);
}

static bool loopback(struct slice host)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]", "localhost", NULL };
	for (const char *const *h = hosts; *h != NULL; h++)
		if (slice_starts(host, slice_of(*h)) && (host.n == strlen(*h) || host.p[strlen(*h)] == ':'))
			return true;
	return false;
}

/* RFC 6749 3.1.2: absolute, no fragment. RFC 8252 7.1 to 7.3: what native applications may have besides https. */
const char *field_redirect(struct slice uri, bool native)
{
	const char *why = uri_text(uri);
	struct slice rest = uri, scheme;
	if (why != NULL)
		return why;
	if (memchr(uri.p, '#', uri.n) != NULL)
		return "a redirect URI has no fragment (#...)";
	if (authority(uri, S("https://")).n > 0)
		return NULL;
	if (!native)
		return "a redirect URI begins with https://host (http to this machine or a scheme of its own: --native)";
	if (loopback(authority(uri, S("http://"))))
		return NULL;
	if (slice_cut(&rest, ':', &scheme) && rest.n > 0 && scheme.n < uri.n && memchr(scheme.p, '.', scheme.n) != NULL &&
	    only(scheme, lower, "0123456789+-."))
		return NULL;
	return "a native application has https://, http to 127.0.0.1 or [::1], or a scheme with a dot: be.example.app:/back";
}

const char *field_web(struct slice uri)
{
	const char *why = uri_text(uri);
	if (why != NULL)
		return why;
	return authority(uri, S("https://")).n > 0 || authority(uri, S("http://")).n > 0 ? NULL : "an address of a page begins with https://";
}

static struct slice without(struct arena *a, struct slice in, const char *skip)
{
	struct buf b = buf_new(a);
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] == '\0' || strchr(skip, in.p[i]) == NULL)
			buf_char(&b, in.p[i]);
	return buf_slice(&b);
}

/* ITU-T E.164 6.2.1: at most 15 digits, the country code first. */
const char *field_phone(struct arena *a, struct slice in, const char **out)
{
	struct slice s = without(a, in, " ./-()");
	if (!outbox_phone_number(s))
		return "a telephone number begins with + and the country code: +32 470 12 34 56";
	*out = arena_str(a, s);
	return NULL;
}

const char *field_national(struct arena *a, struct slice in, bool testing, const char **out)
{
	struct slice s = without(a, in, " .-");
	if (national_number_check(s, testing) != OK)
		return "this is no national number: digits, check digits or date are wrong";
	*out = arena_str(a, s);
	return NULL;
}

const char *field_totp(struct arena *a, struct slice in, const char **out)
{
	struct slice raw;
	if (slice_is(in, "new")) {
		unsigned char fresh[20];	/* RFC 4226 4 R6 recommends 160 bits */
		random_bytes(fresh, sizeof fresh);
		*out = base32_text(a, slice_mem(fresh, sizeof fresh));
		wipe(fresh, sizeof fresh);
		return NULL;
	}
	if (base32_bytes(a, in, &raw) != OK)
		return "a secret is base32 (A-Z 2-7), or the word new";
	if (raw.n < 16 || raw.n > 64)	/* RFC 4226 4 R6: at least 128 bits */
		return "a secret has 16 to 64 bytes: 26 to 103 base32 characters";
	*out = base32_text(a, raw);
	return NULL;
}

const char *field_posix(struct slice in, struct posix *out)
{
	struct slice uid;
	unsigned long long u = 0, g = 0;
	if (!slice_cut(&in, ':', &uid) || slice_number(uid, MAX_UID, &u) != OK || slice_number(in, MAX_UID, &g) != OK)
		return "numbers on hosts are written UID:GID";
	if (u < MIN_UID || u == 65534)
		return "numbers below 1000 and 65534 belong to the system";
	*out = (struct posix){ (unsigned long)u, (unsigned long)g };
	return NULL;
}
