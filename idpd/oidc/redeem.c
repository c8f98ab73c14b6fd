/* grant_type authorization_code: a code becomes tokens, once (RFC 6749 4.1.3, RFC 7636 4.6); so does whatever else is granted once. */
#include "core/session_services.h"
#include "oidc/request.h"
#include "oidc/tokens.h"
#include "svc/audit.h"
#include "svc/state.h"

enum { VERIFIER_MIN = 43, VERIFIER_MAX = 128, MARGIN_S = 60 };

static bool verifier_fits(struct slice v, const unsigned char challenge[SHA256_LEN])
{
	unsigned char h[SHA256_LEN];
	if (v.n < VERIFIER_MIN || v.n > VERIFIER_MAX)
		return false;
	for (size_t i = 0; i < v.n; i++)	/* RFC 7636 4.1: unreserved characters */
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", v.p[i]) == NULL)
			return false;
	sha256(v, h);
	return slice_same_secret(slice_mem(h, sizeof h), slice_mem(challenge, SHA256_LEN));
}

/* A verifier without a challenge, or the reverse, is a request somebody has altered (RFC 9700 2.1.1 and 4.8). */
static int check_verifier(struct request *r, const struct grant *g, struct refusal *no)
{
	struct slice v = http_form(r, "code_verifier");
	if (v.p == NULL && !g->has_challenge)
		return OK;
	if (v.p == NULL || !g->has_challenge || !verifier_fits(v, g->challenge))
		return refuse(no, "invalid_grant", "code_verifier does not fit the request");
	return OK;
}

static int check_code(struct request *r, const struct service *client, struct grant *g, struct refusal *no)
{
	struct slice code = http_form(r, "code"), uri = http_form(r, "redirect_uri");
	unsigned char h[SHA256_LEN];
	if (code.n == 0)
		return refuse(no, "invalid_request", "code is missing");
	int e = grant_open(r->a, GRANT_CODE, code, g);
	if (e == E_INPUT || e == E_NOENT)
		return refuse(no, "invalid_grant", "the code is unknown or has expired");
	if (e != OK)
		return e;
	if (strcmp(g->client, client->client_id) != 0)
		return refuse(no, "invalid_grant", "the code was given to another client");
	sha256(uri, h);
	if ((uri.p != NULL) != g->has_redirect || (g->has_redirect && memcmp(h, g->redirect, SHA256_LEN) != 0))
		return refuse(no, "invalid_grant", "redirect_uri is not that of the request");
	if (g->has_redirect && !request_redirect_ok(client, uri))		/* an administrator has taken it away: who got the code there should not have */
		return refuse(no, "invalid_grant", "redirect_uri is not registered any more");
	return check_verifier(r, g, no);
}

/* Of any number of redemptions one wins. Each later one means that the code was stolen: by whom, nobody knows, so
 * all that came from it ends (RFC 6749 4.1.2). */
struct spent {
	struct state_claim claim;
	bool before;
};

static int spend_fn(struct state_change *c)
{
	struct spent *s = c->ctx;
	s->before = c->old.p != NULL;
	c->ctx = &s->claim;
	int e = state_claiming(c);
	c->ctx = s;			/* it may run twice */
	return e;
}

static int spend(struct request *r, struct asker *asker, const struct grant *g, unsigned ttl_s, struct refusal *no)
{
	const struct service *client = asker->client;
	struct spent spent = { .claim = { .ttl_s = ttl_s + MARGIN_S, .until = g->made + ttl_s + MARGIN_S } };
	struct state_act acts[3] = { { asker->once.ns, asker->once.key, state_claiming, &asker->once.claim },
		{ "code", slice_mem(g->family, FAMILY_LEN), spend_fn, &spent } };
	size_t first = asker->once.key.n > 0 && !asker->claimed ? 0 : 1, n = session_services_note(r->a, client, g->sid, &acts[2]) ? 3 : 2;
	int e = state_update_all(acts + first, n - first);
	asker->claimed = asker->claimed || e == OK;
	if (e == E_EXISTS && !spent.before) {
		asker->client = NULL;
		return client_used_before(r, client, no);
	}
	if (e != E_EXISTS)
		return e;
	e = grant_revoke(g->family);
	if (e == OK)
		e = AUDIT(.event = EV_CODE_REPLAYED, .subject = g->subject, .service = client->id, .peer = r->peer, .session = g->sid);
	return e != OK ? e : refuse(no, "invalid_grant", "the code was used before");
}

/* The code is spent now. What cannot be given after all leaves it as it was, for the client to come again. */
static int give(struct request *r, struct response *resp, const struct service *client, struct grant *g,
    const struct login *login, const struct tokens *t)
{
	struct slice refresh = S_NONE;
	int e = g->offline ? grant_freeze(r->a, g, login) : OK;
	if (e == OK && g->frozen.n == 0 && service_grant(client, "refresh_token"))
		e = refresh_new(r->a, g, &refresh);
	if (e == OK)
		e = tokens_send(r, resp, client, g, t, refresh);
	if (e != E_DOWN)
		return e;
	if (refresh.p != NULL)
		state_del("refresh", refresh);
	state_del("code", slice_mem(g->family, FAMILY_LEN));
	return e;
}

int token_redeem(struct request *r, struct response *resp, struct asker *asker, struct grant *g, unsigned ttl_s, struct refusal *no)
{
	const struct service *client = asker->client;
	struct login login;
	struct tokens t;
	bool offline = g->offline;
	g->offline = false;		/* nothing is frozen yet: the session itself must stand */
	int e = grant_login(r->a, g, client, &login);
	if (e == OK && g->frozen.n > 0)
		e = directory_allowed(r->a, client, login.person);	/* no session will be asked again */
	if (e == E_NOENT)		/* a code that came before is told all the same: what it gave may outlive the session */
		return (e = spend(r, asker, g, ttl_s, no)) != OK ? e : refuse(no, "invalid_grant", "what the code rests on has ended");
	if (e != OK)
		return e;
	g->offline = offline;
	if ((e = tokens_make(r->a, client, g, &login, &t)) != OK || (e = spend(r, asker, g, ttl_s, no)) != OK)
		return e;
	return give(r, resp, client, g, &login, &t);
}

int token_code(struct request *r, struct response *resp, struct asker *asker, struct refusal *no)
{
	const struct service *client = asker->client;
	struct grant g = { .client = NULL };
	int e = check_code(r, client, &g, no);
	return e != OK ? e : token_redeem(r, resp, asker, &g, oidc_conf()->code_ttl_s, no);
}
