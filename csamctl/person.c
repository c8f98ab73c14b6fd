/* csamctl person new: a person and the first keys, as LDIF. */
#include "base/clock.h"
#include "base/digest.h"
#include "csamctl/fields.h"
#include "csamctl/ldif.h"
#include "csamctl/otp_show.h"
#include "csamctl/person.h"
#include "csamctl/secrets.h"

static const char *or_null(const char *s)
{
	return s != NULL && *s != '\0' ? s : NULL;
}

static const char *joined(struct arena *a, const char *first, const char *second)
{
	return first == NULL || second == NULL ? first ? first : second : arena_printf(a, "%s %s", first, second);
}

/* Holds every field against its rule, and brings numbers into the form that is stored. NULL, or what is wrong. */
static const char *checked(struct ctl *c, struct person_new *in, struct posix *posix)
{
	const char *why = in->uid != NULL ? field_name(slice_of(in->uid), in->posix != NULL) : "a user name (uid) is missing";
	if (why == NULL && in->given_name != NULL)
		why = field_text(slice_of(in->given_name));
	if (why == NULL && in->family_name != NULL)
		why = field_text(slice_of(in->family_name));
	if (why == NULL && in->mail != NULL)
		why = field_mail(slice_of(in->mail));
	if (why == NULL && in->mobile != NULL)
		why = field_phone(c->a, slice_of(in->mobile), &in->mobile);
	if (why == NULL && in->national_number != NULL)
		why = field_national(c->a, slice_of(in->national_number), c->set.testing, &in->national_number);
	if (why == NULL && in->terms != NULL)
		why = field_version(slice_of(in->terms));
	if (why == NULL && in->lang != NULL)
		why = field_language(slice_of(in->lang));
	if (why == NULL && in->password != NULL)
		why = field_password(slice_of(in->password));
	if (why == NULL && in->password_hash != NULL && !password_is_hash(slice_of(in->password_hash)))
		why = "a password hash begins with {ARGON2}, {SSHA}, {CRYPT}$ or another scheme of slapd";
	if (why == NULL && in->password != NULL && in->password_hash != NULL)
		why = "a password and a password hash: only one of them can be";
	if (why == NULL && in->identity_level != NULL)
		why = field_level(slice_of(in->identity_level));
	if (why == NULL && in->totp != NULL)
		why = field_totp(c->a, slice_of(in->totp), &in->totp);
	if (why == NULL && in->totp != NULL && in->password == NULL && in->password_hash == NULL)
		why = "an app key is used with a password: give one, too";
	if (why == NULL && in->posix != NULL)
		why = field_posix(slice_of(in->posix), posix);
	return why;
}

static void empty_to_null(struct person_new *in)
{
	const char **all[] = { &in->uid, &in->given_name, &in->family_name, &in->mail, &in->mobile, &in->national_number, &in->lang,
		&in->terms, &in->password, &in->password_hash, &in->totp, &in->posix, &in->identity_level };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		*all[i] = or_null(*all[i]);
}

static void posix_lines(struct buf *b, const char *uid, const struct posix *posix)
{
	buf_printf(b, "objectClass: posixAccount\nuidNumber: %lu\ngidNumber: %lu\n", posix->uid, posix->gid);
	buf_printf(b, "homeDirectory: /home/%s\nloginShell: /bin/bash\n", uid);	/* field_name: nothing to escape */
}

static void person_record(struct ctl *c, const struct person_new *in, const struct posix *posix, const char *dn,
    const char *subject, struct buf *b)
{
	const char *full = joined(c->a, in->given_name, in->family_name);
	bool named_by_uid = strcmp(c->set.name_attr, "uid") == 0;
	ldif_record(b, dn, "add");
	ldif_str(b, "objectClass", "inetOrgPerson");
	ldif_str(b, "objectClass", "csamPerson");
	if (in->posix != NULL)
		posix_lines(b, in->uid, posix);
	if (!named_by_uid)
		ldif_str(b, c->set.name_attr, in->uid);
	ldif_str(b, "uid", in->uid);
	ldif_str(b, "csamSubject", subject);
	ldif_str(b, "csamPersonState", "active");
	if (strcmp(c->set.name_attr, "cn") != 0)
		ldif_str(b, "cn", full ? full : in->uid);
	ldif_str(b, "sn", in->family_name ? in->family_name : full ? full : in->uid);
	ldif_str(b, "givenName", in->given_name);
	ldif_str(b, "displayName", full);
	ldif_str(b, "mail", in->mail);
	ldif_str(b, "mobile", in->mobile);
	if (in->verified) {
		ldif_str(b, "csamMailVerified", in->mail);
		ldif_str(b, "csamMobileVerified", in->mobile);
	}
	ldif_str(b, "csamNationalNumber", in->national_number);
	ldif_str(b, "csamIdentityLevel", in->identity_level);
	if (in->terms != NULL)
		ldif_str(b, "csamTermsAccepted", arena_printf(c->a, "%s %s", in->terms, time_ldap(c->a, now())));
	ldif_str(b, "preferredLanguage", in->lang);
	ldif_str(b, "userPassword", in->password ? password_hash(c->a, slice_of(in->password)) : in->password_hash);
	ldif_end(b);
}

int key_record(struct ctl *c, const struct key_new *k, struct buf *b)
{
	struct slice sealed = S_NONE;
	if (k->secret != NULL) {
		int rc = seal_key_secret(c, k->subject, k->id, k->secret, &sealed);
		if (rc != DONE)
			return rc;
	}
	ldif_record(b, dn_below(c->a, "csamKeyId", k->id, k->person_dn), "add");
	ldif_str(b, "objectClass", "csamKey");
	ldif_str(b, "csamKeyId", k->id);
	ldif_str(b, "csamKeyKind", k->kind);
	ldif_str(b, "csamKeyState", k->pending ? "pending" : "active");
	ldif_str(b, "description", k->label);
	ldif_str(b, "csamKeyLevel", k->level);
	ldif_str(b, "csamKeyAddress", k->address);
	ldif_str(b, "csamKeyData", k->data);
	ldif_str(b, "csamKeyCounter", k->counter);
	if (sealed.n > 0)
		ldif_attr(b, "csamKeySecret", sealed);
	ldif_end(b);
	return DONE;
}

int person_records(struct ctl *c, struct person_new in, struct buf *out, const char **why, const char **secret)
{
	struct posix posix = { 0, 0 };
	struct buf b = buf_new(c->a);
	empty_to_null(&in);
	*why = checked(c, &in, &posix);
	if (*why != NULL)
		return REFUSED;
	const char *subject = random_uuid(c->a), *dn = dn_below(c->a, c->set.name_attr, in.uid, c->set.people_base);
	person_record(c, &in, &posix, dn, subject, &b);
	struct key_new password = { .person_dn = dn, .subject = subject, .id = "password-1", .kind = "password" };
	struct key_new app = { .person_dn = dn, .subject = subject, .id = "app-1", .kind = "app", .secret = in.totp, .pending = in.pending };
	int rc = DONE;
	if (in.password != NULL || in.password_hash != NULL)
		rc = key_record(c, &password, &b);
	if (rc == DONE && in.totp != NULL)
		rc = key_record(c, &app, &b);
	if (rc != DONE)
		return rc;
	buf_raw(out, buf_slice(&b));
	*secret = in.totp;
	return DONE;
}

static const struct opt person_new_opts[] = {
	{ "uid", "NAME", "the user name", OPT_MUST, 0 },
	{ "given-name", "TEXT", "given name", 0, 0 },
	{ "family-name", "TEXT", "family name", 0, 0 },
	{ "mail", "ADDRESS", "mail address", 0, 0 },
	{ "mobile", "NUMBER", "mobile telephone, with country code: +32470123456", 0, 0 },
	{ "verified", NULL, "mail and mobile are known to belong to the person", 0, 0 },
	{ "national-number", "NUMBER", "national or BIS number, 11 digits", 0, 0 },
	{ "identity-level", "LEVEL", "how well the identity was established: 100 200 300 400 450 500", 0, 0 },
	{ "lang", "LANGUAGE", "language: fr nl de en", 0, 0 },
	{ "terms", "VERSION", "this version of the terms was accepted, on paper for example", 0, 0 },
	{ "password-file", "FILE", "the first line of FILE is the password (- for standard input)", 0, 0 },
	{ "totp", "SECRET", "an authenticator app: its base32 secret, or 'new'", OPT_SECRET, 0 },
	{ "pending", NULL, "the app key waits until the person shows one of its codes on /keys", 0, 0 },
	{ "posix", "UID:GID", "also an account on hosts", 0, 0 },
	{ "issuer", "LABEL", "name that authenticator apps show (default: host of the issuer)", 0, 0 },
	{ 0 },
};

static int person_new_run(struct ctl *c)
{
	struct buf out = buf_new(c->a);
	struct slice password = S_NONE;
	const char *why, *secret = NULL, *file = opt(c, "password-file");
	int rc = need(c, c->set.people_base, "base");
	if (rc != DONE)
		return rc;
	if (file != NULL && read_secret(c->a, file, &password) != OK)
		return REFUSED;
	struct person_new in = {
		.uid = opt(c, "uid"), .given_name = opt(c, "given-name"), .family_name = opt(c, "family-name"), .mail = opt(c, "mail"),
		.mobile = opt(c, "mobile"), .national_number = opt(c, "national-number"), .terms = opt(c, "terms"), .lang = opt(c, "lang"),
		.password = file != NULL ? arena_str(c->a, password) : NULL, .totp = opt(c, "totp"), .posix = opt(c, "posix"),
		.identity_level = opt(c, "identity-level"), .verified = opt_on(c, "verified"), .pending = opt_on(c, "pending"),
	};
	rc = person_records(c, in, &out, &why, &secret);
	if (rc != DONE)
		return why != NULL ? refuse("%s: %s", in.uid, why) : rc;
	rc = print(&out);
	if (rc == DONE && in.totp != NULL && strcmp(in.totp, "new") == 0)
		otp_show(c, stderr, false, in.uid, secret);
	return rc;
}

const struct command cmd_person_new = {
	.path = "person new", .operands = "", .opts = person_new_opts, .run = person_new_run,
	.what = "LDIF of a new person with a password and an authenticator app",
	.more = "The password is stored as argon2id, the app's secret sealed by the keyring. The directory refuses a name or\n"
	    "number that somebody has, or had.",
	.examples =
	    "  csamctl person new --uid alice --given-name Alice --family-name Peeters --mail alice@example.be \\\n"
	    "      --password-file /dev/stdin --totp new | ldapmodify -H ldapi:/// -Y EXTERNAL\n"
	    "  csamctl person new --uid bruno --posix 10001:10001 --lang fr > bruno.ldif\n",
};
