/* What the store, sealing and digests cost on this machine: build/bench/micro EMPTY-FOLDER. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/digest.h"
#include "svc/audit.h"
#include "svc/keyring.h"
#include "svc/keyring_audit.h"
#include "svc/sealed.h"
#include "svc/state.h"

static unsigned rounds;

int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN]);
int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN])	/* instead of a keyring process */
{
	sha256(slice_mem(&day, sizeof day), out);
	return OK;
}

int __wrap_keyring_audit_month(struct arena *a, const char *class, const char *month, struct slice *sealed);
int __wrap_keyring_audit_month(struct arena *a, const char *class, const char *month, struct slice *sealed)
{
	*sealed = slice_of(arena_printf(a, "%s %s", class, month));
	return OK;
}

int __wrap_keyring_audit_hour(struct slice month, const char *class, const char *hour, unsigned char out[AEAD_KEY_LEN]);
int __wrap_keyring_audit_hour(struct slice month, const char *class, const char *hour, unsigned char out[AEAD_KEY_LEN])
{
	(void)class, (void)hour;
	sha256(month, out);
	return OK;
}

static struct slice key_of(char buf[32], const void *thread, unsigned i)
{
	return slice_mem(buf, (size_t)snprintf(buf, 32, "%p.%u", thread, i));
}

static void *put_take(void *me)
{
	char buf[32], val[200] = "";
	for (unsigned i = 0; i < rounds; i++) {
		AUTO_ARENA a = arena_new();
		struct slice k = key_of(buf, me, i), v;
		if (state_put("bench", k, slice_mem(val, sizeof val), 60) != OK || state_take(a, "bench", k, &v) != OK)
			abort();
	}
	return NULL;
}

static void *get(void *me)
{
	char buf[32];
	for (unsigned i = 0; i < rounds; i++) {
		AUTO_ARENA a = arena_new();
		struct slice v;
		if (state_get(a, "bench", key_of(buf, me, 7), &v) == OK)
			abort();
		if (state_get(a, "bench", S("there"), &v) != OK)
			abort();
	}
	return NULL;
}

/* A sign-on's line, durable: two of them, as measure() counts. */
static void *audit(void *unused)
{
	for (unsigned i = 0; i < 2 * rounds; i++)
		if (AUDIT(.event = EV_LOGIN_OK, .subject = "5f0c3a52-6c6e-4c1b-9d5b-0d1f3a1e7a01", .kind = "app", .key = "app-1", .service = "tax-on-web",
			.peer = "192.0.2.1", .session = "AAAAAAAAAAAAAAAAAAAAAA", .level = 400) != OK)
			abort();
	return unused;
}

static void *seal_open(void *unused)
{
	char val[300] = "";
	for (unsigned i = 0; i < rounds; i++) {
		AUTO_ARENA a = arena_new();
		struct slice t, p;
		if (sealed_make(a, "code", slice_mem(val, sizeof val), now() + 60, &t) != OK || sealed_open(a, "code", t, &p) != OK)
			abort();
	}
	return unused;
}

static void *hash(void *unused)
{
	unsigned char d[SHA256_LEN];
	for (unsigned i = 0; i < rounds; i++) {
		sha256(S("0123456789012345678901234567890123456789012"), d);
		hmac_sha256(S("0123456789012345678901234567890123456789012"), S("message"), d);
	}
	return unused;
}

static void measure(const char *what, void *(*fn)(void *), unsigned threads, unsigned n)
{
	pthread_t t[64];
	char mark[64];		/* its address tells threads apart */
	struct timespec c0, c1;
	rounds = n / threads;
	uint64_t from = ticks_ms();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c0);
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, fn, &mark[i]);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c1);
	double s = (double)(ticks_ms() - from) / 1000, cpu = (double)(c1.tv_sec - c0.tv_sec) + (double)(c1.tv_nsec - c0.tv_nsec) / 1e9;
	unsigned calls = rounds * threads * 2;
	printf("%-22s %2u threads  %10.0f /s  %7.2f us CPU each\n", what, threads, calls / s, cpu * 1e6 / calls);
}

int main(int argc, char **argv)
{
	if (argc != 2 || state_open(argv[1], 64) != OK || state_put("bench", S("there"), S("value"), 600) != OK)
		return fprintf(stderr, "usage: micro EMPTY-FOLDER\n"), 2;
	for (unsigned threads = 1; threads <= 32; threads = threads == 2 ? 16 : threads * 2)
		measure("state_put, state_take", put_take, threads, threads < 16 ? 4000 : 20000);
	measure("state_get", get, 1, 500000);
	measure("state_get", get, 2, 1000000);
	measure("sealed_make, _open", seal_open, 1, 200000);
	measure("sealed_make, _open", seal_open, 2, 400000);
	measure("sha256, hmac_sha256", hash, 1, 500000);
	if (audit_open(&(struct audit_conf){ .dir = argv[1], .node = "bench" }) != OK)
		return 1;
	for (unsigned threads = 1; threads <= 32; threads = threads == 2 ? 16 : threads * 2)
		measure("audit line", audit, threads, threads < 16 ? 1000 : 10000);
	audit_close();
	state_close();
	return 0;
}
