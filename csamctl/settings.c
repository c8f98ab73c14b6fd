/* Settings of a run: options come before the configuration file, that before what is built in. */
#include <unistd.h>
#include "base/conf.h"
#include "csamctl/ctl.h"

static const char default_config[] = "/etc/csam/idpd.conf";

static const char *or(const char *given, const char *otherwise)
{
	return given != NULL ? given : otherwise;
}

static const char *below(struct ctl *c, const char *ou)
{
	return c->set.base != NULL ? arena_printf(c->a, "%s,%s", ou, c->set.base) : NULL;
}

static void from_conf(struct ctl *c, const struct conf *f)
{
	struct settings *s = &c->set;
	s->config = f->file;
	s->conf = f;
	s->uri = f->directory_uri;
	s->starttls = f->directory_starttls;
	s->ca_file = f->directory_ca_file;
	s->base = f->directory_base;
	s->people_base = f->directory_people_base;
	s->people_filter = f->directory_people_filter;
	s->name_attr = f->directory_people_name_attr;
	s->services_base = f->directory_services_base;
	s->decoy_dn = f->directory_decoy_dn;
	s->keyring_socket = arena_printf(c->a, "%s/keyring-control.sock", f->server_runtime_dir);
	s->issuer = f->server_issuer;
	s->testing = f->server_testing;
	s->loopback_http = f->oidc_allow_loopback_http;
}

/* The administrator's own name and password, never the daemon's: what csamctl may see is what its user may see. */
static void from_options(struct ctl *c)
{
	struct settings *s = &c->set;
	s->uri = or(opt(c, "uri"), s->uri);
	s->starttls |= opt_on(c, "starttls");
	s->bind_dn = opt(c, "bind-dn");
	s->keyring_socket = or(opt(c, "keyring"), s->keyring_socket);
	if (opt(c, "base") != NULL && (s->base == NULL || strcmp(s->base, opt(c, "base")) != 0)) {
		s->base = opt(c, "base");
		s->people_base = s->services_base = s->decoy_dn = NULL;
	}
}

static void built_in(struct ctl *c)
{
	struct settings *s = &c->set;
	s->people_base = or(s->people_base, below(c, "ou=people"));
	s->services_base = or(s->services_base, below(c, "ou=services"));
	if (s->people_base != NULL)
		s->tombstones_base = arena_printf(c->a, "ou=tombstones,%s", s->people_base);
	s->decoy_dn = or(s->decoy_dn, below(c, "cn=decoy,ou=system"));
	s->people_filter = or(s->people_filter, "(objectClass=csamPerson)");
	s->name_attr = or(s->name_attr, "uid");
}

int settings_load(struct ctl *c)
{
	const char *file = opt(c, "config"), *why = NULL;
	const struct conf *f = NULL;
	bool other = c->cmd->other_conf != NULL && opt_on(c, c->cmd->other_conf);
	if (file == NULL && access(default_config, R_OK) == 0)
		file = default_config;
	if (file != NULL && !other) {
		if (conf_read(c->a, file, &f, &why) == OK)
			from_conf(c, f);
		else if (!c->cmd->broken_conf)
			return refuse("%s → mend it, or leave -c away and give options", why);
		c->set.conf_error = why;
	}
	from_options(c);
	built_in(c);
	return DONE;
}

int need(const struct ctl *c, const char *value, const char *option)
{
	if (value != NULL)
		return DONE;
	return usage(c, "--%s is missing, and there is no configuration file to take it from (-c FILE)", option);
}
