/* csamctl key: the digital keys that a person has. Changes come as LDIF. */
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

static const struct opt show_qr_opts[] = {
	{ "account", "NAME", "the name under which the app shows the key", OPT_MUST, 0 },
	{ "secret", "BASE32", "its secret", OPT_MUST | OPT_SECRET, 0 },
	{ "issuer", "LABEL", "name of the issuer that the app shows (default: host of the issuer)", 0, 0 },
	{ 0 },
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
