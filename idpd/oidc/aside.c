/* Authorization requests put aside while their person signs in: a state record with the parameters as they came, checked anew when taken up. */
#include "base/clock.h"
#include "core/subscriber.h"
#include "oidc/record.h"
#include "oidc/request.h"
#include "svc/state.h"

enum { FORM = 1, NAME_BYTES = 16, NAME_MAX_TEXT = 32 };

static struct slice pack(struct arena *a, const struct auth_request *req)
{
	struct buf b = buf_new(a);
	record_num(&b, FORM);
	record_text(&b, req->bound ? slice_mem(req->browser, SHA256_LEN) : S(""));
	record_num(&b, (uint64_t)req->began);
	record_text(&b, slice_of(req->consented));
	for (size_t i = 0; i < PARAMS; i++) {
		record_num(&b, req->param[i].p != NULL);
		record_text(&b, req->param[i]);
	}
	return buf_slice(&b);
}

static int unpack(struct arena *a, struct slice packed, struct auth_request *out)
{
	struct record r = { .a = a, .rest = packed };
	struct auth_request req = { .max_age = -1 };
	if (record_get_num(&r) != FORM)
		return E_NOENT;		/* of an older version: start again */
	req.bound = record_get_bytes(&r, req.browser, SHA256_LEN);
	req.began = (time_t)record_get_num(&r);
	req.consented = record_get_str(&r);
	for (size_t i = 0; i < PARAMS; i++) {
		bool present = record_get_num(&r) == 1;
		struct slice v = record_get_text(&r);
		req.param[i] = present ? v : S_NONE;
	}
	if (!record_done(&r))
		return E_NOENT;
	*out = req;
	return OK;
}

int request_save(struct arena *a, const char *peer, struct auth_request *req)
{
	if (req->id == NULL)
		req->id = random_id(a, NAME_BYTES);
	return state_put_guest("authz", slice_of(req->id), pack(a, req), oidc_conf()->request_ttl_s, subscriber_of(a, peer));
}

int request_load(struct arena *a, struct slice id, struct slice browser, struct auth_request *out)
{
	struct slice packed;
	unsigned char mark[SHA256_LEN];
	if (id.n == 0 || id.n > NAME_MAX_TEXT || browser.n == 0)
		return E_NOENT;
	int e = state_get(a, "authz", id, &packed);
	if (e != OK || (e = unpack(a, packed, out)) != OK)
		return e;
	sha256(browser, mark);
	out->id = arena_str(a, id);
	if (out->bound)
		return slice_same_secret(slice_mem(mark, sizeof mark), slice_mem(out->browser, SHA256_LEN)) ? OK : E_NOENT;
	memcpy(out->browser, mark, sizeof mark);	/* it came by a cross-site POST, without cookies */
	out->bound = true;
	return request_save(a, NULL, out);	/* it is there already */
}
