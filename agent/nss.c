/* What this host's name services say of users. */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include "agent/nss.h"
#include "base/log.h"

enum { LEAST = 2048, MOST = 256 * 1024 };

/* getpwnam(3) lists what "not found" may look like: everything else is a failure. */
static bool is_failure(int e)
{
	return e == EINTR || e == EIO || e == EMFILE || e == ENFILE || e == ENOMEM || e == ERANGE;
}

int nss_user(struct arena *a, const char *name, struct unix_user *out)
{
	struct passwd p, *found = NULL;
	int e = ERANGE;
	for (size_t n = LEAST; e == ERANGE && n <= MOST; n *= 4)
		e = getpwnam_r(name, &p, arena_alloc(a, n), n, &found);
	if (found == NULL && is_failure(e))
		return fail(E_DOWN, "name services: %s", strerror(e));
	*out = (struct unix_user){ .known = found != NULL, .uid = found != NULL ? p.pw_uid : 0 };
	return OK;
}

const char *nss_name(struct arena *a, uid_t uid)
{
	struct passwd p, *found = NULL;
	int e = ERANGE;
	for (size_t n = LEAST; e == ERANGE && n <= MOST; n *= 4)
		e = getpwuid_r(uid, &p, arena_alloc(a, n), n, &found);
	return found != NULL ? p.pw_name : NULL;
}
