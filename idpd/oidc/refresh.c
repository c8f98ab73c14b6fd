/* grant_type refresh_token, and the tokens themselves: random names of records, changed at each use (RFC 6749 6, RFC 9700 4.14.2).
 *
 * A client that is registered for the grant always gets one. With scope offline_access it outlives the person's session and rests on the
 * proofs frozen then; without, it ends with the session. */
#include "base/clock.h"
#include "oidc/tokens.h"
#include "svc/audit.h"
#include "svc/state.h"

enum { TOKEN_BYTES = 32, TOKEN_MAX = 64 };

static struct slice pack(struct arena *a, const struct grant *g, bool used)
{
	struct grant kept = *g;
	kept.nonce = NULL;		/* Core 12.2: no nonce in a refreshed ID token */
	kept.has_challenge = false;
	kept.used = used;
	return grant_pack(a, &kept);
}

int refresh_new(struct arena *a, const struct grant *g, struct slice *out)
{
	struct slice token = slice_of(random_id(a, TOKEN_BYTES));
	int e = state_put("refresh", token, pack(a, g, false), oidc_conf()->refresh_ttl_s);
	if (e == OK)
		*out = token;
	return e;
}

int refresh_look(struct arena *a, struct slice token, struct grant *out)
{
	struct slice record;
	if (token.n == 0 || token.n > TOKEN_MAX)
		return E_NOENT;
	int e = state_get(a, "refresh", token, &record);
	if (e != OK)
		return e;
	return grant_unpack(a, record, out) == OK ? OK : E_NOENT;
}

/* Inside the store's transaction: live becomes used. */
static int mark_used(struct state_change *c)
{
	struct grant g;
	if (c->old.p == NULL || grant_unpack(c->a, c->old, &g) != OK)
		return E_NOENT;
	if (g.used)
		return E_EXISTS;
	c->val = pack(c->a, &g, true);
	return OK;
}

static int mark_live(struct state_change *c)
{
	struct grant g;
	if (c->old.p == NULL || grant_unpack(c->a, c->old, &g) != OK)
		return E_NOENT;
	c->val = pack(c->a, &g, false);
	return OK;
}

/* Used twice: by the client and by a thief, and nobody knows which came first. */
static int replayed(struct request *r, const struct service *client, const struct grant *g, struct refusal *no)
{
	int e = grant_revoke(g->family);
	if (e == OK)
		e = AUDIT(.event = EV_REFRESH_REPLAYED, .subject = g->subject, .service = client->id, .peer = r->peer, .session = g->sid);
	return e != OK ? e : refuse(no, "invalid_grant", "the refresh token was used before");
}

/* RFC 6749 6: what was not granted at first cannot be asked for now. */
static int narrow(struct arena *a, struct slice asked, struct grant *g, struct refusal *no)
{
	struct slice rest = asked, word;
	if (asked.n == 0)
		return OK;
	while (slice_cut(&rest, ' ', &word))
		if (word.n > 0 && !slice_has_word(slice_of(g->scope), word))
			return refuse(no, "invalid_scope", "scope is more than was granted");
	if (!slice_has_word(asked, S("openid")))
		return refuse(no, "invalid_scope", "scope must contain openid");
	g->scope = arena_str(a, asked);
	return OK;
}

static int rotate(struct arena *a, const struct grant *g, struct slice old, struct slice *fresh)
{
	struct slice token = slice_of(random_id(a, TOKEN_BYTES));
	struct state_value v = { .val = pack(a, g, false), .ttl_s = oidc_conf()->refresh_ttl_s };
	const struct state_act acts[] = { { "refresh", old, mark_used, NULL }, { "refresh", token, state_putting, &v } };
	int e = state_update_all(acts, 2);
	if (e == OK)
		*fresh = token;
	return e;
}

/* The new token never reached its client: the old one is what it has. */
static void take_back(struct slice old, struct slice fresh)
{
	if (state_update("refresh", old, mark_live, NULL) == OK)
		state_del("refresh", fresh);
}

int token_refresh(struct request *r, struct response *resp, struct asker *asker, struct refusal *no)
{
	const struct service *client = asker->client;
	struct slice token = http_form(r, "refresh_token"), fresh;
	struct grant g, now_granted;
	struct login login;
	struct tokens t;
	if (token.n == 0)
		return refuse(no, "invalid_request", "refresh_token is missing");
	int e = refresh_look(r->a, token, &g);
	if (e == OK && strcmp(g.client, client->client_id) != 0)
		e = E_NOENT;
	if (e == OK && g.used)
		return replayed(r, client, &g, no);
	if (e == OK) {
		now_granted = g;		/* what was granted stays in the record: a scope that is given back is there again */
		e = grant_login(r->a, &now_granted, client, &login);
	}
	if (e == E_NOENT)
		return refuse(no, "invalid_grant", "the refresh token is unknown, or what it rests on has ended");
	if (e != OK)
		return e;
	if ((e = narrow(r->a, http_form(r, "scope"), &now_granted, no)) != OK ||
	    (e = tokens_make(r->a, client, &now_granted, &login, &t)) != OK ||
	    (g.offline && (e = grant_freeze(r->a, &g, &login)) != OK))
		return e;
	e = rotate(r->a, &g, token, &fresh);
	if (e == E_EXISTS)
		return replayed(r, client, &g, no);
	if (e == E_NOENT)
		return refuse(no, "invalid_grant", "the refresh token has expired");
	if (e == OK && (e = tokens_send(r, resp, client, &now_granted, &t, fresh)) == E_DOWN)
		take_back(token, fresh);
	return e;
}
