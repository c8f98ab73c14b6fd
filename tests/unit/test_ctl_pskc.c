/* PSKC containers: the examples of RFC 6030, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/codec.h"
#include "csamctl/pskc.c"

static struct arena *a;
static struct pskc_token *tokens;
static size_t ntokens;
static const char *why;

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<KeyContainer Version=\"1.0\" xmlns=\"" PSKC_NS "\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" " \
	"xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" xmlns:pkcs5=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#\">"
#define PACKAGE(data) "<KeyPackage><DeviceInfo><Manufacturer>Manufacturer</Manufacturer><SerialNo>987654321</SerialNo></DeviceInfo>" \
	"<Key Id=\"12345678\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:hotp\"><Issuer>Issuer</Issuer>" \
	"<AlgorithmParameters><ResponseFormat Length=\"8\" Encoding=\"DECIMAL\"/></AlgorithmParameters><Data>" data "</Data></Key></KeyPackage>"
#define END "</KeyContainer>"
#define AES "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes128-cbc\"/><xenc:CipherData><xenc:CipherValue>"
#define AES_END "</xenc:CipherValue></xenc:CipherData>"

/* RFC 6030 6.1, figure 6 */
#define MAC "<EncryptionKey><ds:KeyName>Pre-shared-key</ds:KeyName></EncryptionKey>" \
	"<MACMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#hmac-sha1\"><MACKey>" AES "ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX" AES_END "</MACKey></MACMethod>"
#define SECRET(mac) "<Secret><EncryptedValue>" AES "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv" AES_END "</EncryptedValue>" mac "</Secret>" \
	"<Counter><PlainValue>0</PlainValue></Counter>"
#define VALUE_MAC "<ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExc=</ValueMAC>"

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	tokens = NULL;
	ntokens = 0;
	why = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	a = arena_free(a);
	return 0;
}

static int parse(const char *xml, const char *hex_key, const char *passphrase)
{
	struct slice key = S_NONE;
	if (hex_key != NULL)
		assert_int_equal(hex_decode(a, slice_of(hex_key), &key), OK);
	return pskc_read(a, slice_of(xml), key, slice_of(passphrase), &tokens, &ntokens, &why);
}

static void assert_token(void)
{
	assert_int_equal(ntokens, 1);
	assert_null(tokens[0].why);
	assert_string_equal(tokens[0].serial, "987654321");
	assert_string_equal(tokens[0].type, "hotp");
	assert_string_equal(tokens[0].digits, "8");
	assert_string_equal(tokens[0].counter, "0");
	assert_true(slice_is(tokens[0].seed, "12345678901234567890"));
}

static void plain(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD PACKAGE("<Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret><Counter><PlainValue>0</PlainValue></Counter>") END, NULL, NULL), OK);
	assert_token();
}

static void pre_shared_key(void **state)
{
	(void)state;
	const char *xml = HEAD MAC PACKAGE(SECRET(VALUE_MAC)) END;
	assert_int_equal(parse(xml, "12345678901234567890123456789012", NULL), OK);
	assert_token();
	assert_int_equal(parse(xml, NULL, NULL), OK);
	assert_non_null(strstr(tokens[0].why, "needed"));
	if (parse(xml, "12345678901234567890123456789013", NULL) == OK)
		assert_non_null(tokens[0].why);
}

/* RFC 6030 6.2; made with openssl enc and hashlib.pbkdf2_hmac */
#define DERIVED "<EncryptionKey><xenc11:DerivedKey><xenc11:KeyDerivationMethod Algorithm=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2\">" \
	"<pkcs5:PBKDF2-params><Salt><Specified>Ej7/PEpyEpw=</Specified></Salt><IterationCount>%s</IterationCount><KeyLength>16</KeyLength></pkcs5:PBKDF2-params>" \
	"</xenc11:KeyDerivationMethod></xenc11:DerivedKey></EncryptionKey><MACMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#hmac-sha1\"><MACKey>" AES \
	"EBESExQVFhcYGRobHB0eH5lF/rj+Egqw6snxkoXyV1AqJbTu/Pxov2D38edCsQGg" AES_END "</MACKey></MACMethod>"

static void passphrase(void **state)
{
	(void)state;
	const char *package = PACKAGE("<Secret><EncryptedValue>" AES "AAECAwQFBgcICQoLDA0OD1L07AoK4W/Ganirci2w7kC7DeawRppWuX1dTSuTOM4z" AES_END
	    "</EncryptedValue><ValueMAC>UEyPoPo3gcQwWHsqxQcGgcjfs3g=</ValueMAC></Secret><Counter><PlainValue>0</PlainValue></Counter>");
	const char *xml = arena_printf(a, "%s" DERIVED "%s" END, HEAD, "1000", package);
	assert_int_equal(parse(xml, NULL, "qwerty"), OK);
	assert_token();
	assert_true(parse(xml, NULL, "qwertz") == E_INPUT || tokens[0].why != NULL);
	static const char *const counts[] = { "0", "10000001", "99999999999999999999", "-1", "x" };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		assert_int_equal(parse(arena_printf(a, "%s" DERIVED "%s" END, HEAD, counts[i], package), NULL, "qwerty"), E_INPUT);
}

static void nothing_without_a_right_mac(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		HEAD MAC PACKAGE(SECRET("")) END,
		HEAD MAC PACKAGE(SECRET("<ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExd=</ValueMAC>")) END,
		HEAD MAC PACKAGE(SECRET("<ValueMAC>TO+NvtQfmvfJzF6bmQiJqoLRExc=</ValueMAC>")) END,
		HEAD PACKAGE(SECRET(VALUE_MAC)) END,
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(parse(wrong[i], "12345678901234567890123456789012", NULL), OK);
		assert_non_null(tokens[0].why);
		assert_int_equal(tokens[0].seed.n, 0);
	}
}

static void refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "text", HEAD, "<KeyContainer/>", "<!DOCTYPE x [<!ENTITY a \"b\">]>" HEAD END,
		"<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><KeyContainer xmlns=\"" PSKC_NS "\"/>",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(parse(wrong[i], NULL, NULL), E_INPUT);
		assert_non_null(why);
	}
	assert_int_equal(parse(HEAD END, NULL, "x"), E_INPUT);
	assert_int_equal(parse(HEAD PACKAGE("<Secret><PlainValue>&a;</PlainValue></Secret>") END, NULL, NULL), E_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, setup, teardown),
		cmocka_unit_test_setup_teardown(pre_shared_key, setup, teardown),
		cmocka_unit_test_setup_teardown(passphrase, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_without_a_right_mac, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
