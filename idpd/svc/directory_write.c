/* What the daemon changes in the directory: each change names what must be there before, so that it never undoes an administrator's. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

int directory_key_lock(const struct key *key)
{
	struct change lock[] = {
		{ CHANGE_DELETE, "csamKeyState", S("active") },
		{ CHANGE_ADD, "csamKeyState", S("locked") },
	};
	if (would_block())
		return E_WAIT;
	int e = dir_modify(key->dn, lock, 2, NULL);
	cache_drop_dn(key->dn);		/* sync says so too, a moment later */
	return e == E_EXISTS ? OK : e;	/* it was not active any more: somebody else closed it */
}

int directory_key_used(const struct key *key, uint64_t counter)
{
	behind_put(&(struct behind){ .dn = key->dn, .number = counter, .when = now() });
	return OK;
}

/* RFC 4511 4.6: all changes or none. Of two who delete the same old value one finds it; where there is none yet, the assertion does the same. */
int directory_key_spend(const struct key *key, uint64_t counter)
{
	AUTO_ARENA a = arena_new();
	struct change spend[3] = {
		{ CHANGE_DELETE, "csamKeyCounter", slice_of(arena_printf(a, "%llu", (unsigned long long)key->counter)) },
		{ CHANGE_ADD, "csamKeyCounter", slice_of(arena_printf(a, "%llu", (unsigned long long)counter)) },
		{ CHANGE_REPLACE, "csamKeyLastUsed", slice_of(time_ldap(a, now())) },
	};
	const char *unused = NULL;
	if (would_block())
		return E_WAIT;
	if (key->counter == 0) {
		unused = "(|(!(csamKeyCounter=*))(csamKeyCounter=0))";
		spend[0] = (struct change){ CHANGE_REPLACE, "csamKeyCounter", S_NONE };
	}
	int e = dir_modify(key->dn, spend, 3, unused);
	cache_drop_dn(key->dn);
	return e;
}

int directory_password_failures(const struct person *person, unsigned n)
{
	behind_put(&(struct behind){ .dn = person->dn, .password = true, .number = n });
	return OK;
}

int directory_key_reseal(const struct key *key, struct slice sealed)
{
	struct change seal[] = {
		{ CHANGE_DELETE, "csamKeySecret", key->secret },
		{ CHANGE_ADD, "csamKeySecret", sealed },
	};
	if (would_block())
		return E_WAIT;
	int e = dir_modify(key->dn, seal, 2, NULL);
	cache_drop_dn(key->dn);
	return e;
}

/* Of two that change it at once one wins: the other's present password was another one already. */
int directory_password_set(const struct person *person, const char *hash)
{
	struct change set[] = {
		{ CHANGE_REPLACE, "userPassword", slice_of(hash) },
		{ CHANGE_REPLACE, "pwdReset", S_NONE },
	};
	if (would_block())
		return E_WAIT;
	AUTO_ARENA a = arena_new();
	const char *still = "(!(pwdChangedTime=*))";
	if (person->password_changed != NULL && person->password_changed[0] != '\0') {
		struct buf b = buf_new(a);
		buf_lit(&b, "(pwdChangedTime=");
		buf_filter(&b, slice_of(person->password_changed));
		buf_lit(&b, ")");
		still = buf_cstr(&b);
	}
	int e = dir_modify(person->dn, set, person->must_change ? 2 : 1, still);
	cache_drop_dn(person->dn);
	return e;
}

/* The value of csamConsent that is about the service, or NULL. */
static const char *consent_of(const struct person *person, const char *service_id)
{
	size_t n = strlen(service_id);
	for (const char *const *c = person->consents; *c != NULL; c++)
		if (strncmp(*c, service_id, n) == 0 && (*c)[n] == ' ')
			return *c;
	return NULL;
}

static bool has_consent(const struct person *person, const char *value)
{
	for (const char *const *c = person->consents; *c != NULL; c++)
		if (strcmp(*c, value) == 0)
			return true;
	return false;
}

static int consent(const struct person *person, const char *service_id, const char *value)	/* value NULL: none any more */
{
	struct change changes[2];
	size_t n = 0;
	const char *old = consent_of(person, service_id);
	if (old != NULL)
		changes[n++] = (struct change){ CHANGE_DELETE, "csamConsent", slice_of(old) };
	if (value != NULL)
		changes[n++] = (struct change){ CHANGE_ADD, "csamConsent", slice_of(value) };
	return n == 0 ? OK : dir_modify(person->dn, changes, n, NULL);
}

int directory_consent(const struct person *person, const char *service_id, const char *scopes, time_t when)
{
	AUTO_ARENA a = arena_new();
	if (would_block())
		return E_WAIT;
	if (strchr(service_id, ' ') != NULL || !slice_is_text(slice_of(scopes), ""))
		return fail(E_INPUT, "directory: a consent that could not be read back");
	const char *value = arena_printf(a, "%s %s %s", service_id, scopes, time_ldap(a, when));
	int e = E_EXISTS;
	/* E_EXISTS: what we knew was old. Again with what is there now. */
	for (int try = 0; try < 3 && e == E_EXISTS; try++) {
		e = consent(person, service_id, value);
		cache_drop_dn(person->dn);
		if (e == E_EXISTS && directory_person(a, person->subject, &person) != OK)
			return E_DOWN;
		if (e == E_EXISTS && has_consent(person, value))
			return OK;
	}
	return e == E_EXISTS ? fail(E_DOWN, "directory: the consents of %s change all the time", person->dn) : e;
}

int directory_consent_end(const struct person *person, const char *service_id)
{
	AUTO_ARENA a = arena_new();
	int e = E_EXISTS;
	if (would_block())
		return E_WAIT;
	for (int try = 0; try < 3 && e == E_EXISTS; try++) {
		e = consent(person, service_id, NULL);
		cache_drop_dn(person->dn);
		if (e == E_EXISTS && directory_person(a, person->subject, &person) != OK)
			return E_DOWN;
	}
	return e == E_EXISTS ? fail(E_DOWN, "directory: the consents of %s change all the time", person->dn) : e;
}
