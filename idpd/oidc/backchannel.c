/* Back-channel logout: a signed word to each service that a session was used at, when it ends. */
#include "base/clock.h"
#include "base/log.h"
#include "core/session_services.h"
#include "oidc/backchannel.h"
#include "oidc/idtoken.h"
#include "oidc/jose.h"
#include "svc/partner.h"

enum { TOKEN_LIFE_S = 120, TRY_FOR_S = 3600 };

static void tell(struct arena *a, const struct session *s, struct slice client)
{
	const struct service *service;
	int rc = directory_client(a, client, &service);
	if (rc == E_NOENT || (rc == OK && service->backchannel_uri == NULL))
		return;		/* an administrator has taken it out since */
	if (rc == OK) {
		const struct text_arg args[] = { { "client", service->client_id }, { "subject", s->subject }, { "sid", s->sid } };
		rc = outbox_put(a, &(struct message){ .channel = CHANNEL_LOGOUT, .to = service->backchannel_uri, .text_id = "logout", .args = args, .nargs = 3,
			.expires = now() + TRY_FOR_S, .dedup = arena_printf(a, "%s %s", s->sid, service->client_id) });
	}
	if (rc != OK && rc != E_EXISTS)
		log_warn("back-channel logout: %.*s is not told that a session has ended", (int)client.n, client.p);
}

/* Before the session's record goes, so that a process that dies between the two tells nobody too little. A service that cannot be told keeps
 * nobody signed in. */
void backchannel_session_ends(const struct session *s)
{
	AUTO_ARENA a = arena_new();
	struct slice clients, one;
	if (session_services(a, s->sid, &clients) != OK)
		return;
	while (outbox_carries(CHANNEL_LOGOUT) && slice_cut(&clients, '\n', &one) && one.n > 0)
		tell(a, s, one);
	session_services_forget(s->sid);
}

/* 2.4: who, to whom, which session; the event; no nonce, so that it is taken for no ID token. The jti is the same at each try. */
static int logout_token(struct arena *a, const struct service *service, const struct parcel *p, struct slice *out)
{
	const char *sub;
	time_t t = now();
	int rc = oidc_subject(a, service, parcel_arg(p, "subject"), &sub);
	if (rc != OK)
		return rc;
	json_t *v = json_own(a, json_pack("{ss ss ss sI sI ss ss s{s{}}}", "iss", oidc_conf()->issuer, "sub", sub, "aud", service->client_id,
	    "iat", (json_int_t)t, "exp", (json_int_t)t + TOKEN_LIFE_S, "jti", p->id, "sid", oidc_sid(a, service, parcel_arg(p, "sid")),
	    "events", "http://schemas.openid.net/event/backchannel-logout"));
	return jose_sign(a, service_id_token_alg(service), "logout+jwt", v, out);
}

/* 2.5, 2.8: 200 (some say 204) is done; 400 is the service's last word. Any trouble is that service's alone: the channel goes on. */
static enum sent judge(struct arena *a, long status, const char **why)
{
	if (status == 200 || status == 204)
		return SENT_OK;
	*why = arena_printf(a, "the service answers %ld", status);
	return status == 400 ? SENT_NEVER : SENT_LATER;
}

enum sent backchannel_carry(struct arena *a, const struct parcel *p, const char **why)
{
	const struct service *service;
	struct slice token;
	struct partner_answer r = { .why = "" };
	int rc = directory_client(a, slice_of(parcel_arg(p, "client")), &service);
	if (rc == E_NOENT || (rc == OK && service->backchannel_uri == NULL)) {
		*why = "the service is not registered for it any more";
		return SENT_NEVER;
	}
	if (rc != OK || logout_token(a, service, p, &token) != OK) {
		*why = "directory or keyring do not answer";
		return SENT_DOWN;
	}
	const char *allow[] = { service->backchannel_uri, NULL };	/* as it is registered now */
	struct buf body = buf_new(a);
	buf_lit(&body, "logout_token=");
	buf_url(&body, token);
	rc = partner_call(a, &(struct partner_call){ .url = service->backchannel_uri, .allow = allow, .plain_http = oidc_conf()->allow_loopback_http,
		.type = "application/x-www-form-urlencoded", .body = buf_slice(&body), .quiet = true }, &r);
	if (rc == OK)
		return judge(a, r.status, why);
	*why = rc == E_DOWN ? r.why : "its address may not be called";
	return rc == E_DOWN ? SENT_LATER : SENT_NEVER;
}
