/* The terms: versions of a text below ou=terms, read with the services and replaced as one. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "svc/directory_parts.h"

struct edition {
	const char *version;
	time_t from;
	const struct entry *entry;		/* for its texts */
};

static struct {
	pthread_rwlock_t lock;
	struct arena *a;
	struct edition *all;			/* the latest first */
	size_t n;
} terms = { .lock = PTHREAD_RWLOCK_INITIALIZER };

const char *terms_base(struct arena *a)
{
	return arena_printf(a, "ou=terms,%s", dir_conf.base);
}

static bool read_edition(const struct entry *e, struct edition *out)
{
	const char *from = entry_string(e, "csamTermsFrom");
	*out = (struct edition){ .version = entry_string(e, "csamTermsVersion"), .entry = e };
	/* It stands before a space in csamTermsAccepted. */
	return out->version != NULL && strchr(out->version, ' ') == NULL && from != NULL && time_parse_ldap(from, &out->from) == OK;
}

static int latest_first(const void *x, const void *y)
{
	const struct edition *a = x, *b = y;
	return a->from != b->from ? (a->from < b->from) - (a->from > b->from) : strcmp(b->version, a->version);
}

int terms_load(void)
{
	static const char *const attributes[] = { "csamTermsVersion", "csamTermsFrom", "csamTermsText", NULL };
	struct arena *a = arena_new();
	struct query all = { terms_base(a), SCOPE_SUBTREE, "(objectClass=csamTerms)", attributes, 0, false };
	struct entries found;
	if (dir_search(a, &all, 1, &found) != OK) {
		arena_free(a);
		return E_DOWN;
	}
	struct edition *list = ARENA_ARRAY(a, struct edition, found.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < found.n; i++)
		if (read_edition(&found.e[i], &list[n]))
			n++;
		else
			log_warn("directory: %s is left out: no version of the terms", found.e[i].dn);
	qsort(list, n, sizeof *list, latest_first);
	pthread_rwlock_wrlock(&terms.lock);
	struct arena *old = terms.a;
	terms.a = a;
	terms.all = list;
	terms.n = n;
	pthread_rwlock_unlock(&terms.lock);
	if (old != NULL)
		arena_free(old);
	return OK;
}

/* In this language, or the one without, or in any. */
static const struct attribute *text_in(const struct entry *e, const char *lang)
{
	const struct attribute *words = entry_words(e, "csamTermsText", lang);
	for (size_t i = 0; words == NULL && i < e->n; i++)
		if (strncasecmp(e->attributes[i].name, "csamTermsText;", strlen("csamTermsText;")) == 0)
			words = entry_attribute(e, e->attributes[i].name);
	return words;
}

static const char *lang_of(struct arena *a, const struct attribute *words)
{
	const char *option = strchr(words->name, ';');
	return option != NULL && strncasecmp(option, ";lang-", 6) == 0 ? arena_strdup(a, option + 6) : "";
}

int directory_terms(struct arena *a, const char *lang, struct terms *out)
{
	int rc = E_NOENT;
	pthread_rwlock_rdlock(&terms.lock);
	for (size_t i = 0; i < terms.n && rc != OK; i++) {
		const struct attribute *words = terms.all[i].from <= now() ? text_in(terms.all[i].entry, lang) : NULL;
		if (words == NULL)
			continue;
		*out = (struct terms){ .version = arena_strdup(a, terms.all[i].version), .from = terms.all[i].from, .text = arena_str(a, words->values[0]),
			.lang = lang_of(a, words) };
		rc = OK;
	}
	pthread_rwlock_unlock(&terms.lock);
	return rc;
}

void terms_close(void)
{
	pthread_rwlock_wrlock(&terms.lock);
	if (terms.a != NULL)
		arena_free(terms.a);
	terms.a = NULL;
	terms.n = 0;
	pthread_rwlock_unlock(&terms.lock);
}
