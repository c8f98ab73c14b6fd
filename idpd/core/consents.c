/* Consents: lines of the directory, and a mark in the state store for each that was taken back.
 *
 * The line alone is not enough: a consent given anew would bring what was granted before it to life again. */
#include "core/consents.h"
#include "base/buf.h"
#include "base/clock.h"
#include "svc/state.h"

enum {
	KEEP_S = 400 * 86400,		/* longer than oidc.refresh_lifetime may be */
	SETTLE_S = 60,			/* so long a node may not have seen yet that the person agreed */
};

bool consent_read(const char *line, struct consent *out)
{
	struct slice s = slice_of(line);
	size_t cut[2], n = 0;
	time_t when = 0;
	for (size_t i = s.n; i > 0 && n < 2; i--)
		if (s.p[i - 1] == ' ')
			cut[n++] = i - 1;
	if (n < 2)
		return false;
	if (time_parse_ldap(s.p + cut[0] + 1, &when) != OK)
		when = 0;
	*out = (struct consent){ slice_mem(s.p, cut[1]), slice_mem(s.p + cut[1] + 1, cut[0] - cut[1] - 1), when };
	return true;
}

bool consent_find(const struct person *person, const char *service_id, struct consent *out)
{
	struct consent c;
	for (const char *const *line = person->consents; line != NULL && *line != NULL; line++)
		if (consent_read(*line, &c) && slice_is(c.service, service_id)) {
			*out = c;
			return true;
		}
	return false;
}

/* In the namespace of revocations, which a restore keeps. */
static struct slice mark(struct arena *a, const struct person *person, const char *service_id)
{
	return slice_of(arena_printf(a, "consent\n%s\n%s", person->subject, service_id));
}

/* The mark first: were it the other way round, a process that dies between the two would leave what was granted. */
int consent_withdraw(const struct person *person, const char *service_id)
{
	AUTO_ARENA a = arena_new();
	int e = state_put("revoked", mark(a, person, service_id), slice_of(arena_printf(a, "%lld", (long long)now())), KEEP_S);
	return e != OK ? e : directory_consent_end(person, service_id);
}

int consent_stands(const struct person *person, const char *service_id, time_t granted, bool asked)
{
	AUTO_ARENA a = arena_new();
	struct slice since;
	struct consent c;
	unsigned long long when;
	int e = state_get(a, "revoked", mark(a, person, service_id), &since);
	if (e != OK && e != E_NOENT)
		return e;
	if (e == OK && (slice_number(since, UINT64_MAX / 2, &when) != OK || (unsigned long long)granted <= when))
		return E_NOENT;
	/* An administrator may have taken the line out. */
	return asked && now() - granted > SETTLE_S && !consent_find(person, service_id, &c) ? E_NOENT : OK;
}
