/* Persons that were read, each in one piece of memory, found by subject and name, dropped by whatever changes are told by.
 *
 * An entry never changes: a change drops it, and whoever still holds it keeps it alive. The index holds hashes
 * only; dropping what merely looks alike is harmless, finding compares the text. */
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/digest.h"
#include "svc/directory_parts.h"

struct link_in {			/* one of the ways to a box */
	struct link_in *next;
	struct box *box;
	uint64_t hash;
};

struct box {
	atomic_uint refs;		/* the cache's, and one for each arena that holds it */
	atomic_bool used;		/* since the hand last passed */
	size_t size;
	struct box *before, *after;	/* ring of all boxes */
	struct link_in *links;
	size_t nlinks;
	struct person person;
};

static struct {
	pthread_rwlock_t lock;
	struct link_in **index;
	size_t mask;
	struct box *hand;		/* next to be thrown out when there is no room, unless it was used */
	size_t count, bytes, max_count, max_bytes;
	uint64_t seed;
	atomic_uint_fast64_t sequence;
} cache = { .lock = PTHREAD_RWLOCK_INITIALIZER };

/* FNV-1a, seeded; letters of names and DNs count as lower case. */
static uint64_t hash(enum cache_by by, struct slice s)
{
	uint64_t h = (0xcbf29ce484222325u ^ cache.seed) + (uint64_t)by;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (by != BY_UUID && c >= 'A' && c <= 'Z')
			c |= 0x20;
		h = (h ^ c) * 0x100000001b3u;
	}
	return h;
}

static struct link_in **bucket(uint64_t h)
{
	return &cache.index[(h ^ h >> 32) & cache.mask];
}

void cache_open(unsigned max_persons, size_t max_bytes)
{
	size_t n = 64;
	while (n < (size_t)max_persons * 4)
		n *= 2;
	cache.index = calloc(n, sizeof(struct link_in *));
	if (cache.index == NULL)
		abort();
	cache.mask = n - 1;
	cache.max_count = max_persons;
	cache.max_bytes = max_bytes;
	random_bytes(&cache.seed, sizeof cache.seed);
}

void cache_close(void)
{
	cache_drop_all();
	free(cache.index);
	cache.index = NULL;
}

uint64_t cache_sequence(void)
{
	return atomic_load(&cache.sequence);
}

static void unref(void *p)
{
	struct box *b = p;
	if (atomic_fetch_sub(&b->refs, 1) == 1) {
		wipe(b, b->size);
		free(b);
	}
}

static bool same(const struct person *p, enum cache_by by, struct slice what)
{
	struct slice have = slice_of(by == BY_NAME ? p->name : p->subject);
	if (have.n != what.n)
		return false;
	for (size_t i = 0; i < what.n; i++)
		if (tolower((unsigned char)have.p[i]) != tolower((unsigned char)what.p[i]))
			return false;
	return true;
}

const struct person *cache_get(struct arena *a, enum cache_by by, struct slice what)
{
	struct box *found = NULL;
	if (cache.index == NULL)
		return NULL;
	uint64_t h = hash(by, what);
	pthread_rwlock_rdlock(&cache.lock);
	for (struct link_in *l = *bucket(h); l != NULL && found == NULL; l = l->next)
		if (l->hash == h && same(&l->box->person, by, what))
			found = l->box;
	if (found != NULL) {
		atomic_fetch_add(&found->refs, 1);
		if (!atomic_load_explicit(&found->used, memory_order_relaxed))
			atomic_store_explicit(&found->used, true, memory_order_relaxed);
	}
	pthread_rwlock_unlock(&cache.lock);
	if (found == NULL)
		return NULL;
	arena_defer(a, unref, found);
	return &found->person;
}

static void unlink_one(struct link_in *l)
{
	struct link_in **at = bucket(l->hash);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

static void drop(struct box *b)
{
	for (size_t i = 0; i < b->nlinks; i++)
		unlink_one(&b->links[i]);
	if (cache.hand == b)
		cache.hand = b->after == b ? NULL : b->after;
	b->before->after = b->after;
	b->after->before = b->before;
	cache.count--;
	cache.bytes -= b->size;
	unref(b);
}

static void drop_hash(uint64_t h)
{
	for (struct link_in *l = *bucket(h), *next; l != NULL; l = next) {
		next = l->next;
		if (l->hash == h) {
			drop(l->box);
			next = *bucket(h);	/* the box may have held several links of this chain */
		}
	}
}

void cache_drop(enum cache_by by, struct slice what)
{
	atomic_fetch_add(&cache.sequence, 1);
	if (cache.index == NULL)
		return;
	pthread_rwlock_wrlock(&cache.lock);
	drop_hash(hash(by, what));
	pthread_rwlock_unlock(&cache.lock);
}

void cache_drop_all(void)
{
	atomic_fetch_add(&cache.sequence, 1);
	pthread_rwlock_wrlock(&cache.lock);
	while (cache.hand != NULL)
		drop(cache.hand);
	pthread_rwlock_unlock(&cache.lock);
}

void cache_drop_dn(const char *dn)
{
	/* The same DN can be written in several ways (RFC 4514 2.4); with escapes we do not guess which. */
	if (strchr(dn, '\\') != NULL) {
		cache_drop_all();
		return;
	}
	for (;;) {
		cache_drop(BY_DN, slice_of(dn));
		dn = strchr(dn, ',');
		if (dn == NULL)
			return;
		dn++;
	}
}

/* Copies into a block that was measured by a first pass with `p` NULL. */
struct packer {
	char *p;
	size_t n;
};

static void *take(struct packer *k, size_t n, size_t align)
{
	k->n = (k->n + align - 1) / align * align;
	void *at = k->p == NULL ? NULL : k->p + k->n;
	k->n += n;
	return at;
}

static struct slice pack_bytes(struct packer *k, struct slice s)
{
	char *to = take(k, s.n + 1, 1);
	if (s.p == NULL)
		return S_NONE;
	if (to != NULL && s.n > 0)
		memcpy(to, s.p, s.n);	/* the NUL is there: the block is zeroed */
	return slice_mem(to, s.n);
}

static const char *pack(struct packer *k, const char *s)
{
	return s == NULL ? NULL : pack_bytes(k, slice_of(s)).p;
}

static const char *const *pack_list(struct packer *k, const char *const *list)
{
	size_t n = 0;
	while (list[n] != NULL)
		n++;
	const char **to = take(k, (n + 1) * sizeof *to, _Alignof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *s = pack(k, list[i]);
		if (to != NULL)
			to[i] = s;
	}
	return to;
}

static const struct key *pack_keys(struct packer *k, const struct key *keys, size_t n)
{
	struct key *to = take(k, n * sizeof *to, _Alignof(struct key));
	for (size_t i = 0; i < n; i++) {
		struct key x = keys[i];
		x.dn = pack(k, x.dn);
		x.id = pack(k, x.id);
		x.kind = pack(k, x.kind);
		x.state = pack(k, x.state);
		x.label = pack(k, x.label);
		x.address = pack(k, x.address);
		x.secret = pack_bytes(k, x.secret);
		x.data = pack_bytes(k, x.data);
		if (to != NULL)
			to[i] = x;
	}
	return to;
}

static void pack_person(struct packer *k, struct person *p)
{
	const char **texts[] = { &p->dn, &p->subject, &p->name, &p->state, &p->given_name, &p->family_name, &p->display_name,
		&p->mail, &p->mobile, &p->locale, &p->address, &p->national_number, &p->notice, &p->password_changed };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = pack(k, *texts[i]);
	p->consents = pack_list(k, p->consents);
	p->terms = pack_list(k, p->terms);
	p->keys = pack_keys(k, p->keys, p->nkeys);
}

static struct box *fill(struct packer *k, const struct found *f)
{
	struct box *b = take(k, sizeof *b, _Alignof(struct box));
	size_t nlinks = 3 + f->nuuids;
	struct link_in *links = take(k, nlinks * sizeof *links, _Alignof(struct link_in));
	struct person p = f->person;
	pack_person(k, &p);
	if (b == NULL)
		return NULL;
	b->person = p;
	b->links = links;
	b->nlinks = nlinks;
	links[0].hash = hash(BY_SUBJECT, slice_of(p.subject));
	links[1].hash = hash(BY_NAME, slice_of(p.name));
	links[2].hash = hash(BY_DN, slice_of(p.dn));
	for (size_t i = 0; i < f->nuuids; i++)
		links[3 + i].hash = hash(BY_UUID, slice_mem(f->uuids[i], UUID_LEN));
	return b;
}

static struct box *box_new(const struct found *f)
{
	struct packer k = { NULL, 0 };
	fill(&k, f);
	k.p = calloc(1, k.n);
	if (k.p == NULL)
		abort();
	size_t size = k.n;
	k.n = 0;
	struct box *b = fill(&k, f);
	b->size = size;
	atomic_init(&b->refs, 1);
	return b;
}

static void make_room(size_t size)
{
	while (cache.hand != NULL && (cache.count >= cache.max_count || cache.bytes + size > cache.max_bytes)) {
		struct box *b = cache.hand;
		if (atomic_exchange(&b->used, false))
			cache.hand = b->after;
		else
			drop(b);
	}
}

static void insert(struct box *b)
{
	for (size_t i = 0; i < b->nlinks; i++) {
		struct link_in *l = &b->links[i], **at = bucket(l->hash);
		*l = (struct link_in){ *at, b, l->hash };
		*at = l;
	}
	if (cache.hand == NULL) {
		b->before = b->after = b;
		cache.hand = b;
	} else {		/* just behind the hand: it has the whole round before it */
		b->after = cache.hand;
		b->before = cache.hand->before;
		b->before->after = b->after->before = b;
	}
	cache.count++;
	cache.bytes += b->size;
}

void cache_put(uint64_t sequence, const struct found *found)
{
	if (found->nuuids == 0 || cache.index == NULL || strchr(found->person.dn, '\\') != NULL)
		return;
	struct box *b = box_new(found);
	pthread_rwlock_wrlock(&cache.lock);
	/* Read before something changed: it may be what has changed. */
	if (sequence != atomic_load(&cache.sequence) || b->size > cache.max_bytes) {
		unref(b);
	} else {
		drop_hash(hash(BY_SUBJECT, slice_of(b->person.subject)));
		make_room(b->size);
		insert(b);
	}
	pthread_rwlock_unlock(&cache.lock);
}
