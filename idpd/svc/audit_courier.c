/* Signed heads on their way to witnesses with an address. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "svc/audit_courier.h"
#include "svc/partner.h"

enum { COURIERS = 16, HEAD_MAX = 1024, PAUSE_S = 2, PAUSE_DOUBLES = 6, PAUSE_MAX_S = 60 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char head[HEAD_MAX];
	unsigned given;			/* counts heads; 0: there is none yet */
	bool stopping, plain_http;
	struct courier {
		pthread_t thread;
		const char *url;
		unsigned taken, failed;	/* the number it has; tries in a row that failed */
	} of[COURIERS];
	size_t n;
} co = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool courier_is_for(const char *witness)
{
	return strncmp(witness, "https://", 8) == 0 || strncmp(witness, "http://", 7) == 0;
}

static bool post(const struct courier *c, const char *head)
{
	AUTO_ARENA a = arena_new();
	const char *const allow[] = { c->url, NULL };
	struct partner_answer r = { .why = "its address may not be called" };
	int rc = partner_call(a, &(struct partner_call){ .url = c->url, .allow = allow, .plain_http = co.plain_http, .type = "text/plain; charset=utf-8",
		.body = slice_of(arena_printf(a, "%s\n", head)), .quiet = true }, &r);
	bool heard = rc == OK && r.status >= 200 && r.status < 300;
	if (!heard && c->failed == 0)
		log_err("audit: the witness %s does not hear: %s", c->url, rc == OK ? arena_printf(a, "it answers %ld", r.status) : r.why);
	else if (heard && c->failed > 0)
		log_info("audit: the witness %s hears again", c->url);
	return heard;
}

static void pause_of(const struct courier *c)
{
	unsigned s = c->failed < PAUSE_DOUBLES ? PAUSE_S << (c->failed - 1) : PAUSE_MAX_S;
	struct timespec until = ticks_after(s * 1000);
	while (!co.stopping && pthread_cond_clockwait(&co.changed, &co.lock, CLOCK_MONOTONIC, &until) == 0)
		;	/* a newer head is no reason to come sooner */
}

static void *run(void *arg)
{
	struct courier *c = arg;
	pthread_mutex_lock(&co.lock);
	while (!co.stopping) {
		if (c->taken == co.given) {
			pthread_cond_wait(&co.changed, &co.lock);
			continue;
		}
		char head[HEAD_MAX];
		unsigned number = co.given;
		memcpy(head, co.head, sizeof head);
		pthread_mutex_unlock(&co.lock);
		bool heard = post(c, head);
		pthread_mutex_lock(&co.lock);
		c->taken = heard ? number : c->taken;
		c->failed = heard ? 0 : c->failed + 1;
		if (!heard)
			pause_of(c);
	}
	pthread_mutex_unlock(&co.lock);
	return NULL;
}

int courier_open(const char *const *witness, bool plain_http)
{
	co.plain_http = plain_http;
	co.stopping = false;
	co.n = 0;
	co.given = 0;
	for (; witness != NULL && *witness != NULL && co.n < COURIERS; witness++) {
		if (!courier_is_for(*witness))
			continue;
		struct courier *c = &co.of[co.n];
		*c = (struct courier){ .url = *witness };
		if (pthread_create(&c->thread, NULL, run, c) != 0)
			return fail(E_DOWN, "audit: no thread");
		co.n++;
	}
	return OK;
}

void courier_give(const char *head)
{
	pthread_mutex_lock(&co.lock);
	snprintf(co.head, sizeof co.head, "%s", head);
	co.given++;
	pthread_cond_broadcast(&co.changed);
	pthread_mutex_unlock(&co.lock);
}

void courier_close(void)
{
	pthread_mutex_lock(&co.lock);
	co.stopping = true;
	pthread_cond_broadcast(&co.changed);
	pthread_mutex_unlock(&co.lock);
	for (size_t i = 0; i < co.n; i++)
		pthread_join(co.of[i].thread, NULL);
	co.n = 0;
}
