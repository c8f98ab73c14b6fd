/* The flow from the authorization request to the end of its tokens: with real sessions, seals and signatures. */
/* LINK: -Wl,--wrap=now */
#include "oidc_fakes.h"
#include <stdatomic.h>
#include "base/wait.h"
#include "oidc/device.h"
#include "oidc/jose.h"
#include "oidc/request.h"
#include "svc/texts.h"

/* Devices that are no hosts, on the page of the browser beside them. */
const char *text(const char *lang, const char *id) { (void)lang; return id; }

int conversation_proof(struct arena *a, const struct rendezvous *r, const struct service *service, const struct login *login, struct slice *frozen)
{
	(void)a, (void)r, (void)service, (void)login, (void)frozen;
	return E_BUG;
}

int conversation_bring(struct arena *a, const struct rendezvous *r, struct slice frozen, const char **digits)
{
	(void)a, (void)r, (void)frozen, (void)digits;
	return E_BUG;
}

#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"		/* RFC 7636 B */
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define GOOD "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid+email&state=xyz&nonce=n1"
#define CB "&redirect_uri=https%3A%2F%2Ftax.example%2Fcb"
#define LEVEL(n) "urn:be:fedict:iam:fas:citizen:Level" #n

static const char *tax_basic(void)
{
	struct buf b = buf_new(arena);
	buf_lit(&b, "Basic ");
	buf_b64(&b, S("tax:s3cret+of+tax"));
	return b.p;
}

static const char *code_for(const char *query)
{
	assert_int_equal(call(oidc_authorize, "GET", query, NULL), OK);
	if (sent("code") == NULL)
		fail_msg("no code for %s: %s", query, sent("error") ? sent("error") : header_of("Location"));
	return sent("code");
}

/* OK or the error of the answer. */
static const char *token(const char *form)
{
	in.authorization = tax_basic();
	int e = call(oidc_token, "POST", NULL, form);
	in.authorization = NULL;
	if (e != OK)
		return e == E_DOWN ? "down" : "broken";
	assert_string_equal(header_of("Pragma"), "no-cache");
	return resp.status == 200 ? "ok" : json_str(body_json(), "error");
}

static const char *redeem(const char *code, const char *more)
{
	return token(arena_printf(arena, "grant_type=authorization_code&code=%s%s", code, more));
}

static const char *refresh(const char *t, const char *more)
{
	return token(arena_printf(arena, "grant_type=refresh_token&refresh_token=%s%s", t, more));
}

static json_t *id_token(void)
{
	struct slice jwks;
	json_t *keys, *v;
	assert_int_equal(keyring_public(arena, &jwks), OK);
	assert_int_equal(json_parse(arena, jwks, &keys, NULL), OK);
	assert_int_equal(jose_verify(arena, slice_of(json_str(body_json(), "id_token")), keys, &v, NULL), OK);
	return v;
}

static unsigned userinfo(const char *access)
{
	in.authorization = arena_printf(arena, "Bearer %s", access);
	assert_int_equal(call(oidc_userinfo, "GET", NULL, NULL), OK);
	in.authorization = NULL;
	return resp.status;
}

static void a_login_ends_in_tokens(void **state)
{
	(void)state;
	assert_int_equal(call(oidc_authorize, "GET", GOOD, NULL), OK);
	assert_string_equal(header_of("Location"), "/login?c=conv");
	assert_int_equal(wanted.level, 400);
	assert_string_equal(wanted.service, "tax");
	assert_true(slice_is(wanted.binding, "browser-1"));
	fake_now += 5;
	sign_in_as(ALICE, "app");
	const char *back = strchr(arena_strdup(arena, wanted.back), '?') + 1;
	in.browser = "browser-2";			/* somebody else's browser gets nothing */
	assert_int_equal(call(oidc_authorize, "GET", back, NULL), OK);
	assert_string_equal(page.error, "expired");
	in.browser = "browser-1";
	assert_string_equal(redeem(code_for(back), CB), "ok");
	json_t *body = body_json(), *id = id_token();
	assert_string_equal(json_str(body, "token_type"), "Bearer");
	assert_string_equal(json_str(body, "scope"), "openid email");
	assert_string_equal(json_str(id, "iss"), ORIGIN);
	assert_string_equal(json_str(id, "aud"), "tax");
	assert_string_equal(json_str(id, "nonce"), "n1");
	assert_string_equal(json_str(id, "acr"), LEVEL(400));
	assert_int_equal(json_integer_value(json_object_get(id, "auth_time")), fake_now);
	assert_int_equal(json_integer_value(json_object_get(id, "exp")), fake_now + 300);
	assert_string_equal(json_text(arena, json_object_get(id, "amr")).p, "[\"pwd\",\"otp\",\"mfa\"]");
	assert_string_equal(json_str(id, "at_hash"), jose_half_hash(arena, "RS256", slice_of(json_str(body, "access_token"))));
	assert_string_not_equal(json_str(id, "sub"), fake_person[ALICE].subject);
	assert_null(json_object_get(id, "email"));
	/* what one service is told fits nothing that another one is told */
	assert_string_not_equal(json_str(id, "sid"), fake_last(EV_TOKEN_ISSUED)->session);
	assert_null(strstr(json_text(arena, id).p, fake_last(EV_TOKEN_ISSUED)->session));
	assert_string_not_equal(json_str(id, "sid"), oidc_sid(arena, &client[SPA], fake_last(EV_TOKEN_ISSUED)->session));
	assert_string_equal(fake_last(EV_TOKEN_ISSUED)->subject, fake_person[ALICE].subject);
	assert_int_equal(userinfo(json_str(body, "access_token")), 200);
	assert_string_equal(json_str(body_json(), "sub"), json_str(id, "sub"));
	assert_string_equal(json_str(body_json(), "email"), "alice@example.org");
	assert_null(json_object_get(body_json(), "given_name"));
}

static void single_sign_on_writes_nothing(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	fake_now += 30;
	size_t lines = fake_nlines, authz = fake_state_size("authz");
	wait_forbid();					/* as on an event thread */
	const char *code = code_for(GOOD);
	assert_false(wait_was_wanted());
	assert_int_equal(fake_nlines, lines);
	assert_int_equal(fake_state_size("authz"), authz);
	assert_true(strlen(code) < 1024);
	assert_string_equal(redeem(code, CB), "ok");
}

static void a_code_is_good_for_one_redemption_by_its_client(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	const char *code = code_for(GOOD);
	assert_string_equal(redeem(code, ""), "invalid_grant");
	assert_string_equal(redeem(code, "&redirect_uri=https%3A%2F%2Ftax.example%2Fcb%3Fx%3D1"), "invalid_grant");
	assert_string_equal(redeem(arena_printf(arena, "%sA", code), CB), "invalid_grant");
	assert_string_equal(redeem("", CB), "invalid_request");
	assert_string_equal(token("grant_type=authorization_code" CB), "invalid_request");
	assert_string_equal(token(""), "invalid_request");
	assert_string_equal(token("grant_type=password&username=alice&password=x"), "unsupported_grant_type");
	assert_string_equal(token("grant_type=client_credentials"), "unsupported_grant_type");
	client[SPA].redirect_uris = tax_uris;
	assert_int_equal(call(oidc_token, "POST", NULL, arena_printf(arena,
	    "grant_type=authorization_code&client_id=spa&client_secret=other&code=%s%s", code, CB)), OK);
	assert_string_equal(json_str(body_json(), "error"), "invalid_grant");
	assert_string_equal(redeem(code, CB), "ok");			/* none of that has spent it */
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *r = json_str(body_json(), "refresh_token");
	assert_int_equal(userinfo(access), 200);
	assert_string_equal(redeem(code, CB), "invalid_grant");		/* stolen: all that came from it ends */
	assert_non_null(fake_last(EV_CODE_REPLAYED));
	assert_int_equal(userinfo(access), 401);
	assert_string_equal(refresh(r, ""), "invalid_grant");
	code = code_for(GOOD);
	fake_now += 61;
	assert_string_equal(redeem(code, CB), "invalid_grant");
}

static void codes_and_tokens_are_not_exchangeable(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	const char *code = code_for(GOOD);
	assert_int_equal(userinfo(code), 401);
	assert_string_equal(refresh(code, ""), "invalid_grant");
	assert_string_equal(redeem(code, CB), "ok");
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *id = json_str(body_json(), "id_token"),
	    *r = json_str(body_json(), "refresh_token");
	assert_string_equal(redeem(access, CB), "invalid_grant");
	assert_string_equal(refresh(access, ""), "invalid_grant");
	assert_int_equal(userinfo(r), 401);
	assert_int_equal(userinfo(id), 401);
	in.session = code;				/* failures, row 8: no identifier of ours is a session */
	call(oidc_authorize, "GET", GOOD "&prompt=none", NULL);
	assert_string_equal(sent("error"), "login_required");
	in.session = access;
	call(oidc_authorize, "GET", GOOD "&prompt=none", NULL);
	assert_string_equal(sent("error"), "login_required");
}

static void pkce(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "&code_verifier=", "&code_verifier=short", "&code_verifier=" VERIFIER "A",
		"&code_verifier=" CHALLENGE, "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r%2FwW1gFWFOEjXk" };
	sign_in_as(ALICE, "app");
	const char *code = code_for(GOOD "&code_challenge_method=S256&code_challenge=" CHALLENGE);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_string_equal(redeem(code, arena_printf(arena, "%s%s", CB, wrong[i])), "invalid_grant");
	assert_string_equal(redeem(code, CB "&code_verifier=" VERIFIER), "ok");
	code = code_for(GOOD);			/* failures, row 3: the challenge was taken out of the request */
	assert_string_equal(redeem(code, CB "&code_verifier=" VERIFIER), "invalid_grant");
	assert_string_equal(redeem(code, CB), "ok");
}

static struct { pthread_barrier_t start; atomic_uint ok, refused, other; } race;

static void *one_racer(void *unused)
{
	(void)unused;
	AUTO_ARENA a = arena_new();
	struct request rq = { .a = a, .method = "POST", .peer = "192.0.2.1", .origin = ORIGIN };
	struct response rs = { 0 };
	pthread_barrier_wait(&race.start);
	int e = oidc_token(&rq, &rs);
	atomic_fetch_add(e != OK ? &race.other : rs.status == 200 ? &race.ok : &race.refused, 1);
	return NULL;
}

static void run_race(const char *form)
{
	pthread_t t[64];
	race.ok = race.refused = race.other = 0;
	in.authorization = tax_basic();
	in.form = form;
	in.query = NULL;
	pthread_barrier_init(&race.start, NULL, 64);
	for (int i = 0; i < 64; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one_racer, NULL), 0);
	for (int i = 0; i < 64; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&race.start);
	in.authorization = NULL;
	assert_int_equal(race.ok, 1);
	assert_int_equal(race.refused, 63);
}

static void of_64_at_once_one_wins(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	client[TAX].id_token_alg = "ES256";
	fake_sign_us = 3000;			/* so that all have looked before the first one spends */
	run_race(arena_printf(arena, "grant_type=authorization_code&code=%s%s", code_for(GOOD), CB));
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	run_race(arena_printf(arena, "grant_type=refresh_token&refresh_token=%s", json_str(body_json(), "refresh_token")));
}

static void refresh_tokens_change_at_each_use(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	json_int_t auth_time = json_integer_value(json_object_get(id_token(), "auth_time"));
	const char *sub = json_str(id_token(), "sub"), *first = json_str(body_json(), "refresh_token"), *r = first;
	for (int i = 0; i < 100; i++) {			/* failures, row 10: nothing rises */
		fake_now += 10;
		assert_string_equal(refresh(r, ""), "ok");
		json_t *id = id_token();
		assert_string_not_equal(json_str(body_json(), "refresh_token"), r);
		r = json_str(body_json(), "refresh_token");
		assert_string_equal(json_str(id, "acr"), LEVEL(400));
		assert_string_equal(json_str(id, "sub"), sub);
		assert_int_equal(json_integer_value(json_object_get(id, "auth_time")), auth_time);
		assert_null(json_object_get(id, "nonce"));
	}
	assert_string_equal(refresh(r, "&scope=openid+email+profile"), "invalid_scope");
	assert_string_equal(refresh(r, "&scope=email"), "invalid_scope");
	assert_string_equal(refresh(r, "&scope=openid"), "ok");
	assert_string_equal(json_str(body_json(), "scope"), "openid");
	const char *last = arena_strdup(arena, json_str(body_json(), "refresh_token"));
	assert_string_equal(refresh(last, ""), "ok");
	assert_string_equal(json_str(body_json(), "scope"), "openid email");	/* what was granted stays granted (RFC 6749 6) */
	last = arena_strdup(arena, json_str(body_json(), "refresh_token"));
	assert_string_equal(refresh(first, ""), "invalid_grant");		/* used long ago: somebody has a copy */
	assert_non_null(fake_last(EV_REFRESH_REPLAYED));
	assert_string_equal(refresh(last, ""), "invalid_grant");
}

/* A stronger key in the same session, later: it says nothing about what the old grant rests on. */
static void a_step_up_raises_no_older_grant(void **state)
{
	(void)state;
	struct login login;
	struct slice cookie;
	client[TAX].level = 200;
	sign_in_as(ALICE, "password");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	assert_string_equal(json_str(id_token(), "acr"), LEVEL(200));
	const char *r = arena_strdup(arena, json_str(body_json(), "refresh_token")), *sid = json_str(id_token(), "sid");
	fake_now += 60;
	struct proof proof = { .kind = "app", .key_id = "app-1", .when = fake_now };
	assert_int_equal(session_login(arena, slice_of(in.session), &login), OK);
	assert_int_equal(session_start(arena, login.session, slice_of(in.session), &fake_person[ALICE], &proof, NULL, &cookie), OK);
	in.session = arena_str(arena, cookie);
	assert_string_equal(refresh(r, ""), "ok");
	assert_string_equal(json_str(id_token(), "acr"), LEVEL(200));
	assert_string_equal(json_text(arena, json_object_get(id_token(), "amr")).p, "[\"pwd\"]");
	assert_int_equal(json_integer_value(json_object_get(id_token(), "auth_time")), fake_now - 60);
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");		/* a new one may say so */
	assert_string_equal(json_str(id_token(), "acr"), LEVEL(400));
	assert_string_equal(json_str(id_token(), "sid"), sid);
	r = json_str(body_json(), "refresh_token");
	fake_key[ALICE][0].state = "locked";				/* down it goes */
	assert_string_equal(refresh(r, ""), "ok");
	assert_string_equal(json_str(id_token(), "acr"), LEVEL(200));
	assert_string_equal(json_text(arena, json_object_get(id_token(), "amr")).p, "[\"pwd\"]");
}

static void what_a_grant_rests_on_can_end(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *r = json_str(body_json(), "refresh_token");
	const char *code = code_for(GOOD);
	fake_key[ALICE][0].state = "locked";			/* failures, row 29 */
	assert_int_equal(userinfo(access), 401);
	assert_string_equal(refresh(r, ""), "invalid_grant");
	assert_string_equal(redeem(code, CB), "invalid_grant");
	fake_key[ALICE][0].state = "active";
	assert_int_equal(userinfo(access), 401);		/* the session has ended with its key, for good */
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	access = arena_strdup(arena, json_str(body_json(), "access_token"));
	r = json_str(body_json(), "refresh_token");
	code = code_for(GOOD);
	client[TAX].level = 450;
	assert_int_equal(userinfo(access), 401);
	client[TAX].level = 400;
	client[TAX].state = "closed";
	assert_int_equal(userinfo(access), 401);
	client[TAX].state = NULL;
	fake_down = "directory_person";				/* broken is not no */
	assert_string_equal(refresh(r, ""), "down");
	fake_down = NULL;
	assert_int_equal(session_end(slice_of(in.session)), OK);
	assert_int_equal(userinfo(access), 401);
	assert_string_equal(refresh(r, ""), "invalid_grant");
	assert_string_equal(redeem(code, CB), "invalid_grant");
}

static void offline_access_outlives_the_session(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	const char *q = "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid+offline_access";
	assert_string_equal(redeem(code_for(q), CB), "ok");
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *r = json_str(body_json(), "refresh_token");
	assert_int_equal(session_end(slice_of(in.session)), OK);
	assert_int_equal(userinfo(access), 200);
	fake_now += 20 * 24 * 3600;
	assert_int_equal(userinfo(access), 401);		/* that one was short-lived all the same */
	assert_string_equal(refresh(r, ""), "ok");
	r = json_str(body_json(), "refresh_token");
	fake_now += 20 * 24 * 3600;				/* each use keeps it for another while */
	assert_string_equal(refresh(r, ""), "ok");
	r = json_str(body_json(), "refresh_token");
	fake_person[ALICE].state = "suspended";
	assert_string_equal(refresh(r, ""), "invalid_grant");
	fake_person[ALICE].state = "active";
	fake_allowed = false;
	assert_string_equal(refresh(r, ""), "invalid_grant");	/* whom the service does not let in any more */
	fake_allowed = true;
	assert_string_equal(refresh(r, ""), "ok");
	r = json_str(body_json(), "refresh_token");
	fake_now += 31 * 24 * 3600;
	assert_string_equal(refresh(r, ""), "invalid_grant");
}

/* A scope that an administrator takes from a service is gone for what was granted before, too. */
static void what_a_service_may_not_ask_for_any_more_is_not_told(void **state)
{
	(void)state;
	static const char *const few[] = { "openid", NULL };
	sign_in_as(ALICE, "app");
	const char *q = "client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid+email+offline_access"
	    "&claims={\"userinfo\":{\"egovNRN\":null},\"id_token\":{\"egovNRN\":null}}";
	const char *code = code_for(q);
	client[TAX].scopes = few;
	assert_string_equal(redeem(code, CB), "ok");
	assert_string_equal(json_str(body_json(), "scope"), "openid offline_access");
	assert_null(json_object_get(id_token(), "egovNRN"));
	client[TAX].scopes = tax_scopes;
	assert_string_equal(redeem(code_for(q), CB), "ok");
	assert_non_null(json_object_get(id_token(), "egovNRN"));
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *r = json_str(body_json(), "refresh_token");
	assert_int_equal(userinfo(access), 200);
	assert_non_null(json_object_get(body_json(), "egovNRN"));
	client[TAX].scopes = few;
	assert_int_equal(userinfo(access), 200);
	assert_null(json_object_get(body_json(), "egovNRN"));
	assert_null(json_object_get(body_json(), "email"));
	assert_string_equal(refresh(r, "&scope=openid+email"), "invalid_scope");
	assert_string_equal(refresh(r, ""), "ok");
	assert_string_equal(json_str(body_json(), "scope"), "openid offline_access");
	assert_null(json_object_get(id_token(), "egovNRN"));
	r = arena_strdup(arena, json_str(body_json(), "refresh_token"));
	assert_int_equal(userinfo(json_str(body_json(), "access_token")), 200);
	assert_string_equal(json_text(arena, body_json()).p, arena_printf(arena, "{\"sub\":\"%s\"}", json_str(body_json(), "sub")));
	client[TAX].scopes = tax_scopes;			/* given back, it is as it was granted */
	assert_string_equal(refresh(r, ""), "ok");
	assert_string_equal(json_str(body_json(), "scope"), "openid email offline_access");
	assert_non_null(json_object_get(id_token(), "egovNRN"));
}

static void a_stolen_code_ends_what_outlives_the_session(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	const char *code = code_for("client_id=tax&redirect_uri=https%3A%2F%2Ftax.example%2Fcb&response_type=code&scope=openid+offline_access");
	assert_string_equal(redeem(code, CB), "ok");
	const char *r = json_str(body_json(), "refresh_token");
	assert_int_equal(session_end(slice_of(in.session)), OK);
	assert_string_equal(redeem(code, CB), "invalid_grant");
	assert_non_null(fake_last(EV_CODE_REPLAYED));
	assert_string_equal(refresh(r, ""), "invalid_grant");
}

static const char *prompted(const char *more)
{
	assert_int_equal(call(oidc_authorize, "GET", arena_printf(arena, "%s%s", GOOD, more), NULL), OK);
	if (sent("error") != NULL)
		return sent("error");
	if (sent("code") != NULL)
		return "code";
	return strncmp(header_of("Location"), "/login", 6) == 0 ? "login" : strncmp(header_of("Location"), "/oidc/consent", 13) == 0 ? "consent" : "?";
}

static void prompts_and_ages(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	fake_now += 100;
	const struct { const char *more, *result; } table[] = {
		{ "", "code" }, { "&prompt=none", "code" }, { "&prompt=login", "login" }, { "&prompt=select_account", "login" },
		{ "&prompt=consent", "consent" }, { "&prompt=login+consent", "login" }, { "&max_age=0", "login" }, { "&max_age=99", "login" },
		{ "&max_age=100", "code" }, { "&max_age=99&prompt=none", "login_required" }, { "&max_age=0&prompt=none", "login_required" },
		{ "&acr_values=" LEVEL(400), "code" }, { "&acr_values=" LEVEL(500), "code" },	/* nobody could reach it, and it is a wish */
		{ "&claims={\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"" LEVEL(200) "\"}}}", "code" },
		{ "&claims={\"id_token\":{\"sub\":{\"value\":\"somebody\"}}}", "login" },
		{ "&claims={\"id_token\":{\"sub\":{\"value\":\"somebody\"}}}&prompt=none", "login_required" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(prompted(table[i].more), table[i].result) != 0)
			fail_msg("%s: %s", table[i].more, prompted(table[i].more));
	/* prompt=login: the session from before does not count, one from after does */
	assert_string_equal(prompted("&prompt=login"), "login");
	assert_true(wanted.anew);
	const char *back = strchr(arena_strdup(arena, wanted.back), '?') + 1;
	assert_int_equal(call(oidc_authorize, "GET", back, NULL), OK);
	assert_string_equal(header_of("Location"), "/login?c=conv");
	back = strchr(arena_strdup(arena, wanted.back), '?') + 1;
	fake_now += 10;
	sign_in_as(ALICE, "app");
	code_for(back);
	assert_int_equal(call(oidc_authorize, "GET", strchr(wanted.cancel, '?') + 1, NULL), OK);
	assert_string_equal(sent("error"), "access_denied");
	assert_string_equal(sent("state"), "xyz");
}

static void levels_are_floors(void **state)
{
	(void)state;
	sign_in_as(ALICE, "password");			/* 200 */
	assert_string_equal(prompted("&prompt=none"), "interaction_required");
	assert_string_equal(prompted(""), "login");
	assert_int_equal(wanted.level, 400);
	assert_true(slice_is(wanted.session, in.session));	/* step-up */
	assert_false(wanted.anew);
	client[TAX].level = 200;
	assert_string_equal(prompted(""), "code");
	assert_string_equal(prompted("&acr_values=" LEVEL(400)), "login");
	assert_int_equal(wanted.level, 400);
	assert_string_equal(prompted("&acr_values=" LEVEL(400) "&prompt=none"), "code");
	assert_string_equal(prompted("&acr_values=" LEVEL(100)), "code");
	const char *essential = "&claims={\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"" LEVEL(400) "\"}}}";
	assert_string_equal(prompted(arena_printf(arena, "%s&prompt=none", essential)), "interaction_required");
	assert_string_equal(prompted(essential), "login");
	const char *back = strchr(arena_strdup(arena, wanted.back), '?') + 1;
	fake_now += 5;
	sign_in_as(ALICE, "password");			/* signed in anew, and still not there */
	assert_int_equal(call(oidc_authorize, "GET", back, NULL), OK);
	assert_string_equal(sent("error"), "unmet_authentication_requirements");
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(back), CB), "ok");
	assert_string_equal(json_str(id_token(), "acr"), LEVEL(400));
	/* an essential acr below what was proven is told as it was asked for */
	const char *q = GOOD "&claims={\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"" LEVEL(200) "\"}}}";
	assert_string_equal(redeem(code_for(q), CB), "ok");
	assert_string_equal(json_str(id_token(), "acr"), LEVEL(200));
	fake_allowed = false;
	assert_string_equal(prompted(""), "access_denied");
}

static void posted_requests_become_gets(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_int_equal(call(oidc_authorize, "POST", NULL, GOOD), OK);
	assert_int_equal(resp.status, 303);
	const char *q = strchr(header_of("Location"), '?') + 1;
	code_for(q);					/* bound to this browser from here on */
	in.browser = "browser-2";
	assert_int_equal(call(oidc_authorize, "GET", q, NULL), OK);
	assert_string_equal(page.error, "expired");
	assert_int_equal(call(oidc_authorize, "GET", "r=unknown", NULL), OK);
	assert_string_equal(page.error, "expired");
	assert_int_equal(call(oidc_authorize, "GET", "r=", NULL), OK);
	assert_string_equal(page.error, "expired");
	in.browser = "browser-1";
	fake_now += 899;
	request_lives_on(arena_printf(arena, "/oidc/authorize?%s", q));		/* their person registers first */
	request_lives_on("/keys");
	request_lives_on("/oidc/authorize?r=unknown");
	fake_now += 900;
	code_for(q);
	fake_now += 61;
	assert_int_equal(call(oidc_authorize, "GET", q, NULL), OK);
	assert_string_equal(page.error, "expired");
}

static json_t *asked(http_handler *fn, const char *authorization, const char *form)
{
	in.authorization = authorization;
	assert_int_equal(call(fn, "POST", NULL, form), OK);
	in.authorization = NULL;
	return resp.body.n > 0 ? body_json() : NULL;
}

static const char *consent_answer(const char *r, const char *answer, const char *csrf)
{
	assert_int_equal(call(oidc_consent_answer, "POST", NULL, arena_printf(arena, "request=%s&consent=%s&csrf_token=%s", r, answer, csrf)), OK);
	return page.error ? page.error : sent("error") ? sent("error") : header_of("Location");
}

static void consent(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	client[TAX].ask_consent = true;
	assert_string_equal(prompted("&prompt=none"), "consent_required");
	assert_string_equal(prompted(""), "consent");
	const char *q = strchr(arena_strdup(arena, header_of("Location")), '?') + 1;
	assert_int_equal(call(oidc_consent, "GET", q, NULL), OK);
	assert_string_equal(page.name, "consent");
	const char *csrf = arena_strdup(arena, json_str(page.values, "csrf_token")), *r = arena_strdup(arena, json_str(page.values, "request"));
	assert_string_equal(consent_answer(r, "yes", "wrong"), "expired");
	assert_null(fake_consent);
	assert_string_equal(consent_answer(r, "no", csrf), "access_denied");
	assert_non_null(fake_last(EV_CONSENT_REFUSED));
	assert_null(fake_consent);
	assert_string_equal(consent_answer(r, "", csrf), "access_denied");
	assert_string_equal(consent_answer(r, "yes", csrf), arena_printf(arena, "/oidc/authorize?r=%s", r));
	assert_true(strncmp(fake_consent, "tax openid+email ", 17) == 0);
	code_for(arena_printf(arena, "r=%s", r));
	assert_string_equal(prompted(""), "code");			/* it is remembered */
	assert_string_equal(prompted("&prompt=none"), "code");
	assert_string_equal(prompted("&prompt=consent"), "consent");	/* unless the client wants it asked */
	assert_string_equal(prompted("&claims={\"userinfo\":{\"egovNRN\":null}}"), "consent");	/* more than was agreed to */
	client[TAX].id = "tax office";					/* another service's consent is none */
	assert_string_equal(prompted(""), "consent");
}

/* One browser, two tabs: the page asked Alice, and its answer comes when Chloe is signed in. */
static void nobody_agrees_for_somebody_else(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	client[TAX].ask_consent = true;
	assert_string_equal(prompted(""), "consent");
	const char *q = strchr(arena_strdup(arena, header_of("Location")), '?') + 1;
	assert_int_equal(call(oidc_consent, "GET", q, NULL), OK);
	const char *csrf = arena_strdup(arena, json_str(page.values, "csrf_token")), *r = arena_strdup(arena, json_str(page.values, "request"));
	sign_in_as(CHLOE, "app");
	assert_string_equal(consent_answer(r, "yes", csrf), "expired");
	assert_null(fake_consent);
	assert_null(fake_last(EV_CONSENT_GIVEN));
	assert_string_equal(consent_answer(r, "no", csrf), "expired");
	assert_null(fake_last(EV_CONSENT_REFUSED));
}

/* Where a service asks for consent, the page on which a device is approved is where it is given: else what came of it would end when consents are looked at. */
static void a_device_that_was_approved_is_agreed_to(void **state)
{
	(void)state;
	static const char *const grants[] = { DEVICE_GRANT, "authorization_code", NULL };
	rendezvous_set_max(400);
	sign_in_as(ALICE, "app");
	client[TAX].grants = grants;
	client[TAX].ask_consent = true;
	fake_service[0] = client[TAX];				/* the same entry, by its name */
	json_t *v = asked(oidc_device, tax_basic(), "scope=openid+email");
	const char *device = arena_strdup(arena, json_str(v, "device_code")), *user = arena_printf(arena, "user_code=%s", json_str(v, "user_code"));
	assert_int_equal(call(oidc_device_confirm, "GET", user, NULL), OK);
	const char *csrf = arena_strdup(arena, json_str(page.values, "csrf_token"));
	const char *alice = in.session;
	sign_in_as(CHLOE, "app");						/* in another tab: the page named Alice */
	assert_int_equal(call(oidc_device_answer, "POST", NULL, arena_printf(arena, "%s&answer=yes&csrf_token=%s", user, csrf)), OK);
	assert_string_equal(page.error, "form");
	in.session = alice;
	assert_int_equal(call(oidc_device_answer, "POST", NULL, arena_printf(arena, "%s&answer=yes&csrf_token=%s", user, csrf)), OK);
	assert_string_equal(page.name, "device-done");
	assert_true(fake_consent != NULL && strncmp(fake_consent, "tax openid+email ", 17) == 0);
	assert_string_equal(token(arena_printf(arena, "grant_type=" DEVICE_GRANT "&device_code=%s", device)), "ok");
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token"));
	assert_int_equal(userinfo(access), 200);
	fake_now += 120;
	assert_int_equal(userinfo(access), 200);
	assert_string_equal(prompted("&prompt=none"), "code");		/* nor is the person asked a second time elsewhere */
	fake_now += 10;							/* another device that wants less takes nothing back */
	user = arena_printf(arena, "user_code=%s", json_str(asked(oidc_device, tax_basic(), "scope=openid"), "user_code"));
	assert_int_equal(call(oidc_device_confirm, "GET", user, NULL), OK);
	csrf = arena_strdup(arena, json_str(page.values, "csrf_token"));
	assert_int_equal(call(oidc_device_answer, "POST", NULL, arena_printf(arena, "%s&answer=yes&csrf_token=%s", user, csrf)), OK);
	assert_true(strncmp(fake_consent, "tax openid+email ", 17) == 0);
}

static void hints(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	const char *mine = arena_printf(arena, "&id_token_hint=%s", json_str(body_json(), "id_token"));
	assert_string_equal(prompted(mine), "code");
	fake_now += 400;						/* expired is fine for a hint */
	assert_string_equal(prompted(arena_printf(arena, "%s&prompt=none", mine)), "code");
	sign_in_as(CHLOE, "app");
	assert_string_equal(prompted(arena_printf(arena, "%s&prompt=none", mine)), "login_required");
	assert_string_equal(prompted(mine), "login");
	assert_true(wanted.anew && slice_is(wanted.session, in.session));	/* somebody else signs in: the engine ends the old one */
	const char *back = strchr(arena_strdup(arena, wanted.back), '?') + 1;
	fake_now += 5;
	sign_in_as(CHLOE, "app");					/* the wrong person again */
	assert_int_equal(call(oidc_authorize, "GET", back, NULL), OK);
	assert_string_equal(sent("error"), "login_required");
	char *forged = arena_strdup(arena, mine);
	forged[strlen(forged) - 5] ^= 1;
	assert_string_equal(prompted(forged), "invalid_request");
	/* our signature on something else is no hint: another issuer, another audience, no ID token at all */
	static const char *const others[] = { "{\"iss\":\"https://other.example\",\"aud\":\"tax\",\"sub\":\"x\",\"exp\":1}",
		"{\"iss\":\"" ORIGIN "\",\"aud\":\"spa\",\"sub\":\"x\",\"exp\":1}", "{\"iss\":\"" ORIGIN "\",\"aud\":\"tax\",\"sub\":\"x\"}",
		"{\"iss\":\"" ORIGIN "\",\"aud\":[\"tax\"],\"sub\":\"x\",\"exp\":1}", "{\"iss\":\"" ORIGIN "\",\"aud\":\"tax\",\"exp\":1}" };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct slice t = token_of(arena, "ES256", test_key[K_EC], "{\"alg\":\"ES256\"}", others[i]);
		assert_string_equal(prompted(arena_printf(arena, "&id_token_hint=%.*s", (int)t.n, t.p)), "invalid_request");
	}
}

static void introspection_and_revocation(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *r = json_str(body_json(), "refresh_token");
	const char *forms[] = { arena_printf(arena, "token=%s", access), arena_printf(arena, "token=%s&token_type_hint=refresh_token", r) };
	const char *spa = "&client_id=spa&client_secret=other";
	for (int i = 0; i < 2; i++) {
		json_t *v = asked(oidc_introspect, tax_basic(), forms[i]);
		assert_true(json_is_true(json_object_get(v, "active")));
		assert_string_equal(json_str(v, "client_id"), "tax");
		assert_string_equal(json_str(v, "scope"), "openid email");
		v = asked(oidc_introspect, NULL, arena_printf(arena, "%s%s", forms[i], spa));
		assert_string_equal(json_text(arena, v).p, "{\"active\":false}");		/* another client learns nothing */
	}
	client[SPA].scopes = (const char *const[]){ "openid", "introspect", NULL };		/* unless it is a resource server */
	assert_true(json_is_true(json_object_get(asked(oidc_introspect, NULL, arena_printf(arena, "%s%s", forms[0], spa)), "active")));
	/* to which a refresh token opens nothing: its client keeps it to itself */
	assert_string_equal(json_text(arena, asked(oidc_introspect, NULL, arena_printf(arena, "%s%s", forms[1], spa))).p, "{\"active\":false}");
	assert_string_equal(json_str(asked(oidc_introspect, NULL, arena_printf(arena, "%s&client_id=app", forms[0])), "error"), "invalid_client");
	assert_string_equal(json_str(asked(oidc_introspect, NULL, forms[0]), "error"), "invalid_client");
	assert_int_equal(resp.status, 401);
	assert_string_equal(json_text(arena, asked(oidc_introspect, tax_basic(), "token=nonsense")).p, "{\"active\":false}");
	assert_string_equal(json_str(asked(oidc_introspect, tax_basic(), ""), "error"), "invalid_request");
	assert_string_equal(json_str(asked(oidc_revoke, NULL, arena_printf(arena, "%s%s", forms[0], spa)), "error"), "invalid_grant");
	assert_int_equal(userinfo(access), 200);
	asked(oidc_revoke, tax_basic(), "token=nonsense");
	assert_int_equal(resp.status, 200);
	assert_int_equal(userinfo(access), 200);
	asked(oidc_revoke, tax_basic(), forms[1]);
	assert_int_equal(resp.status, 200);
	assert_int_equal(userinfo(access), 401);
	assert_string_equal(refresh(r, ""), "invalid_grant");
	assert_string_equal(json_text(arena, asked(oidc_introspect, tax_basic(), forms[0])).p, "{\"active\":false}");
}

/* An entry that nobody's rules hold to the levels there are: there is no acr to tell. */
static void a_level_without_a_name_is_not_told(void **state)
{
	(void)state;
	client[TAX].level = 0;
	fake_person[ALICE].identity_level = 1;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	assert_null(json_object_get(id_token(), "acr"));
	json_t *v = asked(oidc_introspect, tax_basic(), arena_printf(arena, "token=%s", json_str(body_json(), "access_token")));
	assert_true(json_is_true(json_object_get(v, "active")));
	assert_null(json_object_get(v, "acr"));
}

static void bearer_tokens_come_one_way(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	const char *access = arena_strdup(arena, json_str(body_json(), "access_token")), *form = arena_printf(arena, "access_token=%s", access);
	assert_int_equal(call(oidc_userinfo, "POST", NULL, form), OK);
	assert_int_equal(resp.status, 200);
	in.authorization = arena_printf(arena, "Bearer %s", access);
	assert_int_equal(call(oidc_userinfo, "POST", NULL, form), OK);
	assert_int_equal(resp.status, 400);
	in.authorization = NULL;
	assert_int_equal(call(oidc_userinfo, "GET", form, NULL), OK);
	assert_int_equal(resp.status, 400);
	assert_int_equal(call(oidc_userinfo, "GET", NULL, NULL), OK);
	assert_int_equal(resp.status, 401);
	assert_string_equal(header_of("WWW-Authenticate"), "Bearer realm=\"csam\"");
	assert_int_equal(userinfo("nonsense"), 401);
	assert_non_null(strstr(header_of("WWW-Authenticate"), "error=\"invalid_token\""));
	client[TAX].userinfo_alg = "ES256";
	assert_int_equal(userinfo(access), 200);
	assert_string_equal(resp.type, "application/jwt");
	fake_now += 301;
	assert_int_equal(userinfo(access), 401);
}

static void logout(void **state)
{
	(void)state;
	sign_in_as(ALICE, "app");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	const char *id = arena_strdup(arena, json_str(body_json(), "id_token")), *session = in.session;
	struct login login;
	static const char *const wrong[] = { "post_logout_redirect_uri=https://tax.example/bye", "client_id=spa&post_logout_redirect_uri=https://tax.example/bye",
		"client_id=tax&post_logout_redirect_uri=https://tax.example/bye2", "client_id=tax&post_logout_redirect_uri=https://tax.example/cb",
		"client_id=nobody", "id_token_hint=x", "id_token_hint=" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(call(oidc_logout, "GET", wrong[i], NULL), OK);
		if (page.error == NULL || header_of("Location") != NULL)
			fail_msg("%s", wrong[i]);
	}
	assert_int_equal(call(oidc_logout, "GET", "client_id=tax&post_logout_redirect_uri=https://tax.example/bye&state=s", NULL), OK);
	assert_string_equal(page.name, "logout");			/* the person is asked */
	const char *csrf = arena_strdup(arena, json_str(page.values, "csrf_token"));
	const char *yes = "client_id=tax&post_logout_redirect_uri=https://tax.example/bye&state=s&logout=yes&csrf_token=";
	assert_int_equal(call(oidc_logout, "POST", NULL, arena_printf(arena, "%sx", yes)), OK);
	assert_int_equal(session_login(arena, slice_of(session), &login), OK);
	assert_int_equal(call(oidc_logout, "POST", NULL, arena_printf(arena, "%s%s", yes, csrf)), OK);
	assert_string_equal(header_of("Location"), "https://tax.example/bye?state=s");
	assert_int_equal(session_login(arena, slice_of(session), &login), E_NOENT);
	assert_non_null(fake_last(EV_SESSION_END));
	/* with an ID token of this session nobody is asked; with one of another, the person is */
	sign_in_as(ALICE, "app");
	assert_int_equal(call(oidc_logout, "GET", arena_printf(arena, "id_token_hint=%s", id), NULL), OK);
	assert_string_equal(page.name, "logout");
	assert_string_equal(redeem(code_for(GOOD), CB), "ok");
	fake_now += 1000;
	id = arena_printf(arena, "id_token_hint=%s&post_logout_redirect_uri=https://tax.example/bye", json_str(body_json(), "id_token"));
	assert_int_equal(call(oidc_logout, "POST", NULL, id), OK);	/* from the service's site: cookies come with the GET */
	assert_int_equal(call(oidc_logout, "GET", strchr(header_of("Location"), '?') + 1, NULL), OK);
	assert_string_equal(header_of("Location"), "https://tax.example/bye");
	assert_int_equal(session_login(arena, slice_of(in.session), &login), E_NOENT);
	assert_int_equal(call(oidc_logout, "GET", NULL, NULL), OK);
	assert_string_equal(page.name, "logged-out");
}

static void published_documents(void **state)
{
	(void)state;
	assert_int_equal(call(oidc_discovery, "GET", NULL, NULL), OK);
	json_t *v = body_json();
	assert_true(resp.cacheable);
	assert_string_equal(json_str(v, "issuer"), ORIGIN);
	assert_string_equal(json_str(v, "token_endpoint"), ORIGIN "/oidc/token");
	assert_string_equal(json_text(arena, json_object_get(v, "id_token_signing_alg_values_supported")).p, "[\"RS256\",\"PS256\",\"ES256\",\"EdDSA\"]");
	assert_string_equal(json_text(arena, json_object_get(v, "introspection_endpoint_auth_methods_supported")).p,
	    "[\"client_secret_basic\",\"client_secret_post\",\"private_key_jwt\"]");
	assert_string_equal(json_text(arena, json_object_get(v, "acr_values_supported")).p,
	    "[\"" LEVEL(100) "\",\"" LEVEL(200) "\",\"" LEVEL(300) "\",\"" LEVEL(400) "\"]");	/* no kind of key reaches more */
	assert_true(json_is_false(json_object_get(v, "request_uri_parameter_supported")));
	assert_true(json_is_true(json_object_get(v, "authorization_response_iss_parameter_supported")));
	assert_int_equal(call(oidc_jwks, "GET", NULL, NULL), OK);
	assert_int_equal(json_array_size(json_object_get(body_json(), "keys")), 4);
	assert_null(strstr(resp.body.p, "\"d\""));
}

/* Each call that can fail, failing at each place: never a token, never a code (failures, row 12). */
static void faults_never_let_in(void **state)
{
	(void)state;
	client[TAX].id_token_alg = "ES256";
	int places = 0;
	for (bool hit = true; hit; places++) {
		fake_fault = -1;
		sign_in_as(ALICE, "app");
		const char *code = code_for(GOOD);
		fake_fault_hit = false;
		fake_fault = places;
		const char *result = redeem(code, CB);
		hit = fake_fault_hit;
		fake_fault = -1;
		if (hit && strcmp(result, "down") != 0)
			fail_msg("%s failed, and the answer was %s", fake_fault_name, result);
		if (hit)	/* and what gave nothing used up nothing */
			result = redeem(code, CB);
		if (strcmp(result, "ok") != 0)
			fail_msg("%s failed before, and now the answer is %s", fake_fault_name, result);
	}
	assert_true(places > 8);
}

/* A refresh that is not answered leaves its client with the token it has. */
static void faults_spend_no_refresh_token(void **state)
{
	(void)state;
	client[TAX].id_token_alg = "ES256";
	int places = 0;
	for (bool hit = true; hit; places++) {
		sign_in_as(ALICE, "app");
		assert_string_equal(redeem(code_for(GOOD), CB), "ok");
		const char *mine = arena_strdup(arena, json_str(body_json(), "refresh_token"));
		fake_fault_hit = false;
		fake_fault = places;
		const char *result = refresh(mine, "");
		hit = fake_fault_hit;
		fake_fault = -1;
		if (hit && strcmp(result, "down") != 0)
			fail_msg("%s failed, and the answer was %s", fake_fault_name, result);
		if (hit)
			result = refresh(mine, "");
		if (strcmp(result, "ok") != 0)
			fail_msg("%s failed before, and now the answer is %s", fake_fault_name, result);
	}
	assert_true(places > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, oidc_setup, oidc_teardown)
		T(a_login_ends_in_tokens), T(single_sign_on_writes_nothing), T(a_code_is_good_for_one_redemption_by_its_client),
		T(codes_and_tokens_are_not_exchangeable), T(pkce), T(of_64_at_once_one_wins), T(refresh_tokens_change_at_each_use),
		T(a_step_up_raises_no_older_grant), T(what_a_grant_rests_on_can_end), T(offline_access_outlives_the_session), T(what_a_service_may_not_ask_for_any_more_is_not_told),
		T(a_stolen_code_ends_what_outlives_the_session), T(prompts_and_ages), T(levels_are_floors),
		T(posted_requests_become_gets), T(consent), T(nobody_agrees_for_somebody_else), T(a_device_that_was_approved_is_agreed_to), T(hints),
		T(introspection_and_revocation), T(a_level_without_a_name_is_not_told), T(bearer_tokens_come_one_way),
		T(logout), T(published_documents), T(faults_never_let_in),
		T(faults_spend_no_refresh_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
