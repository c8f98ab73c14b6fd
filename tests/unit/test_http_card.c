/* TLS at a listener that asks for the card: a real server, a GnuTLS client with cards of setup/eid-pki. Whatever a browser may show gets through, for a page to say
 * what is wrong with it; what it does not hold the key of does not. */
#include "http_client.h"
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include "base/digest.h"
#include "eid_cards.h"

static unsigned short card_port;

/* What the server has seen of the client. */
static int certificate(struct request *r, struct response *resp)
{
	unsigned char hash[SHA256_LEN];
	struct slice der = http_client_certificate(r);
	struct buf b = buf_new(r->a);
	sha256(der, hash);
	buf_hex(&b, der.n > 0 ? slice_mem(hash, sizeof hash) : S("none"));
	*resp = (struct response){ .status = 200, .body = buf_slice(&b), .type = "text/plain" };
	return OK;
}

const struct endpoint http_endpoints[] = { { "GET", "/card", 5, certificate, EP_PAGE | EP_CARD } };
const size_t http_nendpoints = 1;

static const char *trust(void)
{
	return arena_printf(eid_arena, "%s/listener.pem", pki);
}

static void trust_in(const char *names)
{
	shell(arena_printf(eid_arena, "cd %s/ca && cat %s > %s", pki, names, trust()));
}

static int start(void **state)
{
	static const char *listen[2], *cards[2];
	static char text[64];
	if (make_pki(state) != 0)
		return -1;
	shell(arena_printf(eid_arena, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout %s/server.key -out %s/server.pem 2>/dev/null", pki, pki));
	trust_in("root.pem citizen.pem foreigner.pem");
	listen[0] = plain_listener();
	card_port = free_port();
	snprintf(text, sizeof text, "127.0.0.1:%u tls", card_port);
	cards[0] = text;
	log_open("test", LOG_LEVEL_ERR);
	return http_start(&(struct http_conf){ .origin = "https://idp.example", .listen = listen, .card_origin = "https://card.example", .card_listen = cards,
		.card_authorities = trust(), .cert_file = arena_printf(eid_arena, "%s/server.pem", pki), .key_file = arena_printf(eid_arena, "%s/server.key", pki),
		.threads = 2, .workers = 2, .hash_workers = 1 });
}

static int stop(void **state)
{
	http_stop();
	return drop_pki(state);
}

/* --- a browser --- */

static struct visit {
	const char *card, *key;			/* names in the PKI; card NULL: shows none */
	const char *versions;
	/* what came of it */
	int handshake;				/* GnuTLS's word */
	char said[128];				/* by the server */
	int asked_for;				/* authorities that the server named */
	bool extended_master_secret;
} visit;
static gnutls_pcert_st shown;
static gnutls_privkey_t signs;

static gnutls_datum_t card_file(const char *name, const char *end)
{
	gnutls_datum_t d;
	assert_int_equal(gnutls_load_file(arena_printf(eid_arena, "%s/cards/%s.%s", pki, name, end), &d), 0);
	return d;
}

static int choose(gnutls_session_t s, const gnutls_datum_t *names, int n, const gnutls_pk_algorithm_t *algs, int nalgs, gnutls_pcert_st **chain, unsigned *length,
    gnutls_privkey_t *key)
{
	(void)s, (void)names, (void)algs, (void)nalgs;
	visit.asked_for = n;
	*chain = &shown;
	*length = visit.card != NULL;
	*key = signs;
	return 0;
}

static void take_card(void)
{
	gnutls_datum_t cert = card_file(visit.card, "pem"), key = card_file(visit.key, "key");
	assert_int_equal(gnutls_pcert_import_x509_raw(&shown, &cert, GNUTLS_X509_FMT_PEM, 0), 0);
	assert_int_equal(gnutls_privkey_init(&signs), 0);
	assert_int_equal(gnutls_privkey_import_x509_raw(signs, &key, GNUTLS_X509_FMT_PEM, NULL, 0), 0);
	gnutls_free(cert.data);
	gnutls_free(key.data);
}

/* With TLS 1.3 a client learns with the first answer only that its certificate was refused. */
static void talk(gnutls_session_t s)
{
	static const char request[] = "GET /card HTTP/1.1\r\nHost: card.example\r\nConnection: close\r\n\r\n";
	char text[4096];
	size_t n = 0;
	ssize_t got = gnutls_record_send(s, request, sizeof request - 1);
	for (; got > 0 && n < sizeof text - 1; n += got > 0 ? (size_t)got : 0)
		got = gnutls_record_recv(s, text + n, sizeof text - 1 - n);
	text[n] = '\0';
	visit.handshake = got < 0 ? (int)got : 0;
	snprintf(visit.said, sizeof visit.said, "%.100s", body_of(text));
	visit.extended_master_secret = gnutls_session_ext_master_secret_status(s);
}

static void come(const char *card, const char *key, const char *versions)
{
	gnutls_certificate_credentials_t c;
	gnutls_session_t s;
	visit = (struct visit){ .card = card, .key = key, .versions = versions };
	if (card != NULL)
		take_card();
	gnutls_certificate_allocate_credentials(&c);
	gnutls_certificate_set_retrieve_function2(c, choose);
	gnutls_init(&s, GNUTLS_CLIENT);
	/* A browser does not look at keyUsage either. */
	gnutls_priority_set_direct(s, arena_printf(eid_arena, "NORMAL:-VERS-ALL:+%s:%%DEBUG_ALLOW_KEY_USAGE_VIOLATIONS", versions), NULL);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, c);
	unsigned short usual = port;
	port = card_port;
	int fd = dial();
	port = usual;
	gnutls_transport_set_int(s, fd);
	while ((visit.handshake = gnutls_handshake(s)) < 0 && !gnutls_error_is_fatal(visit.handshake))
		;
	if (visit.handshake == 0)
		talk(s);
	gnutls_deinit(s);
	close(fd);
	gnutls_certificate_free_credentials(c);
	if (card != NULL) {
		gnutls_pcert_deinit(&shown);
		gnutls_privkey_deinit(signs);
	}
}

static const char *fingerprint(const char *card)
{
	unsigned char hash[SHA256_LEN];
	struct buf b = buf_new(eid_arena);
	sha256(card_der(card), hash);
	buf_hex(&b, slice_mem(hash, sizeof hash));
	return buf_cstr(&b);
}

static const char *const versions[] = { "VERS-TLS1.2", "VERS-TLS1.3" };

/* --- */

static void every_card_is_seen(void **state)
{
	(void)state;
	static const char *const all[] = { "alice", "bruno", "chloe", "signature", "expired", "future", "revoked", "purpose", "policy", "other-ca", "numberless" };
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
			come(all[i], all[i], versions[v]);
			if (visit.handshake != 0 || strcmp(visit.said, fingerprint(all[i])) != 0)
				fail_msg("%s, %s: %s, \"%s\"", all[i], versions[v], gnutls_strerror(visit.handshake), visit.said);
		}
}

static void without_a_card_there_is_an_answer(void **state)
{
	(void)state;
	for (size_t v = 0; v < 2; v++) {
		come(NULL, NULL, versions[v]);
		assert_int_equal(visit.handshake, 0);
		assert_string_equal(visit.said, "6e6f6e65");
	}
}

/* CVE-2025-24032: whoever has seen alice's certificate, and holds another key of the same type. */
static void a_certificate_without_its_key_gets_nowhere(void **state)
{
	(void)state;
	static const struct { const char *card, *key; } all[] = { { "bruno", "chloe" }, { "signature", "bruno" }, { "bruno", "signature" } };
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
			come(all[i].card, all[i].key, versions[v]);
			assert_int_not_equal(visit.handshake, 0);
			assert_string_equal(visit.said, "");
		}
}

/* RFC 7627: letting a certificate through takes nothing away from the connection. */
static void the_connection_is_as_strong_as_elsewhere(void **state)
{
	(void)state;
	come("signature", "signature", "VERS-TLS1.2");
	assert_true(visit.extended_master_secret);
}

static void authorities_are_read_again(void **state)
{
	(void)state;
	come("alice", "alice", "VERS-TLS1.3");
	assert_int_equal(visit.asked_for, 3);
	trust_in("root.pem citizen.pem citizen-rsa.pem foreigner.pem");
	come("alice", "alice", "VERS-TLS1.3");
	assert_int_equal(visit.asked_for, 3);		/* nobody was told */
	assert_int_equal(http_reload_authorities(), OK);
	come("alice", "alice", "VERS-TLS1.3");
	assert_int_equal(visit.asked_for, 4);
	shell(arena_printf(eid_arena, "echo nonsense > %s", trust()));
	assert_int_equal(http_reload_authorities(), E_INPUT);
	come("alice", "alice", "VERS-TLS1.3");
	assert_int_equal(visit.asked_for, 4);
	assert_string_equal(visit.said, fingerprint("alice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_card_is_seen), cmocka_unit_test(without_a_card_there_is_an_answer),
		cmocka_unit_test(a_certificate_without_its_key_gets_nowhere), cmocka_unit_test(the_connection_is_as_strong_as_elsewhere),
		cmocka_unit_test(authorities_are_read_again),
	};
	return cmocka_run_group_tests_name("http card", tests, start, stop);
}
