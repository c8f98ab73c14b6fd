/* Which services a session was used at: one record under its sid. */
#include "core/session_services.h"
#include "base/buf.h"

#define NS "session.clients"
enum { KEEP_S = 12 * 3600, CLIENTS_MAX = 64 };

static int noting(struct state_change *c)
{
	const char *id = c->ctx;
	struct slice rest = c->old, one;
	struct buf b = buf_new(c->a);
	size_t n = 0;
	while (slice_cut(&rest, '\n', &one) && one.n > 0) {
		if (slice_is(one, id))
			return OK;
		n++;
	}
	if (n >= CLIENTS_MAX)
		return OK;		/* the session ends for the others all the same */
	buf_raw(&b, c->old);
	buf_printf(&b, "%s\n", id);
	c->val = buf_slice(&b);
	c->ttl_s = KEEP_S;
	return OK;
}

/* A service's newline would begin another's name; no client_id of ours has one, but the directory is others' to write. */
bool session_services_note(struct arena *a, const struct service *service, const char *sid, struct state_act *act)
{
	if (sid == NULL || *sid == '\0' || !slice_is_text(slice_of(service->client_id), ""))
		return false;
	*act = (struct state_act){ NS, slice_of(arena_strdup(a, sid)), noting, arena_strdup(a, service->client_id) };
	return true;
}

int session_services(struct arena *a, const char *sid, struct slice *out)
{
	return state_get(a, NS, slice_of(sid), out);
}

void session_services_forget(const char *sid)
{
	state_del(NS, slice_of(sid));
}
