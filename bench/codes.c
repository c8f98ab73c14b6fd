/* Codes of tokens and codes that come by mail. */
#include <arpa/inet.h>
#include <liboath/oath.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "bench/codes.h"

enum { PATIENCE_S = 10, LINE = 1024 };

static struct {
	const char *prefix;
	char *seed;
	size_t seed_n;			/* 0: by mail */
	uint64_t counter[CODES_PEOPLE];
	char mailed[CODES_PEOPLE][CODES_DIGITS + 1];
	pthread_mutex_t lock;
	pthread_cond_t came;
} codes = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER };

/* PREFIXn, and whatever follows: n. */
static bool person_of(const char *name, unsigned *out)
{
	size_t n = strlen(codes.prefix);
	if (strncmp(name, codes.prefix, n) != 0)
		return false;
	*out = (unsigned)strtoul(name + n, NULL, 10);
	return *out < CODES_PEOPLE;
}

bool codes_of_tokens(const char *base32, const char *prefix, const char *counters)
{
	char name[64];
	unsigned long counter;
	unsigned who;
	FILE *f = fopen(counters, "re");
	codes.prefix = prefix;
	if (f == NULL || oath_base32_decode(base32, strlen(base32), &codes.seed, &codes.seed_n) != OATH_OK)
		return false;
	while (fscanf(f, "%63s %lu", name, &counter) == 2)
		if (person_of(name, &who))
			codes.counter[who] = counter;
	fclose(f);
	return true;
}

/* --- the mail server --- */

static void keep(unsigned who, const char *line)
{
	const char *code = strstr(line, " #");
	if (line[0] != '@' || code == NULL)
		return;
	pthread_mutex_lock(&codes.lock);
	snprintf(codes.mailed[who], sizeof *codes.mailed, "%.*s", CODES_DIGITS, code + 2);
	pthread_cond_broadcast(&codes.came);
	pthread_mutex_unlock(&codes.lock);
}

/* One client, command by command, until it goes. */
static void *serve(void *arg)
{
	FILE *f = fdopen((int)(intptr_t)arg, "r+");
	char line[LINE];
	unsigned who = 0;
	bool body = false;
	if (f == NULL)
		abort();
	setvbuf(f, NULL, _IOLBF, LINE);
	fputs("220 bench\r\n", f);
	while (fgets(line, sizeof line, f) != NULL) {
		bool end = strcmp(line, ".\r\n") == 0;
		if (body && !end) {
			keep(who, line);
			continue;
		}
		body = strncmp(line, "DATA", 4) == 0;
		const char *at = strchr(line, '<');
		bool known = strncmp(line, "RCPT", 4) != 0 || (at != NULL && person_of(at + 1, &who));
		fputs(body ? "354 go on\r\n" : known ? "250 taken\r\n" : "550 nobody\r\n", f);
	}
	fclose(f);
	return NULL;
}

static void *listen_for(void *arg)
{
	for (int fd; (fd = accept((int)(intptr_t)arg, NULL, NULL)) >= 0;) {
		pthread_t t;
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd) != 0)
			abort();
		pthread_detach(t);
	}
	abort();
}

bool codes_by_mail(const char *prefix, unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	pthread_t t;
	codes.prefix = prefix;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 64) == 0 && pthread_create(&t, NULL, listen_for, (void *)(intptr_t)fd) == 0;
}

/* --- for both --- */

static bool mailed(unsigned person, char *out)
{
	struct timespec end;
	char *code = codes.mailed[person];
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&codes.lock);
	while (*code == '\0' && pthread_cond_timedwait(&codes.came, &codes.lock, &end) == 0)
		;
	strcpy(out, code);
	*code = '\0';
	pthread_mutex_unlock(&codes.lock);
	return *out != '\0';
}

bool codes_next(unsigned person, char out[CODES_DIGITS + 1])
{
	if (codes.seed_n == 0)
		return mailed(person, out);
	return oath_hotp_generate(codes.seed, codes.seed_n, codes.counter[person]++, CODES_DIGITS, false, OATH_HOTP_DYNAMIC_TRUNCATION, out) == OATH_OK;
}
