/* outbox-fill CONF COUNT THREADS TO TEXT: puts messages into the outbox beside a running idpd, as its own code would. TO has a %u for the number. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "outgoing.h"
#include "svc/keyring.h"
#include "svc/texts.h"

enum { THREADS = 16 };

static atomic_uint next, failed;
static unsigned count;
static const char *to, *text_id;

static void *fill(void *unused)
{
	for (unsigned i; (i = atomic_fetch_add(&next, 1)) < count;) {
		AUTO_ARENA a = arena_new();
		const char *percent = strstr(to, "%u");
		const struct text_arg args[] = { { "host", "https://idp.example" } };
		const struct message m = { .channel = strncmp(text_id, "sms", 3) == 0 ? CHANNEL_SMS : CHANNEL_MAIL, .text_id = text_id, .args = args, .nargs = 1,
			.to = percent == NULL ? to : arena_printf(a, "%.*s%u%s", (int)(percent - to), to, i, percent + 2), .expires = now() + 3600 };
		if (outbox_put(a, &m) != OK)
			atomic_fetch_add(&failed, 1);
	}
	return unused;
}

int main(int argc, char **argv)
{
	AUTO_ARENA a = arena_new();
	const struct conf *c;
	const char *why;
	struct outgoing out;
	pthread_t threads[THREADS];
	if (argc != 6 || conf_read(a, argv[1], &c, &why) != OK)
		return 2;
	count = (unsigned)strtoul(argv[2], NULL, 10);
	unsigned n = (unsigned)strtoul(argv[3], NULL, 10);
	to = argv[4];
	text_id = argv[5];
	log_open("outbox-fill", LOG_LEVEL_WARN);
	keyring_open(arena_printf(a, "%s/keyring.sock", c->server_runtime_dir));
	if (n == 0 || n > THREADS || state_open(c->server_state_dir, (unsigned)c->state_map_size) != OK ||
	    texts_open(arena_printf(a, "%s/texts", c->server_share_dir), c->server_languages) != OK ||
	    outgoing_read(a, c, &out) != OK || outgoing_open(a, &out) != OK)
		return 3;
	for (enum channel i = 0; i < CHANNELS; i++)
		out.outbox.of[i].workers = 0;		/* it only puts */
	if (outbox_open(&out.outbox) != OK)
		return 3;
	uint64_t t = ticks_ms();
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, fill, NULL) != 0)
			abort();
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	t = ticks_ms() - t;
	printf("%u put, %u refused, %llu ms\n", count - failed, failed, (unsigned long long)t);
	outbox_close();
	state_close();
	return failed > 0;
}
