/* Authorization requests put aside while their person signs in: a state record with the parameters as they came, checked anew when taken up. */
#include "base/clock.h"
#include "core/pack.h"
#include "core/subscriber.h"
#include "oidc/request.h"
#include "svc/state.h"

#define REQUEST_PATH "/oidc/authorize?r="

enum { SLOW_S = 60 /* for the way back */, FORM = 2, NAME_BYTES = 16, NAME_MAX_TEXT = 32 };

static void fields(struct pack *p, struct auth_request *req)
{
	pack_bool(p, &req->bound);
	if (req->bound)
		pack_bytes(p, req->browser, SHA256_LEN);
	pack_time(p, &req->began);
	pack_text(p, &req->consented);
	for (size_t i = 0; i < PARAMS; i++)
		pack_slice(p, &req->param[i]);
}

static struct slice encode(struct arena *a, const struct auth_request *req)
{
	struct pack p = pack_compact_writer(a, FORM);
	struct auth_request copy = *req;
	fields(&p, &copy);
	return buf_slice(&p.out);
}

static int decode(struct arena *a, struct slice bytes, struct auth_request *out)
{
	struct pack p = pack_compact_reader(a, FORM, bytes);
	struct auth_request req = { .max_age = -1 };
	fields(&p, &req);
	if (pack_done(&p) != OK)
		return E_NOENT;		/* of an older version: start again */
	*out = req;
	return OK;
}

int request_save(struct arena *a, const char *peer, struct auth_request *req)
{
	if (req->id == NULL)
		req->id = random_id(a, NAME_BYTES);
	return state_put_guest("authz", slice_of(req->id), encode(a, req), oidc_conf()->request_ttl_s, subscriber_of(a, peer));
}

int request_load(struct arena *a, struct slice id, struct slice browser, struct auth_request *out)
{
	struct slice bytes;
	unsigned char mark[SHA256_LEN];
	if (id.n == 0 || id.n > NAME_MAX_TEXT || browser.n == 0)
		return E_NOENT;
	int e = state_get(a, "authz", id, &bytes);
	if (e != OK || (e = decode(a, bytes, out)) != OK)
		return e;
	sha256(browser, mark);
	out->id = arena_str(a, id);
	if (out->bound)
		return slice_same_secret(slice_mem(mark, sizeof mark), slice_mem(out->browser, SHA256_LEN)) ? OK : E_NOENT;
	memcpy(out->browser, mark, sizeof mark);	/* it came by a cross-site POST, without cookies */
	out->bound = true;
	return request_save(a, NULL, out);	/* it is there already */
}

static int live_on(struct state_change *c)
{
	if (c->old.p == NULL)
		return E_NOENT;
	c->guest = true;
	c->ttl_s = oidc_conf()->request_ttl_s + SLOW_S;
	return OK;
}

/* Who it is bound to need not be asked: the conversation that leads back here is bound to the same browser. */
void request_lives_on(const char *back)
{
	struct slice s = slice_of(back), prefix = S(REQUEST_PATH);
	if (slice_starts(s, prefix))
		state_update("authz", slice_mem(s.p + prefix.n, s.n - prefix.n), live_on, NULL);
}
