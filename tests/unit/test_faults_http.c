/* A fault at every call of the handlers that a yes passes through, one at a time: the login form, the authorization, token, challenge, account, userinfo,
 * introspection and device endpoints, each asked for what is right and for what is wrong. No fault brings a cookie, a code, a token or claims that would
 * not have been given without it, and what works once works once. The world is real but for the way in: requests are made by hand. */
/* ONE TRY: what it looks for goes wrong seldom. */
#include "faults.h"
#include "fault_world.h"
#include "base/json.h"
#include "core/rendezvous.h"
#include "core/session.h"
#include "oidc/oidc.h"
#include "request_fakes.h"
#include "signing_keys.h"
#include "svc/texts.h"
#include "web/web.h"

#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"		/* RFC 7636 B */
#define CHALLENGE "&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define BACK(service) "redirect_uri=https%3A%2F%2Fservices.example.org%2F" service "%2Fcallback"
#define REQUEST "&response_type=code&scope=openid+email&state=s&nonce=n1"
#define TAX "client_id=tax-on-web&" BACK("tax-on-web") REQUEST
#define LIBRARY "client_id=library&" BACK("library") REQUEST
#define DEVICE "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=tv&device_code="

enum { ENOUGH_CALLS = 1000, EVERY = 13, STEPS = 8 };

/* --- what is asked, and what is a yes --- */

/* The request that meets the fault. */
static struct { http_handler *fn; const char *method, *query, *form; } next;

static int ask_next(void)
{
	return ask(next.fn, next.method, next.query, next.form);
}

static void post(http_handler *fn, const char *form)
{
	next.fn = fn;
	next.method = "POST";
	next.query = NULL;
	next.form = arena_strdup(arena, form);
}

static void get(http_handler *fn, const char *query)
{
	post(fn, NULL);
	next.method = "GET";
	next.query = arena_strdup(arena, query);
}

static const char *new_cookie(const char *name)
{
	for (const struct header *h = resp.headers; h != NULL; h = h->next)
		if (strcmp(h->name, "Set-Cookie") == 0 && strncmp(h->value, name, strlen(name)) == 0 && h->value[strlen(name)] == '=')
			return arena_str(arena, slice_mem(h->value + strlen(name) + 1, strcspn(h->value + strlen(name) + 1, ";")));
	return NULL;
}

/* Whatever opens something or says something about somebody. */
static bool gives(int rc)
{
	static const char *const marks[] = { "\"authorization_code\"", "\"access_token\"", "\"id_token\"", "\"refresh_token\"", "\"sub\"", "\"active\":true",
		"\"account\":\"allowed\"", "\"csam_posix\"" };
	if (rc != OK)			/* the router draws an error, and drops what was made so far */
		return false;
	bool any = sent("code") != NULL || (new_cookie("__Host-csam-s") != NULL && *new_cookie("__Host-csam-s") != '\0');
	for (size_t i = 0; i < sizeof marks / sizeof *marks && strcmp(resp.type != NULL ? resp.type : "", "application/json") == 0; i++)
		any = any || memmem(resp.body.p, resp.body.n, marks[i], strlen(marks[i])) != NULL;
	return any;
}

static bool given(void)
{
	return gives(ask_next());
}

static const char *member(const char *name)
{
	const char *v = json_str(body_json(), name);
	must(v != NULL, name);
	return arena_strdup(arena, v);
}

/* --- a browser --- */

static void keep_cookies(void)
{
	if (new_cookie("__Host-csam-b") != NULL)
		in.browser = new_cookie("__Host-csam-b");
	if (new_cookie("__Host-csam-s") != NULL)
		in.session = new_cookie("__Host-csam-s");
}

static void visit(http_handler *fn, const char *query)
{
	must(ask(fn, "GET", query, NULL) == OK, "a page is drawn");
	keep_cookies();
}

/* The value of a hidden field of the page. */
static const char *hidden(const char *name)
{
	const char *mark = arena_printf(arena, "name=\"%s\" value=\"", name), *at = memmem(resp.body.p, resp.body.n, mark, strlen(mark));
	must(at != NULL, name);
	at += strlen(mark);
	return arena_str(arena, slice_mem(at, strcspn(at, "\"")));
}

static bool page_has(const char *text)
{
	return memmem(resp.body.p, resp.body.n, text, strlen(text)) != NULL;
}

/* Answers each page of a login, up to the last one: next is what would answer that. */
static void up_to_the_last(const char *request, const char *kind, const char *code)
{
	in.session = in.browser = NULL;
	visit(oidc_authorize, request);
	const char *c = sent("c"), *name = kind;
	must(c != NULL, "a login begins");
	for (int i = 0; i < STEPS; i++) {
		visit(web_login, arena_printf(arena, "c=%s", c));
		const char *form = arena_printf(arena, "c=%s&ticket=%s", c, hidden("ticket"));
		bool last = page_has("name=\"code\"");
		if (page_has("name=\"choice\""))
			form = arena_printf(arena, "%s&choice=%s", form, name);
		else if (last)
			form = arena_printf(arena, "%s&code=%s", form, code);
		else
			form = arena_printf(arena, "%s&username=alice&password=correct+horse", form);
		post(web_login_answer, form);
		if (last || (strcmp(kind, "password") == 0 && page_has("name=\"password\"")))
			return;
		must(ask_next() == OK && resp.status == 303, "the login goes on");
		keep_cookies();
	}
	must(false, "the login has an end");
}

static void sign_in_with(const char *request, const char *kind)
{
	faults->shift += STEP_S;		/* a code of its own */
	up_to_the_last(request, kind, code_now(arena));
	must(given(), "she signs in");
	keep_cookies();
}

static void sign_in(void)
{
	sign_in_with(TAX, "app");
}

static const char *code_for(const char *request)
{
	must(ask(oidc_authorize, "GET", request, NULL) == OK && sent("code") != NULL, "a code is given");
	return sent("code");
}

static void as_client(const char *id)
{
	struct buf b = buf_new(arena);
	buf_lit(&b, "Basic ");
	buf_b64(&b, slice_of(arena_printf(arena, "%s:" SEED, id)));
	in.authorization = buf_cstr(&b);
}

static void redeem(const char *code, const char *more)
{
	as_client("tax-on-web");
	post(oidc_token, arena_printf(arena, "grant_type=authorization_code&code=%s%s", code, more));
}

static const char *tokens(const char *name)
{
	sign_in();
	redeem(code_for(TAX), "&" BACK("tax-on-web"));
	must(given(), "tokens are given");
	return member(name);
}

/* --- the login form --- */

static void login_right(void)
{
	faults->shift += STEP_S;
	up_to_the_last(TAX, "app", code_now(arena));
}

static void login_wrong_code(void)
{
	up_to_the_last(TAX, "app", "000000");
}

static void login_in_another_browser(void)
{
	login_right();
	in.browser = "0123456789012345678901234567890123456789abc";
}

/* The session is hers, its line is on disk, and the code that opened it opens no other. */
static void check_login(void)
{
	struct login login;
	const char *code = strstr(next.form, "&code=") + 6;
	int rc = session_login(arena, slice_of(new_cookie("__Host-csam-s")), &login);
	must(rc == OK ? strcmp(login.person->subject, ALICE) == 0 && login.level == 400 : rc == E_NOENT && clock_jumped(), "it is hers, at level 400");
	must(trail_has(arena, "\"event\":\"login.ok\",\"class\":\"identification\""), "its line is in the trail");
	up_to_the_last(TAX, "app", code);
	must(!given(), "its code is spent");
}

/* --- the authorization endpoint --- */

static void authorize_right(void)
{
	sign_in();
	get(oidc_authorize, TAX);
}

static void authorize_nobody(void)
{
	get(oidc_authorize, TAX);
}

static void authorize_too_weak(void)
{
	sign_in_with(LIBRARY, "password");
	get(oidc_authorize, TAX "&prompt=none");
}

static void authorize_not_allowed(void)
{
	sign_in();
	get(oidc_authorize, "client_id=closed&" BACK("closed") REQUEST);
}

static void authorize_without_consent(void)
{
	sign_in();
	get(oidc_authorize, "client_id=my-commune&" BACK("my-commune") REQUEST CHALLENGE);
}

static void authorize_elsewhere(void)
{
	sign_in();
	get(oidc_authorize, "client_id=tax-on-web&" BACK("library") REQUEST);
}

static json_t *claims_of(const char *jwt)
{
	struct slice rest = slice_of(jwt), part, text;
	json_t *v = NULL;
	must(slice_cut(&rest, '.', &part) && slice_cut(&rest, '.', &part) && b64url_decode(arena, part, &text) == OK && json_parse(arena, text, &v, NULL) == OK, "a JWT");
	return v;
}

/* An ID token that lacks a claim would be believed for longer, by others, or for more. */
static void check_tokens(void)
{
	static const char *const names[] = { "iss", "sub", "exp", "iat", "auth_time", "amr", "sid", "at_hash" };
	const json_t *id = claims_of(member("id_token"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		must(json_object_get(id, names[i]) != NULL, names[i]);
	must(strcmp(json_str(id, "aud"), "tax-on-web") == 0 && strcmp(json_str(id, "nonce"), "n1") == 0 &&
	    strcmp(json_str(id, "acr"), "urn:be:fedict:iam:fas:citizen:Level400") == 0 && json_array_size(json_object_get(id, "amr")) == 3, "the ID token is whole");
	must(strcmp(member("scope"), "openid email") == 0, "the scope is that of the request");
	must(trail_has(arena, "\"event\":\"token.issued\""), "its line is in the trail");
}

static void check_code(void)
{
	redeem(sent("code"), "&" BACK("tax-on-web"));
	bool good = given();
	must(good || clock_jumped(), "the code is good");
	if (good)
		check_tokens();
}

/* --- the token endpoint --- */

static void token_right(void)
{
	sign_in();
	redeem(code_for(TAX CHALLENGE), "&" BACK("tax-on-web") "&code_verifier=" VERIFIER);
}

static void token_wrong_verifier(void)
{
	sign_in();
	redeem(code_for(TAX CHALLENGE), "&" BACK("tax-on-web") "&code_verifier=" VERIFIER "A");
}

static void token_wrong_secret(void)
{
	token_right();
	struct buf b = buf_new(arena);
	buf_lit(&b, "Basic ");
	buf_b64(&b, S("tax-on-web:" SEED "A"));
	in.authorization = buf_cstr(&b);
}

static void token_other_client(void)
{
	token_right();
	as_client("library");
}

static void token_other_address(void)
{
	sign_in();
	redeem(code_for(TAX), "&" BACK("library"));
}

static void token_used_code(void)
{
	token_right();
	must(given(), "the first time it is good");
}

static void refresh_right(void)
{
	post(oidc_token, arena_printf(arena, "grant_type=refresh_token&refresh_token=%s", tokens("refresh_token")));
}

static void refresh_used(void)
{
	refresh_right();
	must(given(), "the first time it is good");
}

/* --- what is told about people --- */

static void userinfo_right(void)
{
	const char *access = tokens("access_token");
	get(oidc_userinfo, NULL);
	in.authorization = arena_printf(arena, "Bearer %s", access);
}

static void give_back(const char *access)
{
	as_client("tax-on-web");
	must(ask(oidc_revoke, "POST", NULL, arena_printf(arena, "token=%s", access)) == OK && resp.status == 200, "a token is revoked");
}

static void userinfo_revoked(void)
{
	userinfo_right();
	const char *bearer = in.authorization;
	give_back(bearer + strlen("Bearer "));
	in.authorization = bearer;
}

static void userinfo_signed_out(void)
{
	userinfo_right();
	must(session_end(slice_of(in.session)) == OK, "she signs out");
}

static void userinfo_with_a_code(void)
{
	sign_in();
	in.authorization = arena_printf(arena, "Bearer %s", code_for(TAX));
	get(oidc_userinfo, NULL);
}

static void check_userinfo(void)
{
	must(strcmp(member("email"), "alice@example.org") == 0, "hers");
	must(json_object_get(body_json(), "given_name") == NULL && json_object_get(body_json(), "egovNRN") == NULL, "and no more than the scope lets");
}

static void introspect_right(void)
{
	const char *access = tokens("access_token");
	as_client("tax-on-web");
	post(oidc_introspect, arena_printf(arena, "token=%s", access));
}

static void introspect_revoked(void)
{
	introspect_right();
	give_back(strchr(next.form, '=') + 1);
}

static void introspect_others(void)
{
	introspect_right();
	as_client("library");
}

/* --- another device --- */

static const char *device_code, *user_code;

static void device_begins(void)
{
	in.authorization = NULL;
	must(ask(oidc_device, "POST", NULL, "client_id=tv&scope=openid+email") == OK && resp.status == 200, "a device waits");
	device_code = member("device_code");
	user_code = member("user_code");
}

static void device_asks(void)
{
	in.authorization = NULL;
	post(oidc_token, arena_printf(arena, "%s%s", DEVICE, device_code));
}

static void device_answer(const char *answer, bool ours)
{
	sign_in();
	device_begins();
	visit(oidc_device_confirm, arena_printf(arena, "user_code=%s", user_code));
	post(oidc_device_answer, arena_printf(arena, "user_code=%s&answer=%s&csrf_token=%s", user_code, answer, ours ? encoded(hidden("csrf_token")) : "x"));
}

static void device_pending(void)
{
	device_begins();
	device_asks();
}

static void device_approved(void)
{
	device_answer("yes", true);
	must(ask_next() == OK && resp.status == 200, "she agrees");
	device_asks();
}

static void device_refused(void) { device_answer("no", true); }
static void device_forged(void) { device_answer("yes", false); }

static void device_nobody(void)
{
	device_answer("yes", true);
	in.session = NULL;
}

/* After the answer that met the fault: does the device get anything? Asked soon, and when it may ask again. */
static bool device_gets(void)
{
	bool got = false;
	for (int i = 0; i < 2; i++) {
		device_asks();
		got = got || given();
		faults->shift += 60;
	}
	return got;
}

/* --- hosts --- */

/* A fresh assertion of the host (RFC 7523). */
static const char *host_form(const char *more)
{
	time_t t = now();
	const char *payload = arena_printf(arena, "{\"iss\":\"web1\",\"sub\":\"web1\",\"aud\":\"" ORIGIN "%s\",\"exp\":%lld,\"iat\":%lld,\"jti\":\"%s\"}", in.path,
	    (long long)t + 300, (long long)t, random_id(arena, 16));
	struct slice jwt = token_of(arena, "ES256", test_key[K_EC], "{\"alg\":\"ES256\"}", payload);
	in.authorization = NULL;
	return arena_printf(arena, "csam_profile=1&client_id=web1&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer"
	    "&client_assertion=%.*s%s", (int)jwt.n, jwt.p, more);
}

static void host_turn(const char *more)
{
	in.path = "/oidc/challenge";
	post(oidc_challenge, host_form(more));
}

static void host_with(const char *code)
{
	host_turn("&user=alice&response_type=code&scope=openid&nonce=n1&can=secret+code&pam_service=sshd&rhost=192.0.2.9" CHALLENGE);
	must(ask_next() == OK, "a host begins");
	host_turn(arena_printf(arena, "&auth_session=%s&secret=correct+horse", encoded(member("auth_session"))));
	must(ask_next() == OK, "the password is right");
	host_turn(arena_printf(arena, "&auth_session=%s&code=%s", encoded(member("auth_session")), code));
}

static void host_right(void)
{
	faults->shift += STEP_S;
	host_with(code_now(arena));
}

static void host_wrong_code(void) { host_with("000000"); }

static void host_used_assertion(void)
{
	faults->shift += STEP_S;
	host_with("000000");
	const char *form = next.form;
	must(ask_next() == OK, "it is a turn");
	/* the assertion of that turn, with an answer that is right */
	next.form = arena_printf(arena, "%.*s&auth_session=%s&code=%s", (int)(strstr(form, "&auth_session=") - form), form, encoded(member("auth_session")), code_now(arena));
}

static void check_host(void)
{
	in.path = "/oidc/token";
	post(oidc_token, host_form(arena_printf(arena, "&grant_type=authorization_code&code=%s&code_verifier=" VERIFIER, member("authorization_code"))));
	if (!given()) {
		must(clock_jumped(), "the code is good");
		return;
	}
	const json_t *id = claims_of(member("id_token"));
	must(strcmp(json_str(id, "aud"), "web1") == 0 && strcmp(json_str(id, "nonce"), "n1") == 0 && json_object_get(id, "exp") != NULL &&
	    strcmp(json_str(json_object_get(id, "csam_posix"), "name"), "alice") == 0, "the ID token is whole");
}

/* Lasting: without jti, for that endpoint alone. */
static void account_of(const char *user)
{
	time_t t = now();
	in.path = "/oidc/challenge/account";
	in.authorization = NULL;
	struct slice jwt = token_of(arena, "ES256", test_key[K_EC], "{\"alg\":\"ES256\"}",
	    arena_printf(arena, "{\"iss\":\"web1\",\"sub\":\"web1\",\"aud\":\"" ORIGIN "%s\",\"exp\":%lld}", in.path, (long long)t + 300));
	post(oidc_challenge_account, arena_printf(arena, "csam_profile=1&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer"
	    "&client_assertion=%.*s&user=%s", (int)jwt.n, jwt.p, user));
}

static void account_right(void) { account_of("alice"); }
static void account_suspended(void) { account_of("emma"); }
static void account_not_allowed(void) { account_of("bruno"); }

/* --- one trial --- */

struct trial {
	const char *what;
	void (*prepare)(void);
	bool right, once;		/* once: of any number of the same request one is answered with a yes */
	void (*check)(void);		/* what was given */
	bool (*later)(void);		/* what is asked afterwards must give nothing */
};

static const struct trial trials[] = {
	{ "login", login_right, true, false, check_login, NULL },
	{ "login: wrong code", login_wrong_code, false, false, NULL, NULL },
	{ "login: another browser's", login_in_another_browser, false, false, NULL, NULL },
	{ "authorize", authorize_right, true, false, check_code, NULL },
	{ "authorize: nobody signed in", authorize_nobody, false, false, NULL, NULL },
	{ "authorize: level too low", authorize_too_weak, false, false, NULL, NULL },
	{ "authorize: not allowed", authorize_not_allowed, false, false, NULL, NULL },
	{ "authorize: no consent", authorize_without_consent, false, false, NULL, NULL },
	{ "authorize: another's address", authorize_elsewhere, false, false, NULL, NULL },
	{ "token", token_right, true, true, check_tokens, NULL },
	{ "token: wrong verifier", token_wrong_verifier, false, false, NULL, NULL },
	{ "token: wrong secret", token_wrong_secret, false, false, NULL, NULL },
	{ "token: another client", token_other_client, false, false, NULL, NULL },
	{ "token: another address", token_other_address, false, false, NULL, NULL },
	{ "token: used code", token_used_code, false, false, NULL, NULL },
	{ "refresh", refresh_right, true, true, NULL, NULL },
	{ "refresh: used", refresh_used, false, false, NULL, NULL },
	{ "userinfo", userinfo_right, true, false, check_userinfo, NULL },
	{ "userinfo: revoked", userinfo_revoked, false, false, NULL, NULL },
	{ "userinfo: signed out", userinfo_signed_out, false, false, NULL, NULL },
	{ "userinfo: with a code", userinfo_with_a_code, false, false, NULL, NULL },
	{ "introspect", introspect_right, true, false, NULL, NULL },
	{ "introspect: revoked", introspect_revoked, false, false, NULL, NULL },
	{ "introspect: another's", introspect_others, false, false, NULL, NULL },
	{ "device: pending", device_pending, false, false, NULL, NULL },
	{ "device: approved", device_approved, true, true, NULL, NULL },
	{ "device: refuses", device_refused, false, false, NULL, device_gets },
	{ "device: forged form", device_forged, false, false, NULL, device_gets },
	{ "device: nobody signed in", device_nobody, false, false, NULL, device_gets },
	{ "challenge", host_right, true, false, check_host, NULL },
	{ "challenge: wrong code", host_wrong_code, false, false, NULL, NULL },
	{ "challenge: used assertion", host_used_assertion, false, false, NULL, NULL },
	{ "account", account_right, true, false, NULL, NULL },
	{ "account: suspended", account_suspended, false, false, NULL, NULL },
	{ "account: not allowed", account_not_allowed, false, false, NULL, NULL },
};

/* The same request, again and again: with the first answer no more than one yes. */
static void check_once(bool yes)
{
	int n = yes;
	for (int i = 0; i < 3; i++) {
		n += given();
		faults->shift += 10;		/* a device that asks too soon is told so */
	}
	must(n <= 1, "WHAT WORKS ONCE WORKED TWICE");
}

/* Soon, from the beginning: what a fault broke is whole again. */
static bool works_again(const struct trial *t)
{
	for (int i = 0; i < 4; i++) {
		usleep(600 * 1000);		/* after a connection that failed nobody tries for half a second */
		t->prepare();
		if (given())
			return true;
	}
	return false;
}

static int run_child(const void *ctx, int n)
{
	static const struct oidc_conf conf = { .issuer = ORIGIN };
	const struct trial *t = ctx;
	arena = arena_new();
	world_open();
	must(oidc_open(&conf) == OK, "the provider opens");
	t->prepare();
	faults_arm(n);
	int rc = ask_next();
	faults->armed = false;
	bool fired = faults->fired, yes = gives(rc);
	must(t->right || !yes, "WHAT IS WRONG GETS A YES");
	must(yes || !t->right || fired, "what is right gets a yes");
	if (yes && t->check != NULL) {
		struct response kept = resp;
		t->check();
		resp = kept;
	}
	must(t->later == NULL || !t->later(), "WHAT WAS NOT GIVEN IS GIVEN LATER");
	if (t->once)
		check_once(yes);
	if (t->right && !yes)
		must(works_again(t), "afterwards it works");
	return fired ? 0 : NOT_FIRED;
}

/* --- in the parent --- */

static void whatever_breaks_nothing_is_given(void **state)
{
	(void)state;
	const char *only = getenv("TRIAL");
	int calls = 0;
	for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
		if (only == NULL || strcmp(only, trials[i].what) == 0)
			calls += every_fault(trials[i].what, run_child, &trials[i], EVERY);
	assert_true(only != NULL || calls > ENOUGH_CALLS);
}

static int start(void **state)
{
	(void)state;
	make_test_keys();
	rendezvous_set_max(400);
	arena = arena_new();
	const char *services = arena_printf(arena,
	    "\ndn: cn=web1,ou=services," BASE "\nobjectClass: csamService\nobjectClass: csamHost\ncn: web1\ncsamClientId: web1\ncsamServiceLevel: 400\n"
	    "csamServiceAllow: (uid=alice)\ncsamServiceAllow: (uid=emma)\ncsamClientJWKS: {\"keys\":[%s]}\n"
	    "\ndn: cn=tv,ou=services," BASE "\nobjectClass: csamService\nobjectClass: csamOidcClient\ncn: tv\ncsamClientId: tv\ncsamServiceLevel: 400\n"
	    "csamTokenAuthMethod: none\ncsamGrant: urn:ietf:params:oauth:grant-type:device_code\n"
	    "\ndn: cn=closed,ou=services," BASE "\nobjectClass: csamService\nobjectClass: csamOidcClient\ncn: closed\ncsamClientId: closed\ncsamServiceLevel: 400\n"
	    "csamServiceAllow: (uid=bruno)\ncsamClientSecret: " SEED "\ncsamRedirectURI: https://services.example.org/closed/callback\n",
	    test_jwk(arena, K_EC, test_key[K_EC], ""));
	return texts_open("share/texts", "en fr") == OK && web_open("share") == OK ? world_start(services) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_breaks_nothing_is_given) };
	faults_open();
	log_open("test", (enum log_level)(getenv("SHOW") != NULL ? LOG_LEVEL_DEBUG : 0));
	return cmocka_run_group_tests(tests, start, world_stop);
}
