/* The operator's switches: what is said of a kind of key below ou=kinds. A handful of entries, read with the services and replaced as one.
 *
 * An entry that cannot be understood switches its kind off: half a rule is a hole. One whose kind cannot be read is left out and said. */
#include <pthread.h>
#include <strings.h>
#include "base/log.h"
#include "svc/directory_parts.h"

enum { MAX_KINDS = 32 };

struct rule {
	const char *kind, *const *services;	/* services: limited to these; empty: all */
	const struct entry *entry;		/* for its notices */
	enum kind_state state;
	unsigned level;				/* 0: the kind's own */
};

static struct {
	pthread_rwlock_t lock;
	struct arena *a;
	struct rule rules[MAX_KINDS];
	size_t n;
} kinds = { .lock = PTHREAD_RWLOCK_INITIALIZER };

const char *kinds_base(struct arena *a)
{
	return arena_printf(a, "ou=kinds,%s", dir_conf.base);
}

static struct rule read_rule(struct arena *a, const struct entry *e)
{
	struct rule r = { .kind = entry_string(e, "csamKeyKind"), .services = entry_strings(a, e, "csamKindService"), .entry = e,
		.state = KIND_IS_OFF };
	const char *state = entry_string(e, "csamKindState");
	const struct attribute *level = entry_attribute(e, "csamKindLevel");
	unsigned long long n = 0;
	if (level != NULL && (slice_number(level->values[0], 500, &n) != OK || n < 100)) {
		log_warn("directory: %s: csamKindLevel is no level: the kind is off", e->dn);
		return r;
	}
	r.level = (unsigned)n;
	if (state == NULL || strcmp(state, "active") == 0)
		r.state = KIND_IS_OPEN;
	else if (strcmp(state, "blocked") == 0)
		r.state = KIND_IS_BLOCKED;
	else if (strcmp(state, "off") != 0)
		log_warn("directory: %s: csamKindState is neither active, blocked nor off: the kind is off", e->dn);
	return r;
}

int kinds_load(void)
{
	static const char *const attributes[] = { "csamKeyKind", "csamKindState", "csamKindLevel", "csamKindService", "csamKindNotice", NULL };
	struct arena *a = arena_new();
	struct query all = { kinds_base(a), SCOPE_SUBTREE, "(objectClass=csamKind)", attributes, 0, false };
	struct entries found;
	if (dir_search(a, &all, 1, &found) != OK) {
		arena_free(a);
		return E_DOWN;
	}
	pthread_rwlock_wrlock(&kinds.lock);
	struct arena *old = kinds.a;
	kinds.a = a;
	kinds.n = 0;
	for (size_t i = 0; i < found.n && kinds.n < MAX_KINDS; i++) {
		kinds.rules[kinds.n] = read_rule(a, &found.e[i]);
		if (kinds.rules[kinds.n].kind != NULL)
			kinds.n++;
		else
			log_warn("directory: %s is left out: without csamKeyKind", found.e[i].dn);
	}
	pthread_rwlock_unlock(&kinds.lock);
	if (old != NULL)
		arena_free(old);
	return OK;
}

static bool serves(const struct rule *r, const char *service)
{
	if (service == NULL || r->services[0] == NULL)
		return true;
	for (const char *const *s = r->services; *s != NULL; s++)
		if (strcasecmp(*s, service) == 0)	/* cn is caseIgnoreMatch */
			return true;
	return false;
}

/* With the lock held. Of several entries the strictest counts. */
static struct kind_switch found(const char *kind, const char *service)
{
	struct kind_switch out = { .state = KIND_IS_OPEN };
	for (size_t i = 0; i < kinds.n; i++) {
		const struct rule *r = &kinds.rules[i];
		if (strcmp(r->kind, kind) != 0)
			continue;
		if (r->state > out.state)
			out.state = r->state;
		if (r->level != 0 && (out.level == 0 || r->level < out.level))
			out.level = r->level;
		out.elsewhere |= !serves(r, service);
	}
	return out;
}

struct kind_switch directory_kind(const char *kind, const char *service)
{
	pthread_rwlock_rdlock(&kinds.lock);
	struct kind_switch out = found(kind, service);
	pthread_rwlock_unlock(&kinds.lock);
	return out;
}

const char *directory_kind_notice(struct arena *a, const char *kind, const char *lang)
{
	const char *words = NULL;
	pthread_rwlock_rdlock(&kinds.lock);
	for (size_t i = 0; i < kinds.n && words == NULL; i++) {
		const struct attribute *v = strcmp(kinds.rules[i].kind, kind) == 0 ? entry_words(kinds.rules[i].entry, "csamKindNotice", lang) : NULL;
		if (v != NULL && slice_is_text(v->values[0], "\n"))
			words = arena_str(a, v->values[0]);
	}
	pthread_rwlock_unlock(&kinds.lock);
	return words;
}

void kinds_close(void)
{
	pthread_rwlock_wrlock(&kinds.lock);
	if (kinds.a != NULL)
		arena_free(kinds.a);
	kinds.a = NULL;
	kinds.n = 0;
	pthread_rwlock_unlock(&kinds.lock);
}
