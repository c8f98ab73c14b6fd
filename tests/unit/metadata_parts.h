/* csamctl service import without directory and network, to be called from within. */
#include "base/base32.c"
#include "csamctl/fields.c"
#include "csamctl/io.c"
#include "csamctl/ldif.c"
#include "csamctl/opt.c"
#include "csamctl/secrets.c"
#include "csamctl/settings.c"
#define none no_values
#define list values_or_none
#define own_opts service_opts
#include "csamctl/service.c"
#undef none
#undef list
#include "csamctl/metadata.c"

/* nothing is fetched here, and service list is not part of this test */
int fetch(struct arena *a, const char *url, const char *ca_file, struct page *out, const char **why)
{
	(void)a; (void)url; (void)ca_file; (void)out;
	*why = "away";
	return E_DOWN;
}
int dir_open(struct ctl *c, struct dir **out) { (void)c; (void)out; return REFUSED; }
const char *entry_str(const struct ldap_entry *e, const char *name) { (void)e; (void)name; return NULL; }
int dir_each(struct dir *d, const struct search *s, entry_fn *fn, void *ctx, const char **why)
{
	(void)d; (void)s; (void)fn; (void)ctx; (void)why;
	return E_DOWN;
}
