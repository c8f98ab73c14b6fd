/* csamctl directory upgrade: the LDIF that brings a directory to this version. */
#include "csamctl/ldif.h"
#include "csamctl/upgrade.h"

static int upgrade_run(struct ctl *c)
{
	struct upgrade u = { .c = c, .names = { .idpd = opt(c, "idpd"), .administrators = opt(c, "administrators"), .owner = opt(c, "owner") } };
	const char *why = NULL;
	int rc = dir_open(c, &u.dir);
	if (rc != DONE)
		return rc;
	if (upgrade_compare(&u, &why) != OK)
		return refuse("%s cannot be compared: %s → see csamctl directory upgrade --help; nothing is printed", c->set.uri, why);
	if (u.blind != NULL)
		return refuse("%s → run it as who administers slapd (root: -H ldapi:///), or give -D DN and -y FILE; nothing is printed", u.blind);
	struct slice notes = buf_slice(&u.notes), note;
	while (slice_cut(&notes, '\n', &note) && note.n > 0)
		say("%.*s", (int)note.n, note.p);
	if (u.ldif.n == 0)
		return DONE;
	struct buf out = buf_new(c->a);
	ldif_comment(&out, arena_printf(c->a, "What %s lacks for csamctl " VERSION ". Every record is one step: after an error mend its cause and begin anew.", c->set.base));
	buf_char(&out, '\n');
	buf_raw(&out, buf_slice(&u.ldif));
	return print(&out);
}

static const struct opt upgrade_opts[] = {
	{ "idpd", "DN", "whom idpd binds as (default: directory.bind_dn of the configuration, or cn=idpd,ou=system,BASE)", 0, 0 },
	{ "administrators", "DN", "the group of administrators in the access rules (default: cn=administrators,ou=system,BASE)", 0, 0 },
	{ "owner", "DN", "who administers the machine in the access rules (default: you over ldapi, else root)", 0, 0 },
	{ 0 },
};

const struct command cmd_directory_upgrade = {
	.path = "directory upgrade", .operands = "", .opts = upgrade_opts, .run = upgrade_run,
	.what = "LDIF that brings an existing directory to this version: schema, access rules, overlays, indexes, containers",
	.more = "Reads cn=config and the tree and compares them with what this version ships. Prints nothing when there is nothing to do.\n"
	    "Each change says why; nothing of yours is changed or removed. What is yours in the place of something of this\n"
	    "project's, or unknown, is named on standard error. Run it on each server: cn=config is not replicated.",
	.examples =
	    "  csamctl directory upgrade -H ldapi:/// > upgrade.ldif\n"
	    "  less upgrade.ldif && ldapmodify -H ldapi:/// -Y EXTERNAL -f upgrade.ldif\n"
	    "  csamctl directory upgrade -H ldapi:/// -b dc=example,dc=org --idpd uid=idpd,ou=daemons,dc=example,dc=org\n",
};
