/* What the check of an identity card costs beside the signatures that hold it: build/bench/eid FOLDER (of setup/eid-pki).
 *
 * A login rests on two: the card's over our challenge, its authority's over the certificate. For a card of each kind a line: name, microseconds of CPU for one
 * verification of each together, for the check of a card seen for the first time, and for that of one whose chain is known. */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/eid_web.h"

enum { LEAST_MS = 300 };

static const char origin[] = "https://bench.example", challenge[] = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

static struct card {
	const char *name, *file, *key_file, *authority, *alg;
	X509 *cert, *issuer;
	EVP_PKEY *key;
	const EVP_MD *md;
	unsigned char bytes[2 * EVP_MAX_MD_SIZE], signature[512];	/* what was signed, and the signature as OpenSSL makes it */
	size_t nbytes, nsignature;
	struct slice token;
} cards[] = {
	{ .name = "P-384", .file = "cards/bruno.pem", .key_file = "cards/bruno.key", .authority = "ca/citizen.pem", .alg = "ES384" },
	{ .name = "RSA", .file = "cards/alice.pem", .key_file = "cards/alice.key", .authority = "ca/citizen-rsa.pem", .alg = "RS256" },
};

static void die(const char *what)
{
	fprintf(stderr, "bench/eid: %s\n", what);
	exit(1);
}

static FILE *in(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		die(path);
	return f;
}

static void add_hash(struct card *c, const char *text)
{
	unsigned n;
	if (EVP_Digest(text, strlen(text), c->bytes + c->nbytes, &n, c->md, NULL) != 1)
		die("no digest");
	c->nbytes += n;
}

/* r || s, as JOSE has it (RFC 7518 3.4), of OpenSSL's DER. */
static struct slice raw(struct arena *a, const struct card *c)
{
	const unsigned char *p = c->signature;
	size_t half = ((size_t)EVP_PKEY_get_bits(c->key) + 7) / 8;
	if (EVP_PKEY_is_a(c->key, "RSA"))
		return slice_mem(c->signature, c->nsignature);
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)c->nsignature);
	unsigned char *out = arena_alloc(a, 2 * half);
	if (s == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(s), out, (int)half) < 0 || BN_bn2binpad(ECDSA_SIG_get0_s(s), out + half, (int)half) < 0)
		die("no signature");
	ECDSA_SIG_free(s);
	return slice_mem(out, 2 * half);
}

static void read_card(struct arena *a, const char *folder, struct card *c)
{
	unsigned char *der = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf b = buf_new(a);
	c->cert = PEM_read_X509(in(folder, c->file), NULL, NULL, NULL);
	c->issuer = PEM_read_X509(in(folder, c->authority), NULL, NULL, NULL);
	c->key = PEM_read_PrivateKey(in(folder, c->key_file), NULL, NULL, NULL);
	c->md = EVP_PKEY_is_a(c->key, "RSA") ? EVP_sha256() : EVP_sha384();
	add_hash(c, origin);
	add_hash(c, challenge);
	c->nsignature = sizeof c->signature;
	if (EVP_DigestSignInit(ctx, NULL, c->md, NULL, c->key) != 1 || EVP_DigestSign(ctx, c->signature, &c->nsignature, c->bytes, c->nbytes) != 1)
		die("no signature");
	EVP_MD_CTX_free(ctx);
	int n = i2d_X509(c->cert, &der);
	buf_printf(&b, "{\"format\":\"web-eid:1.0\",\"algorithm\":\"%s\",\"signature\":\"", c->alg);
	buf_b64(&b, raw(a, c));
	buf_lit(&b, "\",\"unverifiedCertificate\":\"");
	buf_b64(&b, slice_mem(der, (size_t)n));
	buf_lit(&b, "\"}");
	OPENSSL_free(der);
	c->token = buf_slice(&b);
}

/* --- what is measured --- */

static void two_signatures(const struct card *c)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (EVP_DigestVerifyInit(ctx, NULL, c->md, NULL, c->key) != 1 ||
	    EVP_DigestVerify(ctx, c->signature, c->nsignature, c->bytes, c->nbytes) != 1 || X509_verify(c->cert, X509_get0_pubkey(c->issuer)) != 1)
		die("a signature does not verify");
	EVP_MD_CTX_free(ctx);
}

static void known_card(const struct card *c)
{
	AUTO_ARENA a = arena_new();
	struct eid_card card;
	const char *why;
	if (eid_web_token(a, c->token, origin, challenge, now(), &card, &why) != V_ALLOW)
		die(why);
}

static void new_card(const struct card *c)
{
	eid_forget();
	known_card(c);
}

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double each_us(void (*what)(const struct card *), const struct card *c)
{
	double from = cpu_us(), to = from;
	unsigned n = 0;
	for (what(c); to - from < LEAST_MS * 1e3; to = cpu_us())
		for (int i = 0; i < 10; i++, n++)
			what(c);
	return (to - from) / n;
}

int main(int argc, char **argv)
{
	AUTO_ARENA a = arena_new();
	if (argc != 2)
		die("FOLDER of setup/eid-pki");
	log_open("bench", LOG_LEVEL_ERR);
	if (eid_open(&(struct eid_conf){ .authorities = arena_printf(a, "%s/trust.pem", argv[1]), .cache_s = 300 }) != OK)
		return 1;
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		read_card(a, argv[1], &cards[i]);
		printf("%s %.1f %.1f %.1f\n", cards[i].name, each_us(two_signatures, &cards[i]), each_us(new_card, &cards[i]), each_us(known_card, &cards[i]));
	}
	eid_close();
	return 0;
}
