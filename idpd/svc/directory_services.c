/* The table of services: all of them in memory, made anew and replaced as one whenever one of them changes. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

struct table {
	atomic_uint refs;
	struct arena *a;
	struct service **by_id, **by_client;	/* sorted */
	size_t nids, nclients;
};

static struct table *current;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void unref(void *p)
{
	struct table *t = p;
	if (t != NULL && atomic_fetch_sub(&t->refs, 1) == 1)
		arena_free(t->a);
}

static struct table *hold(struct arena *a)
{
	pthread_rwlock_rdlock(&lock);
	struct table *t = current;
	if (t != NULL)
		atomic_fetch_add(&t->refs, 1);
	pthread_rwlock_unlock(&lock);
	if (t != NULL)
		arena_defer(a, unref, t);
	return t;
}

static void replace(struct table *t)
{
	pthread_rwlock_wrlock(&lock);
	struct table *old = current;
	current = t;
	pthread_rwlock_unlock(&lock);
	unref(old);
}

bool services_loaded(void)
{
	pthread_rwlock_rdlock(&lock);
	bool loaded = current != NULL;
	pthread_rwlock_unlock(&lock);
	return loaded;
}

void services_close(void)
{
	replace(NULL);
}

/* Names are compared without case, as the directory does (cn is caseIgnoreMatch); client_ids byte for byte (RFC 6749 Appendix A.1). */
static int by_id(const void *x, const void *y)
{
	return strcasecmp((*(struct service *const *)x)->id, (*(struct service *const *)y)->id);
}

static int by_client(const void *x, const void *y)
{
	return strcmp((*(struct service *const *)x)->client_id, (*(struct service *const *)y)->client_id);
}

static struct table *build(struct arena *a, const struct entries *found)
{
	struct table *t = ARENA_NEW(a, struct table);
	struct service *all = ARENA_ARRAY(a, struct service, found->n);
	t->a = a;
	t->by_id = ARENA_ARRAY(a, struct service *, found->n);
	t->by_client = ARENA_ARRAY(a, struct service *, found->n);
	atomic_init(&t->refs, 1);
	for (size_t i = 0; i < found->n; i++) {
		const char *why = "?";
		if (parse_service(a, &found->e[i], &all[i], &why) != OK) {
			log_warn("directory: %s is left out: %s", found->e[i].dn, why);
			continue;
		}
		t->by_id[t->nids++] = &all[i];
		if (all[i].client_id != NULL)
			t->by_client[t->nclients++] = &all[i];
	}
	qsort(t->by_id, t->nids, sizeof *t->by_id, by_id);
	qsort(t->by_client, t->nclients, sizeof *t->by_client, by_client);
	return t;
}

int services_load(void)
{
	struct arena *a = arena_new();
	struct query all = { dir_conf.services_base, SCOPE_SUBTREE, "(objectClass=csamService)", parse_service_attributes, 0, true };
	struct entries found;
	if (kinds_load() != OK || terms_load() != OK || dir_search(a, &all, 1, &found) != OK) {
		arena_free(a);
		return E_DOWN;
	}
	struct table *t = build(a, &found);
	log_info("directory: %zu services, %zu of them OpenID Connect clients", t->nids, t->nclients);
	replace(t);
	return OK;
}

/* Sync is silent: what the table says may have changed. */
static int read_one(struct arena *a, const char *attribute, struct slice value, const struct service **out)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "(&(objectClass=csamService)(");
	buf_raw(&b, slice_of(attribute));
	buf_lit(&b, "=");
	buf_filter(&b, value);
	buf_lit(&b, "))");
	struct query q = { dir_conf.services_base, SCOPE_SUBTREE, buf_cstr(&b), parse_service_attributes, 2, true };
	struct entries found;
	struct service *s = ARENA_NEW(a, struct service);
	const char *why;
	if (dir_search(a, &q, 1, &found) != OK)
		return E_DOWN;
	if (found.n != 1)
		return E_NOENT;
	if (parse_service(a, &found.e[0], s, &why) != OK)
		return E_NOENT;		/* said when it was loaded */
	*out = s;
	return OK;
}

static int find(struct arena *a, const char *attribute, struct slice value, const struct service **out)
{
	bool client = strcmp(attribute, "csamClientId") == 0;
	if (value.n == 0 || value.n > 256 || !slice_is_text(value, ""))
		return E_NOENT;
	if (!sync_alive()) {
		if (!services_loaded())
			return E_DOWN;
		return would_block() ? E_WAIT : read_one(a, attribute, value, out);
	}
	struct table *t = hold(a);
	if (t == NULL)
		return E_DOWN;
	const char *text = arena_str(a, value);
	struct service wanted = { .id = text, .client_id = text }, *key = &wanted;
	struct service **at = client ? bsearch(&key, t->by_client, t->nclients, sizeof key, by_client)
				     : bsearch(&key, t->by_id, t->nids, sizeof key, by_id);
	if (at == NULL)
		return E_NOENT;
	*out = *at;
	return OK;
}

int directory_client(struct arena *a, struct slice client_id, const struct service **out)
{
	const struct service *s;
	int e = find(a, "csamClientId", client_id, &s);
	if (e == OK && (s->client_id == NULL || !slice_is(client_id, s->client_id)))
		return E_NOENT;
	if (e == OK)
		*out = s;
	return e;
}

int directory_service(struct arena *a, const char *id, const struct service **out)
{
	return find(a, "cn", slice_of(id), out);
}

size_t directory_services(struct arena *a, const struct service *const **out)
{
	struct table *t = hold(a);
	*out = t != NULL ? (const struct service *const *)t->by_id : NULL;
	return t != NULL ? t->nids : 0;
}

const char *service_name(const struct service *service, const char *lang)
{
	const char *name = lang == NULL ? NULL : json_str(service->names, lang);
	if (name == NULL)
		name = json_str(service->names, "");
	return name == NULL ? service->id : name;
}
