/* People, digital keys and services, as they stand in OpenLDAP. The only home of libldap.
 *
 * Reads come from a cache that LDAP content sync (RFC 4533) keeps honest: a change in the directory drops the entry
 * within a second. When sync has been silent for 5 s every read goes to the directory; when that is down too, E_DOWN.
 * E_WAIT: not in the cache, and this thread may not wait. */
#ifndef CSAM_DIRECTORY_H
#define CSAM_DIRECTORY_H

#include <stdint.h>
#include <time.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct key {
	const char *dn;
	const char *id;			/* csamKeyId: app-1 */
	const char *kind;		/* csamKeyKind: app */
	const char *state;		/* csamKeyState: anything but "active" denies */
	const char *label;		/* description, or NULL */
	const char *address;		/* csamKeyAddress: mail or telephone number, or NULL */
	struct slice secret;		/* csamKeySecret: sealed, or plain when an administrator set it so */
	struct slice data;		/* csamKeyData: the kind's own */
	uint64_t counter;		/* csamKeyCounter: floor of used steps */
	unsigned failures;		/* csamKeyFailures, written behind */
	unsigned level;			/* csamKeyLevel; 0 when absent: the kind's own level */
	time_t not_after;		/* csamKeyNotAfter; 0 when absent */
	time_t last_used;		/* csamKeyLastUsed, written with the counter; 0 when absent */
};

struct person {
	const char *dn;
	const char *subject;		/* csamSubject: a UUID, the identity everywhere */
	const char *name;		/* uid */
	const char *state;		/* csamPersonState: anything but "active" denies */
	const char *given_name, *family_name, *display_name, *mail, *mobile, *locale, *address;	/* NULL when absent; address: lines */
	const char *national_number;
	bool mail_verified, mobile_verified;	/* csamMailVerified holds that very address, csamMobileVerified that number */
	unsigned identity_level;	/* csamIdentityLevel; 0 when absent: no cap */
	unsigned password_failures;	/* csamKeyFailures on the person, written behind: 100 refuses the password */
	bool has_password;
	const char *password_changed;	/* the password's generation: pwdChangedTime, or "" */
	bool must_change;		/* pwdReset: somebody else set the password */
	time_t modified;		/* modifyTimestamp */
	uint64_t uid_number;		/* posixAccount; 0 when none */
	const char *notice;		/* csamNotice: "security": no notices but those; NULL: all */
	const char *const *consents;	/* csamConsent: "SERVICE SCOPES TIME", NULL-terminated */
	const char *const *terms;	/* csamTermsAccepted: "VERSION TIME LANGUAGE", NULL-terminated; without the last one when it is not known */
	const struct key *keys;		/* whoever has a national number has one of kind "eid", of the State, unless an entry of that kind says otherwise */
	size_t nkeys;
};

/* Whatever else the state says, it denies. */
static inline bool person_is_active(const struct person *person)
{
	return slice_is(S("active"), person->state);
}

static inline bool key_is_active(const struct key *key)
{
	return slice_is(S("active"), key->state);
}

/* What was proven with another password than this one stands no more. */
static inline const char *person_generation(const struct person *person)
{
	return person->password_changed != NULL ? person->password_changed : "";
}

enum subject_type { SUBJECT_PAIRWISE = 0, SUBJECT_PUBLIC };

struct service {
	const char *dn, *id;		/* id: cn */
	const json_t *names;		/* { "": displayName, "fr": displayName;lang-fr, ... } */
	const char *state;		/* csamServiceState: absent or "active"; anything else refuses */
	unsigned level;			/* csamServiceLevel; 0 when absent */
	const char *const *kinds;	/* csamServiceKeyKind; empty: all */
	const char *const *allow;	/* csamServiceAllow: group DNs or filters; empty: everyone (web), nobody (host) */
	const char *notice;		/* csamServiceNotice: shown when the service is not active; or NULL */
	/* csamOidcClient */
	const char *client_id;
	const char *const *secrets;	/* csamClientSecret: "{SHA256}base64(salt 16 || digest 32)" or plain */
	const char *const *redirect_uris, *const *post_logout_uris;
	const char *const *scopes;	/* csamScope; empty: openid profile email address phone */
	const char *const *grants;	/* csamGrant; empty: authorization_code */
	const json_t *jwks;		/* csamClientJWKS, or NULL */
	const char *auth_method;	/* csamTokenAuthMethod; default client_secret_basic */
	const char *id_token_alg;	/* csamIdTokenAlg; default RS256 */
	const char *userinfo_alg;	/* csamUserinfoAlg; NULL: plain JSON */
	const char *sector;		/* csamSectorIdentifier, or the redirect URIs' one host, or "client:" and the client_id (loopback) */
	const char *backchannel_uri;	/* csamBackchannelLogoutURI, or NULL */
	const char *client_uri, *policy_uri, *tos_uri;	/* labeledURI and friends; or NULL */
	enum subject_type subject_type;
	bool host;			/* csamHost */
	bool ask_consent;		/* csamConsentRequired: TRUE */
	bool native;			/* csamApplicationType: native (RFC 8252) */
	bool require_pkce;		/* csamRequirePKCE, and always for auth_method none */
};

static inline bool service_is_open(const struct service *service)
{
	return service->state == NULL || slice_is(S("active"), service->state);
}

struct directory_conf {			/* its strings must live until directory_close */
	const char *uri, *ca_file, *bind_dn, *bind_password_file;	/* bind_dn "" and ldapi: EXTERNAL */
	bool starttls;
	const char *base;		/* suffix that content sync follows */
	const char *people_base, *people_filter, *people_name_attr;
	const char *services_base, *decoy_dn;
	unsigned timeout_ms;			/* 2000 */
	unsigned cache_persons, cache_kib;	/* 4096, 16384 */
	unsigned verify_max;			/* 16: passwords that are being verified at once; who comes then waits */
	unsigned behind_per_s;			/* 100: most writes a second that may be late (directory_key_used) */
	const char *changes_base;	/* of slapd's accesslog; NULL or "": changes do not come to the audit trail */
	const char *position_file;	/* and how far they have */
};						/* 0 is the default given here */

/* Starts the sync thread; returns at once also when the directory is away (it is tried until it answers). */
int directory_open(const struct directory_conf *conf);
void directory_close(void);
bool directory_ready(void);		/* services are loaded and sync is alive */

/* The person of that name (in upper or lower case) / subject. E_NOENT: nobody; E_INPUT: more than one (logged). The arena keeps it alive. */
int directory_person_by_name(struct arena *a, struct slice name, const struct person **out);
int directory_person(struct arena *a, const char *subject, const struct person **out);
int directory_person_by_number(struct arena *a, struct slice national_number, const struct person **out);	/* eleven digits */

/* The same for a name that a stranger typed. Always asked of the directory, at the same cost whether somebody has that name or not: an answer from
 * the cache, which keeps people only, would tell by its speed who exists and who was here lately. Always waits. */
int directory_person_typed(struct arena *a, struct slice name, const struct person **out);

/* Is this the person's password? person NULL, without password or not active: the decoy entry is asked instead, at the same cost,
 * and the answer is E_NOENT. OK yes; E_NOENT no; E_DOWN. An empty password never reaches the directory. Always waits. */
int directory_verify(const struct person *person, struct slice password);

/* May this person enter by csamServiceAllow? OK yes; E_NOENT no. */
int directory_allowed(struct arena *a, const struct service *service, const struct person *person);

/* What the operator says of a kind of key, below ou=kinds: it is open where nothing is said. As it was last read, within a second of ldapmodify;
 * never waits. */
enum kind_state { KIND_IS_OPEN = 0, KIND_IS_BLOCKED /* shown, cannot be chosen for now; logins that stand go on */, KIND_IS_OFF };
struct kind_switch {
	enum kind_state state;
	unsigned level;			/* 0: the kind's own */
	bool elsewhere;			/* it is limited to services, and this is none of them */
};
struct kind_switch directory_kind(const char *kind, const char *service);	/* service NULL: of none in particular */
const char *directory_kind_notice(struct arena *a, const char *kind, const char *lang);	/* why it is blocked, in the operator's words; or NULL */

/* The terms in force, below ou=terms: the version with the latest csamTermsFrom that has come, in that language where it has one. As it was last read;
 * never waits. E_NOENT: the operator has none. */
struct terms {
	const char *version, *text;
	const char *lang;		/* of that text; "" when it does not say */
	time_t from;
};
int directory_terms(struct arena *a, const char *lang, struct terms *out);
int directory_terms_accepted(const struct person *person, const struct terms *terms, time_t when);

/* Somebody new, in one entry, of subject, name, state, names, mail, locale and national number; password_hash may be NULL. E_EXISTS: the name, the
 * number or the subject is somebody's, or was. directory_name_taken: OK somebody has that name, or had it; E_NOENT nobody. */
int directory_name_taken(struct slice name);
int directory_person_add(const struct person *person, const char *password_hash, const struct terms *terms, time_t when);

/* Somebody goes: first nobody gets in any more (E_EXISTS: not active), then keys and person go, and a tombstone keeps subject and name. */
int directory_person_suspend(const struct person *person);
int directory_person_bury(const struct person *person);

/* Writes of the daemon itself. */
int directory_key_lock(const struct key *key);				/* csamKeyState: locked, if it is active */
int directory_key_used(const struct key *key, uint64_t counter);	/* LastUsed, Counter (if greater): behind, best effort */
/* The counter as the directory's own act, before anyone is let in: from what `key` holds to `counter`, or E_EXISTS (somebody else was first). */
int directory_key_spend(const struct key *key, uint64_t counter);
int directory_key_reseal(const struct key *key, struct slice sealed);	/* if the secret is still the plain one */
int directory_password_failures(const struct person *person, unsigned n);
int directory_password_set(const struct person *person, const char *hash);	/* if the password is still that of password_changed; E_EXISTS */
int directory_consent(const struct person *person, const char *service_id, const char *scopes, time_t when);
int directory_consent_end(const struct person *person, const char *service_id);	/* OK also when there is none */

/* What people change of their own keys. The new one stands below the person under key->id, active; its dn does not count. E_EXISTS: there is
 * one of that name. One that is pending becomes active, with the counter and the level given; E_EXISTS: it is not pending any more. A label of NULL takes it away. A key that is revoked stays so, and its name is never given to another. */
int directory_key_add(const struct person *person, const struct key *key);
int directory_key_activate(const struct key *key);
int directory_key_label(const struct key *key, const char *label);
int directory_key_revoke(const struct key *key);			/* E_EXISTS: it is revoked already */

/* Where the person proved to be reached: the one mail address or mobile number that we write to. And in which language, and whether of more than
 * what touches security (notice NULL: all). */
int directory_reached(const struct person *person, bool mail, const char *address);
int directory_letters(const struct person *person, const char *lang, const char *notice);

/* What somebody else than idpd changed of a person (changes_base), once the audit trail has its line: told at least once, on the thread that follows
 * the changes. One listener, before directory_open. */
enum directory_event {
	DIRECTORY_NOTHING = 0, DIRECTORY_KEY_ADDED, DIRECTORY_KEY_CHANGED, DIRECTORY_KEY_LOCKED, DIRECTORY_KEY_REMOVED, DIRECTORY_PASSWORD, DIRECTORY_CONTACT,
	DIRECTORY_PERSON_SUSPENDED, DIRECTORY_PERSON_ACTIVATED,
};
struct directory_told_of {
	enum directory_event event;
	const struct person *person;	/* as it is now */
	const struct key *key;		/* NULL: it is about no key. One that is gone has its id alone */
	const char *old_mail, *old_mobile;	/* what was verified and is not any more, where the change says so; or NULL */
	const char *at;			/* names the change, and begins with when it was */
};
typedef int directory_told(const struct directory_told_of *c);	/* OK; else it is told again */
void directory_on_change(directory_told *fn);

/* Somebody was identified elsewhere, and may activate keys with the link and the code that they were given: an entry below ou=enrolments. */
struct enrolment {
	const char *id, *dn, *subject;
	const char *state;		/* csamEnrolmentState: only "open" lets anybody begin, and only "used" lets who began go on */
	unsigned level;
	time_t end;
	struct slice link, code;	/* digests: activation.h */
};
int directory_enrolment(struct arena *a, struct slice id, struct enrolment *out);	/* E_NOENT. Always asked of the directory */
int directory_enrolment_close(const struct enrolment *e, const char *state);	/* from open to "used" or "locked"; E_EXISTS: it is not open any more */

/* A service by client_id. The arena keeps it alive. E_NOENT also when it is no OIDC client. */
int directory_client(struct arena *a, struct slice client_id, const struct service **out);
int directory_service(struct arena *a, const char *id, const struct service **out);

/* All of them, by id, as they were last read. Never waits. The arena keeps them alive. */
size_t directory_services(struct arena *a, const struct service *const **out);

/* The name to show people. */
const char *service_name(const struct service *service, const char *lang);

#endif
