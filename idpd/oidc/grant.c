/* What was granted to a client: packed, sealed, and held against what stands now. */
#include "core/consents.h"
#include "core/policy.h"
#include "oidc/grant.h"
#include "oidc/record.h"
#include "svc/sealed.h"
#include "svc/state.h"

enum { FORM = 2, MARGIN_S = 60 };	/* FORM changes with the fields: older texts are then refused */

struct slice grant_pack(struct arena *a, const struct grant *g)
{
	struct buf b = buf_new(a);
	record_num(&b, FORM);
	buf_raw(&b, slice_mem(g->family, FAMILY_LEN));
	record_text(&b, slice_of(g->client));
	record_text(&b, slice_of(g->subject));
	record_text(&b, slice_of(g->sid));
	record_text(&b, g->frozen);
	record_text(&b, slice_of(g->scope));
	record_num(&b, g->userinfo);
	record_num(&b, g->id_token);
	record_num(&b, (uint64_t)g->auth_time);
	record_num(&b, (uint64_t)g->made);
	record_num(&b, g->level);
	record_num(&b, g->amr);
	record_num(&b, g->acr);
	record_num(&b, g->offline);
	record_text(&b, slice_of(g->nonce));
	record_text(&b, g->has_redirect ? slice_mem(g->redirect, SHA256_LEN) : S(""));
	record_text(&b, g->has_challenge ? slice_mem(g->challenge, SHA256_LEN) : S(""));
	return buf_slice(&b);
}

int grant_unpack(struct arena *a, struct slice packed, struct grant *out)
{
	struct record r = { .a = a, .rest = packed };
	struct grant g = { .client = NULL };
	if (record_get_num(&r) != FORM || r.rest.n < FAMILY_LEN)
		return E_INPUT;
	memcpy(g.family, r.rest.p, FAMILY_LEN);
	r.rest = slice_mem(r.rest.p + FAMILY_LEN, r.rest.n - FAMILY_LEN);
	g.client = record_get_str(&r);
	g.subject = record_get_str(&r);
	g.sid = record_get_str(&r);
	g.frozen = record_get_text(&r);
	g.scope = record_get_str(&r);
	g.userinfo = (uint32_t)record_get_num(&r);
	g.id_token = (uint32_t)record_get_num(&r);
	g.auth_time = (time_t)record_get_num(&r);
	g.made = (time_t)record_get_num(&r);
	g.level = (unsigned)record_get_num(&r);
	g.amr = (unsigned)record_get_num(&r);
	g.acr = (unsigned)record_get_num(&r);
	g.offline = record_get_num(&r) == 1;
	g.nonce = record_get_str(&r);
	g.has_redirect = record_get_bytes(&r, g.redirect, SHA256_LEN);
	g.has_challenge = record_get_bytes(&r, g.challenge, SHA256_LEN);
	if (!record_done(&r))
		return E_INPUT;
	*out = g;
	return OK;
}

int grant_seal(struct arena *a, const char *kind, const struct grant *g, time_t expires, struct slice *out)
{
	return sealed_make(a, kind, grant_pack(a, g), expires, out);
}

int grant_open(struct arena *a, const char *kind, struct slice text, struct grant *out)
{
	struct slice packed;
	int e = sealed_open(a, kind, text, &packed);
	return e != OK ? e : grant_unpack(a, packed, out);
}

static int standing(struct arena *a, const struct grant *g, struct login *out)
{
	struct slice mark;
	int e = state_get(a, "revoked", slice_mem(g->family, FAMILY_LEN), &mark);
	if (e != E_NOENT)
		return e == OK ? E_NOENT : e;
	if (g->frozen.n > 0)
		return session_thaw(a, g->frozen, out);
	if (!g->offline)
		return session_login_sid(a, g->sid, out);
	e = state_get(a, "frozen", slice_mem(g->family, FAMILY_LEN), &mark);
	return e != OK ? e : session_thaw(a, mark, out);
}

int grant_freeze(struct arena *a, const struct grant *g, const struct login *login)
{
	struct slice frozen;
	int e = session_freeze(a, login->session, &frozen);
	if (e != OK)
		return e;
	return state_put("frozen", slice_mem(g->family, FAMILY_LEN), frozen, oidc_conf()->refresh_ttl_s + MARGIN_S);
}

int grant_login(struct arena *a, const struct grant *g, const struct service *service, struct login *out)
{
	struct login login;
	int e = standing(a, g, &login);
	if (e != OK)
		return e;
	if (strcmp(login.person->subject, g->subject) != 0)
		return E_NOENT;
	e = directory_allowed(a, service, login.person);	/* who may not enter any more is out, also with a refresh token */
	if (e == OK)		/* on another device the person agreed there, and no line was written */
		e = consent_stands(login.person, service->id, g->made, service->ask_consent && g->frozen.n == 0);
	if (e != OK)
		return e;
	unsigned level = session_level_for(&login, service);
	if (level == 0 || level < service->level || level < g->acr)
		return E_NOENT;
	/* What was proven since then belongs to other grants: never more than at first. */
	if (login.level >= g->level) {
		login.level = g->level;
		login.amr = g->amr;
	}
	*out = login;
	return OK;
}

unsigned grant_acr(const struct grant *g, const struct login *login)
{
	return g->acr ? g->acr : login->level;
}

int grant_revoke(const unsigned char family[FAMILY_LEN])
{
	const struct oidc_conf *c = oidc_conf();
	/* No token of the family can be changed for a newer one any more, so none outlives this mark. */
	return state_put("revoked", slice_mem(family, FAMILY_LEN), S("1"), c->refresh_ttl_s + c->access_ttl_s + MARGIN_S);
}
