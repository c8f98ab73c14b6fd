/* Opens and closes the directory. */
#include "base/log.h"
#include "svc/directory_parts.h"

struct directory_conf dir_conf;

static unsigned or_default(unsigned value, unsigned absent)
{
	return value == 0 ? absent : value;
}

static int check(void)
{
	const struct directory_conf *c = &dir_conf;
	const char *const needed[] = { c->uri, c->base, c->people_base, c->people_filter, c->people_name_attr, c->services_base, c->decoy_dn };
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (needed[i] == NULL)
			return fail(E_INPUT, "directory: uri, base, people (base, filter, name attribute), services and decoy must be set");
	if (c->decoy_dn[0] == '\0')
		return fail(E_INPUT, "directory: the decoy has no DN");
	if (c->bind_dn != NULL && c->bind_dn[0] != '\0' && c->bind_password_file == NULL)
		return fail(E_INPUT, "directory: %s needs a password file", c->bind_dn);
	return dir_link_open();
}

int directory_open(const struct directory_conf *conf)
{
	dir_conf = *conf;
	dir_conf.timeout_ms = or_default(conf->timeout_ms, 2000);
	dir_conf.cache_persons = or_default(conf->cache_persons, 4096);
	dir_conf.cache_kib = or_default(conf->cache_kib, 16 * 1024);
	dir_conf.verify_max = or_default(conf->verify_max, 16);
	dir_conf.behind_per_s = or_default(conf->behind_per_s, 100);
	if (check() != OK)
		return E_INPUT;
	verify_open(dir_conf.verify_max);
	cache_open(dir_conf.cache_persons, (size_t)dir_conf.cache_kib * 1024);
	int e = behind_start();
	if (e == OK)
		e = sync_start();
	return e == OK ? changes_start() : e;
}

void directory_close(void)
{
	changes_stop();
	behind_stop();
	sync_stop();
	cache_close();
	services_close();
	kinds_close();
	terms_close();
	dir_link_drop(LINK_SERVICE);	/* of this thread; others close theirs when they end */
	dir_link_drop(LINK_VERIFY);
}

bool directory_ready(void)
{
	return services_loaded() && sync_alive();
}
