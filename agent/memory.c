/* The last positive answers: a small table of digests, the oldest of a row gives way. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "agent/memory.h"
#include "base/buf.h"
#include "base/digest.h"

enum { ROWS = 256, WAYS = 8 };

struct entry {
	unsigned char of[SHA256_LEN];	/* digest of user and service */
	time_t at, until;		/* seconds since boot; until 0: free */
	bool has_uid;
	unsigned long uid;
};

struct memory {
	pthread_mutex_t lock;
	struct entry *rows[ROWS];	/* of WAYS entries, made when first needed */
};

/* Goes on while a machine sleeps, and nobody can set it back. */
static time_t uptime(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

struct memory *memory_new(void)
{
	struct memory *m = calloc(1, sizeof *m);
	if (m == NULL)
		abort();
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

struct memory *memory_free(struct memory *m)
{
	for (size_t i = 0; m != NULL && i < ROWS; i++)
		free(m->rows[i]);
	if (m != NULL)
		pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

static void digest(struct slice user, struct slice service, unsigned char out[SHA256_LEN])
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	buf_raw(&b, user);
	buf_char(&b, '\0');	/* neither holds one */
	buf_raw(&b, service);
	sha256(buf_slice(&b), out);
}

static struct entry *find(const struct memory *m, const unsigned char of[SHA256_LEN])
{
	struct entry *row = m->rows[of[0]];
	for (size_t i = 0; row != NULL && i < WAYS; i++)
		if (row[i].until != 0 && memcmp(row[i].of, of, SHA256_LEN) == 0)
			return &row[i];
	return NULL;
}

static struct entry *oldest(struct memory *m, const unsigned char of[SHA256_LEN])
{
	struct entry **row = &m->rows[of[0]];
	if (*row == NULL && (*row = calloc(WAYS, sizeof **row)) == NULL)
		abort();
	struct entry *old = *row;
	for (size_t i = 1; i < WAYS; i++)
		if ((*row)[i].at < old->at)
			old = &(*row)[i];
	return old;
}

void memory_keep(struct memory *m, struct slice user, struct slice service, const struct posix_name *who, unsigned valid_for_s)
{
	unsigned char of[SHA256_LEN];
	digest(user, service, of);
	pthread_mutex_lock(&m->lock);
	struct entry *e = find(m, of);
	e = e != NULL ? e : oldest(m, of);
	*e = (struct entry){ .at = uptime(), .has_uid = who->has_uid, .uid = who->uid };
	e->until = e->at + (time_t)valid_for_s;
	memcpy(e->of, of, SHA256_LEN);
	pthread_mutex_unlock(&m->lock);
}

void memory_drop(struct memory *m, struct slice user, struct slice service)
{
	unsigned char of[SHA256_LEN];
	digest(user, service, of);
	pthread_mutex_lock(&m->lock);
	struct entry *e = find(m, of);
	if (e != NULL)
		*e = (struct entry){ .until = 0 };
	pthread_mutex_unlock(&m->lock);
}

bool memory_has(struct memory *m, struct slice user, struct slice service, unsigned max_age_s, struct posix_name *out)
{
	unsigned char of[SHA256_LEN];
	time_t t = uptime();
	digest(user, service, of);
	pthread_mutex_lock(&m->lock);
	const struct entry *e = find(m, of);
	bool ok = e != NULL && t < e->until && t - e->at < (time_t)max_age_s;
	if (ok) {
		out->has_uid = e->has_uid;
		out->uid = e->uid;
	}
	pthread_mutex_unlock(&m->lock);
	return ok;
}
