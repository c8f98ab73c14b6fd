/* Whom the directory module believes to be the directory: servers with right and wrong certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "own_slapd.h"
#include "svc/directory.h"

static char ldaps_uri[64];

/* A certificate DIR/tls/cert.pem by the authority `ca`, with those extensions and validity. */
static void certificate(const char *ca, const char *names, const char *validity)
{
	assert_int_equal(shell("cd %s/tls && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=slapd -keyout key.pem -out csr.pem "
	    "2>/dev/null && printf 'subjectAltName=%s\\n' > ext && mkdir -p ca && : > ca/index && openssl rand -hex 8 > ca/serial && "
	    "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=ca/index\\nserial=ca/serial\\nnew_certs_dir=ca\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > ca.cnf && "
	    "openssl ca -batch -notext -config ca.cnf -cert %s.pem -keyfile %s.key -in csr.pem -out cert.pem -extfile ext %s 2>/dev/null",
	    dir, names, ca, ca, validity), 0);
}

#define VALID "-days 10"
#define EXPIRED "-startdate 20200101000000Z -enddate 20200201000000Z"

static void authority(const char *name)
{
	assert_int_equal(shell("mkdir -p %s/tls && cd %s/tls && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj /CN=%s "
	    "-addext basicConstraints=critical,CA:TRUE -keyout %s.key -out %s.pem 2>/dev/null", dir, dir, name, name, name), 0);
}

static int start(void **state)
{
	(void)state;
	slapd_place("/tmp");
	int port = free_port();
	snprintf(ldaps_uri, sizeof ldaps_uri, "ldaps://127.0.0.1:%d", port);
	setenv("LDAPS_PORT", strrchr(ldaps_uri, ':') + 1, 1);
	authority("ca");
	authority("other");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	return slapd_end();
}

/* What a look-up gives over that address: E_NOENT (nobody of that name) is an answer, E_DOWN is none. */
static int look(const char *at, bool starttls, const char *ca)
{
	char ca_file[128];
	snprintf(ca_file, sizeof ca_file, "%s/tls/%s.pem", dir, ca);
	struct directory_conf c = { .uri = at, .starttls = starttls, .ca_file = ca_file, .bind_dn = "cn=idpd,ou=system," BASE,
		.bind_password_file = password_file, .base = BASE, .people_base = "ou=people," BASE, .people_filter = "(objectClass=csamPerson)",
		.people_name_attr = "uid", .services_base = "ou=services," BASE, .decoy_dn = "cn=decoy,ou=system," BASE };
	AUTO_ARENA a = arena_new();
	const struct person *p;
	assert_int_equal(directory_open(&c), OK);
	int e = directory_person_by_name(a, S("nobody"), &p), verified = directory_verify(NULL, S("x"));
	directory_close();
	assert_int_equal(verified, e);
	return e;
}

static void believed(const char *names, const char *validity, const char *signer, int expected)
{
	certificate(signer, names, validity);
	assert_int_equal(slapd("start"), 0);
	assert_int_equal(look(ldaps_uri, false, "ca"), expected);
	assert_int_equal(look(uri, true, "ca"), expected);
	assert_int_equal(slapd("stop"), 0);
}

static void the_right_one(void **state) { (void)state; believed("IP:127.0.0.1", VALID, "ca", E_NOENT); }
static void another_name(void **state) { (void)state; believed("DNS:directory.example.org,IP:127.0.0.2", VALID, "ca", E_DOWN); }
static void an_expired_one(void **state) { (void)state; believed("IP:127.0.0.1", EXPIRED, "ca", E_DOWN); }
static void another_authority(void **state) { (void)state; believed("IP:127.0.0.1", VALID, "other", E_DOWN); }

/* What the administrator of the machine wrote for other programs does not weaken us. */
static void ldap_conf_changes_nothing(void **state)
{
	(void)state;
	char file[128];
	snprintf(file, sizeof file, "%s/ldap.conf", dir);
	assert_int_equal(shell("echo 'TLS_REQCERT never' > %s", file), 0);
	setenv("LDAPCONF", file, 1);
	setenv("LDAPTLS_REQCERT", "never", 1);
	believed("IP:127.0.0.1", VALID, "other", E_DOWN);
}

static int opened(const char *at, bool starttls)
{
	struct directory_conf c = { .uri = at, .starttls = starttls, .ca_file = "", .bind_dn = "", .base = BASE, .people_base = BASE,
		.people_filter = "(uid=*)", .people_name_attr = "uid", .services_base = BASE, .decoy_dn = "cn=decoy" };
	int e = directory_open(&c);
	if (e == OK)
		directory_close();
	return e;
}

static void no_password_in_the_clear(void **state)
{
	(void)state;
	assert_int_equal(opened("ldap://directory.example.org", false), E_INPUT);
	assert_int_equal(opened("ldap://127.0.0.1.example.org", false), E_INPUT);
	assert_int_equal(opened("ldap://localhost.example.org:389/", false), E_INPUT);
	assert_int_equal(opened("ldap://127.0.0.1 ldap://directory.example.org", false), E_INPUT);
	assert_int_equal(opened("cldap://127.0.0.1", false), E_INPUT);
	assert_int_equal(opened("ldap://127.0.0.1:1/", false), OK);
	assert_int_equal(opened("ldap://127.0.0.1:1", true), OK);
}

int main(void)
{
	/* ldap.conf first: libldap reads it once in a process */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ldap_conf_changes_nothing), cmocka_unit_test(no_password_in_the_clear), cmocka_unit_test(the_right_one),
		cmocka_unit_test(another_name), cmocka_unit_test(an_expired_one), cmocka_unit_test(another_authority),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
