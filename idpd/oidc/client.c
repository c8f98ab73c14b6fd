/* Client authentication: RFC 6749 2.3, RFC 7523 3, OpenID Connect Core 9. */
#include <strings.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "core/stranger.h"
#include "oidc/client.h"
#include "oidc/client_lasting.h"
#include "oidc/jose.h"
#include "svc/state.h"

enum method { BASIC, POST, JWT, NONE };
enum lasting { NEVER, PERHAPS, ALWAYS };	/* may an assertion be sent again? */
const char *const client_methods[] = { "client_secret_basic", "client_secret_post", "private_key_jwt", "none", NULL };

enum { ID_MAX = 256, SECRET_MAX = 1024, SALT = 16, AHEAD_S = 600, SKEW_S = 60, JTI_MAX = 256, CLAIM_LEAST_S = 120 };

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct proof_of_client {
	enum method method;
	struct slice id, secret, assertion;
};

static int denied(struct refusal *no, const char *why)
{
	*no = (struct refusal){ .error = "invalid_client", .text = why, .status = 401, .basic = true };	/* RFC 6749 5.2 */
	return E_INPUT;
}

/* "Basic " base64(form-encoded id ":" form-encoded secret): RFC 6749 2.3.1, RFC 7617 2 */
static int read_basic(struct arena *a, struct slice header, struct proof_of_client *out)
{
	struct slice pair, id, secret;
	if (header.n < 6 || strncasecmp(header.p, "Basic ", 6) != 0)
		return E_INPUT;
	header = slice_trim(slice_mem(header.p + 6, header.n - 6), " ");
	if (b64_decode(a, header, &pair) != OK || !slice_cut(&pair, ':', &id) || pair.p == NULL)
		return E_INPUT;
	secret = pair;
	if (form_decode(a, id, &out->id) != OK || form_decode(a, secret, &out->secret) != OK)
		return E_INPUT;
	return OK;
}

/* The client named in an assertion, before anything of it is believed. */
static int read_assertion_id(struct arena *a, struct slice assertion, struct slice *id)
{
	struct slice rest = assertion, head, payload, text;
	json_t *v;
	if (assertion.n > JOSE_MAX || !slice_cut(&rest, '.', &head) || !slice_cut(&rest, '.', &payload) ||
	    b64url_decode(a, payload, &text) != OK || json_parse(a, text, &v, NULL) != OK)
		return E_INPUT;
	*id = slice_of(json_str(v, "sub"));
	return id->n > 0 ? OK : E_INPUT;
}

/* Exactly one method (RFC 6749 2.3), and which. */
static int read_proof(struct request *r, struct proof_of_client *out, struct refusal *no)
{
	struct slice header = http_header(r, "Authorization"), secret = http_form(r, "client_secret"),
	    assertion = http_form(r, "client_assertion"), type = http_form(r, "client_assertion_type"), id = http_form(r, "client_id");
	*out = (struct proof_of_client){ .method = NONE, .id = id };
	if ((header.p != NULL) + (secret.n > 0) + (assertion.n > 0) > 1)	/* 3.2: without a value is absent */
		return refuse(no, "invalid_request", "more than one way of client authentication");
	if (http_query_text(r).n > 0)		/* RFC 6749 2.3.1: never in the address, where logs keep it */
		return refuse(no, "invalid_request", "parameters belong in the body");
	if (header.p != NULL) {
		out->method = BASIC;
		if (read_basic(r->a, header, out) != OK)
			return denied(no, "the Authorization header is not understood");
	} else if (secret.n > 0) {
		out->method = POST;
		out->secret = secret;
	} else if (assertion.n > 0 || type.n > 0) {
		out->method = JWT;
		out->assertion = assertion;
		if (!slice_is(type, ASSERTION_TYPE) || read_assertion_id(r->a, assertion, &out->id) != OK)
			return denied(no, "the client assertion is not understood");
	}
	if (out->id.n == 0 || out->id.n > ID_MAX || out->secret.n > SECRET_MAX)
		return denied(no, "the client is not known");
	if (id.p != NULL && !slice_eq(id, out->id))
		return refuse(no, "invalid_request", "client_id is another than that of the client authentication");
	return OK;
}

static bool secret_is(struct arena *a, const char *stored, struct slice given)
{
	static const struct slice scheme = { "{SHA256}", 8 };
	struct slice s = slice_of(stored), raw;
	unsigned char h[SHA256_LEN];
	if (!slice_starts(s, scheme)) {
		/* compare hashes: the time does not tell the length either */
		unsigned char g[SHA256_LEN];
		sha256(given, g);
		sha256(s, h);
		return s.n > 0 && slice_same_secret(slice_mem(g, sizeof g), slice_mem(h, sizeof h));
	}
	if (b64_decode(a, slice_mem(s.p + scheme.n, s.n - scheme.n), &raw) != OK || raw.n != SALT + SHA256_LEN)
		return false;
	struct buf b = buf_new(a);
	buf_raw(&b, slice_mem(raw.p, SALT));
	buf_raw(&b, given);
	sha256(buf_slice(&b), h);
	return slice_same_secret(slice_mem(raw.p + SALT, SHA256_LEN), slice_mem(h, sizeof h));
}

bool client_secret_ok(struct arena *a, const char *const *stored, struct slice given)
{
	bool ok = false;
	if (given.n == 0 || stored == NULL)
		return false;
	for (; *stored != NULL; stored++)	/* all of them, whichever fits */
		ok |= secret_is(a, *stored, given);
	return ok;
}

/* An endpoint of ours, known or not. */
static bool is_below(const char *address, const char *issuer)
{
	size_t n = strlen(issuer);
	return strncmp(address, issuer, n) == 0 && address[n] == '/';
}

/* The issuer, the token endpoint, or the endpoint that is asked; and nobody besides: another server that the client means as well could show us what
 * it was shown (RFC 7523 3 (3) lets a client name several; draft-ietf-oauth-rfc7523bis says why it should not). */
static bool audience_is_us(const struct request *r, const json_t *aud)
{
	const char *issuer = oidc_conf()->issuer, *token = arena_printf(r->a, "%s%s", issuer, OIDC_TOKEN_PATH);
	const char *here = arena_printf(r->a, "%s%s", issuer, r->path != NULL ? r->path : "");
	size_t n = json_is_array(aud) ? json_array_size(aud) : 1;
	bool us = false;
	for (size_t i = 0; i < n; i++) {
		const char *one = json_string_value(json_is_array(aud) ? json_array_get(aud, i) : aud);
		if (one == NULL || (strcmp(one, issuer) != 0 && !is_below(one, issuer)))
			return false;
		us = us || strcmp(one, issuer) == 0 || strcmp(one, token) == 0 || strcmp(one, here) == 0;
	}
	return us;
}

static bool audience_is_here(const struct request *r, const json_t *aud)
{
	return r->path != NULL && json_is_string(aud) &&
	    strcmp(json_string_value(aud), arena_printf(r->a, "%s%s", oidc_conf()->issuer, r->path)) == 0;
}

/* RFC 7523 3, with the times that RFC 9700 and good sense want. */
static const char *assertion_fault(const struct request *r, const struct service *s, const json_t *v, bool lasting)
{
	const json_t *exp = json_object_get(v, "exp"), *nbf = json_object_get(v, "nbf"), *iat = json_object_get(v, "iat");
	const char *iss = json_str(v, "iss"), *sub = json_str(v, "sub"), *jti = json_str(v, "jti");
	time_t t = now();
	if (iss == NULL || sub == NULL || strcmp(iss, s->client_id) != 0 || strcmp(sub, s->client_id) != 0)
		return "iss and sub of the assertion must be the client";
	if (lasting ? !audience_is_here(r, json_object_get(v, "aud")) : !audience_is_us(r, json_object_get(v, "aud")))
		return lasting ? "aud of the assertion must be this endpoint alone" : "aud of the assertion must be the issuer or the token endpoint and nobody else";
	if (!json_is_integer(exp) || json_integer_value(exp) <= t || json_integer_value(exp) > t + AHEAD_S)
		return "exp of the assertion must lie within the next ten minutes";
	if (nbf != NULL && (!json_is_integer(nbf) || json_integer_value(nbf) > t + SKEW_S))
		return "nbf of the assertion lies in the future";
	if (iat != NULL && (!json_is_integer(iat) || json_integer_value(iat) > t + SKEW_S))
		return "iat of the assertion lies in the future";
	if (!lasting && (jti == NULL || jti[0] == '\0' || strlen(jti) > JTI_MAX))
		return "the assertion needs a jti";
	return NULL;
}

static int check_assertion(struct request *r, const struct service *s, struct slice assertion, enum lasting may, struct client_once *once, struct refusal *no)
{
	json_t *v;
	const char *why;
	bool known = s->jwks != NULL && may != NEVER && lasting_known(r->a, s, assertion, &v);
	if (!known && (s->jwks == NULL || jose_verify(r->a, assertion, s->jwks, &v, &why) != OK))
		return denied(no, "the client assertion is not signed by a key of the client");
	bool lasting = may == ALWAYS || (may == PERHAPS && json_object_get(v, "jti") == NULL);
	if ((why = assertion_fault(r, s, v, lasting)) != NULL)
		return denied(no, why);
	if (lasting && !known)
		lasting_keep(r->a, s, assertion, (time_t)json_integer_value(json_object_get(v, "exp")));
	if (lasting)
		return OK;
	/* RFC 7523 3 (7): once. The claim outlives the assertion. */
	once->key = slice_of(arena_printf(r->a, "%s\n%s", s->client_id, json_str(v, "jti")));
	time_t end = (time_t)json_integer_value(json_object_get(v, "exp"));
	once->claim = (struct state_claim){ .ttl_s = (unsigned)(end - now()) + CLAIM_LEAST_S, .until = end + CLAIM_LEAST_S };
	return OK;
}

static int check_proof(struct request *r, const struct service *s, const struct proof_of_client *p, enum lasting may, struct client_once *once, struct refusal *no)
{
	const char *registered = s->auth_method ? s->auth_method : "client_secret_basic";
	if (!service_is_open(s))
		return denied(no, "the service is closed");
	if (strcmp(registered, client_methods[p->method]) != 0 || (may != NEVER && p->method != JWT))
		return denied(no, "this is not the client's registered way of authentication");
	switch (p->method) {
	case BASIC:
	case POST:
		return client_secret_ok(r->a, s->secrets, p->secret) ? OK : denied(no, "client authentication failed");
	case JWT:
		return check_assertion(r, s, p->assertion, may, once, no);
	case NONE:
		return OK;
	}
	return E_BUG;
}

int client_record_no(struct request *r, enum audit_event event, const struct service *s, const char *why)
{
	int down = stranger_has_line(r->a, event, r->peer) ? AUDIT(.event = event, .service = s->id, .peer = r->peer, .why = why) : OK;
	return down != OK ? down : E_INPUT;
}

static int authenticate(struct request *r, enum lasting may, const struct service **out, struct client_once *once, struct refusal *no)
{
	struct proof_of_client p;
	const struct service *s;
	*once = (struct client_once){ .ns = "jti" };
	int e = read_proof(r, &p, no);
	if (e != OK)
		return e;
	e = directory_client(r->a, p.id, &s);
	if (e == E_NOENT)
		return denied(no, "client authentication failed");
	if (e != OK)
		return e;
	e = check_proof(r, s, &p, may, once, no);
	if (e == E_INPUT)
		return client_record_no(r, EV_CLIENT_REFUSED, s, "client-authentication");
	if (e == OK)
		*out = s;
	return e;
}

int client_used_before(struct request *r, const struct service *s, struct refusal *no)
{
	denied(no, "the client assertion was used before");
	return client_record_no(r, EV_CLIENT_REFUSED, s, "client-authentication");
}

int client_use(struct request *r, const struct service *s, const struct client_once *once, struct refusal *no)
{
	int e = once->key.n > 0 ? state_update(once->ns, once->key, state_claiming, (void *)(uintptr_t)&once->claim) : OK;
	return e == E_EXISTS ? client_used_before(r, s, no) : e;
}

int client_authenticate(struct request *r, const struct service **out, struct refusal *no)
{
	struct client_once once;
	const struct service *s;
	int e = authenticate(r, NEVER, &s, &once, no);
	if (e == OK)
		e = client_use(r, s, &once, no);
	if (e == OK)
		*out = s;
	return e;
}

int client_authenticate_once(struct request *r, const struct service **out, struct client_once *once, struct refusal *no)
{
	return authenticate(r, NEVER, out, once, no);
}

int client_authenticate_lasting(struct request *r, bool only, const struct service **out, struct client_once *once, struct refusal *no)
{
	return authenticate(r, only ? ALWAYS : PERHAPS, out, once, no);
}

bool client_is_public(const struct service *service)
{
	return service->auth_method != NULL && strcmp(service->auth_method, "none") == 0;
}
