/* What one core can do at all: signatures, password checks by the directory, requests of libmicrohttpd. What we do is held against it.
 *
 *   limits sign ES256|RS256 SECONDS          prints how many a second of CPU time
 *   limits bind URI USER USERS PASSWORD-FILE BASE SECONDS      prints how many
 *   limits hello PORT                        the smallest server, until it is ended */
#include <fcntl.h>
#include <ldap.h>
#include <microhttpd.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"

enum { BINDERS = 8, MESSAGE = 700, HELLO = 1024 };

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int sign(const char *alg, unsigned seconds)
{
	EVP_PKEY *key = strcmp(alg, "ES256") == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
	EVP_MD_CTX *set = EVP_MD_CTX_new(), *ctx = EVP_MD_CTX_new();
	unsigned char message[MESSAGE] = { 0 }, signature[512];
	uint64_t n = 0;
	if (key == NULL || set == NULL || ctx == NULL || EVP_DigestSignInit(set, NULL, EVP_sha256(), NULL, key) != 1)
		return 1;
	double from = cpu_seconds();
	for (; cpu_seconds() < from + seconds; n++) {
		size_t len = sizeof signature;
		if (EVP_MD_CTX_copy_ex(ctx, set) != 1 || EVP_DigestSign(ctx, signature, &len, message, sizeof message) != 1)
			return 1;
	}
	printf("%.0f\n", (double)n / (cpu_seconds() - from));
	return 0;
}

static struct {
	const char *uri, *user, *base;
	char password[128];
	unsigned users;
	uint64_t end;
	atomic_ulong done;
	atomic_bool wrong;
} binds;

static void *bind_on(void *arg)
{
	unsigned at = *(unsigned *)arg;
	int version = LDAP_VERSION3;
	char dn[256];
	struct berval password = { strlen(binds.password), binds.password };
	LDAP *l = NULL;
	if (ldap_initialize(&l, binds.uri) != LDAP_SUCCESS || ldap_set_option(l, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_SUCCESS)
		abort();
	for (; ticks_ms() < binds.end && !binds.wrong; at += BINDERS) {
		snprintf(dn, sizeof dn, "uid=%s%u,ou=people,%s", binds.user, at % binds.users, binds.base);
		if (ldap_sasl_bind_s(l, dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL) != LDAP_SUCCESS)
			binds.wrong = true;
		binds.done++;
	}
	ldap_unbind_ext_s(l, NULL, NULL);
	return NULL;
}

static int bind_all(char **argv)
{
	pthread_t threads[BINDERS];
	unsigned numbers[BINDERS];
	FILE *f = fopen(argv[3], "re");
	if (f == NULL || fgets(binds.password, sizeof binds.password, f) == NULL)
		return 1;
	fclose(f);
	binds.uri = argv[0];
	binds.user = argv[1];
	binds.users = (unsigned)strtoul(argv[2], NULL, 10);
	binds.base = argv[4];
	binds.end = ticks_ms() + strtoul(argv[5], NULL, 10) * 1000;
	for (unsigned i = 0; i < BINDERS; i++) {
		numbers[i] = i;
		if (pthread_create(&threads[i], NULL, bind_on, &numbers[i]) != 0)
			return 1;
	}
	for (unsigned i = 0; i < BINDERS; i++)
		pthread_join(threads[i], NULL);
	printf("%lu\n", binds.done);
	return binds.wrong;
}

static struct MHD_Response *hello_response;

static enum MHD_Result hello(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_n, void **ctx)
{
	static int seen;
	(void)cls, (void)url, (void)method, (void)version, (void)upload, (void)upload_n;
	if (*ctx == NULL) {
		*ctx = &seen;
		return MHD_YES;
	}
	return MHD_queue_response(c, MHD_HTTP_OK, hello_response);
}

static int serve(unsigned port)
{
	static char body[HELLO];
	memset(body, 'x', sizeof body);
	hello_response = MHD_create_response_from_buffer(sizeof body, body, MHD_RESPMEM_PERSISTENT);
	if (MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)port, NULL, NULL, hello, NULL, MHD_OPTION_END) == NULL)
		return 1;
	for (;;)
		pause();
}

static int by_size(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

/* What it takes until 4 KiB are on the disk: microseconds, the median of many. */
static int sync_disk(const char *path)
{
	enum { TIMES = 101 };
	static char page[4096];
	unsigned us[TIMES];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (int i = 0; i < TIMES; i++) {
		struct timespec from, to;
		if (fd < 0 || pwrite(fd, page, sizeof page, 0) != sizeof page)
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &from);
		if (fdatasync(fd) != 0)
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &to);
		us[i] = (unsigned)((to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
	}
	close(fd);
	unlink(path);
	qsort(us, TIMES, sizeof *us, by_size);
	printf("%u\n", us[TIMES / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "sign") == 0)
		return sign(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	if (argc == 8 && strcmp(argv[1], "bind") == 0)
		return bind_all(argv + 2);
	if (argc == 3 && strcmp(argv[1], "hello") == 0)
		return serve((unsigned)strtoul(argv[2], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "sync") == 0)
		return sync_disk(argv[2]);
	return fprintf(stderr, "usage: limits sign|bind|hello|sync … (see bench/limits.c)\n"), 2;
}
