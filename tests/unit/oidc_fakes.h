/* The world of the OpenID Connect provider's tests: the core's fakes, a keyring with real keys, requests made by hand, pages that are only
 * noted. Real are oidc/, sessions, policy and seals. Link with -Wl,--wrap=now. */
#ifndef OIDC_FAKES_H
#define OIDC_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include "core/conversation.h"
#include "oidc/oidc.h"

/* Seals are the real ones here. */
#define sealed_make unused_sealed_make
#define sealed_open unused_sealed_open
#include "fakes.c"
#undef sealed_make
#undef sealed_open
#include "base/codec.h"
#include "oidc/oidc.h"
#include "svc/sealed.h"
#include "web/web.h"

/* no test needs all of it */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

/* --- keys --- */

enum { K_RSA, K_EC, K_ED, NTESTKEYS };
static EVP_PKEY *test_key[NTESTKEYS];

static void make_test_keys(void)
{
	if (test_key[0] != NULL)
		return;
	test_key[K_RSA] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	test_key[K_EC] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	test_key[K_ED] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static struct slice key_number(struct arena *a, EVP_PKEY *key, const char *name, size_t width)
{
	BIGNUM *n = NULL;
	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	size_t len = width ? width : (size_t)BN_num_bytes(n);
	unsigned char *p = arena_alloc(a, len);
	BN_bn2binpad(n, p, (int)len);
	BN_free(n);
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(p, len));
	return buf_slice(&b);
}

/* The public part as a JWK; extra is more members: ",\"kid\":\"x\"". */
static const char *test_jwk(struct arena *a, int which, EVP_PKEY *key, const char *extra)
{
	if (which == K_RSA)
		return arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", key_number(a, key, OSSL_PKEY_PARAM_RSA_N, 0).p,
		    key_number(a, key, OSSL_PKEY_PARAM_RSA_E, 0).p, extra);
	if (which == K_EC)
		return arena_printf(a, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
		    key_number(a, key, OSSL_PKEY_PARAM_EC_PUB_X, 32).p, key_number(a, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32).p, extra);
	unsigned char raw[32];
	size_t n = sizeof raw;
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(raw, n));
	return arena_printf(a, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}", b.p, extra);
}

static int which_key(const char *alg)
{
	return strcmp(alg, "ES256") == 0 ? K_EC : strcmp(alg, "EdDSA") == 0 ? K_ED : K_RSA;
}

static struct slice raw_ecdsa(struct arena *a, struct slice der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	unsigned char *raw = arena_alloc(a, 64);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
	ECDSA_SIG_free(s);
	return slice_mem(raw, 64);
}

static struct slice sign_with(struct arena *a, const char *alg, EVP_PKEY *key, struct slice msg)
{
	unsigned char *sig = arena_alloc(a, 1024);
	size_t n = 1024;
	EVP_PKEY_CTX *pc;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(c, &pc, strcmp(alg, "EdDSA") == 0 ? NULL : EVP_sha256(), NULL, key), 1);
	if (strcmp(alg, "PS256") == 0) {
		EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(c, sig, &n, (const unsigned char *)msg.p, msg.n), 1);
	EVP_MD_CTX_free(c);
	return strcmp(alg, "ES256") == 0 ? raw_ecdsa(a, slice_mem(sig, n)) : slice_mem(sig, n);
}

/* header and payload as given: for tokens that should not exist. */
static struct slice token_of(struct arena *a, const char *alg, EVP_PKEY *key, const char *header, const char *payload)
{
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_of(header));
	buf_char(&b, '.');
	buf_b64url(&b, slice_of(payload));
	struct slice sig = sign_with(a, alg, key, buf_slice(&b));
	buf_char(&b, '.');
	buf_b64url(&b, sig);
	return buf_slice(&b);
}

static unsigned fake_sign_us;			/* how long a signature takes */
static const char *fake_kid = "k1";		/* of the key that signs now */

int keyring_sign(struct arena *a, const char *alg, struct slice msg, struct slice *sig, const char **kid)
{
	BREAK();
	if (fake_sign_us > 0)
		usleep(fake_sign_us);
	*sig = sign_with(a, alg, test_key[which_key(alg)], msg);
	*kid = arena_printf(a, "%s-%s", alg, fake_kid);
	return OK;
}

int keyring_public(struct arena *a, struct slice *jwks)
{
	BREAK();
	static const char *const known[] = { "RS256", "PS256", "ES256", "EdDSA", NULL };
	struct buf b = buf_new(a);
	buf_lit(&b, "{\"keys\":[");
	for (int i = 0; known[i] != NULL; i++)
		buf_printf(&b, "%s%s", i ? "," : "", test_jwk(a, which_key(known[i]), test_key[which_key(known[i])],
		    arena_printf(a, ",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%s-%s\"", known[i], known[i], fake_kid)));
	buf_lit(&b, "]}");
	*jwks = buf_slice(&b);
	return OK;
}

int keyring_subject(struct arena *a, const char *sector, const char *subject, const char **out)
{
	BREAK();
	unsigned char h[SHA256_LEN];
	sha256(slice_of(arena_printf(a, "%s %s", sector, subject)), h);
	struct buf b = buf_new(a);
	buf_b64url(&b, slice_mem(h, sizeof h));
	*out = b.p;
	return OK;
}

int keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	memset(out, (int)(day & 0xff), AEAD_KEY_LEN);
	return OK;
}

/* --- more of state and directory --- */

enum { TAX, APP, SPA, NCLIENTS };
static struct service client[NCLIENTS];
static const char *fake_consent;

int directory_client(struct arena *a, struct slice id, const struct service **out)
{
	(void)a;
	BREAK();
	for (size_t i = 0; i < NCLIENTS; i++)
		if (slice_is(id, client[i].client_id)) {
			*out = &client[i];
			return OK;
		}
	return E_NOENT;
}

int directory_consent_end(const struct person *person, const char *service_id)
{
	(void)person, (void)service_id;
	fake_consent = NULL;
	return OK;
}

int directory_consent(const struct person *person, const char *service_id, const char *scopes, time_t when)
{
	WRITES();
	static char line[200];
	static const char *list[2];
	snprintf(line, sizeof line, "%s %s %lld", service_id, scopes, (long long)when);
	list[0] = fake_consent = line;
	((struct person *)person)->consents = list;
	return OK;
}

/* --- requests: "name=value&name=value", decoded as the door does --- */

static struct { const char *query, *form, *authorization, *browser, *session; } in;

static struct slice field(struct arena *a, const char *text, const char *name)
{
	struct slice rest = slice_of(text), part, key, value;
	while (slice_cut(&rest, '&', &part)) {
		value = part;
		if (slice_cut(&value, '=', &key) && slice_is(key, name) && form_decode(a, value.p ? value : S(""), &value) == OK)
			return value;
	}
	return S_NONE;
}

struct slice http_query(const struct request *r, const char *name) { return field(r->a, in.query, name); }
struct slice http_form(const struct request *r, const char *name) { return field(r->a, in.form, name); }
struct slice http_query_text(const struct request *r) { (void)r; return slice_of(in.query); }

struct slice http_param(const struct request *r, const char *name)
{
	return strcmp(r->method, "POST") == 0 ? http_form(r, name) : http_query(r, name);
}

struct slice http_header(const struct request *r, const char *name)
{
	(void)r;
	return strcmp(name, "Authorization") == 0 ? slice_of(in.authorization) : S_NONE;
}

void http_set(struct request *r, struct response *resp, const char *name, const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	struct header *h = ARENA_NEW(r->a, struct header);
	*h = (struct header){ name, value, resp->headers };
	resp->headers = h;
}

int http_redirect(struct request *r, struct response *resp, unsigned status, const char *location)
{
	http_set(r, resp, "Location", location);
	resp->status = status;
	return OK;
}

int http_json(struct request *r, struct response *resp, unsigned status, const json_t *v)
{
	resp->status = status;
	resp->body = json_text(r->a, v);
	resp->type = "application/json";
	return OK;
}

/* --- pages: which, with what --- */

static struct { const char *name, *error; json_t *values; } page;
static struct slice new_session;

int web_page(struct request *r, struct response *resp, unsigned status, const char *name, const char *lang, json_t *values, const char *fa)
{
	(void)r, (void)lang, (void)fa;
	page.name = name;
	page.values = values;
	resp->status = status;
	return OK;
}

int web_error(struct request *r, struct response *resp, unsigned status, const char *what, const char *lang)
{
	(void)r, (void)lang;
	page.error = what;
	resp->status = status;
	return OK;
}

const char *web_lang(struct request *r, struct response *resp, const char *wanted) { (void)r, (void)resp; return wanted ? wanted : "en"; }
struct slice web_browser(struct request *r, struct response *resp) { (void)r, (void)resp; return slice_of(in.browser); }
struct slice web_session_cookie(const struct request *r) { (void)r; return in.session ? slice_of(in.session) : S(""); }
void web_set_session(struct request *r, struct response *resp, struct slice v) { (void)r, (void)resp; new_session = v; }

int web_csrf(struct request *r, struct slice browser, const char *purpose, const char **out)
{
	*out = arena_printf(r->a, "%.*s/%s", (int)browser.n, browser.p, purpose);
	return OK;
}

bool web_csrf_ok(struct request *r, const char *purpose)
{
	return slice_is(http_form(r, "csrf_token"), arena_printf(r->a, "%s/%s", in.browser, purpose));
}

const char *texts_choose_locales(struct slice l);
const char *texts_choose_locales(struct slice l) { return slice_has_word(l, S("fr")) ? "fr" : NULL; }
const char *const *texts_languages(void);
const char *const *texts_languages(void) { static const char *const l[] = { "en", "fr", NULL }; return l; }

static struct want wanted;		/* the last conversation that was begun */

int conversation_begin(struct arena *a, const struct want *want, const char *peer, struct turn *out)
{
	(void)a, (void)peer;
	WRITES();
	wanted = *want;
	*out = (struct turn){ .verdict = V_MORE, .conversation = "conv" };
	return OK;
}

/* --- a fresh world --- */

static struct arena *arena;
static struct request req;
static struct response resp;
#define ORIGIN "https://login.example"

static const char *const tax_uris[] = { "https://tax.example/cb", "https://tax.example/cb?x=1", NULL };
static const char *const tax_out[] = { "https://tax.example/bye", NULL };
static const char *const tax_secrets[] = { "s3cret of tax", NULL };
static const char *const tax_scopes[] = { "openid", "profile", "email", "egovnrn", NULL };
static const char *const tax_grants[] = { "authorization_code", "refresh_token", NULL };
static const char *const app_uris[] = { "http://127.0.0.1/cb", "http://[::1]/cb", "be.example.app:/cb", NULL };
static const char *const spa_uris[] = { "https://spa.example/cb", "http://127.0.0.1/cb", NULL };
static const char *const spa_secrets[] = { "other", NULL };

static int oidc_setup(void **state)
{
	(void)state;
	fake_reset();
	make_test_keys();
	arena = arena_new();
	client[TAX] = (struct service){ .id = "tax", .client_id = "tax", .level = 400, .secrets = tax_secrets, .redirect_uris = tax_uris,
		.post_logout_uris = tax_out, .scopes = tax_scopes, .grants = tax_grants, .sector = "tax.example" };
	client[APP] = (struct service){ .id = "app", .client_id = "app", .redirect_uris = app_uris, .native = true, .auth_method = "none",
		.sector = "app.example", .id_token_alg = "ES256" };
	client[SPA] = (struct service){ .id = "spa", .client_id = "spa", .redirect_uris = spa_uris, .secrets = spa_secrets,
		.subject_type = SUBJECT_PUBLIC, .id_token_alg = "EdDSA", .auth_method = "client_secret_post" };
	memset(&in, 0, sizeof in);
	memset(&page, 0, sizeof page);
	memset(&wanted, 0, sizeof wanted);
	new_session = S_NONE;
	in.browser = "browser-1";
	fake_consent = NULL;
	fake_sign_us = 0;
	fake_person[ALICE].given_name = "Alice";
	fake_person[ALICE].mail = "alice@example.org";
	fake_person[ALICE].national_number = "85073003328";
	return oidc_open(&(struct oidc_conf){ .issuer = ORIGIN });
}

static int oidc_teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

/* A session of that person, proven now with the app (level 400), or the password (200). */
static void sign_in_as(int who, const char *kind)
{
	struct slice cookie;
	struct proof proof = { .kind = kind, .key_id = strcmp(kind, "app") == 0 ? "app-1" : "password", .when = fake_now };
	assert_int_equal(session_start(arena, NULL, S_NONE, &fake_person[who], &proof, NULL, &cookie), OK);
	in.session = arena_str(arena, cookie);
}

static int call(http_handler *fn, const char *method, const char *query, const char *form)
{
	memset(&page, 0, sizeof page);
	in.query = query;
	in.form = form;
	resp = (struct response){ 0 };
	req = (struct request){ .a = arena, .method = method, .peer = "192.0.2.1", .origin = ORIGIN };
	return fn(&req, &resp);
}

static const char *header_of(const char *name)
{
	for (const struct header *h = resp.headers; h != NULL; h = h->next)
		if (strcmp(h->name, name) == 0)
			return h->value;
	return NULL;
}

static json_t *body_json(void)
{
	json_t *v = NULL;
	assert_int_equal(json_parse(arena, resp.body, &v, NULL), OK);
	return v;
}

/* A parameter of the Location we were sent to; NULL when absent. */
static const char *sent(const char *name)
{
	const char *to = header_of("Location");
	const char *query = to ? strchr(to, '?') : NULL;
	struct slice v = query ? field(arena, query + 1, name) : S_NONE;
	return v.p ? arena_str(arena, v) : NULL;
}

static const char *encoded(const char *s)
{
	struct buf b = buf_new(arena);
	buf_url(&b, slice_of(s));
	return buf_cstr(&b);
}

#endif
