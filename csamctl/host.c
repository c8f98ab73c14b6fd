/* csamctl host new, list: machines whose people sign in by PAM and SASL. */
#include <errno.h>
#include <sys/stat.h>
#include "csamctl/fields.h"
#include "csamctl/host_key.h"
#include "csamctl/ldap.h"
#include "csamctl/ldif.h"
#include "csamctl/service.h"

/* RFC 4515: parentheses in pairs, and nothing behind the last; the directory judges the rest. */
static bool is_filter(const char *s)
{
	unsigned depth = 0;
	if (*s != '(')
		return false;
	for (; *s != '\0'; s++) {
		if (*s == '(')
			depth++;
		else if (*s == ')' && --depth == 0)
			return s[1] == '\0';
	}
	return false;
}

/* Group DN or filter. What is neither would let nobody in, and nobody would know why. */
static const char *why_allow(struct ctl *c, const char *rule)
{
	if (!slice_is_text(slice_of(rule), "") || strlen(rule) > 1024)
		return "a rule is at most 1,024 bytes of text";
	if (is_filter(rule))
		return NULL;
	if (*rule == '(')
		return arena_printf(c->a, "%s is no LDAP filter: its parentheses do not pair", rule);
	return strchr(rule, '=') == NULL || *rule == '=' ?
	    arena_printf(c->a, "%s is neither an LDAP filter in parentheses nor the DN of a group", rule) : NULL;
}

static int write_record(struct ctl *c, const struct service_new *s, struct buf *b)
{
	const char *why = service_begin(c, s, b);
	if (why != NULL)
		return refuse("%s: %s", s->id, why);
	ldif_str(b, "objectClass", "csamHost");
	for (const char *const *rule = opt_all(c, "allow"); *rule != NULL; rule++) {
		why = why_allow(c, *rule);
		if (why != NULL)
			return refuse("--allow %s", why);
		ldif_str(b, "csamServiceAllow", *rule);
	}
	ldif_str(b, "csamTokenAuthMethod", "private_key_jwt");
	return DONE;
}

static void quoted(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "\t%s = \"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_char(b, '\\');
		buf_char(b, *value);
	}
	buf_lit(b, "\"\n");
}

static const char *agent_conf(struct ctl *c, const struct service_new *s, const char *issuer)
{
	struct buf b = buf_new(c->a);
	buf_printf(&b, "# csam-agent on %s: see csam.conf(5). Made by csamctl host new.\n\nidp {\n", s->id);
	quoted(&b, "issuer", issuer);
	quoted(&b, "client_id", s->client_id);
	quoted(&b, "key_file", "host.key");
	if (opt(c, "ca") != NULL)
		quoted(&b, "ca_file", opt(c, "ca"));
	buf_printf(&b, "}\n\npeople {\n\tlevel = %s\n}\n\nagent {\n\tsyslog = true\n}\n", s->level);
	return buf_cstr(&b);
}

/* The folder, and nothing in it that we would overwrite. */
static int prepare(const char *dir, const char *key, const char *conf)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return refuse("%s: %s", dir, strerror(errno));
	const char *both[] = { key, conf };
	for (size_t i = 0; i < 2; i++) {
		struct stat st;
		if (lstat(both[i], &st) == 0)
			return refuse("%s is there already and is not overwritten → another --out, or move it away", both[i]);
	}
	return DONE;
}

static void tell(struct ctl *c, const char *dir, const char *id)
{
	if (*opt_all(c, "allow") == NULL)
		say("WARNING: without --allow NOBODY may enter %s. Add csamServiceAllow to its entry: a group's DN, or a filter like (departmentNumber=it)", id);
	say("apply the LDIF, then bring %s/host.key and %s/csam.conf to /etc/csam of the host and chown host.key to csam-agent; it belongs on no other machine", dir, dir);
}

static int host_new_run(struct ctl *c)
{
	struct buf out = buf_new(c->a);
	const char *dir = opt(c, "out"), *issuer = opt(c, "issuer") != NULL ? opt(c, "issuer") : c->set.issuer, *jwks = NULL, *why = NULL;
	const char *key = arena_printf(c->a, "%s/host.key", dir), *conf = arena_printf(c->a, "%s/csam.conf", dir);
	struct service_new s = { .id = opt(c, "id"), .client_id = opt(c, "client-id") ? opt(c, "client-id") : opt(c, "id"),
		.names = service_names(c), .level = opt(c, "level") ? opt(c, "level") : "400", .kinds = opt_all(c, "kind") };
	int rc = need(c, c->set.services_base, "base");
	if (rc == DONE)
		rc = need(c, issuer, "issuer");
	if (rc == DONE && (strncmp(issuer, "https://", 8) != 0 || (why = field_web(slice_of(issuer))) != NULL))
		rc = refuse("%s: %s", issuer, why != NULL ? why : "passwords travel by https only");
	if (rc == DONE)
		rc = write_record(c, &s, &out);
	if (rc == DONE)
		rc = prepare(dir, key, conf);
	if (rc == DONE && host_key_make(c->a, key, &jwks, &why) != OK)
		rc = refuse("%s: %s", key, why);
	if (rc == DONE)
		rc = write_new_file(conf, 0644, slice_of(agent_conf(c, &s, issuer)));
	if (rc != DONE)
		return rc;
	ldif_str(&out, "csamClientJWKS", jwks);
	ldif_end(&out);
	rc = print(&out);
	tell(c, dir, s.id);
	return rc;
}

static int show_host(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	(void)ctx;
	const char *state = entry_str(e, "csamServiceState");
	const struct attr *allow = entry_attr(e, "csamServiceAllow");
	bool key = entry_str(e, "csamClientJWKS") != NULL;
	printf("%-20s %-9s %-5s %-4s %-30s %s\n", harmless(a, entry_str(e, "cn")), harmless(a, state ? state : "active"),
	    harmless(a, entry_str(e, "csamServiceLevel")), key ? "yes" : "NONE", harmless(a, entry_str(e, "displayName")),
	    allow == NULL ? "nobody" : harmless(a, allow->vals[0].p));
	for (size_t i = 1; allow != NULL && i < allow->n; i++)
		printf("%-72s %s\n", "", harmless(a, allow->vals[i].p));
	return OK;
}

static int host_list_run(struct ctl *c)
{
	return service_table(c, "hosts", "(objectClass=csamHost)",
	    "HOST                 STATE     LEVEL KEY  NAME                           WHO MAY ENTER", show_host);
}

static const struct opt new_opts[] = {
	{ "id", "ID", "short name of the host, for ever", OPT_MUST, 0 },
	{ "name", "TEXT", "name that people read; fr=TEXT for one language", OPT_MUST | OPT_MANY, 0 },
	{ "out", "DIR", "folder for host.key and csam.conf; made when it is not there", OPT_MUST, 0 },
	{ "allow", "RULE", "who may enter: DN of a group, or LDAP filter in parentheses (without: nobody)", OPT_MANY, 0 },
	{ "level", "LEVEL", "lowest level that opens it: 100 200 300 400 450 500 (default 400)", 0, 0 },
	{ "kind", "KIND", "kind of key it accepts (without: all): app password ...", OPT_MANY, 0 },
	{ "client-id", "TEXT", "its client_id (default: the id)", 0, 0 },
	{ "issuer", "URI", "address of CSAM (default: that of the configuration)", 0, 0 },
	{ "ca", "FILE", "on the host: PEM file of the authority of the issuer's certificate (default: the system's)", 0, 0 },
	{ 0 },
};

const struct command cmd_host_new = {
	.path = "host new", .operands = "", .opts = new_opts, .run = host_new_run,
	.what = "LDIF of a new host; its key and csam.conf in a folder",
	.more = "The private key is made here, mode 0600, and never overwrites one; the directory gets the public key. Both files belong into\n"
	    "/etc/csam of the host.",
	.examples =
	    "  csamctl host new --id web1 --name 'Web server 1' --allow cn=admins,ou=groups,dc=example,dc=org --out web1 |\n"
	    "      ldapmodify -H ldapi:/// -Y EXTERNAL\n"
	    "  csamctl host new --id lab --name Lab --allow '(departmentNumber=lab)' --level 300 --out lab > lab.ldif\n",
};

const struct command cmd_host_list = {
	.path = "host list", .operands = "", .run = host_list_run,
	.what = "the hosts, and who may enter them",
	.examples = "  csamctl host list\n",
};
