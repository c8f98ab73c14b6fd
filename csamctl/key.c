/* csamctl key: digital keys of one person. New ones and changes come as LDIF. */
#include "base/clock.h"
#include "csamctl/fields.h"
#include "csamctl/ldif.h"
#include "csamctl/otp_show.h"
#include "csamctl/person.h"

static int load(struct ctl *c, const char *name, struct ldap_entry *person, struct ldap_entry keys[KEYS_MAX], size_t *n)
{
	struct dir *d;
	int rc = dir_open(c, &d);
	if (rc == DONE)
		rc = person_find(c, d, name, person);
	return rc == DONE ? person_keys(c, d, person, keys, n) : rc;
}

/* The next free number: one above the highest, so that the name of a deleted key is not given at once to another. */
static const char *next_id(struct ctl *c, const char *kind, const struct ldap_entry *keys, size_t n)
{
	unsigned long long highest = 0, number;
	struct slice prefix = slice_of(arena_printf(c->a, "%s-", kind));
	for (size_t i = 0; i < n; i++) {
		struct slice id = slice_of(entry_str(&keys[i], "csamKeyId"));
		if (slice_starts(id, prefix) && slice_number(slice_mem(id.p + prefix.n, id.n - prefix.n), 1000000, &number) == OK &&
		    number > highest)
			highest = number;
	}
	return arena_printf(c->a, "%s-%llu", kind, highest + 1);
}

static int new_key(struct ctl *c, const char *kind, const char *secret)
{
	struct ldap_entry person, keys[KEYS_MAX];
	struct buf out = buf_new(c->a);
	size_t n = 0;
	const char *label = opt(c, "label"), *level = opt(c, "level"), *why = NULL;
	if (label != NULL)
		why = field_text(slice_of(label));
	if (why == NULL && level != NULL)
		why = field_level(slice_of(level));
	if (why != NULL)
		return refuse("%s", why);
	int rc = load(c, opt(c, "person"), &person, keys, &n);
	if (rc != DONE)
		return rc;
	struct key_new k = { .person_dn = person.dn, .subject = entry_str(&person, "csamSubject"), .id = next_id(c, kind, keys, n),
		.kind = kind, .label = label, .level = level, .secret = secret, .pending = opt_on(c, "pending") };
	rc = key_record(c, &k, &out);
	return rc == DONE ? print(&out) : rc;
}

static int new_app_run(struct ctl *c)
{
	const char *secret = NULL, *given = opt(c, "secret");
	const char *why = field_totp(c->a, slice_of(given != NULL ? given : "new"), &secret);
	if (why != NULL)
		return refuse("%s", why);
	int rc = new_key(c, "app", secret);
	if (rc == DONE)
		otp_show(c, stderr, opt_on(c, "qr"), opt(c, "person"), secret);
	return rc;
}

static int new_password_run(struct ctl *c)
{
	return new_key(c, "password", NULL);
}

static const char *shown(struct ctl *c, const struct ldap_entry *key, const char *name)
{
	return harmless(c->a, entry_str(key, name));
}

/* As people read times; what the directory holds when it is none. */
static const char *shown_time(struct ctl *c, const struct ldap_entry *key, const char *name)
{
	time_t t;
	const char *v = shown(c, key, name);
	return time_parse_ldap(v, &t) == OK ? time_iso(c->a, t) : v;
}

static int list_run(struct ctl *c)
{
	struct ldap_entry person, keys[KEYS_MAX];
	size_t n = 0;
	int rc = load(c, c->operands[0], &person, keys, &n);
	if (rc != DONE)
		return rc;
	printf("%-16s %-10s %-8s %-8s %-21s %-21s %s\n", "KEY", "KIND", "STATE", "FAILURES", "LAST USED", "ENDS", "LABEL");
	for (size_t i = 0; i < n; i++)
		printf("%-16s %-10s %-8s %-8s %-21s %-21s %s\n", shown(c, &keys[i], "csamKeyId"), shown(c, &keys[i], "csamKeyKind"),
		    shown(c, &keys[i], "csamKeyState"), shown(c, &keys[i], "csamKeyFailures"), shown_time(c, &keys[i], "csamKeyLastUsed"),
		    shown_time(c, &keys[i], "csamKeyNotAfter"), shown(c, &keys[i], "description"));
	return DONE;
}

static const struct ldap_entry *key_named(const struct ldap_entry *keys, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (entry_has(&keys[i], "csamKeyId", id))
			return &keys[i];
	return NULL;
}

static int set_state(struct ctl *c, const char *state)
{
	struct ldap_entry person, keys[KEYS_MAX];
	struct buf out = buf_new(c->a);
	size_t n = 0;
	int rc = load(c, c->operands[0], &person, keys, &n);
	if (rc != DONE)
		return rc;
	const struct ldap_entry *key = key_named(keys, n, c->operands[1]);
	if (key == NULL)
		return refuse("%s has no key %s → csamctl key list %s", c->operands[0], c->operands[1], c->operands[0]);
	if (entry_has(key, "csamKeyState", "revoked") && strcmp(state, "revoked") != 0)
		return refuse("%s is revoked, and revoked keys never come back → csamctl key new", c->operands[1]);
	ldif_record(&out, key->dn, "modify");
	ldif_mod(&out, "replace", "csamKeyState", state);
	if (strcmp(state, "active") == 0)
		ldif_mod(&out, "replace", "csamKeyFailures", "0");
	ldif_end(&out);
	return print(&out);
}

static int lock_run(struct ctl *c)
{
	return set_state(c, "locked");
}

static int revoke_run(struct ctl *c)
{
	return set_state(c, "revoked");
}

static int activate_run(struct ctl *c)
{
	return set_state(c, "active");
}

/* For a secret that is known: nothing is looked up or changed. */
static int show_qr_run(struct ctl *c)
{
	const char *secret = NULL, *why = field_totp(c->a, slice_of(opt(c, "secret")), &secret);
	if (why != NULL)
		return refuse("%s", why);
	otp_show(c, stdout, true, opt(c, "account"), secret);
	return DONE;
}

static const struct opt app_opts[] = {
	{ "person", "NAME", "whose key it is", OPT_MUST, 0 },
	{ "label", "TEXT", "how the person tells it from others: my telephone", 0, 0 },
	{ "secret", "BASE32", "the secret, when there is one already; else a new one is made", 0, 0 },
	{ "level", "LEVEL", "the key reaches no higher than this", 0, 0 },
	{ "pending", NULL, "the key waits to be activated", 0, 0 },
	{ "qr", NULL, "draw the QR code also when standard error is no terminal", 0, 0 },
	{ "issuer", "LABEL", "name that authenticator apps show (default: host of the issuer)", 0, 0 },
	{ 0 },
};

static const struct opt password_opts[] = {
	{ "person", "NAME", "whose key it is", OPT_MUST, 0 },
	{ "label", "TEXT", "how the person tells it from others", 0, 0 },
	{ "level", "LEVEL", "the key reaches no higher than this", 0, 0 },
	{ "pending", NULL, "the key waits to be activated", 0, 0 },
	{ 0 },
};

static const struct opt show_qr_opts[] = {
	{ "account", "NAME", "the name under which the app shows the key", OPT_MUST, 0 },
	{ "secret", "BASE32", "its secret", OPT_MUST, 0 },
	{ "issuer", "LABEL", "name of the issuer that the app shows (default: host of the issuer)", 0, 0 },
	{ 0 },
};

const struct command cmd_key_new_app = {
	.path = "key new app", .operands = "", .opts = app_opts, .run = new_app_run,
	.what = "LDIF of an authenticator app; its QR code on standard error",
	.more = "The secret is sealed by the keyring before it is printed. It is shown once, as QR code and as address.",
	.examples = "  csamctl key new app --person alice --label 'my telephone' | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};

const struct command cmd_key_new_password = {
	.path = "key new password", .operands = "", .opts = password_opts, .run = new_password_run,
	.what = "LDIF of a password key: name and password alone open services of level 200",
	.examples = "  csamctl key new password --person bruno | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};

const struct command cmd_key_list = {
	.path = "key list", .operands = "NAME", .noperands = 1, .run = list_run,
	.what = "the keys of a person",
	.examples = "  csamctl key list alice\n",
};

const struct command cmd_key_lock = {
	.path = "key lock", .operands = "NAME KEYID", .noperands = 2, .run = lock_run,
	.what = "LDIF that locks a key until somebody makes it active",
	.examples = "  csamctl key lock alice app-1 | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};

const struct command cmd_key_revoke = {
	.path = "key revoke", .operands = "NAME KEYID", .noperands = 2, .run = revoke_run,
	.what = "LDIF that revokes a key for ever",
	.examples = "  csamctl key revoke alice app-1 | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};

const struct command cmd_key_activate = {
	.path = "key activate", .operands = "NAME KEYID", .noperands = 2, .run = activate_run,
	.what = "LDIF that makes a pending or locked key active",
	.examples = "  csamctl key activate alice app-1 | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};

const struct command cmd_key_show_qr = {
	.path = "key show-qr", .operands = "", .opts = show_qr_opts, .run = show_qr_run,
	.what = "the QR code and address of a secret that you know",
	.examples = "  csamctl key show-qr --account alice --secret JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n",
};
