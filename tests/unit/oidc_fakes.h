/* The world of the OpenID Connect provider's tests: the core's fakes, a keyring with real keys, requests made by hand, pages that are only
 * noted. Real are oidc/, sessions, policy and seals. Link with -Wl,--wrap=now. */
#ifndef OIDC_FAKES_H
#define OIDC_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
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
#include "request_fakes.h"
#include "svc/sealed.h"
#include "signing_keys.h"
#include "web/web.h"

/* --- the keyring --- */

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

/* --- pages: which, with what --- */

static struct { const char *name, *error; json_t *values; } page;
static struct slice new_session;

int web_page(struct request *r, struct response *rs, unsigned status, const char *name, const char *lang, json_t *values, const char *fa)
{
	(void)r, (void)lang, (void)fa;
	page.name = name;
	page.values = values;
	rs->status = status;
	return OK;
}

int web_error(struct request *r, struct response *rs, unsigned status, const char *what, const char *lang)
{
	(void)r, (void)lang;
	page.error = what;
	rs->status = status;
	return OK;
}

const char *web_lang(struct request *r, struct response *rs, const char *wanted) { (void)r, (void)rs; return wanted ? wanted : "en"; }
struct slice web_browser(struct request *r, struct response *rs) { (void)r, (void)rs; return slice_of(in.browser); }
struct slice web_session_cookie(const struct request *r) { (void)r; return in.session ? slice_of(in.session) : S(""); }
void web_set_session(struct request *r, struct response *rs, struct slice v) { (void)r, (void)rs; new_session = v; }

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
const char *text_time(struct arena *a, const char *lang, time_t t);
const char *text_time(struct arena *a, const char *lang, time_t t) { (void)lang; return arena_printf(a, "%lld", (long long)t); }
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
	return ask(fn, method, query, form);
}

#endif
