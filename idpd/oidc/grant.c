/* What was granted to a client: packed, sealed, and held against what stands now. */
#include "core/consents.h"
#include "core/pack.h"
#include "core/policy.h"
#include "oidc/claims.h"
#include "oidc/grant.h"
#include "svc/sealed.h"
#include "svc/state.h"

enum { FORM = 3, MARGIN_S = 60 };	/* FORM changes with the fields: older texts are then refused */

static void fields(struct pack *p, struct grant *g)
{
	pack_bytes(p, g->family, FAMILY_LEN);
	pack_text(p, &g->client);
	pack_text(p, &g->subject);
	pack_text(p, &g->sid);
	pack_slice(p, &g->frozen);
	pack_text(p, &g->scope);
	pack_uint(p, &g->userinfo);
	pack_uint(p, &g->id_token);
	pack_time(p, &g->auth_time);
	pack_time(p, &g->made);
	pack_uint(p, &g->level);
	pack_uint(p, &g->amr);
	pack_uint(p, &g->acr);
	pack_bool(p, &g->offline);
	pack_text(p, &g->nonce);
	pack_bool(p, &g->has_redirect);
	if (g->has_redirect)
		pack_bytes(p, g->redirect, SHA256_LEN);
	pack_bool(p, &g->has_challenge);
	if (g->has_challenge)
		pack_bytes(p, g->challenge, SHA256_LEN);
	pack_bool(p, &g->used);
}

struct slice grant_pack(struct arena *a, const struct grant *g)
{
	struct pack p = pack_compact_writer(a, FORM);
	struct grant copy = *g;
	fields(&p, &copy);
	return buf_slice(&p.out);
}

int grant_unpack(struct arena *a, struct slice packed, struct grant *out)
{
	struct pack p = pack_compact_reader(a, FORM, packed);
	struct grant g = { .client = NULL };
	fields(&p, &g);
	if (pack_done(&p) != OK)
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
	return state_put("frozen", slice_mem(g->family, FAMILY_LEN), session_freeze(a, login->session), oidc_conf()->refresh_ttl_s + MARGIN_S);
}

/* An administrator may have taken a scope from the service since. */
static void keep_within(struct arena *a, struct grant *g, const struct service *service)
{
	struct slice rest = slice_of(g->scope), word;
	struct buf b = buf_new(a);
	while (slice_cut(&rest, ' ', &word))
		if (word.n > 0 && service_scope(service, word)) {
			buf_raw(&b, b.n > 0 ? S(" ") : S(""));
			buf_raw(&b, word);
		}
	g->scope = buf_cstr(&b);
	g->userinfo &= claims_of_service(service);
	g->id_token &= claims_of_service(service);
}

int grant_login(struct arena *a, struct grant *g, const struct service *service, struct login *out)
{
	struct login login;
	int e = standing(a, g, &login);
	if (e != OK)
		return e;
	if (strcmp(login.person->subject, g->subject) != 0)
		return E_NOENT;
	e = directory_allowed(a, service, login.person);	/* who may not enter any more is out, also with a refresh token */
	if (e == OK)		/* at a host nobody is asked */
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
	keep_within(a, g, service);
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
