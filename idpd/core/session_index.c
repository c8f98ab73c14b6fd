/* The sessions of a person: their sids, the oldest first, each ended by a newline.
 *
 * Sessions that idle out leave their line behind until somebody needs its place; so a reader looks at each. */
#include "core/session_index.h"
#include "base/buf.h"

#define NS "person.sessions"
enum { KEEP_S = 12 * 3600 };		/* no session grows older */

static int adding(struct state_change *c)
{
	const struct session *s = c->ctx;
	struct slice rest = c->old, one;
	struct buf b = buf_new(c->a);
	size_t n = 0;
	while (slice_cut(&rest, '\n', &one) && one.n > 0)
		n++;
	if (n >= SESSIONS_MAX)
		return E_LIMIT;
	buf_raw(&b, c->old);
	buf_printf(&b, "%s\n", s->sid);
	c->val = buf_slice(&b);
	c->ttl_s = KEEP_S;
	return OK;
}

static int removing(struct state_change *c)
{
	const struct session *s = c->ctx;
	struct slice rest = c->old, one;
	struct buf b = buf_new(c->a);
	if (c->old.p == NULL)
		return OK;
	while (slice_cut(&rest, '\n', &one) && one.n > 0)
		if (!slice_is(one, s->sid))
			buf_printf(&b, "%.*s\n", (int)one.n, one.p);
	struct slice left = buf_slice(&b);
	c->val = left.n > 0 ? left : S_NONE;
	return OK;
}

struct state_act session_index_with(const struct session *s)
{
	return (struct state_act){ NS, slice_of(s->subject), adding, (void *)s };
}

struct state_act session_index_without(const struct session *s)
{
	return (struct state_act){ NS, slice_of(s->subject), removing, (void *)s };
}

static int take_out(const char *subject, const char *sid)
{
	const struct session gone = { .sid = sid, .subject = subject };
	const struct state_act act = session_index_without(&gone);
	return state_update(act.ns, act.key, act.fn, act.ctx);
}

int session_index_room(const char *subject)
{
	AUTO_ARENA a = arena_new();
	struct slice sids, one;
	const char *oldest = NULL;
	size_t gone = 0;
	int rc = state_get(a, NS, slice_of(subject), &sids);
	while (rc == OK && slice_cut(&sids, '\n', &one) && one.n > 0) {
		struct session s;
		const char *sid = arena_str(a, one);
		int is = session_look(a, one, &s);
		if (is == OK && oldest == NULL)
			oldest = sid;
		else if (is == E_NOENT)
			rc = take_out(subject, sid), gone++;
		else if (is != OK)
			rc = is;
	}
	if (rc == OK && gone == 0 && oldest != NULL)
		rc = session_end_sid(oldest, "too-many");
	return rc == E_NOENT ? OK : rc;
}

int session_list(struct arena *a, const char *subject, struct session out[SESSIONS_MAX], size_t *n)
{
	struct slice sids, one;
	size_t found = 0;
	int rc = state_get(a, NS, slice_of(subject), &sids);
	while (rc == OK && found < SESSIONS_MAX && slice_cut(&sids, '\n', &one) && one.n > 0) {
		int is = session_look(a, one, &out[found]);
		if (is == OK && strcmp(out[found].subject, subject) == 0)
			found++;
		else if (is != OK && is != E_NOENT)
			rc = is;
	}
	if (rc != OK && rc != E_NOENT)
		return rc;
	*n = found;
	return OK;
}
