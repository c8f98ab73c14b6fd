/* Subject identifiers: public, or pairwise by sector, with the last ones remembered. */
#include <pthread.h>
#include "base/buf.h"
#include "base/digest.h"
#include "oidc/oidc.h"
#include "svc/keyring.h"

/* A direct-mapped table: what does not fit displaces what was there. Pairwise values never change, so nothing goes stale. */
enum { SLOTS = 4096, LOCKS = 64, SUB_MAX = 64, SID_BYTES = 16 };
struct slot { unsigned char key[SHA256_LEN]; char sub[SUB_MAX]; };
static struct slot slots[SLOTS];
static pthread_mutex_t locks[LOCKS] = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };

static bool look(const struct slot *slot, pthread_mutex_t *lock, const unsigned char *key, char out[SUB_MAX])
{
	pthread_mutex_lock(lock);
	bool hit = slot->sub[0] != '\0' && memcmp(slot->key, key, SHA256_LEN) == 0;
	if (hit)
		memcpy(out, slot->sub, SUB_MAX);
	pthread_mutex_unlock(lock);
	return hit;
}

static void keep(struct slot *slot, pthread_mutex_t *lock, const unsigned char *key, const char *sub)
{
	size_t n = strlen(sub) + 1;
	if (n > SUB_MAX)
		return;
	pthread_mutex_lock(lock);
	memcpy(slot->key, key, SHA256_LEN);
	memcpy(slot->sub, sub, n);
	pthread_mutex_unlock(lock);
}

int oidc_subject(struct arena *a, const struct service *service, const char *subject, const char **out)
{
	unsigned char key[SHA256_LEN];
	char sub[SUB_MAX];
	if (service->subject_type == SUBJECT_PUBLIC) {
		*out = subject;
		return OK;
	}
	if (service->sector == NULL || service->sector[0] == '\0')
		return E_BUG;
	/* a sector has no '|': it is a host, or an https URL */
	sha256(slice_of(arena_printf(a, "%s|%s", service->sector, subject)), key);
	size_t i = (size_t)(key[0] | key[1] << 8) % SLOTS;
	if (look(&slots[i], &locks[i % LOCKS], key, sub)) {
		*out = arena_strdup(a, sub);
		return OK;
	}
	int e = keyring_subject(a, service->sector, subject, out);
	if (e == OK)
		keep(&slots[i], &locks[i % LOCKS], key, *out);
	return e;
}

const char *oidc_sid(struct arena *a, const struct service *service, const char *sid)
{
	unsigned char h[SHA256_LEN];
	struct buf b = buf_new(a);
	/* a sid has no '|', and is too random to be guessed from its hash */
	sha256(slice_of(arena_printf(a, "%s|%s", sid, service->client_id)), h);
	buf_b64url(&b, slice_mem(h, SID_BYTES));
	return buf_cstr(&b);
}
