/* Texts that only we can make: base64url of day | AES-256-GCM(expires | plain), under the keyring's key of that day. */
#include <pthread.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/number.h"
#include "base/wait.h"
#include "svc/keyring.h"
#include "svc/sealed.h"

enum { DAY_S = 24 * 3600, DAY_LEN = 4, EXPIRES_LEN = 8, TEXT_MAX = 64 * 1024, DAYS = 3 };

/* The keys of yesterday, today and tomorrow, each in the place of its day modulo three. Day 0: empty. */
static struct {
	pthread_rwlock_t lock;
	struct {
		uint64_t day;
		unsigned char key[AEAD_KEY_LEN];
	} of[DAYS];
} keys = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static bool key_known(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	pthread_rwlock_rdlock(&keys.lock);
	bool known = keys.of[day % DAYS].day == day;
	if (known)
		memcpy(out, keys.of[day % DAYS].key, AEAD_KEY_LEN);
	pthread_rwlock_unlock(&keys.lock);
	return known;
}

/* OK, E_WAIT or E_DOWN. A keyring that refuses the day has another clock than we: that is no answer either. */
static int key_of_day(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	if (key_known(day, out))
		return OK;
	if (would_block())
		return E_WAIT;
	if (keyring_day_key(day, out) != OK)
		return E_DOWN;
	pthread_rwlock_wrlock(&keys.lock);
	memcpy(keys.of[day % DAYS].key, out, AEAD_KEY_LEN);
	keys.of[day % DAYS].day = day;
	pthread_rwlock_unlock(&keys.lock);
	return OK;
}

int sealed_make(struct arena *a, const char *kind, struct slice plain, time_t expires, struct slice *out)
{
	time_t at = now();
	uint64_t day = (uint64_t)at / DAY_S;
	unsigned char key[AEAD_KEY_LEN];
	/* Tomorrow the key can still be had, the day after it cannot: nothing sealed may want to live longer. */
	if (at <= 0 || expires > at + DAY_S || plain.n > TEXT_MAX / 2)
		return fail(E_BUG, "sealed: a %s of %zu bytes for %lld s", kind, plain.n, (long long)(expires - at));
	int rc = key_of_day(day, key);
	if (rc != OK)
		return rc;
	unsigned char *p = arena_alloc(a, EXPIRES_LEN + plain.n), *head = arena_alloc(a, DAY_LEN);
	number_put(p, EXPIRES_LEN, (uint64_t)expires);
	if (plain.n > 0)
		memcpy(p + EXPIRES_LEN, plain.p, plain.n);
	struct slice body;
	aead_seal(a, key, slice_mem(p, EXPIRES_LEN + plain.n), slice_of(kind), &body);
	wipe(key, sizeof key);
	number_put(head, DAY_LEN, day);
	struct buf all = buf_new(a), text = buf_new(a);
	buf_raw(&all, slice_mem(head, DAY_LEN));
	buf_raw(&all, body);
	buf_b64url(&text, buf_slice(&all));
	*out = buf_slice(&text);
	return OK;
}

int sealed_open(struct arena *a, const char *kind, struct slice text, struct slice *plain)
{
	struct slice all, body;
	unsigned char key[AEAD_KEY_LEN];
	if (text.n > TEXT_MAX || b64url_decode(a, text, &all) != OK || all.n < DAY_LEN + EXPIRES_LEN + AEAD_EXTRA)
		return E_INPUT;
	time_t at = now();
	uint64_t day = number_get(all.p, DAY_LEN), today = (uint64_t)at / DAY_S;
	if (day + 1 < today || day > today + 1)
		return E_INPUT;		/* nothing that may still live was sealed then */
	int rc = key_of_day(day, key);
	if (rc != OK)
		return rc;
	rc = aead_open(a, key, slice_mem(all.p + DAY_LEN, all.n - DAY_LEN), slice_of(kind), &body);
	wipe(key, sizeof key);
	if (rc != OK)
		return rc;
	if (number_get(body.p, EXPIRES_LEN) <= (uint64_t)at)
		return E_NOENT;
	*plain = slice_mem(body.p + EXPIRES_LEN, body.n - EXPIRES_LEN);
	return OK;
}

int sealed_ready(void)
{
	unsigned char key[AEAD_KEY_LEN];
	int rc = key_of_day((uint64_t)now() / DAY_S, key);
	wipe(key, sizeof key);
	return rc;
}
