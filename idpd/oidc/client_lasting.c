/* Client assertions that are sent again and again: their signature, once it was verified, is remembered. */
#include <pthread.h>
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "oidc/client_lasting.h"

/* A direct-mapped table: what does not fit displaces what was there, and costs one more verification. */
enum { SLOTS = 1024 };
static struct slot { unsigned char key[SHA256_LEN]; time_t expires; } slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Of the assertion and of the keys as they are registered now: with another key it is verified anew. */
static size_t key_of(struct arena *a, const struct service *s, struct slice assertion, unsigned char key[SHA256_LEN])
{
	struct slice keys = json_text(a, s->jwks);
	struct buf b = buf_new(a);
	buf_num(&b, (long long)keys.n);
	buf_char(&b, ' ');
	buf_raw(&b, keys);
	buf_raw(&b, assertion);
	sha256(buf_slice(&b), key);
	return (size_t)(key[0] | key[1] << 8) % SLOTS;
}

bool lasting_known(struct arena *a, const struct service *s, struct slice assertion, json_t **claims)
{
	unsigned char key[SHA256_LEN];
	struct slice rest = assertion, head, payload, text;
	size_t at = key_of(a, s, assertion, key);
	pthread_mutex_lock(&lock);
	struct slot slot = slots[at];
	pthread_mutex_unlock(&lock);
	if (slot.expires <= now() || memcmp(slot.key, key, sizeof key) != 0)
		return false;
	return slice_cut(&rest, '.', &head) && slice_cut(&rest, '.', &payload) && b64url_decode(a, payload, &text) == OK &&
	    json_parse(a, text, claims, NULL) == OK;
}

void lasting_keep(struct arena *a, const struct service *s, struct slice assertion, time_t expires)
{
	struct slot slot = { .expires = expires };
	size_t at = key_of(a, s, assertion, slot.key);
	pthread_mutex_lock(&lock);
	slots[at] = slot;
	pthread_mutex_unlock(&lock);
}
