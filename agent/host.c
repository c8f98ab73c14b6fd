/* What csam.conf makes of this host. */
#include <stdatomic.h>
#include "agent/host.h"
#include "base/log.h"

struct counted {
	struct host host;		/* first: one is the other */
	atomic_int refs;
};

int host_new(const char *file, struct host **out)
{
	struct arena *a = arena_new();
	struct counted *c = ARENA_NEW(a, struct counted);
	const char *why = "";
	c->host.a = a;
	atomic_init(&c->refs, 1);
	int e = agent_conf_read(a, file, &c->host.conf, &why);
	if (e != OK)
		log_err("%s", why);
	else
		e = idp_new(c->host.conf, &c->host.idp);
	if (e != OK) {
		arena_free(a);
		return e;
	}
	c->host.callers = callers_new(a, c->host.conf);
	*out = &c->host;
	return OK;
}

struct host *host_take(struct host *h)
{
	atomic_fetch_add(&((struct counted *)h)->refs, 1);
	return h;
}

struct host *host_drop(struct host *h)
{
	if (h != NULL && atomic_fetch_sub(&((struct counted *)h)->refs, 1) == 1) {
		idp_free(h->idp);
		arena_free(h->a);
	}
	return NULL;
}
