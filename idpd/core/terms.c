/* The terms that people accept. */
#include <string.h>
#include "core/terms.h"

const char *terms_told(struct arena *a, const struct terms *terms)
{
	return terms->lang != NULL && *terms->lang != '\0' ? arena_printf(a, "%s %s", terms->version, terms->lang) : terms->version;
}

bool terms_accepted(const struct person *person, const char *version)
{
	size_t n = strlen(version);
	for (const char *const *t = person->terms; t != NULL && *t != NULL; t++)
		if (strncmp(*t, version, n) == 0 && (*t)[n] == ' ')
			return true;
	return false;
}

int terms_missing(struct arena *a, const struct person *person, const char *lang, struct terms *out)
{
	int rc = directory_terms(a, lang, out);
	return rc == OK && terms_accepted(person, out->version) ? E_NOENT : rc;
}
