/* The configuration file: defaults, paths, and errors that name file, line, option and what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/conf.h"

static char dir[] = "/tmp/test_conf.XXXXXX", file[64];

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof file, "%s/idpd.conf", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(file) || rmdir(dir);
}

static int read_text(struct arena *a, const char *text, const struct conf **c, const char **why)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return conf_read(a, file, c, why);
}

#define LEAST "server { issuer = \"https://localhost:8443\" }\ndirectory { base = \"dc=example\" }\n"

static void reads_values_and_defaults(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct conf *c;
	const char *why = "";
	assert_int_equal(read_text(a, LEAST "http { workers = 3 }\nserver { listen = {\"127.0.0.1:1\", \"[::1]:2 tls\"}\n state_dir = here/state }\n", &c, &why), OK);
	assert_string_equal(c->server_issuer, "https://localhost:8443");
	assert_int_equal(c->http_workers, 3);
	assert_int_equal(c->http_max_connections, 4096);
	assert_string_equal(c->server_listen[1], "[::1]:2 tls");
	assert_null(c->server_listen[2]);
	assert_string_equal(c->server_state_dir, arena_printf(a, "%s/here/state", dir));
	assert_string_equal(c->directory_people_base, "ou=people,dc=example");
	assert_string_equal(c->directory_decoy_dn, "cn=decoy,ou=system,dc=example");
	assert_false(c->server_testing);
}

static void errors_name_the_place_and_what_was_expected(void **state)
{
	(void)state;
	static const struct { const char *text, *says[3]; } bad[] = {
		{ LEAST "http { workers = 0 }", { "idpd.conf:3:", "http.workers = 0", "from 1 to 512" } },
		{ LEAST "http { workers = many }", { "idpd.conf:3:", "workers", "" } },
		{ LEAST "\nhttp { wrokers = 1 }", { "idpd.conf:4:", "wrokers", "" } },
		{ LEAST "http|workers = 1", { "idpd.conf:3:", "workers", "in its section" } },
		{ LEAST "htpp { }", { "idpd.conf:3:", "htpp", "" } },
		{ LEAST "server { issuer = \"http://x\" }", { "idpd.conf:3:", "server.issuer", "https://host" } },
		{ LEAST "server { issuer = \"https://x/y\" }", { "idpd.conf:3:", "server.issuer", "without a path" } },
		{ LEAST "server { listen = {\"localhost\"} }", { "idpd.conf:3:", "server.listen", "ADDRESS:PORT" } },
		{ LEAST "directory { uri = \"http://x\" }", { "idpd.conf:3:", "directory.uri", "ldaps://" } },
		{ LEAST "server { log_level = loud }", { "idpd.conf:3:", "server.log_level", "debug" } },
		{ LEAST "eid { origin = \"https://card\" listen = {\"127.0.0.1:1 tls\", \"127.0.0.1:2\"} }", { "idpd.conf: ", "eid.listen = \"127.0.0.1:2\"", "server.trusted_proxies" } },
		{ LEAST "eid { origin = \"https://card\" listen = {\"unix:/x\"} }", { "idpd.conf: ", "eid.listen = \"unix:/x\"", "RFC 9440" } },
		{ LEAST "eid { listen = {\"127.0.0.1:1 tls\"} }", { "idpd.conf: ", "eid.listen", "without eid.origin" } },
		{ "server { issuer = \"https://x\" }", { "idpd.conf", "directory.base is missing", "Suffix" } },
		{ "directory { base = \"dc=x\" }", { "idpd.conf", "server.issuer is missing", "" } },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_ARENA a = arena_new();
		const struct conf *c = NULL;
		const char *why = "";
		assert_int_equal(read_text(a, bad[i].text, &c, &why), E_INPUT);
		assert_null(c);
		for (int j = 0; j < 3; j++)
			if (strstr(why, bad[i].says[j]) == NULL)
				fail_msg("case %zu: \"%s\" does not say \"%s\"", i, why, bad[i].says[j]);
	}
}

static void a_proxy_may_bring_the_card(void **state)
{
	(void)state;
	static const char *const good[] = {
		LEAST "eid { origin = \"https://card\" listen = {\"127.0.0.1:1 tls\", \"[::1]:2 tls\"} }",
		LEAST "server { trusted_proxies = {\"127.0.0.1\"} }\neid { origin = \"https://card\" listen = {\"unix:/x\", \"127.0.0.1:2\"} }",
		LEAST "eid { origin = \"https://card\" }",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		AUTO_ARENA a = arena_new();
		const struct conf *c;
		const char *why = "";
		if (read_text(a, good[i], &c, &why) != OK)
			fail_msg("case %zu: %s", i, why);
	}
}

static void missing_file_is_named(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct conf *c;
	const char *why = "";
	assert_int_equal(conf_read(a, "/nonexistent/idpd.conf", &c, &why), E_INPUT);
	assert_non_null(strstr(why, "/nonexistent/idpd.conf"));
}

static void prints_what_it_reads(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct conf *c, *again;
	const char *why = "";
	char *text = NULL, *text2 = NULL;
	size_t n;
	assert_int_equal(read_text(a, LEAST "directory { people_filter = \"(cn=\\\"x\\\")\" }", &c, &why), OK);
	FILE *f = open_memstream(&text, &n);
	options_print(&conf_options, c, f);
	fclose(f);
	assert_int_equal(read_text(a, text, &again, &why), OK);
	f = open_memstream(&text2, &n);
	options_print(&conf_options, again, f);
	fclose(f);
	assert_string_equal(text, text2);
	assert_non_null(strstr(text, "people_filter = \"(cn=\\\"x\\\")\""));
	free(text);
	free(text2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_values_and_defaults),
		cmocka_unit_test(errors_name_the_place_and_what_was_expected),
		cmocka_unit_test(a_proxy_may_bring_the_card), cmocka_unit_test(missing_file_is_named),
		cmocka_unit_test(prints_what_it_reads),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
