/* GET /oidc/jwks, and the copy of the keyring's public keys that everything else here looks at. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/wait.h"
#include "oidc/oidc.h"
#include "svc/keyring.h"

enum { LOOK_AGAIN_MS = 60 * 1000, RETRY_MS = 1000 };

/* What is published changes a few times a year and is read thousands of times a second: each version stays for ever, so that readers need no lock. */
static _Atomic(struct published *) current;
static atomic_uint_least64_t look_at;
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

static struct slice keep(struct slice s)
{
	char *p = malloc(s.n + 1);
	if (p == NULL)
		abort();
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return slice_mem(p, s.n);
}

static int renew(void)
{
	AUTO_ARENA a = arena_new();
	struct published *old = atomic_load(&current);
	struct slice text;
	json_t *keys;
	int e = keyring_public(a, &text);
	if (e != OK)
		return e;
	if (old != NULL && slice_eq(old->jwks, text))
		return OK;
	if (json_parse(a, text, &keys, NULL) != OK || !json_is_array(json_object_get(keys, "keys")))
		return E_BUG;
	struct published *p = calloc(1, sizeof *p);
	if (p == NULL)
		abort();
	p->jwks = keep(text);
	p->keys = json_incref(keys);
	p->metadata = oidc_metadata(keys);
	p->older = old;
	atomic_store(&current, p);
	return OK;
}

int oidc_published(const struct published **out)
{
	/* One looks, the others go on with what they have; at the very first all wait for it. */
	if (ticks_ms() >= atomic_load(&look_at)) {
		if (would_block())
			return E_WAIT;
		bool first = atomic_load(&current) == NULL;
		if (first ? pthread_mutex_lock(&looking) == 0 : pthread_mutex_trylock(&looking) == 0) {
			if (ticks_ms() >= atomic_load(&look_at))
				atomic_store(&look_at, ticks_ms() + (renew() == OK ? LOOK_AGAIN_MS : RETRY_MS));
			pthread_mutex_unlock(&looking);
		}
	}
	*out = atomic_load(&current);
	return *out != NULL ? OK : E_DOWN;
}

void oidc_published_changed(void)
{
	atomic_store(&look_at, 0);
}

int oidc_send_document(struct response *resp, struct slice json)
{
	resp->status = 200;
	resp->body = json;
	resp->type = "application/json";	/* what clients expect, also of keys: application/jwk-set+json breaks some */
	resp->cacheable = true;
	return OK;
}

int oidc_jwks(struct request *r, struct response *resp)
{
	const struct published *p;
	(void)r;
	int e = oidc_published(&p);
	return e == OK ? oidc_send_document(resp, p->jwks) : e;
}
