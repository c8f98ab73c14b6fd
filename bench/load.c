/* Load generator: each visitor is a thread that does one flow after the other. Prints one line of NAME=VALUE.
 *
 *   load [-c VISITORS] [-d SECONDS | -n FLOWS] [-P PID,PID…] TARGET FLOW
 *
 * TARGET is a file (flows.h). With -n it ends after so many flows. -P: processes whose CPU time is told for each flow. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "bench/codes.h"
#include "bench/flows.h"

enum { VISITORS = 256, STACK = 256 * 1024, FAULTS = 50 };
enum phase { PREPARE, WARM, MEASURE, STOP };

struct worker {
	struct visitor v;
	pthread_t thread;
	uint32_t *us;			/* how long each flow took */
	size_t n, room, errors;
};

static struct {
	struct target target;
	const struct flow *flow;
	_Atomic int phase;
	atomic_uint ready, at_work;
	atomic_ulong left;		/* flows, with -n */
	double seconds;
	unsigned visitors;
	const char *pids;
} load = { .seconds = 3, .visitors = 16, .pids = "" };

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note(struct worker *w, double took)
{
	if (w->n == w->room) {
		w->room = w->room == 0 ? 4096 : w->room * 2;
		w->us = realloc(w->us, w->room * sizeof *w->us);
		if (w->us == NULL)
			abort();
	}
	w->us[w->n++] = (uint32_t)(took * 1e6);
}

static void tell(const struct worker *w, const char *what)
{
	static atomic_uint told;
	if (told++ < 3)
		fprintf(stderr, "load: %s went wrong: status %d, %.*s\n", what, w->v.http.status, w->v.http.body.n < 200 ? (int)w->v.http.body.n : 200, w->v.http.body.p);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	bool good = load.flow->begin(&w->v);
	if (!good)
		tell(w, "the beginning");
	load.at_work += good;
	load.ready++;
	while (load.phase == PREPARE)
		usleep(1000);
	while (good && load.phase != STOP) {
		double from = seconds_now();
		w->v.round++;
		bool done = load.flow->step(&w->v);
		if (!done)
			tell(w, load.flow->name);
		if (load.phase != MEASURE)
			continue;
		if (done)
			note(w, seconds_now() - from);
		else if (++w->errors == FAULTS)
			break;
		if (load.left != 0 && --load.left == 0)
			load.phase = STOP;
	}
	w->errors += !good;
	load.at_work -= good;
	client_close(&w->v.http);
	return NULL;
}

/* CPU seconds that these processes have used, all threads. */
static double cpu_of(const char *pids)
{
	double sum = 0;
	for (const char *p = pids; *p != '\0';) {
		char path[64], text[1024] = "", *end;
		unsigned long user, sys;
		snprintf(path, sizeof path, "/proc/%ld/stat", strtol(p, &end, 10));
		FILE *f = fopen(path, "re");
		size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
		text[n] = '\0';
		if (f != NULL)
			fclose(f);
		const char *after = strrchr(text, ')');
		if (after != NULL && sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) == 2)
			sum += (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
		p = *end != '\0' ? end + 1 : end;
	}
	return sum;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static int report(struct worker *workers, double took, double cpu)
{
	size_t n = 0, at = 0, errors = 0;
	for (unsigned i = 0; i < load.visitors; i++) {
		n += workers[i].n;
		errors += workers[i].errors;
	}
	uint32_t *all = calloc(n + 1, sizeof *all);
	if (all == NULL)
		abort();
	for (unsigned i = 0; i < load.visitors; i++) {
		if (workers[i].n > 0)
			memcpy(all + at, workers[i].us, workers[i].n * sizeof *all);
		at += workers[i].n;
	}
	qsort(all, n, sizeof *all, by_size);
	printf("flows=%zu per_s=%.1f p50_us=%u p99_us=%u cpu_us=%.1f errors=%zu\n", n, (double)n / took, all[n / 2],
	    all[n == 0 ? 0 : (n - 1) * 99 / 100], n > 0 ? cpu * 1e6 / (double)n : 0, errors);
	free(all);
	return n == 0 || errors > 0;
}

static int run(void)
{
	AUTO_ARENA a = arena_new();
	pthread_attr_t attr;
	struct worker *workers = calloc(load.visitors, sizeof *workers);
	if (workers == NULL)
		abort();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (unsigned i = 0; i < load.visitors; i++) {
		visitor_set(&workers[i].v, a, &load.target, i);
		if (pthread_create(&workers[i].thread, &attr, work, &workers[i]) != 0)
			abort();
	}
	while (load.ready < load.visitors)
		usleep(1000);
	load.phase = WARM;
	usleep(load.left != 0 ? 0 : 500 * 1000);
	double cpu = cpu_of(load.pids), from = seconds_now();
	load.phase = MEASURE;
	while (load.phase == MEASURE && load.at_work > 0 && (load.left != 0 || seconds_now() - from < load.seconds))
		usleep(2000);
	load.phase = STOP;
	double took = seconds_now() - from;
	cpu = cpu_of(load.pids) - cpu;
	for (unsigned i = 0; i < load.visitors; i++)
		pthread_join(workers[i].thread, NULL);
	return report(workers, took, cpu);
}

static bool read_target(const char *path, struct target *t)
{
	const struct { const char *name; char *to; size_t room; } keys[] = {
		{ "base", t->base, sizeof t->base }, { "client_id", t->client_id, sizeof t->client_id },
		{ "client_secret", t->client_secret, sizeof t->client_secret }, { "redirect_uri", t->redirect_uri, sizeof t->redirect_uri },
		{ "scope", t->scope, sizeof t->scope }, { "user", t->user, sizeof t->user }, { "password", t->password, sizeof t->password },
		{ "token", t->token, sizeof t->token }, { "counters", t->counters, sizeof t->counters },
	};
	char line[512];
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL) {
		struct slice value = slice_mem(line, strcspn(line, "\n")), name;
		slice_cut(&value, '=', &name);
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			if (slice_is(name, keys[i].name))
				snprintf(keys[i].to, keys[i].room, "%.*s", (int)value.n, value.p);
		if (slice_is(name, "users"))
			t->users = (unsigned)strtoul(value.p, NULL, 10);
		if (slice_is(name, "mail_port"))
			t->mail_port = (unsigned)strtoul(value.p, NULL, 10);
	}
	fclose(f);
	return t->users > 0 && (*t->token == '\0' || codes_of_tokens(t->token, t->user, t->counters)) && (t->mail_port == 0 || codes_by_mail(t->user, t->mail_port));
}

int main(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "c:d:n:P:")) != -1;)
		switch (o) {
		case 'c': load.visitors = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'd': load.seconds = strtod(optarg, NULL); break;
		case 'n': load.left = strtoul(optarg, NULL, 10); break;
		case 'P': load.pids = optarg; break;
		default: return 2;
		}
	if (argc - optind != 2 || load.visitors == 0 || load.visitors > VISITORS || !read_target(argv[optind], &load.target))
		return fprintf(stderr, "usage: load [-c visitors] [-d seconds | -n flows] [-P pids] target flow\n"), 2;
	for (load.flow = flows; load.flow->name != NULL && strcmp(load.flow->name, argv[optind + 1]) != 0; load.flow++)
		;
	if (load.flow->name == NULL)
		return fprintf(stderr, "load: no flow %s\n", argv[optind + 1]), 2;
	return run();
}
