/* An identity provider for tests of the agent: a TLS server in threads of its own that checks what it is asked, and lies on command. */
#ifndef CSAM_TEST_AGENT_FAKES_H
#define CSAM_TEST_AGENT_FAKES_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/jws.h"

enum lie {
	TRUTH, OTHER_METADATA, NO_PROFILE, HTTP_ENDPOINT, OTHER_ISSUER, OTHER_AUDIENCE, TWO_AUDIENCES, OTHER_NONCE, OTHER_USER, UPPER_CASE_USER,
	NO_POSIX, LOW_UID, OTHER_UID, NO_UID, EXPIRED, MADE_LONG_AGO, MADE_TOMORROW, OLD_LOGIN, LOW_LEVEL, NO_LEVEL, OTHER_KEY, ALG_NONE, ALG_HS256, EMBEDDED_KEY,
	OTHER_PROMPT, NO_SESSION, YES_WITHOUT_TOKEN, ACCOUNT_FOR_LOGIN, CHANGED_FOR_LOGIN,
	REDIRECT, GARBAGE, HUGE, HUGE_UNTOLD, DRIP, SILENCE, HANG_UP, BROKEN, CUT, NOT_CLIENT, OTHER_CA,
};

struct fake_idp {
	int listener, port;
	pthread_t thread;
	SSL_CTX *tls, *other_tls;
	EVP_PKEY *key, *other_key, *host_key;
	json_t *host_jwks;
	char issuer[64];
	_Atomic enum lie lie;
	atomic_int requests, handshakes, faults, keys_asked, wait_ms;
	const char *_Atomic account;	/* what the account operation answers */
	atomic_int valid_for, uid;	/* uid 0: the person has no uidNumber */
	_Atomic bool kid_is_new, stop;
	pthread_mutex_t lock;		/* what follows */
	char nonce[64], fault[200], last_form[8192];
};

static struct fake_idp idp;

#define FAKE_SECRET "correct horse battery"
#define FAKE_CODE "492039"

/* --- keys, certificates, tokens --- */

static EVP_PKEY *fake_key(void)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	if (k == NULL)
		abort();
	return k;
}

static void fake_coordinate(struct buf *b, EVP_PKEY *key, const char *name)
{
	unsigned char raw[32];
	BIGNUM *n = NULL;
	if (EVP_PKEY_get_bn_param(key, name, &n) != 1 || BN_bn2binpad(n, raw, 32) != 32)
		abort();
	BN_free(n);
	buf_b64url(b, slice_mem(raw, 32));
}

static const char *fake_jwk(struct arena *a, EVP_PKEY *key, const char *kid)
{
	struct buf b = buf_new(a);
	buf_printf(&b, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"kid\":\"%s\",\"x\":\"", kid);
	fake_coordinate(&b, key, OSSL_PKEY_PARAM_EC_PUB_X);
	buf_lit(&b, "\",\"y\":\"");
	fake_coordinate(&b, key, OSSL_PKEY_PARAM_EC_PUB_Y);
	buf_lit(&b, "\"}");
	return buf_cstr(&b);
}

static void fake_sign(struct buf *b, EVP_PKEY *key)
{
	unsigned char der[100], raw[64];
	const unsigned char *p = der;
	size_t n = sizeof der;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	if (EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) != 1 || EVP_DigestSign(md, der, &n, (unsigned char *)b->p, b->n) != 1)
		abort();
	EVP_MD_CTX_free(md);
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
	ECDSA_SIG_free(s);
	buf_char(b, '.');
	buf_b64url(b, slice_mem(raw, 64));
}

static SSL_CTX *fake_tls(const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = fake_key();
	X509 *x = X509_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), (long)now());
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
	if (X509_sign(x, key, EVP_sha256()) == 0 || SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort();
	FILE *f = ca_file ? fopen(ca_file, "w") : NULL;
	if (f != NULL) {
		PEM_write_X509(f, x);
		fclose(f);
	}
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

/* --- what it answers --- */

static void fake_fault(const char *what)
{
	pthread_mutex_lock(&idp.lock);
	snprintf(idp.fault, sizeof idp.fault, "%s", what);
	pthread_mutex_unlock(&idp.lock);
	atomic_fetch_add(&idp.faults, 1);
}

static const char *fake_param(struct arena *a, struct slice form, const char *name)
{
	for (struct slice pair, key, value; slice_cut(&form, '&', &pair);) {
		slice_cut(&pair, '=', &key);
		if (slice_is(key, name) && form_decode(a, pair, &value) == OK)
			return arena_str(a, value);
	}
	return NULL;
}

static bool fake_is(struct arena *a, struct slice form, const char *name, const char *value)
{
	const char *v = fake_param(a, form, name);
	return v != NULL && strcmp(v, value) == 0;
}

/* RFC 7523 3, as idpd asks it of what may come again. */
static void fake_check_client(struct arena *a, struct slice form, const char *audience)
{
	json_t *v;
	const char *assertion = fake_param(a, form, "client_assertion");
	if (!fake_is(a, form, "client_id", "host-1") || !fake_is(a, form, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") ||
	    jws_verify(a, slice_of(assertion), idp.host_jwks, &v, NULL) != OK) {
		fake_fault("client authentication");
		return;
	}
	json_int_t exp = json_integer_value(json_object_get(v, "exp"));
	if (strcmp(json_str(v, "iss"), "host-1") != 0 || strcmp(json_str(v, "sub"), "host-1") != 0 || strcmp(json_str(v, "aud"), audience) != 0 || exp <= now() || exp > now() + 600)
		fake_fault("assertion claims");
	if (json_object_get(v, "jti") != NULL)
		fake_fault("a jti");
}

static json_t *fake_claims(enum lie lie)
{
	json_int_t t = now();
	pthread_mutex_lock(&idp.lock);
	json_t *v = json_pack("{ss ss ss ss sI sI sI ss s[sss]}", "iss", idp.issuer, "sub", "s-1", "aud", "host-1", "nonce", idp.nonce, "iat", t, "exp", t + 300,
	    "auth_time", t, "acr", "urn:be:fedict:iam:fas:citizen:Level400", "amr", "pwd", "otp", "mfa");
	pthread_mutex_unlock(&idp.lock);
	json_t *posix = json_pack("{ss}", "name", "alice");
	if (atomic_load(&idp.uid) != 0)
		json_object_set_new(posix, "uidNumber", json_integer(atomic_load(&idp.uid)));
	json_object_set_new(v, "csam_posix", posix);
	switch (lie) {
	case OTHER_ISSUER: json_object_set_new(v, "iss", json_string("https://other.example")); break;
	case OTHER_AUDIENCE: json_object_set_new(v, "aud", json_string("host-2")); break;
	case TWO_AUDIENCES: json_object_set_new(v, "aud", json_pack("[ss]", "host-1", "host-2")); break;
	case OTHER_NONCE: json_object_set_new(v, "nonce", json_string("of-another-conversation")); break;
	case OTHER_USER: json_object_set_new(posix, "name", json_string("bruno")); break;
	case UPPER_CASE_USER: json_object_set_new(posix, "name", json_string("Alice")); break;
	case NO_POSIX: json_object_del(v, "csam_posix"); break;
	case LOW_UID: json_object_set_new(posix, "uidNumber", json_integer(999)); break;
	case OTHER_UID: json_object_set_new(posix, "uidNumber", json_integer(10002)); break;
	case NO_UID: json_object_del(posix, "uidNumber"); break;
	case EXPIRED: json_object_set_new(v, "exp", json_integer(t - 61)); break;
	case MADE_LONG_AGO: json_object_set_new(v, "iat", json_integer(t - 120)); break;
	case MADE_TOMORROW: json_object_set_new(v, "iat", json_integer(t + 120)); break;
	case OLD_LOGIN: json_object_set_new(v, "auth_time", json_integer(t - 120)); break;
	case LOW_LEVEL: json_object_set_new(v, "acr", json_string("urn:be:fedict:iam:fas:citizen:Level200")); break;
	case NO_LEVEL: json_object_del(v, "acr"); break;
	default: break;
	}
	return v;
}

static void fake_token(struct arena *a, enum lie lie, struct buf *out)
{
	const char *alg = lie == ALG_NONE ? "none" : lie == ALG_HS256 ? "HS256" : "ES256";
	const char *kid = atomic_load(&idp.kid_is_new) ? "k2" : "k1";
	struct buf b = buf_new(a);
	json_t *v = json_own(a, fake_claims(lie));
	buf_b64url(&b, slice_of(arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"%s\"%s%s}", alg, kid,
	    lie == EMBEDDED_KEY ? ",\"jwk\":" : "", lie == EMBEDDED_KEY ? fake_jwk(a, idp.other_key, "k1") : "")));
	buf_char(&b, '.');
	buf_b64url(&b, json_text(a, v));
	if (lie == ALG_NONE) {
		buf_char(&b, '.');
	} else if (lie == ALG_HS256) {		/* with the public key, which everybody knows */
		unsigned char h[32];
		hmac_sha256(slice_of(fake_jwk(a, idp.key, "k1")), buf_slice(&b), h);
		buf_char(&b, '.');
		buf_b64url(&b, slice_mem(h, 32));
	} else {
		fake_sign(&b, lie == OTHER_KEY || lie == EMBEDDED_KEY ? idp.other_key : idp.key);
	}
	buf_printf(out, "{\"id_token\":\"%s\"}", buf_cstr(&b));
}

static int fake_metadata(enum lie lie, struct buf *out)
{
	const char *base = idp.issuer;
	buf_printf(out, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/oidc/jwks\","
	    "\"authorization_challenge_endpoint\":\"%s%s/oidc/challenge\",\"csam_account_endpoint\":\"%s/oidc/challenge/account\",\"csam_profiles_supported\":[%d]}",
	    lie == OTHER_METADATA ? "https://other.example" : base, base, lie == HTTP_ENDPOINT ? "http" : "https", base + 5, base, lie == NO_PROFILE ? 2 : 1);
	return 200;
}

static int fake_account(struct arena *a, struct slice form, struct buf *out)
{
	if (!fake_is(a, form, "csam_profile", "1") || fake_param(a, form, "user") == NULL || fake_param(a, form, "pam_service") == NULL)
		fake_fault("account");
	const char *name = atomic_load(&idp.lie) == OTHER_USER ? "bruno" : "alice";
	buf_printf(out, "{\"account\":\"%s\",\"csam_posix\":{\"name\":\"%s\"", atomic_load(&idp.account), name);
	if (atomic_load(&idp.uid) != 0)
		buf_printf(out, ",\"uidNumber\":%d", atomic_load(&idp.lie) == LOW_UID ? 999 : atomic_load(&idp.uid));
	buf_printf(out, "},\"valid_for\":%d}", atomic_load(&idp.valid_for));
	return 200;
}

static int fake_ask(const char *ask, const char *label, const char *session, struct buf *out)
{
	buf_printf(out, "{\"error\":\"insufficient_authorization\",\"auth_session\":\"%s\",\"prompt\":{\"ask\":[\"%s\"],\"label\":\"%s\"}}", session, ask, label);
	return 400;
}

static int fake_begin(struct arena *a, struct slice form, enum lie lie, struct buf *out)
{
	const char *nonce = fake_param(a, form, "nonce");
	if (fake_is(a, form, "operation", "password"))
		return fake_ask("secret", "Present password: ", "p-1", out);
	if (nonce == NULL || !fake_is(a, form, "response_type", "id_token") ||
	    !fake_is(a, form, "scope", "openid") || fake_param(a, form, "pam_service") == NULL || fake_param(a, form, "user") == NULL)
		fake_fault("begin");
	pthread_mutex_lock(&idp.lock);
	snprintf(idp.nonce, sizeof idp.nonce, "%s", nonce ? nonce : "");
	pthread_mutex_unlock(&idp.lock);
	switch (lie) {
	case OTHER_PROMPT: return fake_ask("sign", "Sign: ", "s-1", out);
	case NO_SESSION: return fake_ask("secret", "Password: ", "", out);
	case YES_WITHOUT_TOKEN: buf_lit(out, "{\"ok\":true}"); return 200;
	case ACCOUNT_FOR_LOGIN: return fake_account(a, form, out);
	case CHANGED_FOR_LOGIN: buf_lit(out, "{\"password\":\"changed\"}"); return 200;
	default: return fake_ask("secret", "Password: ", "s-1", out);
	}
}

static int fake_challenge(struct arena *a, struct slice form, enum lie lie, struct buf *out)
{
	fake_check_client(a, form, arena_printf(a, "%s/oidc/challenge", idp.issuer));
	if (!fake_is(a, form, "csam_profile", "1"))
		fake_fault("csam_profile");
	if (fake_param(a, form, "auth_session") == NULL)
		return fake_begin(a, form, lie, out);
	if (fake_is(a, form, "auth_session", "s-1") && fake_is(a, form, "secret", FAKE_SECRET))
		return fake_ask("code", "Code: ", "s-2", out);
	if (fake_is(a, form, "auth_session", "p-1") && fake_is(a, form, "secret", FAKE_SECRET))
		return fake_ask("secret", "New password: ", "p-2", out);
	if (fake_is(a, form, "auth_session", "p-2")) {
		buf_lit(out, "{\"password\":\"changed\"}");
		return 200;
	}
	if (fake_is(a, form, "auth_session", "s-2") && fake_is(a, form, "code", FAKE_CODE)) {
		fake_token(a, lie, out);
		return 200;
	}
	buf_lit(out, "{\"error\":\"access_denied\",\"message\":\"Not\\u0007 recognised\"}");
	return 400;
}

static int fake_answer(struct arena *a, const char *path, struct slice form, enum lie lie, struct buf *out)
{
	if (strcmp(path, "/.well-known/openid-configuration") == 0)
		return fake_metadata(lie, out);
	if (strcmp(path, "/oidc/jwks") == 0) {
		atomic_fetch_add(&idp.keys_asked, 1);
		buf_printf(out, "{\"keys\":[%s]}", fake_jwk(a, idp.key, atomic_load(&idp.kid_is_new) ? "k2" : "k1"));
		return 200;
	}
	pthread_mutex_lock(&idp.lock);
	snprintf(idp.last_form, sizeof idp.last_form, "%.*s", (int)form.n, form.p);
	pthread_mutex_unlock(&idp.lock);
	if (lie == NOT_CLIENT) {
		buf_lit(out, "{\"error\":\"invalid_client\"}");
		return 401;
	}
	if (strcmp(path, "/oidc/challenge/account") == 0) {
		fake_check_client(a, form, arena_printf(a, "%s%s", idp.issuer, path));
		return fake_account(a, form, out);
	}
	return fake_challenge(a, form, lie, out);
}

/* --- how it answers --- */

static bool fake_is_stopped(void)
{
	return atomic_load(&idp.stop) || atomic_load(&idp.lie) == TRUTH;
}

static void fake_drip(SSL *s, struct slice text)
{
	for (size_t i = 0; i < text.n && !fake_is_stopped() && SSL_write(s, text.p + i, 1) == 1; i++)
		usleep(100000);
}

static void fake_flood(SSL *s, bool told)
{
	static const char block[4096];
	char head[128];
	int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", told ? "Content-Length: 100000000\r\n" : "");
	SSL_write(s, head, n);
	for (int i = 0; i < 20000 && !fake_is_stopped() && SSL_write(s, block, sizeof block) > 0; i++)
		;
}

/* False: the connection is over. */
static bool fake_write(struct arena *a, SSL *s, int status, struct slice body, enum lie lie)
{
	const char *head = arena_printf(a, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status, body.n);
	struct buf all = buf_new(a);
	buf_raw(&all, slice_of(head));
	buf_raw(&all, body);
	switch (lie) {
	case REDIRECT: SSL_write(s, "HTTP/1.1 302 F\r\nLocation: /oidc/jwks\r\nContent-Length: 0\r\n\r\n", 58); return true;
	case GARBAGE: SSL_write(s, "\x00\xff{[\r\n\r\n\r\n", 10); return false;
	case BROKEN: SSL_write(s, "HTTP/1.1 500 E\r\nContent-Length: 2\r\n\r\n{}", 39); return true;
	case CUT: SSL_write(s, all.p, (int)(all.n - body.n / 2)); return false;
	case HANG_UP: return false;
	case DRIP: fake_drip(s, buf_slice(&all)); return false;
	case HUGE: fake_flood(s, true); return false;
	case HUGE_UNTOLD: fake_flood(s, false); return false;
	case SILENCE:
		while (!fake_is_stopped())
			usleep(20000);
		return false;
	default: return SSL_write(s, all.p, (int)all.n) == (int)all.n;
	}
}

static bool fake_request(SSL *s)
{
	static const char length[] = "Content-Length: ";
	AUTO_ARENA a = arena_new();
	char *text = arena_alloc(a, 65536), path[256] = "", *end = NULL;
	int n = 0, r;
	while (n < 65000 && (end = strstr(text, "\r\n\r\n")) == NULL && (r = SSL_read(s, text + n, 65000 - n)) > 0)
		n += r;
	if (end == NULL || sscanf(text, "%*s %255s", path) != 1)
		return false;
	const char *at = strstr(text, length);
	int body = at != NULL ? (int)strtol(at + sizeof length - 1, NULL, 10) : 0, head = (int)(end - text) + 4;
	while (n < head + body && (r = SSL_read(s, text + n, 65000 - n)) > 0)
		n += r;
	struct buf out = buf_new(a);
	enum lie lie = atomic_load(&idp.lie);
	atomic_fetch_add(&idp.requests, 1);
	int status = fake_answer(a, path, slice_mem(text + head, (size_t)(n - head)), lie, &out);
	return fake_write(a, s, status, buf_slice(&out), lie);
}

static void *fake_connection(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	struct timeval wait = { .tv_usec = 500000 };
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	SSL *s = SSL_new(atomic_load(&idp.lie) == OTHER_CA ? idp.other_tls : idp.tls);
	SSL_set_fd(s, fd);
	if (SSL_accept(s) == 1) {
		atomic_fetch_add(&idp.handshakes, 1);
		while (!atomic_load(&idp.stop) && fake_request(s))
			;
	}
	SSL_free(s);
	close(fd);
	return NULL;
}

static void *fake_serve(void *arg)
{
	(void)arg;
	for (int fd; (fd = accept(idp.listener, NULL, NULL)) >= 0;) {
		pthread_t t;
		if (atomic_load(&idp.stop)) {
			close(fd);
			break;
		}
		if (pthread_create(&t, NULL, fake_connection, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	}
	return NULL;
}

/* Writes ca.pem, host.key and csam.conf into dir; `more` is put at the end of csam.conf. */
static void fake_write_files(const char *dir, const char *more)
{
	AUTO_ARENA a = arena_new();
	FILE *f = fopen(arena_printf(a, "%s/host.key", dir), "w");
	PEM_write_PrivateKey(f, idp.host_key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(arena_printf(a, "%s/host.key", dir), 0600);
	f = fopen(arena_printf(a, "%s/csam.conf", dir), "w");
	fprintf(f, "idp {\n\tissuer = \"%s\"\n\tca_file = ca.pem\n\tclient_id = \"host-1\"\n\tkey_file = host.key\n\tconnect_timeout = 500\n\ttimeout = 1000\n}\n"
	    "agent {\n\tsockets = {\"%s/agent.sock 0666\"}\n\tanswer_timeout = 2\n}\n%s", idp.issuer, dir, more);
	fclose(f);
	chmod(arena_printf(a, "%s/csam.conf", dir), 0644);
}

static void fake_listen(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)idp.port) };
	socklen_t n = sizeof in;
	int one = 1;
	idp.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(idp.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(idp.listener, (struct sockaddr *)&in, sizeof in) != 0 || listen(idp.listener, 64) != 0 ||
	    getsockname(idp.listener, (struct sockaddr *)&in, &n) != 0)
		abort();
	idp.port = ntohs(in.sin_port);
}

static void fake_start(const char *dir)
{
	AUTO_ARENA a = arena_new();
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&idp.lock, NULL);
	fake_listen();
	snprintf(idp.issuer, sizeof idp.issuer, "https://127.0.0.1:%d", idp.port);
	idp.key = fake_key();
	idp.other_key = fake_key();
	idp.host_key = fake_key();
	idp.host_jwks = json_loads(arena_printf(a, "{\"keys\":[%s]}", fake_jwk(a, idp.host_key, "h")), 0, NULL);
	idp.tls = fake_tls(arena_printf(a, "%s/ca.pem", dir));
	idp.other_tls = fake_tls(NULL);
	atomic_store(&idp.account, "allowed");
	atomic_store(&idp.valid_for, 3600);
	atomic_store(&idp.uid, 10001);
	if (pthread_create(&idp.thread, NULL, fake_serve, NULL) != 0)
		abort();
}

#endif
