/* csamctl keyring rotate, export, import: keys follow keys, and come to other nodes. */
#include "csamctl/keyring.h"
#include "svc/keyring.h"

enum { JWE_MAX = 64 * 1024, JWK_MAX = 4096 };

static int outcome(const struct ctl *c, int e, const char *why)
{
	if (e == E_LIMIT)
		return refuse("the keyring was asked this too often within a minute → wait for the next");
	if (e != OK)
		return keyring_no_answer(c);
	return *why == '\0' ? DONE : refuse("refused: %s", why);
}

static int rotate_run(struct ctl *c)
{
	const char *why = "", *use = opt(c, "use");
	struct slice from = S("");
	bool at_once = opt_on(c, "now");
	int rc = keyring_reach(c);
	if (rc != DONE)
		return rc;
	if (use != NULL && strcmp(use, "sign") != 0 && strcmp(use, "seal") != 0 && strcmp(use, "day") != 0 && strcmp(use, "audit") != 0)
		return usage(c, "--use is sign, seal, day or audit");
	int e = keyring_rotate(c->a, use != NULL ? use : "", at_once, &why, &from);
	rc = outcome(c, e, why);
	if (rc != DONE)
		return rc;
	printf("New keys are published, and are used from %.*s on.\n", (int)from.n, from.p);
	if (use != NULL && strcmp(use, "audit") == 0) {
		puts("Tell those who check the trail: csamctl audit key.");
		puts(at_once ? "The old key does not vouch for it: only you can." : "Who has the old key alone is told by the trail: csamctl audit verify.");
		return DONE;
	}
	if (at_once)
		puts("The old keys that signed are gone: tokens in use are refused, and people who sign in at this moment begin anew.\n"
		    "Restart idpd, so that the front forgets the old day key.");
	puts("Other nodes: bring them the keys before that time (csamctl keyring export --to, import).");
	if (use == NULL || strcmp(use, "seal") == 0)
		puts("Secrets in the directory: csamctl keyring reseal | ldapmodify -c, after that time; then csamctl keyring retire.");
	return DONE;
}

int keyring_exported(struct ctl *c, const char *to, struct slice *jwe)
{
	const char *file = opt(c, "passphrase-file"), *why = "";
	struct slice node = S(""), passphrase = S("");
	if ((to == NULL) == (file == NULL))
		return usage(c, "give --to FILE (the address of a node) or --passphrase-file FILE; keys never leave in plain");
	if ((to != NULL && read_file(c->a, to, JWK_MAX, &node) != OK) || (file != NULL && read_secret(c->a, file, &passphrase) != OK))
		return REFUSED;
	int rc = keyring_reach(c);
	if (rc != DONE)
		return rc;
	int e = keyring_export(c->a, node, passphrase, &why, jwe);
	return outcome(c, e, why);
}

static int export_run(struct ctl *c)
{
	struct slice jwe = S("");
	struct buf b = buf_new(c->a);
	int rc = keyring_exported(c, opt(c, "to"), &jwe);
	if (rc != DONE)
		return rc;
	buf_raw(&b, jwe);
	buf_char(&b, '\n');
	return opt(c, "out") != NULL ? write_new_file(opt(c, "out"), 0600, buf_slice(&b)) : print(&b);
}

static int import_run(struct ctl *c)
{
	const char *file = opt(c, "passphrase-file"), *why = "";
	struct slice jwe, passphrase = S(""), keys = S("");
	if (read_file(c->a, c->operands[0], JWE_MAX, &jwe) != OK || (file != NULL && read_secret(c->a, file, &passphrase) != OK))
		return REFUSED;
	int rc = keyring_reach(c);
	if (rc != DONE)
		return rc;
	jwe = slice_trim(jwe, " \r\n\t");
	int e = keyring_import(c->a, jwe, passphrase, opt_on(c, "replace"), &why, &keys);
	rc = outcome(c, e, why);
	if (rc != DONE)
		return rc;
	printf("The keyring holds %.*s keys now, and follows the node they came from: rotate there.\n"
	    "Restart idpd, so that the front takes the day key of the other node.\n", (int)keys.n, keys.p);
	return DONE;
}

static const struct opt rotate_opts[] = {
	{ "use", "USE", "only the keys that sign, seal (secrets in the directory), day (codes, access tokens, forms), or audit (this node's trail)", 0, 0 },
	{ "now", NULL, "the old keys may be known to somebody: use new ones at once, and throw away those that signed", 0, 0 },
	{ 0 },
};
const struct command cmd_keyring_rotate = {
	.path = "keyring rotate", .operands = "", .opts = rotate_opts, .run = rotate_run,
	.what = "new keys follow the present ones, after they were published for a while",
	.more = "keyring.publish_before says for how long. The key of people's subjects is never rotated: they would be strangers everywhere. "
	    "Without --use the keys of the audit trail stay; the old ones are kept as long as there is a trail.",
	.examples = "  csamctl keyring rotate\n  csamctl keyring rotate --use seal\n  csamctl keyring rotate --use audit\n",
};

static const struct opt export_opts[] = {
	{ "to", "FILE", "encrypted to a node: what csamctl keyring address printed there", 0, 0 },
	{ "passphrase-file", "FILE", "encrypted with the first line of FILE, 16 bytes or more", 0, 0 },
	{ "out", "FILE", "write a new file of mode 0600 instead of standard output", 0, 'o' },
	{ 0 },
};
const struct command cmd_keyring_export = {
	.path = "keyring export", .operands = "", .opts = export_opts, .run = export_run,
	.what = "the keys, encrypted, for another node or for a safe",
	.more = "A JWE (RFC 7516) of all keys but the node's own. Whoever opens it can sign in as anybody.",
	.examples = "  csamctl keyring export --to node2.jwk > keys.jwe\n  csamctl keyring export --passphrase-file safe.pass --out keys.jwe\n",
};

static const struct opt import_opts[] = {
	{ "passphrase-file", "FILE", "its passphrase; without it: it was encrypted to this node", 0, 0 },
	{ "replace", NULL, "take it although it changes people's subjects, or is older than what is here", 0, 0 },
	{ 0 },
};
const struct command cmd_keyring_import = {
	.path = "keyring import", .operands = "FILE", .noperands = 1, .opts = import_opts, .run = import_run,
	.what = "takes the keys that another node exported",
	.more = "A new node has keys of its own, which nobody has seen yet: there, --replace. Sealing keys that are here stay in any case.",
	.examples = "  csamctl keyring import keys.jwe --replace\n",
};
