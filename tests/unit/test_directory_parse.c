/* Entries to persons and services: every field, and that whatever cannot be read denies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "svc/directory_parts.h"

#define UUID "5f0c3a52-6c6e-4c1b-9d5b-0d1f3a1e7a01"

/* entry(a, dn, "name", "value", ..., NULL); a name that comes again adds a value. */
static struct entry *entry(struct arena *a, const char *dn, ...) __attribute__((sentinel));
static struct entry *entry(struct arena *a, const char *dn, ...)
{
	struct entry *e = ARENA_NEW(a, struct entry);
	e->dn = dn;
	e->attributes = ARENA_ARRAY(a, struct attribute, 64);
	va_list ap;
	va_start(ap, dn);
	for (const char *name; (name = va_arg(ap, const char *)) != NULL;) {
		struct attribute *at = (struct attribute *)entry_attribute(e, name);
		if (at == NULL) {
			at = &e->attributes[e->n++];
			*at = (struct attribute){ name, ARENA_ARRAY(a, struct slice, 8), 0 };
		}
		at->values[at->n++] = arena_copy(a, slice_of(va_arg(ap, const char *)));
	}
	va_end(ap);
	return e;
}

#define PERSON "entryUUID", UUID, "csamSubject", UUID, "uid", "alice", "csamPersonState", "active"

static const struct person *parsed(struct arena *a, const struct entry *e, const struct entry *key)
{
	struct found *f = ARENA_NEW(a, struct found);
	struct entries keys = { (struct entry *)key, key != NULL };
	dir_conf.people_name_attr = "uid";
	return parse_person(a, e, &keys, f) == OK ? &f->person : NULL;
}

static void a_person(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct person *p = parsed(a, entry(a, "uid=alice,ou=people", PERSON, "givenName", "Alice", "sn", "Peeters",
	    "displayName", "Alice P.", "preferredLanguage", "nl-BE, fr;q=0.5", "homePostalAddress", "A \\24 B$C\\5cD",
	    "csamNationalNumber", "85061501801", "csamIdentityLevel", "450", "csamKeyFailures", "3", "pwdChangedTime", "20260101000000Z",
	    "modifyTimestamp", "20010909014640Z", "uidNumber", "1000", "csamConsent", "library openid 20260101000000Z", NULL), NULL);
	assert_non_null(p);
	assert_string_equal(p->name, "alice");
	assert_string_equal(p->locale, "nl-BE");
	assert_string_equal(p->address, "A $ B\nC\\D");
	assert_int_equal(p->identity_level, 450);
	assert_int_equal(p->password_failures, 3);
	assert_string_equal(p->password_changed, "20260101000000Z");
	assert_int_equal(p->modified, 1000000000);
	assert_int_equal(p->uid_number, 1000);
	assert_string_equal(p->consents[0], "library openid 20260101000000Z");
	assert_null(p->consents[1]);
	assert_null(p->mail);
	assert_false(p->mail_verified || p->mobile_verified);
}

static void what_is_missing_denies(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct person *p = parsed(a, entry(a, "uid=alice", "csamSubject", UUID, "uid", "alice", NULL), NULL);
	assert_string_equal(p->state, "");
	assert_string_equal(p->password_changed, "");
	assert_null(parsed(a, entry(a, "uid=alice", "uid", "alice", NULL), NULL));
	assert_null(parsed(a, entry(a, "uid=alice", "csamSubject", UUID, NULL), NULL));
	p = parsed(a, entry(a, "uid=alice", PERSON, "csamIdentityLevel", "-5", "csamKeyFailures", "many", "uidNumber", "-1", NULL), NULL);
	assert_int_equal(p->identity_level, 1);
	assert_int_equal(p->password_failures, INT32_MAX);
	assert_int_equal(p->uid_number, 0);
}

static void a_key(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct entry *e = entry(a, "uid=alice", PERSON, NULL);
	const struct key *k = parsed(a, e, entry(a, "csamKeyId=app-1,uid=alice", "entryUUID", UUID, "csamKeyId", "app-1", "csamKeyKind", "app",
	    "csamKeyState", "active", "csamKeySecret", "ABC", "csamKeyCounter", "77", "csamKeyLevel", "400",
	    "csamKeyNotAfter", "20010909014640Z", "description", "phone", NULL))->keys;
	assert_string_equal(k->dn, "csamKeyId=app-1,uid=alice");
	assert_true(slice_is(k->secret, "ABC"));
	assert_int_equal(k->counter, 77);
	assert_int_equal(k->level, 400);
	assert_int_equal(k->not_after, 1000000000);
	assert_string_equal(k->label, "phone");
	k = parsed(a, e, entry(a, "csamKeyId=x", "csamKeyId", "x", "csamKeyCounter", "1e3", "csamKeyLevel", "501", "csamKeyNotAfter", "soon", NULL))->keys;
	assert_string_equal(k->kind, "");
	assert_string_equal(k->state, "");
	assert_true(k->counter == UINT64_MAX);		/* every step is used */
	assert_int_equal(k->level, 1);
	assert_int_equal(k->not_after, 1);
	/* In the struct 0 is "no cap" and "no end": nobody gets that by writing it. */
	k = parsed(a, e, entry(a, "csamKeyId=x", "csamKeyId", "x", "csamKeyLevel", "0", "csamKeyNotAfter", "19700101000000Z", NULL))->keys;
	assert_int_equal(k->level, 1);
	assert_int_equal(k->not_after, 1);
	assert_int_equal(parsed(a, entry(a, "uid=alice", PERSON, "csamIdentityLevel", "0", NULL), NULL)->identity_level, 1);
}

/* Who has a national number has the eID, unless an entry says that it is closed; beyond what is read there may be such an entry. */
static void an_eid_that_may_be_closed(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct entry *e = entry(a, "uid=alice", PERSON, "csamNationalNumber", "85061501801", NULL);
	struct entries keys = { ARENA_ARRAY(a, struct entry, DIR_KEYS_MAX), 0 };
	struct found f;
	dir_conf.people_name_attr = "uid";
	assert_int_equal(parse_person(a, e, &keys, &f), OK);
	assert_int_equal(f.person.nkeys, 1);
	assert_string_equal(f.person.keys[0].kind, "eid");
	for (; keys.n < DIR_KEYS_MAX; keys.n++)
		keys.e[keys.n] = *entry(a, "csamKeyId=app-1", "csamKeyId", "app-1", "csamKeyKind", "app", "csamKeyState", "revoked", NULL);
	assert_int_equal(parse_person(a, e, &keys, &f), OK);
	assert_int_equal(f.person.nkeys, DIR_KEYS_MAX);
	for (size_t i = 0; i < f.person.nkeys; i++)
		assert_string_equal(f.person.keys[i].kind, "app");
}

/* Verified is the address, not the person: one that is changed by hand is not verified any more. */
static void verified_addresses(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct person *p = parsed(a, entry(a, "uid=alice", PERSON, "mail", "new@example.org", "csamMailVerified", "old@example.org",
	    "mobile", "+32 470-00 00 01", "csamMobileVerified", "+32470000001", NULL), NULL);
	assert_string_equal(p->mail, "new@example.org");
	assert_false(p->mail_verified);
	assert_true(p->mobile_verified);
	p = parsed(a, entry(a, "uid=alice", PERSON, "mail", "first@example.org", "mail", "Second@example.org",
	    "csamMailVerified", "second@example.org", "mobile", "+324700000012", "csamMobileVerified", "+32470000001", NULL), NULL);
	assert_string_equal(p->mail, "Second@example.org");
	assert_true(p->mail_verified);
	assert_false(p->mobile_verified);
	p = parsed(a, entry(a, "uid=alice", PERSON, "csamMailVerified", "second@example.org", NULL), NULL);
	assert_false(p->mail_verified);
}

static void the_name_in_the_dn(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	const struct person *p = parsed(a, entry(a, "uid=al,ou=people", "csamSubject", UUID, "uid", "alice", "uid", "al", NULL), NULL);
	assert_string_equal(p->name, "al");
	p = parsed(a, entry(a, "cn=Alice,ou=people", "csamSubject", UUID, "uid", "alice", "uid", "al", NULL), NULL);
	assert_string_equal(p->name, "alice");
}

static void a_nul_is_no_end(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct entry *e = entry(a, "uid=alice", "csamSubject", UUID, "uid", "alice", NULL);
	e->attributes[e->n++] = (struct attribute){ "csamPersonState", &(struct slice){ "active\0not", 10 }, 1 };
	assert_string_equal(parsed(a, e, NULL)->state, "");
}

static const char *why;
static bool service(struct arena *a, const struct entry *e, struct service *out)
{
	why = NULL;
	return parse_service(a, e, out, &why) == OK;
}

#define CLIENT "objectClass", "csamOidcClient", "cn", "shop", "csamClientId", "shop-1"

static void a_client(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct service s;
	assert_true(service(a, entry(a, "cn=shop", CLIENT, "displayName", "Shop", "displayName;lang-fr", "Boutique",
	    "csamRedirectURI", "https://Shop.example.org:8443/cb", "csamRedirectURI", "https://user@shop.example.org/cb2",
	    "csamServiceLevel", "300", "csamConsentRequired", "TRUE", "csamRequirePKCE", "FALSE", "labeledURI", "https://shop.example.org The shop",
	    "csamClientJWKS", "{\"keys\":[]}", "csamTokenAuthMethod", "private_key_jwt", NULL), &s));
	assert_string_equal(service_name(&s, "fr"), "Boutique");
	assert_string_equal(service_name(&s, "de"), "Shop");
	assert_string_equal(s.sector, "shop.example.org");
	assert_string_equal(s.client_uri, "https://shop.example.org");
	assert_string_equal(s.id_token_alg, "RS256");
	assert_int_equal(s.subject_type, SUBJECT_PAIRWISE);
	assert_true(s.ask_consent && !s.require_pkce && !s.native && !s.host);
	assert_non_null(s.jwks);
	assert_null(s.scopes[0]);
	assert_true(service(a, entry(a, "cn=shop", CLIENT, "csamTokenAuthMethod", "none", "csamRedirectURI", "org.example.shop:/cb", NULL), &s));
	assert_true(s.require_pkce);
	assert_string_equal(s.sector, "client:shop-1");
	assert_string_equal(service_name(&s, "fr"), "shop");
	assert_true(service(a, entry(a, "cn=shop", CLIENT, "csamRedirectURI", "http://[::1]:80/cb", "csamRedirectURI", "http://127.0.0.1/cb", NULL), &s));
	assert_string_equal(s.sector, "client:shop-1");
	assert_true(service(a, entry(a, "cn=shop", CLIENT, "csamRedirectURI", "https://[2001:db8::1]:80/cb", NULL), &s));
	assert_string_equal(s.sector, "[2001:db8::1]");
	/* public subjects need no sector */
	assert_true(service(a, entry(a, "cn=shop", CLIENT, "csamSubjectType", "public", "csamRedirectURI", "https://a.example/",
	    "csamRedirectURI", "https://b.example/", NULL), &s));
}

static void broken_services(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct service s;
	static const char *const wrong[][2] = {
		{ "csamClientJWKS", "{" }, { "csamClientJWKS", "{\"keys\":1}" }, { "csamClientJWKS", "[]" },
		{ "csamTokenAuthMethod", "password" }, { "csamIdTokenAlg", "none" }, { "csamIdTokenAlg", "HS256" }, { "csamUserinfoAlg", "none" },
		{ "csamSubjectType", "Public" }, { "csamApplicationType", "desktop" }, { "csamConsentRequired", "true" },
		{ "csamRequirePKCE", "1" }, { "csamServiceLevel", "high" }, { "csamServiceLevel", "-1" }, { "csamServiceLevel", "1000" },
		{ "csamRedirectURI", "/cb" }, { "csamRedirectURI", "https://x.example/#f" }, { "csamRedirectURI", "javascript:alert(1)" },
		{ "csamRedirectURI", "JavaScript:alert(1)" }, { "csamRedirectURI", "https://x.example/\r\nA: b" }, { "csamRedirectURI", "https:" },
		{ "csamRedirectURI", "https://x.example\\@y.example/" }, { "csamPostLogoutURI", "data:text/html,x" }, { "csamRedirectURI", "" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		bool ok = service(a, entry(a, "cn=shop", CLIENT, wrong[i][0], wrong[i][1], NULL), &s);
		if (ok)
			print_error("%s: %s passes\n", wrong[i][0], wrong[i][1]);
		assert_false(ok);
		assert_non_null(why);
	}
	assert_false(service(a, entry(a, "cn=shop", CLIENT, "csamRedirectURI", "https://a.example/", "csamRedirectURI", "https://b.example/", NULL), &s));
	assert_false(service(a, entry(a, "cn=two words", "cn", "two words", NULL), &s));
	assert_false(service(a, entry(a, "cn=shop", "objectClass", "csamOidcClient", "cn", "shop", NULL), &s));
	assert_false(service(a, entry(a, "cn=shop", "csamClientId", "shop-1", NULL), &s));
	struct entry *e = entry(a, "cn=shop", CLIENT, NULL);
	e->attributes[e->n++] = (struct attribute){ "csamServiceAllow", &(struct slice){ "(uid=x)\0", 8 }, 1 };
	assert_false(service(a, e, &s));
}

static void a_host(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	struct service s;
	assert_true(service(a, entry(a, "cn=web1", "objectClass", "csamService", "objectClass", "csamHost", "cn", "web1", NULL), &s));
	assert_true(s.host);
	assert_null(s.client_id);
	assert_null(s.allow[0]);
	assert_int_equal(directory_allowed(a, &s, parsed(a, entry(a, "uid=alice", PERSON, NULL), NULL)), E_NOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_person), cmocka_unit_test(what_is_missing_denies), cmocka_unit_test(a_key), cmocka_unit_test(verified_addresses), cmocka_unit_test(an_eid_that_may_be_closed),
		cmocka_unit_test(the_name_in_the_dn), cmocka_unit_test(a_nul_is_no_end), cmocka_unit_test(a_client),
		cmocka_unit_test(broken_services), cmocka_unit_test(a_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
