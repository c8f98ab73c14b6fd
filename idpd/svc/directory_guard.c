/* Looks, before the directory is relied on, whether it keeps secrets and holds the decoy. */
#include "base/log.h"
#include "svc/directory_parts.h"

static const char *const secrets[] = { "userPassword", "csamKeySecret", "csamKeyData", "csamClientSecret", NULL };
static const char *const none[] = { "1.1", NULL };

/* Without it an unknown name is answered at once, a known one after a password's hash. */
static void check_decoy(struct arena *a)
{
	struct query q = { dir_conf.decoy_dn, SCOPE_ENTRY, "(userPassword=*)", none, 1, false };
	struct entries found;
	if (dir_search(a, &q, 1, &found) == OK && found.n == 0)
		log_err("directory: the decoy %s has no password: names that exist can be told from others", dir_conf.decoy_dn);
}

int guard_check(void)
{
	AUTO_ARENA a = arena_new();
	/* One of each that holds a secret; the conditions have an index. */
	struct query some[] = {
		{ dir_conf.people_base, SCOPE_SUBTREE, "(|(csamKeyKind=app)(csamKeyKind=token))", none, 1, false },
		{ dir_conf.services_base, SCOPE_SUBTREE, "(objectClass=csamOidcClient)", none, 1, false },
	};
	struct entries found[2];
	if (dir_search(a, some, 2, found) != OK)
		return E_DOWN;
	check_decoy(a);
	const char *dns[] = { found[0].n > 0 ? found[0].e[0].dn : dir_conf.decoy_dn, found[1].n > 0 ? found[1].e[0].dn : dir_conf.decoy_dn,
		dir_conf.decoy_dn };
	int e = E_NOENT;
	for (size_t i = 0; i < sizeof dns / sizeof *dns && e == E_NOENT; i++) {
		e = dir_anybody_reads(a, dns[i], secrets);
		if (e == OK)
			log_err("directory: anybody can read the secrets of %s: mend its access rules, we do not start on that", dns[i]);
	}
	return e == E_NOENT ? OK : e == OK ? E_INPUT : e;
}
