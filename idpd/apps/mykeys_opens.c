/* What a digital key opens, in words for its person: web services that are open, that take its kind and its level, and that let the person in. */
#include "apps/mykeys.h"
#include "base/buf.h"
#include "base/clock.h"
#include "core/policy.h"
#include "svc/texts.h"

enum { NAMED = 3 };

static bool takes(const struct service *s, const struct key_kind *kind, unsigned level)
{
	return s->client_id != NULL && !s->host && service_is_open(s) && level >= s->level && policy_kind_fits(kind, s, s->level);
}

int keys_opens(struct arena *a, const struct person *person, const struct key *key, const char *lang, const char **words)
{
	const struct key_kind *kind = kind_by_name(slice_of(key->kind));
	unsigned level = kind != NULL ? policy_level(kind, person, key, now()) : 0;
	const struct service *const *all;
	size_t n = directory_services(a, &all), found = 0;
	struct buf names = buf_new(a);
	*words = NULL;
	if (level == 0)
		return OK;
	for (size_t i = 0; i < n; i++) {
		if (!takes(all[i], kind, level))
			continue;
		int e = directory_allowed(a, all[i], person);
		if (e != OK && e != E_NOENT)
			return e;
		if (e == OK && found++ < NAMED)
			buf_printf(&names, "%s%s", names.n > 0 ? ", " : "", service_name(all[i], lang));
	}
	const char *id = found == 0 ? "keys.opens.none" : found > NAMED ? "keys.opens.more" : "keys.opens";
	*words = text_with(a, lang, id, "services", buf_cstr(&names), "more", arena_printf(a, "%zu", found > NAMED ? found - NAMED : 0), NULL);
	return OK;
}
