/* Which keys open which service, and how high a login reaches. */
#include "core/policy.h"

const unsigned policy_levels[] = { 100, 200, 300, 400, 450, 500, 0 };

#define ACR_LONG "urn:be:fedict:iam:fas:citizen:Level"
#define ACR_SHORT "urn:be:fedict:iam:fas:Level"

static unsigned cap(unsigned level, unsigned by)	/* by 0: not capped */
{
	return by != 0 && by < level ? by : level;
}

unsigned policy_kind_level(const struct key_kind *kind)
{
	struct kind_switch by = directory_kind(kind->name, NULL);
	if (by.state == KIND_IS_OFF)
		return 0;
	return by.level != 0 ? by.level : kind->level;
}

bool policy_kind_blocked(const struct key_kind *kind)
{
	return directory_kind(kind->name, NULL).state == KIND_IS_BLOCKED;
}

unsigned policy_level(const struct key_kind *kind, const struct person *person, const struct key *key, time_t when)
{
	if (kind == NULL || person == NULL || key == NULL || !slice_is(slice_of(key->kind), kind->name))
		return 0;
	if (!person_is_active(person) || !key_is_active(key))
		return 0;
	if (key->not_after != 0 && key->not_after <= when)
		return 0;
	return cap(cap(policy_kind_level(kind), key->level), person->identity_level);
}

bool policy_kind_fits(const struct key_kind *kind, const struct service *service, unsigned level)
{
	unsigned most = policy_kind_level(kind);
	if (most == 0 || most < level)
		return false;
	if (service != NULL && directory_kind(kind->name, service->id).elsewhere)
		return false;
	if (service == NULL || service->kinds == NULL || service->kinds[0] == NULL)
		return true;
	for (const char *const *k = service->kinds; *k != NULL; k++)
		if (strcmp(*k, kind->name) == 0)
			return true;
	return false;
}

/* Why a key cannot be used, and how much that is worth saying when another cannot be used either. */
static unsigned obstacle(const struct key *key, const char **why)
{
	static const char *const words[] = { "none", "revoked", "expired", "pending", "locked" };
	unsigned rank = 1;	/* revoked, or a state nobody knows */
	if (key_is_active(key))
		rank = 2;
	else if (slice_is(S("pending"), key->state))
		rank = 3;
	else if (slice_is(S("locked"), key->state))
		rank = 4;
	*why = words[rank];
	return rank;
}

const struct key *policy_key(const struct key_kind *kind, const struct person *person, time_t when, const char **why)
{
	const struct key *best = NULL;
	unsigned best_level = 0, worst = 0;
	const char *said = "none";
	for (size_t i = 0; i < person->nkeys; i++) {
		const struct key *key = &person->keys[i];
		const char *word;
		unsigned level = policy_level(kind, person, key, when);
		if (level > best_level) {
			best_level = level;
			best = key;
		} else if (level == 0 && slice_is(slice_of(key->kind), kind->name) && obstacle(key, &word) > worst) {
			worst = obstacle(key, &word);
			said = word;
		}
	}
	*why = best == NULL ? said : NULL;
	return best;
}

const char *policy_acr(struct arena *a, unsigned level)
{
	unsigned said = 0;
	for (const unsigned *l = policy_levels; *l != 0 && *l <= level; l++)
		said = *l;
	return said == 0 ? NULL : arena_printf(a, ACR_LONG "%u", said);
}

unsigned policy_acr_level(struct slice acr)
{
	struct slice prefix = slice_starts(acr, S(ACR_LONG)) ? S(ACR_LONG) : S(ACR_SHORT);
	if (!slice_starts(acr, prefix))
		return 0;
	unsigned long long n;
	struct slice digits = { acr.p + prefix.n, acr.n - prefix.n };
	if (digits.n != 3 || slice_number(digits, 999, &n) != OK)
		return 0;
	for (const unsigned *l = policy_levels; *l != 0; l++)
		if (*l == n)
			return *l;
	return 0;
}
